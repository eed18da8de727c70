//! Derived metrics that are SQL expressions: columns of `runs` that are computed when they are asked for.
//!
//! An expression is parsed and resolved like any other part of a query, and becomes a column of the view that is asked. It
//! takes the place of what functions gave under its name. One that is kept for an experiment counts for the runs of that
//! experiment, before one that is kept for all.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use datafusion::sql::sqlparser::ast::{Expr as Parsed, ExprWithAlias, Query, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use metalab_engine::record::KeptExpression;

use super::catalog::{Catalog, Relation};
use super::guard::{DEPTH, one_line};
use super::rewrite::{rewrite_expression, written_path};
use super::views::{Sources, col, core_names};
use crate::columns::{Path, Root};
use crate::error::QueryError;

/// What a view shows: its relation, the paths asked for (all for `None`), and who asks.
pub(crate) struct View<'a> {
    /// The functions there are.
    pub(crate) state: &'a SessionState,
    /// What views are made of.
    pub(crate) sources: &'a Sources,
    /// The table.
    pub(crate) relation: &'a Relation,
    /// The paths.
    pub(crate) paths: Option<&'a BTreeSet<Path>>,
}

/// An expression, ready to be a column.
struct Column {
    name: String,
    expr: Expr,
}

impl View<'_> {
    /// The plan, with the expressions that are asked for.
    pub(crate) fn plan(&self) -> Result<LogicalPlan, QueryError> {
        let failed = |error| QueryError::Sql { message: one_line(&error) };
        let catalog = &self.sources.catalog;
        let has_paths = self.relation.has_paths() || self.relation.experiment().is_some();
        let asked = |name: &&String| {
            let path = Path { root: Root::Derived, parts: vec![(*name).clone()] };
            has_paths && self.paths.is_none_or(|paths| paths.contains(&path))
        };
        let names: BTreeSet<String> =
            catalog.kept.iter().map(|kept| &kept.name).filter(asked).cloned().collect();
        if names.is_empty() {
            return self.sources.plan(self.relation, self.paths).map_err(failed);
        }
        let mut needed = self.paths.cloned();
        let mut parsed = Vec::new();
        for name in &names {
            let scoped = self.of_name(name);
            let mut all = Vec::new();
            for kept in scoped {
                let resolved = resolve(kept, catalog, self.relation);
                match resolved {
                    Ok((expr, paths)) => {
                        if let Some(needed) = &mut needed {
                            needed.extend(paths);
                        }
                        all.push((kept.experiment.clone(), expr));
                    }
                    // A `*` shows what there is; who names the metric hears what is wrong with it.
                    Err(_) if self.paths.is_none() => {}
                    Err(error) => return Err(error),
                }
            }
            parsed.push((name, all));
        }
        let plan = self.sources.plan(self.relation, needed.as_ref()).map_err(failed)?;
        let mut columns = Vec::new();
        for (name, all) in parsed.into_iter().filter(|(_, all)| !all.is_empty()) {
            match self.column(name, all, plan.schema()) {
                Ok(expr) => columns.push(Column { name: self.shown(name), expr }),
                Err(_) if self.paths.is_none() => {}
                Err(error) => return Err(error),
            }
        }
        let mut all: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
        let place = all.iter().position(|column| *column == col("started")).unwrap_or(all.len());
        all.splice(place..place, columns.into_iter().map(|column| column.expr.alias(column.name)));
        LogicalPlanBuilder::from(plan).project(all).and_then(LogicalPlanBuilder::build).map_err(failed)
    }

    /// The name of the column: plain in the view of an experiment, unless it is taken there.
    fn shown(&self, name: &str) -> String {
        let path = Path { root: Root::Derived, parts: vec![name.to_owned()] };
        let catalog = &self.sources.catalog;
        let plain =
            self.relation.experiment().map(|experiment| catalog.plain_names(experiment, &core_names()));
        let plain = plain.into_iter().flatten().find(|(known, _)| *known == path);
        plain.map_or_else(|| path.shown(), |(_, name)| name)
    }

    /// The expressions of a name that count here; those of experiments first.
    fn of_name(&self, name: &str) -> Vec<&KeptExpression> {
        let kept = self.sources.catalog.kept.iter().filter(|kept| kept.name == name);
        let mut kept: Vec<_> = match self.relation.experiment() {
            None => kept.collect(),
            Some(experiment) => {
                kept.filter(|kept| kept.experiment.as_deref().is_none_or(|of| of == experiment)).collect()
            }
        };
        kept.sort_by_key(|kept| (kept.experiment.is_none(), kept.experiment.clone()));
        if self.relation.experiment().is_some() {
            kept.truncate(1);
        }
        kept
    }

    fn column(
        &self,
        name: &str,
        all: Vec<(Option<String>, Parsed)>,
        schema: &DFSchema,
    ) -> Result<Expr, QueryError> {
        let mut planned = Vec::new();
        for (experiment, expr) in all {
            planned.push((experiment, plan(self.state, name, expr, schema)?));
        }
        let mut kinds = Vec::new();
        for (_, expr) in &planned {
            kinds.extend(expr.get_type(schema).ok().filter(|kind| !kind.is_null()));
        }
        let agree = kinds.windows(2).all(|pair| pair[0] == pair[1]) || kinds.iter().all(DataType::is_numeric);
        if self.relation.experiment().is_some() || planned.len() == 1 && planned[0].0.is_none() {
            return planned.pop().map(|(_, expr)| expr).ok_or_else(|| wrong(name, "there is none"));
        }
        // Expressions of several types meet as text.
        let meet = |expr: Expr| if agree { expr } else { cast(expr, DataType::Utf8View) };
        let mut otherwise = lit(ScalarValue::Null);
        let mut cases = Vec::new();
        for (experiment, expr) in planned {
            match experiment {
                Some(experiment) => cases.push((experiment, meet(expr))),
                None => otherwise = meet(expr),
            }
        }
        for (experiment, expr) in cases {
            otherwise = when(col("experiment").eq(lit(experiment)), expr)
                .otherwise(otherwise)
                .map_err(|error| wrong(name, one_line(&error)))?;
        }
        Ok(otherwise)
    }

    /// The type of an expression that shall be kept, in SQL words.
    pub(crate) fn check(&self, kept: &KeptExpression) -> Result<DataType, QueryError> {
        let mut catalog = (*self.sources.catalog).clone();
        catalog.kept.retain(|other| (&other.name, &other.experiment) != (&kept.name, &kept.experiment));
        catalog.kept.push(kept.clone());
        let (expr, paths) = resolve(kept, &catalog, self.relation)?;
        let failed = |error| wrong(&kept.name, one_line(&error));
        let base = self.sources.plan(self.relation, Some(&paths)).map_err(failed)?;
        plan(self.state, &kept.name, expr, base.schema())?.get_type(base.schema()).map_err(failed)
    }
}

