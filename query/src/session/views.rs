//! The tables of the SQL side as plans over the stored ones.
//!
//! A view is built for one query, from the paths that occur in its text: a store with hundreds of columns does not pay
//! for those nobody asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, JoinType, Result, ScalarValue};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::encoding::expr_fn::encode;
use datafusion::functions::string::expr_fn::concat;
use datafusion::functions::unicode::expr_fn::left;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use metalab_cas::Digest;

use super::catalog::{Catalog, Kinds, Relation};
use super::coordinates::Coordinates;
use super::scan::Stored;
use super::tags::{self, CaseTags};
use super::{compare, lookup, overflow};
use crate::columns::{Kind, OVERFLOW, Path, Root};

/// What views are made of.
pub(crate) struct Sources {
    /// All attempts.
    pub(crate) attempts: Arc<Stored>,
    /// Attempts that do not stand.
    pub(crate) superseded: Arc<Stored>,
    /// Stepped metrics.
    pub(crate) series: Arc<Stored>,
    /// Artifacts.
    pub(crate) artifacts: Arc<Stored>,
    /// Inputs of attempts.
    pub(crate) lineage: Arc<Stored>,
    /// Captured data.
    pub(crate) data: Arc<Stored>,
    /// What functions derived from runs.
    pub(crate) derived: Arc<Stored>,
    /// Whether a function may have several results for a run.
    pub(crate) derived_again: bool,
    /// Tags of cells, if any cell has tags of its own.
    pub(crate) case_tags: Option<Arc<CaseTags>>,
    /// Openings and closings.
    pub(crate) submissions: Arc<Stored>,
    /// Submissions whose steps are not as they were when they were opened: submission, cells, steps.
    pub(crate) completed: Option<RecordBatch>,
    /// Cells with the run of another cell: experiment, experiment_version, step, cell, submission, tags, run_id.
    pub(crate) foreign: Vec<RecordBatch>,
    /// Runs whose own cell has another run by now, or shares it: run_id.
    pub(crate) hidden: Option<RecordBatch>,
    /// Coordinates of cells.
    pub(crate) coordinates: Arc<Coordinates>,
    /// Experiments with their submissions: experiment, versions, submissions, first, last.
    pub(crate) experiments: RecordBatch,
    /// The table `columns`.
    pub(crate) columns: RecordBatch,
    /// All names.
    pub(crate) catalog: Arc<Catalog>,
}

/// Columns of `runs` before its paths.
const BEFORE: &[&str] = &["id", "experiment", "step", "cell", "replicate", "status"];

/// Columns of `runs` after its paths.
const AFTER: &[&str] = &[
    "started",
    "ended",
    "duration_s",
    "cpu_s",
    "peak_memory_bytes",
    "error",
    "error_cause",
    "reused",
    "operation",
    "namespace",
    "operation_version",
    "experiment_version",
    "submission",
    "tags",
    "base_seed",
    "retry",
    "reason",
    "host",
    "pid",
    "platform",
    "metalab",
    "executable",
    "git_commit",
    "git_dirty",
    "lock_file",
    "sources",
    "log",
    "output_digest",
    "output_codec",
    "output_bytes",
    "backtrace",
    "record",
    "run_id",
];

/// The columns of `runs` that every store has.
pub(crate) fn core_names() -> Vec<&'static str> {
    BEFORE.iter().chain(AFTER).copied().collect()
}

/// Columns that tell the cell, not the run.
const CELL: &[&str] = &["experiment", "experiment_version", "step", "cell", "submission", "tags"];

pub(super) fn col(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

pub(super) fn of(table: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(table), name))
}

pub(super) fn hex(bytes: Expr) -> Expr {
    encode(cast(bytes, DataType::Binary), lit("hex"))
}

/// The bytes of a run id in hexadecimal.
fn from_hex(id: &str) -> Option<Vec<u8>> {
    id.parse::<Digest>().ok().map(|digest| digest.as_bytes().to_vec())
}

fn seconds(micros: Expr) -> Expr {
    cast(micros, DataType::Float64) / lit(1e6)
}

