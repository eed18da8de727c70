//! From SQL as people write it to SQL over flat columns.
//!
//! `params.lr`, `r.params.lr`, `params['lr']` become the one column that is called `params.lr` in the views;
//! `params` alone becomes a struct of all of them. An argument of an earlier step is written `prepare.threshold`, or
//! `upstream.prepare.threshold` where the step is called like a table, an alias or a root. Names of tables become exact,
//! and `upstream_of('3f1c')` becomes the name of a table. Columns of the outermost SELECT that have no name keep what
//! was written as their name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Query, SelectItem, SetExpr, Statement, Subscript, TableAlias, TableFactor,
    Value, VisitMut, VisitorMut,
};

use super::catalog::{Catalog, Meaning, Relation, Word};
use super::suggest::nearest;
use super::walk::{Direction, Walk};
use crate::columns::{Path, Root};
use crate::error::QueryError;

/// What a statement refers to.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// The tables, by the exact name under which they must be registered.
    pub(crate) relations: BTreeMap<String, Relation>,
    /// The walks along the lineage, by the name under which what they reach must be registered.
    pub(crate) walks: BTreeMap<String, Walk>,
    /// The paths that occur in the text.
    pub(crate) paths: BTreeSet<Path>,
    /// Whether a `*` asks for all of them.
    pub(crate) all: bool,
}

/// Rewrites a statement in place.
pub(crate) fn rewrite(
    statement: &mut Statement,
    catalog: &Catalog,
    core: &[&str],
) -> Result<Uses, QueryError> {
    let mut names = Names::default();
    let _ = statement.visit(&mut names);
    let mut tables = Tables { catalog, ctes: &names.ctes, uses: Uses::default(), error: None };
    let _ = statement.visit(&mut tables);
    if let Some(error) = tables.error {
        return Err(error);
    }
    let mut uses = tables.uses;
    uses.all = names.wildcard;
    name_columns(statement);
    let mut paths = Paths { catalog, core, names: &names, uses, error: None };
    let _ = statement.visit(&mut paths);
    match paths.error {
        Some(error) => Err(error),
        None => Ok(paths.uses),
    }
}

/// Names that a statement gives itself.
#[derive(Default)]
struct Names {
    ctes: BTreeSet<String>,
    relations: BTreeSet<String>,
    aliases: BTreeSet<String>,
    wildcard: bool,
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

    fn pre_visit_select(&mut self, select: &mut datafusion::sql::sqlparser::ast::Select) -> ControlFlow<()> {
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => self.wildcard = true,
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
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn word(ident: &Ident) -> Word {
    Word { text: ident.value.clone(), quoted: ident.quote_style.is_some() }
}

fn exact(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

/// Makes names of tables exact.
struct Tables<'a> {
    catalog: &'a Catalog,
    ctes: &'a BTreeSet<String>,
    uses: Uses,
    error: Option<QueryError>,
}

impl Tables<'_> {
    fn table(&mut self, name: &ObjectName) -> Result<Option<ObjectName>, QueryError> {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
            return Err(QueryError::NoTable { table: name.to_string(), nearest: None });
        };
        if ident.quote_style == Some('\'') {
            return Err(QueryError::Refused { what: format!("reading the file `{}`", ident.value) });
        }
        if self.ctes.contains(&folded(ident)) {
            return Ok(None);
        }
        let (relation, name) = self.catalog.relation(&word(ident))?;
        self.uses.relations.insert(name.clone(), relation);
        Ok(Some(ObjectName(vec![ObjectNamePart::Identifier(exact(name))])))
    }
}