fn wrong(name: &str, reason: impl Into<String>) -> QueryError {
    QueryError::Expression { name: name.to_owned(), reason: reason.into() }
}

/// Plans an expression over the columns of a view.
fn plan(state: &SessionState, name: &str, expr: Parsed, schema: &DFSchema) -> Result<Expr, QueryError> {
    let expr = state
        .create_logical_expr_from_sql_expr(ExprWithAlias { expr, alias: None }, schema)
        .map_err(|error| wrong(name, one_line(&error)))?;
    let of_rows = |expr: &Expr| Ok(matches!(expr, Expr::AggregateFunction(_) | Expr::WindowFunction(_)));
    if expr.exists(of_rows).unwrap_or(true) {
        return Err(wrong(name, "it looks at several runs: an expression is about one"));
    }
    // A column that is not there, or types that do not meet, are found here and not in the middle of a query.
    expr.get_type(schema).map_err(|error| wrong(name, one_line(&error)))?;
    Ok(expr)
}

/// Parses an expression and puts columns in the place of paths; gives the paths it needs.
fn resolve(
    kept: &KeptExpression,
    catalog: &Catalog,
    relation: &Relation,
) -> Result<(Parsed, BTreeSet<Path>), QueryError> {
    let mut expr = parse(&kept.name, kept.expression.as_deref().unwrap_or_default())?;
    let mut inner = Inner {
        catalog,
        experiment: relation.experiment().or(kept.experiment.as_deref()),
        open: vec![kept.name.clone()],
        error: None,
    };
    inner.expand(&mut expr);
    if let Some(error) = inner.error {
        return Err(error);
    }
    let paths = rewrite_expression(&mut expr, catalog, &core_names(), relation)?;
    Ok((expr, paths))
}

/// Parses the text of an expression.
fn parse(name: &str, text: &str) -> Result<Parsed, QueryError> {
    let syntax = |error: datafusion::sql::sqlparser::parser::ParserError| wrong(name, error.to_string());
    let mut parser =
        Parser::new(&GenericDialect {}).with_recursion_limit(DEPTH).try_with_sql(text).map_err(syntax)?;
    let mut expr = parser.parse_expr().map_err(syntax)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(wrong(name, format!("`{rest}` follows where the expression should end")));
    }
    struct Queries;
    impl VisitorMut for Queries {
        type Break = ();
        fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    if expr.visit(&mut Queries).is_break() {
        return Err(wrong(name, "it holds a query: an expression is about one run"));
    }
    Ok(expr)
}

/// Puts expressions in the place of their names, within expressions.
struct Inner<'a> {
    catalog: &'a Catalog,
    experiment: Option<&'a str>,
    /// The names that are being expanded.
    open: Vec<String>,
    error: Option<QueryError>,
}

impl Inner<'_> {
    fn expand(&mut self, expr: &mut Parsed) {
        let _ = expr.visit(self);
    }

    fn find(&self, name: &str) -> Option<&KeptExpression> {
        let of = |experiment: Option<&str>| {
            self.catalog
                .kept
                .iter()
                .find(|kept| kept.name == name && kept.experiment.as_deref() == experiment)
        };
        self.experiment.and_then(|experiment| of(Some(experiment))).or_else(|| of(None))
    }
}

impl VisitorMut for Inner<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Parsed) -> ControlFlow<()> {
        let Some(name) = written_path(expr, Root::Derived) else { return ControlFlow::Continue(()) };
        let Some(text) = self.find(&name).and_then(|kept| kept.expression.clone()) else {
            return ControlFlow::Continue(());
        };
        let first = self.open.first().cloned().unwrap_or_default();
        if self.open.contains(&name) {
            let way = [&self.open[..], &[name]].concat().join(" -> ");
            self.error = Some(wrong(&first, format!("it goes in a circle: {way}")));
            return ControlFlow::Break(());
        }
        match parse(&name, &text) {
            Ok(mut inner) => {
                self.open.push(name);
                self.expand(&mut inner);
                self.open.pop();
                *expr = Parsed::Nested(Box::new(inner));
            }
            Err(error) => self.error = Some(error),
        }
        if self.error.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
