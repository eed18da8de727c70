//! Names that a statement gives itself, and names as the parser has them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Query, Select, SelectItem, Subscript, TableFactor, Value, VisitorMut,
};

use crate::session::catalog::Word;

/// Names that a statement gives itself.
#[derive(Default)]
pub(super) struct Names {
    pub(super) ctes: BTreeSet<String>,
    pub(super) relations: BTreeSet<String>,
    pub(super) aliases: BTreeSet<String>,
    pub(super) wildcard: bool,
}

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.insert(folded(&table.alias.name));
            self.relations.insert(folded(&table.alias.name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => self.wildcard = true,
                // A column that is called what it is called hides nothing: `output AS output`.
                SelectItem::ExprWithAlias { expr: Expr::Identifier(name), alias }
                    if folded(name) == folded(alias) => {}
                SelectItem::ExprWithAlias { alias, .. } => {
                    self.aliases.insert(folded(alias));
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let (name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => {
                (name.0.last().and_then(ObjectNamePart::as_ident), alias.as_ref())
            }
            TableFactor::Derived { alias, .. } => (None, alias.as_ref()),
            _ => (None, None),
        };
        if let Some(name) = alias.map(|alias| &alias.name).or(name) {
            self.relations.insert(folded(name));
        }
        ControlFlow::Continue(())
    }
}

/// An identifier as SQL compares it: folded unless quoted.
pub(super) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

pub(super) fn word(ident: &Ident) -> Word {
    Word { text: ident.value.clone(), quoted: ident.quote_style.is_some() }
}

pub(super) fn exact(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

/// The words of `a`, `a.b.c`, `a['b'].c`.
pub(super) fn words(expr: &Expr) -> Option<Vec<Word>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![word(ident)]),
        Expr::CompoundIdentifier(parts) => Some(parts.iter().map(word).collect()),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let mut all = words(root)?;
            for access in access_chain {
                match access {
                    AccessExpr::Dot(expr) => all.extend(words(expr)?),
                    AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => {
                        match &value.value {
                            Value::SingleQuotedString(text) => {
                                all.push(Word { text: text.clone(), quoted: true })
                            }
                            _ => return None,
                        }
                    }
                    AccessExpr::Subscript(_) => return None,
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// A call of a function.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let arguments =
        arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments,
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}