impl Tables<'_> {
    /// The table that a walk stands for, and the name of its function; `None` for functions that are not ours.
    fn walk(
        &mut self,
        name: &ObjectName,
        arguments: &[FunctionArg],
    ) -> Result<Option<(ObjectName, &'static str)>, QueryError> {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return Ok(None) };
        let Some(direction) = Direction::parse(&ident.value) else { return Ok(None) };
        let function = direction.function();
        let wrong = |reason: String| QueryError::Walk { function, reason };
        let literal = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => Some(value.value.clone()),
            _ => None,
        };
        let (run, depth) = match arguments {
            [run] => (run, None),
            [run, depth] => (run, Some(depth)),
            other => return Err(wrong(format!("it has {} arguments here", other.len()))),
        };
        let Some(Value::SingleQuotedString(run)) = literal(run) else {
            return Err(wrong(format!("`{run}` is no text in single quotes")));
        };
        let depth = match depth {
            None => None,
            Some(depth) => match literal(depth) {
                Some(Value::Number(number, _)) => Some(
                    number
                        .parse::<u64>()
                        .map_err(|_| wrong(format!("`{depth}` is no whole number of steps")))?,
                ),
                _ => return Err(wrong(format!("`{depth}` is no whole number of steps"))),
            },
        };
        let name = match depth {
            Some(depth) => format!("{function}({run}, {depth})"),
            None => format!("{function}({run})"),
        };
        self.uses.walks.insert(name.clone(), Walk { direction, run, depth });
        Ok(Some((ObjectName(vec![ObjectNamePart::Identifier(exact(name))]), function)))
    }
}

impl VisitorMut for Tables<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args, alias, .. } = factor else { return ControlFlow::Continue(()) };
        let result = match args {
            None => self.table(name).map(|found| {
                if let Some(exact) = found {
                    *name = exact;
                }
            }),
            Some(called) => self.walk(name, &called.args).map(|found| {
                if let Some((exact, function)) = found {
                    (*name, *args) = (exact, None);
                    let function = || TableAlias {
                        explicit: true,
                        name: Ident::new(function),
                        columns: Vec::new(),
                        at: None,
                    };
                    alias.get_or_insert_with(function);
                }
            }),
        };
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// Gives the unnamed columns of the outermost SELECT what was written as their name.
fn name_columns(statement: &mut Statement) {
    let query = match statement {
        Statement::Query(query) => query,
        Statement::Explain { .. } => return,
        _ => return,
    };
    let mut body = &mut *query.body;
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(query) => body = &mut query.body,
            SetExpr::Select(select) => {
                let mut taken = BTreeSet::new();
                for item in &mut select.projection {
                    let SelectItem::UnnamedExpr(expr) = item else { continue };
                    if matches!(expr, Expr::Identifier(_)) {
                        continue;
                    }
                    let written = match &*expr {
                        Expr::CompoundIdentifier(parts)
                            if !parts.iter().any(|part| Root::parse(&part.value).is_some()) =>
                        {
                            continue;
                        }
                        other => other.to_string(),
                    };
                    let mut name = written.clone();
                    let mut count = 1;
                    while !taken.insert(name.clone()) {
                        count += 1;
                        name = format!("{written} ({count})");
                    }
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: exact(name) };
                }
                return;
            }
            _ => return,
        }
    }
}

/// Replaces paths by columns.
struct Paths<'a> {
    catalog: &'a Catalog,
    core: &'a [&'a str],
    names: &'a Names,
    uses: Uses,
    error: Option<QueryError>,
}

