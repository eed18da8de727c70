//! From SQL as people write it to SQL over flat columns.
//!
//! `params.lr`, `r.params.lr`, `params['lr']` become the one column that is called `params.lr` in the views;
//! `params` alone becomes a struct of all of them. An argument of an earlier step is written `prepare.threshold`, or
//! `upstream.prepare.threshold` where the step is called like a table, an alias or a root. Names of tables become exact,
//! and `upstream_of('3f1c')` becomes the name of a table. Columns of the outermost SELECT that have no name keep what
//! was written as their name.

mod functions;
mod names;
mod numbers;
mod paths;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement, VisitMut};

use self::names::{Names, exact};
use self::paths::Paths;
use self::tables::Tables;
use super::catalog::{Catalog, Others, Relation};
use super::contents::Contents;
use super::walk::Walk;
use crate::columns::{Path, Root};
use crate::error::QueryError;

/// What a statement refers to.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// The tables, by the exact name under which they must be registered.
    pub(crate) relations: BTreeMap<String, Relation>,
    /// Those of other stores, by the same names: the store.
    pub(crate) stores: BTreeMap<String, String>,
    /// The walks along the lineage, by the name under which what they reach must be registered.
    pub(crate) walks: BTreeMap<String, Walk>,
    /// Contents of artifacts, by the name under which their rows must be registered.
    pub(crate) contents: BTreeMap<String, Contents>,
    /// The paths that occur in the text.
    pub(crate) paths: BTreeSet<Path>,
    /// Whether a `*` asks for all of them.
    pub(crate) all: bool,
}

impl Uses {
    /// Whether a view of one experiment is asked.
    pub(crate) fn has_experiments(&self) -> bool {
        self.relations.values().any(|relation| relation.experiment().is_some())
    }

    /// Whether it matters which run stands in which cell.
    pub(crate) fn has_cells(&self) -> bool {
        use Relation::{Experiment, Experiments, Run, Runs};
        let shows = |relation: &Relation| matches!(relation, Runs | Run(_) | Experiments | Experiment(_));
        self.contents.values().any(|contents| contents.experiment.is_some())
            || self.relations.values().any(shows)
    }

    /// Whether series, inputs or data are asked for.
    pub(crate) fn has_details(&self) -> bool {
        use Relation::{Data, Lineage, Metrics};
        let details = |relation: &Relation| matches!(relation, Metrics | Lineage | Data);
        !self.walks.is_empty() || self.relations.values().any(details)
    }
}

/// Rewrites a statement in place.
pub(crate) fn rewrite(
    statement: &mut Statement,
    own: &Catalog,
    others: &Others,
    core: &[&str],
) -> Result<Uses, QueryError> {
    name_columns(statement);
    functions::expand(statement);
    let mut names = Names::default();
    let _ = statement.visit(&mut names);
    let mut tables = Tables { catalog: own, others, ctes: &names.ctes, uses: Uses::default(), error: None };
    let _ = statement.visit(&mut tables);
    if let Some(error) = tables.error {
        return Err(error);
    }
    let mut uses = tables.uses;
    uses.all = names.wildcard;
    let merged = (!uses.stores.is_empty()).then(|| Catalog::merged(own, others));
    let catalog = merged.as_ref().unwrap_or(own);
    let mut paths = Paths { catalog, core, names: &names, uses, renamed: BTreeMap::new(), error: None };
    paths.note_renamed(statement);
    let _ = statement.visit(&mut paths);
    match paths.error {
        Some(error) => Err(error),
        None => Ok(paths.uses),
    }
}

/// Rewrites the expression of a derived metric over the columns of one table; gives the paths that occur in it.
pub(crate) fn rewrite_expression(
    expr: &mut Expr,
    catalog: &Catalog,
    core: &[&str],
    relation: &Relation,
) -> Result<BTreeSet<Path>, QueryError> {
    functions::expand(expr);
    let names = Names::default();
    let relations = BTreeMap::from([("runs".to_owned(), relation.clone())]);
    let uses = Uses { relations, ..Uses::default() };
    let mut paths = Paths { catalog, core, names: &names, uses, renamed: BTreeMap::new(), error: None };
    let _ = expr.visit(&mut paths);
    match paths.error {
        Some(error) => Err(error),
        None => Ok(paths.uses.paths),
    }
}

/// The one name below a root that an expression is.
pub(crate) fn written_path(expr: &Expr, root: Root) -> Option<String> {
    match names::words(expr)?.as_slice() {
        [first, name] if Root::parse(&first.text) == Some(root) => Some(name.text.clone()),
        _ => None,
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