impl Sources {
    /// The plan of a table; of the paths only those in `paths`, or all for `None`.
    pub(crate) fn plan(&self, relation: &Relation, paths: Option<&BTreeSet<Path>>) -> Result<LogicalPlan> {
        match relation {
            Relation::Runs => self.shown(self.cells(None)?, paths, None),
            Relation::DistinctRuns => {
                self.shown(self.standing()?.project_with(vec![lit(false).alias("reused")])?, paths, None)
            }
            Relation::Attempts => self.attempts(paths),
            Relation::Metrics => self.series(),
            Relation::Params => self.params(),
            Relation::Data => self.data(),
            Relation::Derived => self.derived(),
            Relation::Artifacts => self.artifacts(),
            Relation::Submissions => self.submissions(),
            Relation::Experiments => self.experiments(),
            Relation::Lineage => self.lineage(),
            Relation::Nondeterministic => self.nondeterministic(),
            Relation::Columns => mem("columns", std::slice::from_ref(&self.columns))?.build(),
            Relation::Run(id) => {
                let of_run = col("run_id").eq(lit(ScalarValue::BinaryView(from_hex(id))));
                self.shown(self.cells(None)?.filter(of_run)?, paths, None)
            }
            Relation::Experiment(name) => self.shown(self.cells(Some(name))?, paths, Some(name)),
        }
    }

    /// Attempts that stand.
    pub(super) fn standing(&self) -> Result<LogicalPlanBuilder> {
        self.without_superseded(scan("attempts", &self.attempts)?, "attempts", JoinType::LeftAnti)
    }

    pub(super) fn without_superseded(
        &self,
        plan: LogicalPlanBuilder,
        name: &str,
        how: JoinType,
    ) -> Result<LogicalPlanBuilder> {
        if self.superseded.is_empty() {
            return Ok(plan);
        }
        let right = scan("superseded", &self.superseded)?.build()?;
        let keys =
            |table: &str| vec![Column::new(Some(table), "writer"), Column::new(Some(table), "sequence")];
        plan.join(right, how, (keys(name), keys("superseded")), None)
    }

    /// One row per cell: standing attempts with the cell that wanted them, and cells that reuse them.
    pub(super) fn cells(&self, experiment: Option<&str>) -> Result<LogicalPlanBuilder> {
        let mut own = self.standing()?;
        if let Some(name) = experiment {
            own = own.filter(of("attempts", "experiment").eq(lit(name)))?;
        }
        if let Some(hidden) = &self.hidden {
            let on =
                (vec![Column::new(Some("attempts"), "run_id")], vec![Column::new(Some("hidden"), "run_id")]);
            let hidden = mem("hidden", std::slice::from_ref(hidden))?.build()?;
            own = own.join(hidden, JoinType::LeftAnti, on, None)?;
        }
        let all = own.project_with(vec![lit(false).alias("reused")])?;
        if self.foreign.is_empty() {
            return Ok(all);
        }
        let mut cells = mem("cells", &self.foreign)?;
        if let Some(name) = experiment {
            cells = cells.filter(of("cells", "experiment").eq(lit(name)))?;
        }
        let runs = self.standing()?.build()?;
        let on = (vec![Column::new(Some("cells"), "run_id")], vec![Column::new(Some("attempts"), "run_id")]);
        let joined = cells.join(runs, JoinType::Inner, on, None)?;
        let column = |field: &Arc<arrow::datatypes::Field>| {
            let table = if CELL.contains(&field.name().as_str()) { "cells" } else { "attempts" };
            of(table, field.name()).alias(field.name())
        };
        let columns = self.attempts.schema.fields().iter().map(column);
        let joined = joined.project(columns.chain([lit(true).alias("reused")]))?;
        all.project_flat()?.union(joined.build()?)
    }

    /// The attempts of some experiments, with what comparing needs: its columns, and `stands`.
    pub(crate) fn claims(&self, experiments: &[String]) -> Result<LogicalPlan> {
        let names: Vec<Expr> = experiments.iter().map(|name| lit(name.as_str())).collect();
        let claims = |plan: LogicalPlanBuilder, stands: bool| {
            let columns = compare::COLUMNS.map(|name| of("attempts", name).alias(name));
            let wanted = of("attempts", "experiment").in_list(names.clone(), false);
            plan.filter(wanted)?.project(columns.into_iter().chain([lit(stands).alias("stands")]))
        };
        let standing = claims(self.standing()?, true)?;
        if self.superseded.is_empty() {
            return standing.build();
        }
        let others = scan("attempts", &self.attempts)?;
        let others = claims(self.without_superseded(others, "attempts", JoinType::LeftSemi)?, false)?;
        standing.union(others.build()?)?.build()
    }

