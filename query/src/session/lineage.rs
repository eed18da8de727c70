//! Tables about where results come from: `lineage` and `nondeterministic`.

use datafusion::common::{Column, JoinType, Result, ScalarValue};
use datafusion::functions::unicode::expr_fn::left;
use datafusion::functions_aggregate::expr_fn::{count, count_distinct, min};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit, when};

use super::views::{Sources, col, hex, of, scan};

impl Sources {
    /// Inputs of the attempts that stand.
    pub(super) fn lineage(&self) -> Result<LogicalPlan> {
        let plan = self.without_superseded(scan("lineage", &self.lineage)?, "lineage", JoinType::LeftAnti)?;
        let id = |name: &str| hex(of("lineage", name));
        let same = |name: &str| of("lineage", name).alias(name);
        let columns = [
            left(id("run_id"), lit(12)).alias("id"),
            same("input"),
            same("coordinates"),
            left(id("from_run_id"), lit(12)).alias("from_id"),
            same("artifact"),
            id("digest").alias("digest"),
            id("run_id").alias("run_id"),
            id("from_run_id").alias("from_run_id"),
        ];
        plan.project(columns)?.build()
    }

    /// The edges of the graph of runs as they are stored: run_id, from_run_id, input, coordinates, artifact.
    pub(crate) fn edges(&self) -> Result<LogicalPlan> {
        let plan = self.without_superseded(scan("lineage", &self.lineage)?, "lineage", JoinType::LeftAnti)?;
        let plan = plan.filter(of("lineage", "from_run_id").is_not_null())?;
        plan.project(super::walk::EDGE.map(|name| of("lineage", name).alias(name)))?.build()
    }

    /// Runs with several successes whose outputs differ.
    pub(super) fn nondeterministic(&self) -> Result<LogicalPlan> {
        let success = |plan: LogicalPlanBuilder| plan.filter(of("attempts", "status").eq(lit("succeeded")));
        let others = scan("attempts", &self.attempts)?;
        let others = success(self.without_superseded(others, "attempts", JoinType::LeftSemi)?)?;
        let others = others.project([
            of("attempts", "run_id").alias("run"),
            of("attempts", "output_digest").alias("other"),
        ])?;
        let first = success(self.standing()?)?;
        let on = (vec![Column::new_unqualified("run")], vec![Column::new(Some("attempts"), "run_id")]);
        let both = others.join(first.build()?, JoinType::Inner, on, None)?;
        let first_digest = || of("attempts", "output_digest");
        let differs = || first_digest().not_eq(col("other"));
        let other = || when(differs(), col("other")).otherwise(lit(ScalarValue::BinaryView(None)));
        let groups =
            ["run_id", "operation", "experiment", "step", "output_digest"].map(|name| of("attempts", name));
        let counted = [
            count_distinct(other()?).alias("more"),
            min(other()?).alias("other"),
            count(lit(1_i64)).alias("attempts"),
        ];
        let plan = both.aggregate(groups, counted)?.filter(col("more").gt(lit(0_i64)))?;
        let id = || hex(of("attempts", "run_id"));
        let same = |name: &str| of("attempts", name).alias(name);
        let columns = [
            left(id(), lit(12)).alias("id"),
            same("operation"),
            same("experiment"),
            same("step"),
            (col("more") + lit(1_i64)).alias("outputs"),
            (col("attempts") + lit(1_i64)).alias("attempts"),
            hex(first_digest()).alias("first_digest"),
            hex(col("other")).alias("other_digest"),
            id().alias("run_id"),
        ];
        plan.project(columns)?.build()
    }
}
