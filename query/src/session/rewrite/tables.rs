//! Names of tables, and functions that stand for tables.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor, Value,
    VisitorMut,
};
use metalab_engine::name::nearest;

use super::Uses;
use super::names::{exact, folded, word};
use crate::error::QueryError;
use crate::session::catalog::{Catalog, Others, Relation};
use crate::session::contents::{Contents, FUNCTION};
use crate::session::planning::ALL;
use crate::session::walk::{Direction, Walk};

/// Makes names of tables exact.
pub(super) struct Tables<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) others: &'a Others,
    pub(super) ctes: &'a BTreeSet<String>,
    pub(super) uses: Uses,
    pub(super) error: Option<QueryError>,
}

impl Tables<'_> {
    fn table(&mut self, name: &ObjectName) -> Result<Option<ObjectName>, QueryError> {
        if let [ObjectNamePart::Identifier(store), ObjectNamePart::Identifier(table)] = name.0.as_slice() {
            return self.table_of(store, table).map(Some);
        }
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
        if ident.value.eq_ignore_ascii_case("run") {
            return self.run(arguments).map(Some);
        }
        if ident.value.eq_ignore_ascii_case(FUNCTION) {
            return self.contents(arguments).map(|name| Some((name, FUNCTION)));
        }
        let Some(direction) = Direction::parse(&ident.value) else { return Ok(None) };
        let function = direction.function();
        let wrong = |reason: String| QueryError::call(function, reason);
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

impl Tables<'_> {
    /// `old.runs`: a table of another store, or of all.
    fn table_of(&mut self, store: &Ident, table: &Ident) -> Result<ObjectName, QueryError> {
        let (store, written) = (folded(store), format!("{store}.{table}"));
        let catalog = match self.others.get(&store) {
            Some(other) => Arc::clone(other),
            None if store == ALL => Arc::new(Catalog::merged(self.catalog, self.others)),
            None => {
                let known = self.others.keys().map(String::as_str);
                let nearest = nearest(&store, known).map(|store| format!("{store}.{table}"));
                return Err(QueryError::NoTable { table: written, nearest });
            }
        };
        let (relation, name) = catalog.relation(&word(table))?;
        let name = format!("{store}.{name}");
        self.uses.relations.insert(name.clone(), relation);
        self.uses.stores.insert(name.clone(), store);
        Ok(ObjectName(vec![ObjectNamePart::Identifier(exact(name))]))
    }

    /// `run('3f1c')`: the rows of `runs` of one run.
    fn run(&mut self, arguments: &[FunctionArg]) -> Result<(ObjectName, &'static str), QueryError> {
        if let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = arguments
            && let Value::SingleQuotedString(prefix) = &value.value
        {
            let name = format!("run('{prefix}')");
            self.uses.relations.insert(name.clone(), Relation::Run(prefix.clone()));
            return Ok((ObjectName(vec![ObjectNamePart::Identifier(exact(name))]), "runs"));
        }
        let reason = "it takes one text in single quotes".to_owned();
        Err(QueryError::call("run", reason))
    }
}

impl Tables<'_> {
    /// `artifact_rows('predictions')`, `artifact_rows('predictions', experiment => 'knn')`.
    fn contents(&mut self, arguments: &[FunctionArg]) -> Result<ObjectName, QueryError> {
        let wrong = |reason: String| QueryError::call(FUNCTION, reason);
        let text = |argument: &FunctionArg, known_as: &str| {
            let value = match argument {
                FunctionArg::Named { name, arg, .. } if name.value.eq_ignore_ascii_case(known_as) => arg,
                FunctionArg::Unnamed(arg) => arg,
                other => return Err(wrong(format!("it has no argument `{other}`"))),
            };
            match value {
                FunctionArgExpr::Expr(Expr::Value(value)) => match &value.value {
                    Value::SingleQuotedString(text) => Ok(text.clone()),
                    other => Err(wrong(format!("`{other}` is no text in single quotes"))),
                },
                other => Err(wrong(format!("`{other}` is no text in single quotes"))),
            }
        };
        let contents = match arguments {
            [name] => Contents { name: text(name, "name")?, experiment: None },
            [name, experiment] => {
                let experiment = Some(text(experiment, "experiment")?);
                Contents { name: text(name, "name")?, experiment }
            }
            other => return Err(wrong(format!("it has {} arguments here", other.len()))),
        };
        let name = format!("{FUNCTION}({:?}, {:?})", contents.name, contents.experiment);
        self.uses.contents.insert(name.clone(), contents);
        Ok(ObjectName(vec![ObjectNamePart::Identifier(exact(name))]))
    }
}

impl VisitorMut for Tables<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args, alias, .. } = factor else { return ControlFlow::Continue(()) };
        let result = match args {
            None => self.table(name).map(|found| {
                if let Some(exact) = found {
                    if let [_, ObjectNamePart::Identifier(table)] = name.0.as_slice() {
                        // Columns are written with the table's name, not with that of its store.
                        let name = table.clone();
                        let named = || TableAlias { explicit: true, name, columns: Vec::new(), at: None };
                        alias.get_or_insert_with(named);
                    }
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
