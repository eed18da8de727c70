//! `derived.x` in `runs`: what functions derived from runs, beside what the runs recorded themselves.
//!
//! A name is a column, whichever function gave it: where two functions give one name for a run, the newer result is
//! shown. The table `derived` has both.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, RecordBatch, StringViewArray};
use arrow::compute::cast as cast_array;
use arrow::datatypes::DataType;
use datafusion::common::{Column, JoinType, Result};
use datafusion::functions_aggregate::expr_fn::last_value;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit};

use super::catalog::Kinds;
use super::views::{Sources, col, of};
use crate::columns::{Kind, Path, Root};

/// The name under which derived metrics have the run they are of, beside the run's own columns.
const OF_RUN: &str = "derived of run";

impl Sources {
    /// A plan of runs with the derived metrics that are asked for.
    pub(super) fn with_derived(
        &self,
        plan: LogicalPlanBuilder,
        paths: Option<&BTreeSet<Path>>,
        experiment: Option<&str>,
    ) -> Result<LogicalPlanBuilder> {
        let known = match experiment {
            None => Some(&self.catalog.paths),
            Some(name) => self.catalog.experiments.get(name),
        };
        let asked = |path: &Path| {
            path.root == Root::Derived
                && paths.is_none_or(|paths| paths.contains(path))
                && !self.catalog.is_expression(path)
        };
        let known = known.into_iter().flatten().filter(|(path, _)| asked(path));
        let wanted: Vec<(&Path, &Kinds)> = known.collect();
        if wanted.is_empty() {
            return Ok(plan);
        }
        let on = (vec![Column::new_unqualified("run_id")], vec![Column::new(Some("derived values"), OF_RUN)]);
        let values = LogicalPlanBuilder::from(self.derived_values(&wanted)?).alias("derived values")?;
        plan.join(values.build()?, JoinType::Left, on, None)
    }

    /// One row per run with a column for each path and type.
    fn derived_values(&self, wanted: &[(&Path, &Kinds)]) -> Result<LogicalPlan> {
        let names: BTreeSet<&str> = wanted.iter().filter_map(|(path, _)| name(path)).collect();
        let names = names.into_iter().map(lit).collect();
        let rows = self.results()?.filter(of("derived", "name").in_list(names, false))?;
        let mut values = Vec::new();
        for (path, kinds) in wanted {
            let Some(name) = name(path) else { continue };
            for kind in *kinds {
                let (word, value) = match kind {
                    Kind::Bool => ("boolean", of("derived", "number")),
                    Kind::F64 | Kind::I64 => ("double", of("derived", "number")),
                    Kind::Text | Kind::Json => ("text", of("derived", "text")),
                };
                let of_name = of("derived", "name").eq(lit(name));
                // The newest result decides, also about the type.
                let value =
                    datafusion::logical_expr::when(of("derived", "type").eq(lit(word)), value).end()?;
                let value = last_value(value, vec![of("derived", "age").sort(true, true)]);
                values.push((path.stored(*kind), *kind, value.filter(of_name).build()?));
            }
        }
        let aggregates = values.iter().map(|(stored, _, value)| value.clone().alias(stored));
        let plan = rows.aggregate([of("derived", "run_id")], aggregates)?;
        let shown = values.iter().map(|(stored, kind, _)| match kind {
            Kind::Bool => col(stored).not_eq(lit(0.0)).alias(stored),
            _ => col(stored),
        });
        let run: Expr = of("derived", "run_id").alias(OF_RUN);
        plan.project(std::iter::once(run).chain(shown))?.build()
    }

    /// Which experiments have which derived metrics: experiment, name, type.
    pub(crate) fn derived_by_experiment(&self) -> Result<LogicalPlan> {
        let on = (vec![Column::new(Some("derived"), "run_id")], vec![Column::new_unqualified("run_id")]);
        let cells = self.cells(None)?.project([col("run_id"), col("experiment")])?.build()?;
        let named = self.results()?.filter(of("derived", "name").is_not_null())?;
        let named = named.project(["run_id", "name", "type"].map(|column| of("derived", column)))?;
        let cells = LogicalPlanBuilder::from(cells)
            .project([col("run_id").alias("cell of run"), col("experiment").alias("experiment")])?;
        let on = (on.0, vec![Column::new_unqualified("cell of run")]);
        let plan = named.join(cells.build()?, JoinType::Inner, on, None)?;
        plan.project([
            col("experiment"),
            of("derived", "name").alias("name"),
            of("derived", "type").alias("type"),
        ])?
        .distinct()?
        .build()
    }
}

/// The name of a derived metric.
fn name(path: &Path) -> Option<&str> {
    path.parts.first().map(String::as_str)
}

/// Reads rows of [`Sources::derived_by_experiment`].
pub(crate) fn by_experiment(rows: &[RecordBatch]) -> BTreeMap<String, BTreeMap<Path, Kinds>> {
    let mut found: BTreeMap<String, BTreeMap<Path, Kinds>> = BTreeMap::new();
    for batch in rows {
        let text = |at: usize| {
            let array = cast_array(batch.column(at), &DataType::Utf8View).ok()?;
            array.as_any().downcast_ref::<StringViewArray>().cloned()
        };
        let (Some(experiments), Some(names), Some(kinds)) = (text(0), text(1), text(2)) else { continue };
        for row in (0..batch.num_rows()).filter(|row| experiments.is_valid(*row)) {
            let kind = match kinds.value(row) {
                "boolean" => Kind::Bool,
                "text" => Kind::Text,
                _ => Kind::F64,
            };
            let path = Path { root: Root::Derived, parts: vec![names.value(row).to_owned()] };
            let paths = found.entry(experiments.value(row).to_owned()).or_default();
            paths.entry(path).or_default().insert(kind);
        }
    }
    found
}