impl Paths<'_> {
    /// The new form of an expression that is a path; `None` if it is none.
    fn path(&mut self, written: &str, words: &[Word]) -> Result<Option<Expr>, QueryError> {
        let Some(first) = words.first() else { return Ok(None) };
        let as_table = |word: &Word| {
            let folded = if word.quoted { word.text.clone() } else { word.text.to_lowercase() };
            self.names.relations.contains(&folded)
        };
        let (qualifier, root, rest) =
            match (Root::parse(&first.text), words.get(1).and_then(|w| Root::parse(&w.text))) {
                // `metrics.step` of the table `metrics`, not of a metric called `step`.
                (Some(_), _) if as_table(first) && words.len() == 2 && is_series(&words[1].text) => {
                    return Ok(None);
                }
                (_, Some(root)) if as_table(first) && words.len() >= 2 => (Some(first), root, &words[2..]),
                (Some(_), _) if words.len() > 1 && as_table(first) && !self.any_paths() => return Ok(None),
                // A table of this name is meant before a root that few queries write.
                (Some(Root::Upstream), _) if words.len() == 1 || as_table(first) => return self.plain(words),
                (Some(root), _) => (None, root, &words[1..]),
                _ if !self.any_paths() => return self.plain(words),
                _ => match (as_table(first), words.len()) {
                    (true, 3..) if self.catalog.is_step(&words[1]) => {
                        (Some(first), Root::Upstream, &words[1..])
                    }
                    (false, 2..) if self.catalog.is_step(first) => (None, Root::Upstream, words),
                    _ => return self.plain(words),
                },
            };
        if words.len() == 1 && (self.names.aliases.contains(&first.text.to_lowercase()) || !self.any_paths())
        {
            return self.plain(words);
        }
        let meaning = self.catalog.meaning(root, rest)?;
        let column = |this: &mut Self, path: &Path| {
            this.uses.paths.insert(path.clone());
            let name = exact(this.column_name(path));
            match qualifier {
                Some(table) => {
                    let table =
                        if table.quoted { exact(table.text.clone()) } else { Ident::new(table.text.clone()) };
                    Expr::CompoundIdentifier(vec![table, name])
                }
                None => Expr::Identifier(name),
            }
        };
        match meaning {
            Meaning::Column(path) => Ok(Some(column(self, &path))),
            Meaning::Struct(paths) => {
                let mut arguments = Vec::new();
                for path in &paths {
                    let below = path.parts[rest.len()..].join(".");
                    arguments.push(Expr::value(Value::SingleQuotedString(below)));
                    arguments.push(column(self, path));
                }
                Ok(Some(call("named_struct", arguments)))
            }
            Meaning::Unknown => Err(self.unknown(written)),
        }
    }

    /// A plain column of an experiment's view, whose case the user need not know.
    fn plain(&mut self, words: &[Word]) -> Result<Option<Expr>, QueryError> {
        let Some(last) = words.last() else { return Ok(None) };
        let folded = last.text.to_lowercase();
        if last.quoted || words.len() > 2 || self.names.aliases.contains(&folded) {
            return Ok(None);
        }
        let mut found = BTreeSet::new();
        for relation in self.uses.relations.values() {
            if let Relation::Experiment(name) = relation {
                let names = self.catalog.plain_names(name, self.core).into_iter().map(|(_, name)| name);
                found.extend(names.filter(|name| name.to_lowercase() == folded));
            }
        }
        if found.contains(&last.text) {
            found = BTreeSet::from([last.text.clone()]);
        }
        let mut found: Vec<String> = found.into_iter().collect();
        match (found.pop(), found.is_empty()) {
            (None, _) => Ok(None),
            (Some(one), true) if one == folded => Ok(None),
            (Some(one), true) => Ok(Some(match words {
                [table, _] => Expr::CompoundIdentifier(vec![Ident::new(table.text.clone()), exact(one)]),
                _ => Expr::Identifier(exact(one)),
            })),
            (Some(one), false) => {
                found.push(one);
                let candidates = found.iter().map(|name| format!("\"{name}\"")).collect();
                Err(QueryError::Ambiguous { column: last.text.clone(), candidates })
            }
        }
    }

    /// Whether some table of the statement has params, metrics and output.
    fn any_paths(&self) -> bool {
        let relations = &self.uses.relations;
        relations.is_empty()
            || relations
                .values()
                .any(|relation| relation.has_paths() || matches!(relation, Relation::Experiment(_)))
    }

    /// The name of a path's column: plain when only an experiment's view is asked.
    fn column_name(&self, path: &Path) -> String {
        if !self.uses.relations.values().any(Relation::has_paths) {
            for relation in self.uses.relations.values() {
                if let Relation::Experiment(name) = relation {
                    let names = self.catalog.plain_names(name, self.core);
                    if let Some((_, name)) = names.into_iter().find(|(known, _)| known == path) {
                        return name;
                    }
                }
            }
        }
        path.shown()
    }

    fn unknown(&self, written: &str) -> QueryError {
        let paths: Vec<String> = self.catalog.paths.keys().map(Path::shown).collect();
        let known = paths.iter().map(String::as_str).chain(self.core.iter().copied());
        let table = self.uses.relations.keys().next().cloned();
        QueryError::NoColumn { column: written.to_owned(), table, nearest: nearest(written, known) }
    }
}

impl VisitorMut for Paths<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Some(words) = words(expr) else { return ControlFlow::Continue(()) };
        match self.path(&expr.to_string(), &words) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(new)) => {
                *expr = new;
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// Columns of the table `metrics` of steps.
fn is_series(name: &str) -> bool {
    ["run_id", "id", "name", "step", "value"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The words of `a`, `a.b.c`, `a['b'].c`.
fn words(expr: &Expr) -> Option<Vec<Word>> {
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

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
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
