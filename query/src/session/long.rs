//! Long tables: `params`, `data` and `derived`, one row per value.
//!
//! Each has the value as `number` (1 and 0 for true and false), as `text` where it is text, and as `value`, JSON of
//! whatever it is.

use datafusion::common::{Column, JoinType, Result};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions::unicode::expr_fn::left;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::age;
use super::pivot::{self, FIELDS};
use super::views::{Sources, col, hex, of, scan};
use crate::columns::Root;

/// The columns of `params`.
pub(crate) const PARAMS: &[&str] = &["id", "name", "type", "number", "text", "value", "run_id"];

/// The columns of `data`.
pub(crate) const DATA: &[&str] =
    &["id", "name", "type", "dtype", "shape", "number", "text", "value", "bytes", "digest", "run_id"];

/// The columns of `derived`.
pub(crate) const DERIVED: &[&str] =
    &["id", "function", "name", "type", "number", "text", "value", "code", "time", "error", "run_id"];

impl Sources {
    /// The arguments of the runs that stand, fixed ones and defaults among them.
    pub(super) fn params(&self) -> Result<LogicalPlan> {
        let paths = self.catalog.paths.iter().filter(|(path, _)| path.root == Root::Params);
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (path, kind) in paths.flat_map(|(path, kinds)| kinds.iter().map(move |kind| (path, *kind))) {
            let parts = self.stored_values(path, kind);
            for value in parts {
                names.push((path.shown_below(), kind));
                values.push(value);
            }
        }
        let plan = self.standing()?;
        let all = pivot::function(names).call(values);
        let plan = plan.project([of("attempts", "run_id").alias("run_id"), all.alias("all")])?;
        let plan = plan.unnest_column("all")?;
        let field = |name: &str| get_field(col("all"), name).alias(name);
        let columns = PARAMS.iter().map(|name| match *name {
            "id" => left(hex(col("run_id")), lit(12)).alias("id"),
            "run_id" => hex(col("run_id")).alias("run_id"),
            name => field(name),
        });
        debug_assert!(FIELDS.iter().all(|name| PARAMS.contains(name)));
        plan.project(columns)?.build()
    }

    /// The data of the attempts that stand.
    pub(super) fn data(&self) -> Result<LogicalPlan> {
        let plan = self.without_superseded(scan("data", &self.data)?, "data", JoinType::LeftAnti)?;
        long(plan, "data", DATA)
    }

    /// The newest results of each function for each run.
    pub(super) fn derived(&self) -> Result<LogicalPlan> {
        long(self.results()?, "derived", DERIVED)
    }

    /// The rows of `derived` that count: those of attempts that stand and of later derivations, and of each function and
    /// run those of the newest record.
    pub(super) fn results(&self) -> Result<LogicalPlanBuilder> {
        let rows = || -> Result<LogicalPlanBuilder> {
            let plan = scan("derived", &self.derived)?;
            let plan = self.without_superseded(plan, "derived", JoinType::LeftAnti)?;
            let same = self.derived.schema.fields().iter().map(|field| of("derived", field.name()));
            let same = same.map(|column| column.clone().alias(column.qualified_name().1));
            let age = ["time", "writer", "sequence", "function"].map(|name| of("derived", name));
            plan.project(same.chain([age::function().call(age.to_vec()).alias("age")]))?.alias("derived")
        };
        if !self.derived_again {
            return rows();
        }
        let keys = ["run_id", "function"].map(|name| of("derived", name));
        let newest = rows()?.aggregate(keys, [max(of("derived", "age")).alias("newest")])?;
        let newest = newest.project([
            of("derived", "run_id").alias("run_id"),
            of("derived", "function").alias("function"),
            col("newest").alias("age"),
        ])?;
        let newest = newest.alias("newest")?.build()?;
        let on = |table: &str| -> Vec<Column> {
            ["run_id", "function", "age"].map(|name| Column::new(Some(table), name)).to_vec()
        };
        rows()?.join(newest, JoinType::LeftSemi, (on("derived"), on("newest")), None)
    }
}

/// The columns of a long table as people see them.
fn long(plan: LogicalPlanBuilder, table: &str, columns: &[&str]) -> Result<LogicalPlan> {
    let shown = |name: &&str| -> Expr {
        match *name {
            "id" => left(hex(of(table, "run_id")), lit(12)).alias("id"),
            "run_id" => hex(of(table, "run_id")).alias("run_id"),
            name => of(table, name).alias(name),
        }
    };
    plan.project(columns.iter().map(shown))?.build()
}