    /// The attempts that stand of these runs, as [`claims`](Self::claims) has them.
    pub(crate) fn claims_of(&self, runs: &RecordBatch) -> Result<LogicalPlan> {
        let columns = compare::COLUMNS.map(|name| of("attempts", name).alias(name));
        let on = (vec![Column::new(Some("attempts"), "run_id")], vec![Column::new(Some("wanted"), "run_id")]);
        let wanted = mem("wanted", std::slice::from_ref(runs))?.build()?;
        let plan = self.standing()?.join(wanted, JoinType::LeftSemi, on, None)?;
        plan.project(columns.into_iter().chain([lit(true).alias("stands")]))?.build()
    }

    fn attempts(&self, paths: Option<&BTreeSet<Path>>) -> Result<LogicalPlan> {
        let extra = |stands: bool| vec![lit(false).alias("reused"), lit(stands).alias("stands")];
        let standing = self.standing()?.project_with(extra(true))?;
        if self.superseded.is_empty() {
            return self.shown(standing, paths, None);
        }
        let others = scan("attempts", &self.attempts)?;
        let others =
            self.without_superseded(others, "attempts", JoinType::LeftSemi)?.project_with(extra(false))?;
        self.shown(standing.project_flat()?.union(others.project_flat()?.build()?)?, paths, None)
    }

    /// What people see of attempts: readable columns, and the paths asked for.
    pub(super) fn shown(
        &self,
        plan: LogicalPlanBuilder,
        paths: Option<&BTreeSet<Path>>,
        experiment: Option<&str>,
    ) -> Result<LogicalPlan> {
        let stands = plan.schema().has_column_with_unqualified_name("stands");
        let plan = self.with_derived(plan.project_flat()?, paths, experiment)?;
        // Expressions are added to what is shown here.
        let asked =
            |path: &Path| paths.is_none_or(|paths| paths.contains(path)) && !self.catalog.is_expression(path);
        let mut columns: Vec<Expr> = BEFORE.iter().map(|name| self.core(name)).collect();
        if stands {
            columns.push(col("stands"));
        }
        match experiment {
            None => {
                for (path, kinds) in self.catalog.paths.iter().filter(|(path, _)| asked(path)) {
                    columns.push(self.path(path, kinds).alias(path.shown()));
                }
            }
            Some(name) => {
                let is_there = |path: &Path| path.root != Root::Derived || asked(path);
                let all = self.catalog.plain_names(name, &core_names());
                for (path, plain) in all.into_iter().filter(|(path, _)| is_there(path)) {
                    let kinds = &self.catalog.experiments[name][&path];
                    columns.push(self.path(&path, kinds).alias(plain));
                }
            }
        }
        columns.extend(AFTER.iter().map(|name| self.core(name)));
        plan.project(columns)?.build()
    }

    /// A core column as people see it, from the stored ones.
    fn core(&self, name: &str) -> Expr {
        match (name, self.coordinates.replicate()) {
            // Where an operation takes no seeds, the replicate is that of its inputs.
            ("replicate", Some(lookup)) => {
                coalesce(vec![col(name), lookup::value(lookup, cell())]).alias(name)
            }
            ("tags", _) => match &self.case_tags {
                Some(tags) => tags::of_cell(tags, col(name), cell()).alias(name),
                None => core(name),
            },
            _ => core(name),
        }
    }

    /// A path's value: of its own type if it has one, of numbers if all are numbers, else text.
    fn path(&self, path: &Path, kinds: &Kinds) -> Expr {
        let target = match kinds.iter().copied().collect::<Vec<_>>().as_slice() {
            [one] => *one,
            [Kind::F64, Kind::I64] => Kind::F64,
            _ => Kind::Text,
        };
        let target_type = arrow_type(target);
        let mut parts = Vec::new();
        for kind in kinds {
            let convert = |value: Expr| {
                if arrow_type(*kind) == target_type { value } else { cast(value, target_type.clone()) }
            };
            match path.root {
                Root::Upstream => {
                    let lookup = self.coordinates.column(path, *kind);
                    parts.extend(lookup.map(|lookup| convert(lookup::value(lookup, cell()))));
                }
                Root::Derived => parts.push(convert(col(&path.stored(*kind)))),
                _ => parts.extend(self.stored_values(path, *kind).into_iter().map(convert)),
            }
        }
        match parts.len() {
            // In another store, perhaps.
            0 => cast(lit(ScalarValue::Null), target_type),
            1 => parts.remove(0),
            _ => coalesce(parts),
        }
    }

