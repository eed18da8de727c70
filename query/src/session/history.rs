//! Tables about what was asked for: `submissions` and `experiments`.

use std::collections::BTreeSet;

use datafusion::common::{Column, JoinType, Result};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit, when};

use super::views::{Sources, col, mem, of, scan};

impl Sources {
    /// One row per submission: its opening, and its closing if it has one.
    pub(super) fn submissions(&self) -> Result<LogicalPlan> {
        let event = |alias: &str, word: &str| {
            scan("submissions", &self.submissions)?
                .filter(of("submissions", "event").eq(lit(word)))?
                .alias(alias)
        };
        let closed = event("closed", crate::fold::CLOSED)?.build()?;
        let on = (
            vec![Column::new(Some("opened"), "submission")],
            vec![Column::new(Some("closed"), "submission")],
        );
        let mut plan = event("opened", crate::fold::OPENED)?.join(closed, JoinType::Left, on, None)?;
        let opened = |name: &str| of("opened", name).alias(name);
        let completed = |name: &str| coalesce(vec![of("completed", name), of("opened", name)]).alias(name);
        if let Some(rows) = &self.completed {
            let on = (
                vec![Column::new(Some("opened"), "submission")],
                vec![Column::new(Some("completed"), "submission")],
            );
            let rows = mem("completed", std::slice::from_ref(rows))?.build()?;
            plan = plan.join(rows, JoinType::Left, on, None)?;
        }
        let known = |name: &str| if self.completed.is_some() { completed(name) } else { opened(name) };
        let reached = |name: &str| of("closed", name).alias(name);
        let columns = [
            opened("experiment"),
            opened("experiment_version"),
            of("opened", "time").alias("opened"),
            of("closed", "time").alias("closed"),
            coalesce(vec![of("closed", "closing"), lit("open")]).alias("closing"),
            known("cells"),
            opened("replicates"),
            reached("reused"),
            reached("succeeded"),
            reached("failed"),
            reached("cancelled"),
            reached("timed_out"),
            reached("skipped"),
            opened("base_seed"),
            opened("tags"),
            opened("description"),
            opened("metadata"),
            opened("rerun"),
            opened("host"),
            opened("pid"),
            opened("git_commit"),
            opened("git_dirty"),
            known("steps"),
            opened("manifest"),
            opened("submission"),
        ];
        plan.project(columns)?.build()
    }

    /// One row per experiment.
    pub(super) fn experiments(&self) -> Result<LogicalPlan> {
        let runs = self.shown(self.cells(None)?, Some(&BTreeSet::new()), None)?;
        let with = |status: &str| when(col("status").eq(lit(status)), lit(1_i64)).otherwise(lit(0_i64));
        let aggregates = [
            count(lit(1_i64)).alias("runs"),
            sum(with("succeeded")?).alias("succeeded"),
            sum(with("failed")?).alias("failed"),
            min(col("started")).alias("started"),
            max(col("ended")).alias("ended"),
        ];
        let runs =
            LogicalPlanBuilder::from(runs).aggregate([col("experiment")], aggregates)?.alias("counted")?;
        let on = (
            vec![Column::new(Some("named"), "experiment")],
            vec![Column::new(Some("counted"), "experiment")],
        );
        let plan = mem("named", std::slice::from_ref(&self.experiments))?.join(
            runs.build()?,
            JoinType::Left,
            on,
            None,
        )?;
        let number = |name: &str| coalesce(vec![of("counted", name), lit(0_i64)]).alias(name);
        let columns = [
            of("named", "experiment").alias("experiment"),
            of("named", "versions").alias("versions"),
            of("named", "submissions").alias("submissions"),
            number("runs"),
            number("succeeded"),
            number("failed"),
            of("named", "first").alias("first"),
            of("named", "last").alias("last"),
            of("counted", "started").alias("started"),
            of("counted", "ended").alias("ended"),
        ];
        plan.project(columns)?.build()
    }
}