    /// The values of a path of one type as attempts have them: in its own column, in the overflow, or in both.
    pub(super) fn stored_values(&self, path: &Path, kind: Kind) -> Vec<Expr> {
        let stored = path.stored(kind);
        let schema = &self.attempts.schema;
        let mut values = Vec::new();
        if schema.column_with_name(&stored).is_some() {
            values.push(col(&stored));
        }
        if schema.column_with_name(OVERFLOW).is_some() {
            let value = overflow::function().call(vec![col(OVERFLOW), lit(overflow::column_name(&stored))]);
            values.push(cast(value, arrow_type(kind)));
        }
        values
    }

    fn series(&self) -> Result<LogicalPlan> {
        let plan = self.without_superseded(scan("series", &self.series)?, "series", JoinType::LeftAnti)?;
        let id = || hex(of("series", "run_id"));
        let columns = [
            left(id(), lit(12)).alias("id"),
            of("series", "name").alias("name"),
            of("series", "step").alias("step"),
            of("series", "value").alias("value"),
            id().alias("run_id"),
        ];
        plan.project(columns)?.build()
    }

    fn artifacts(&self) -> Result<LogicalPlan> {
        let plan =
            self.without_superseded(scan("artifacts", &self.artifacts)?, "artifacts", JoinType::LeftAnti)?;
        let id = || hex(of("artifacts", "run_id"));
        let same = |name: &str| of("artifacts", name).alias(name);
        let columns = [
            left(id(), lit(12)).alias("id"),
            same("name"),
            same("kind"),
            same("bytes"),
            same("extension"),
            same("digest"),
            id().alias("run_id"),
        ];
        plan.project(columns)?.build()
    }
}

/// The columns that tell a cell.
fn cell() -> [Expr; 3] {
    ["submission", "step", "cell"].map(col)
}

/// A core column as people see it, from the stored ones.
fn core(name: &str) -> Expr {
    let shown = match name {
        "id" => left(hex(col("run_id")), lit(12)),
        "run_id" | "output_digest" => hex(col(name)),
        "ended" => {
            let micros = cast(col("started"), DataType::Int64) + col("duration_us");
            cast(micros, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
        }
        "duration_s" => seconds(col("duration_us")),
        "cpu_s" => seconds(col("cpu_us")),
        "record" => concat(vec![col("writer"), lit("-"), cast(col("sequence"), DataType::Utf8)]),
        plain => return col(plain),
    };
    shown.alias(name)
}

pub(super) fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::F64 => DataType::Float64,
        Kind::I64 => DataType::Int64,
        Kind::Bool => DataType::Boolean,
        Kind::Text | Kind::Json => DataType::Utf8View,
    }
}

pub(super) fn scan(name: &str, stored: &Arc<Stored>) -> Result<LogicalPlanBuilder> {
    let provider: Arc<dyn TableProvider> = Arc::clone(stored) as _;
    LogicalPlanBuilder::scan(name, provider_as_source(provider), None)
}

/// Rows in memory, one batch at least.
pub(super) fn mem(name: &str, batches: &[RecordBatch]) -> Result<LogicalPlanBuilder> {
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let table = MemTable::try_new(schema, vec![batches.to_vec()])?;
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)
}

/// Projections that keep what is there.
pub(super) trait Project: Sized {
    /// All columns and these.
    fn project_with(self, more: Vec<Expr>) -> Result<Self>;
    /// All columns, without the names of tables.
    fn project_flat(self) -> Result<Self>;
}

impl Project for LogicalPlanBuilder {
    fn project_with(self, more: Vec<Expr>) -> Result<Self> {
        let all: Vec<Expr> = self.schema().columns().into_iter().map(Expr::Column).collect();
        self.project(all.into_iter().chain(more))
    }

    fn project_flat(self) -> Result<Self> {
        let all = self.schema().columns().into_iter();
        let columns: Vec<Expr> = all.map(|column| Expr::Column(column.clone()).alias(column.name)).collect();
        self.project(columns)
    }
}
