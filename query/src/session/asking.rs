//! How a session answers: a question is planned, carried out, and asked again when a table turns out to be gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Statement};
use futures::TryStreamExt;
use metalab_engine::record::KeptExpression;
use metalab_engine::store::Store;
use tokio::sync::Mutex;

use super::catalog::{Relation, Word};
use super::expressions::View;
use super::guard::{Question, parse};
use super::limits::Threads;
use super::options::{Column, KnownTable, Options, Vocabulary};
use super::planning::Planned;
use super::stream::Sink;
use super::views::Sources;
use super::world::World;
use crate::answer::Answer;
use crate::error::QueryError;
use crate::fold::{fold_here, settled};
use crate::tables::Tables;

/// Records beyond the tables from which on a session folds first.
const WORTH_A_FOLD: u64 = 10_000;

/// Functions that the planner does not know: they are put into other words before.
const OWN: [&str; 7] =
    ["argmax", "argmin", "artifact_rows", "downstream_of", "run", "short_id", "upstream_of"];

/// What a session is made of, shared with the threads on which its questions run.
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) options: Options,
    pub(super) memory: u64,
    pub(super) threads: Threads,
    pub(super) state: SessionState,
    pub(super) world: Mutex<World>,
    /// Other stores, by the names they have in questions.
    pub(super) attached: Mutex<BTreeMap<String, World>>,
    /// Stores at moments that the last question named.
    pub(super) past: Mutex<BTreeMap<String, World>>,
    /// About the session's own store, as of the last look at it.
    pub(super) warnings: std::sync::Mutex<Vec<String>>,
    /// About attached stores, which are looked at once.
    pub(super) attached_warnings: std::sync::Mutex<Vec<String>>,
}

impl Inner {
    pub(super) async fn answer(&self, question: Question) -> Result<Answer, QueryError> {
        self.refresh().await?;
        match question {
            Question::Tables => {
                let catalog = self.world.lock().await.catalog();
                let names = catalog.relations().into_iter().map(|(_, name)| name);
                list(vec![("table", names.collect())])
            }
            Question::Columns(name) => {
                let columns = match table_word(&name) {
                    Some(word) => self.columns(&word).await?,
                    None => self.columns_elsewhere(&name).await?,
                };
                let (names, kinds) = columns.into_iter().map(|column| (column.name, column.kind)).unzip();
                list(vec![("column", names), ("type", kinds)])
            }
            Question::Query(statement) => match self.run(&statement).await {
                // A file that vanished or is torn: its table was rebuilt, or must be.
                Err(QueryError::Table { table, source, .. }) => {
                    let warning = format!(
                        "table `{table}` is not used ({source}); `metalab store rebuild` writes it anew"
                    );
                    let (index, _) = settled(&self.store)?;
                    *self.world.lock().await = World::open(&self.store, Tables::none(), index).await?;
                    self.warnings.lock().unwrap_or_else(|broken| broken.into_inner()).push(warning);
                    self.run(&statement).await
                }
                other => other,
            },
        }
    }

    async fn refresh(&self) -> Result<(), QueryError> {
        let mut world = self.world.lock().await;
        let right = world.refresh()?;
        let full = self.options.fold && !self.store.is_read_only() && world.unfolded > 10 * WORTH_A_FOLD;
        if !right || full {
            let (new, warnings) = look(&self.store, self.options.fold).await?;
            *world = new;
            *self.warnings.lock().unwrap_or_else(|broken| broken.into_inner()) = warnings;
        }
        Ok(())
    }

    pub(super) async fn columns(&self, word: &Word) -> Result<Vec<Column>, QueryError> {
        let mut world = self.world.lock().await;
        let (relation, _) = world.catalog().relation(word)?;
        if relation.experiment().is_some() && world.is_unattributed() {
            self.attribute(&mut world).await?;
        }
        let sources = world.sources(false)?;
        drop(world);
        self.columns_of(&sources, &relation)
    }

    /// Columns of a table of another store, or of a moment.
    async fn columns_elsewhere(&self, name: &ObjectName) -> Result<Vec<Column>, QueryError> {
        let Question::Query(statement) = parse(&format!("SELECT * FROM {name}"))? else {
            return Err(QueryError::NoTable { table: name.to_string(), nearest: None });
        };
        let plan = self.plan(&statement).await?.plan;
        Ok(plan.schema().fields().iter().map(column).collect())
    }

    fn columns_of(&self, sources: &Sources, relation: &Relation) -> Result<Vec<Column>, QueryError> {
        let plan = View { state: &self.state, sources, relation, paths: None }.plan()?;
        Ok(plan.schema().fields().iter().map(column).collect())
    }

    /// All that can be written in a question.
    pub(super) async fn vocabulary(&self) -> Result<Vocabulary, QueryError> {
        let mut world = self.world.lock().await;
        if world.is_unattributed() {
            self.attribute(&mut world).await?;
        }
        let sources = world.sources(false)?;
        let relations = world.catalog().relations();
        drop(world);
        let mut tables = Vec::new();
        for (relation, name) in relations {
            let experiment = relation.experiment().map(str::to_owned);
            tables.push(KnownTable { name, experiment, columns: self.columns_of(&sources, &relation)? });
        }
        Ok(Vocabulary { tables, functions: self.functions() })
    }

    /// Names of all functions, sorted.
    pub(super) fn functions(&self) -> Vec<String> {
        let state = &self.state;
        let names = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
        let names = names.chain(state.window_functions().keys()).map(String::as_str);
        let names: BTreeSet<&str> = names.chain(OWN).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    pub(super) async fn check(&self, kept: KeptExpression) -> Result<String, QueryError> {
        let mut world = self.world.lock().await;
        let sources = world.sources(false)?;
        drop(world);
        let relation = kept.experiment.clone().map_or(Relation::Runs, Relation::Experiment);
        let view = View { state: &self.state, sources: &sources, relation: &relation, paths: None };
        Ok(kind(&view.check(&kept)?))
    }

    async fn run(&self, statement: &Statement) -> Result<Answer, QueryError> {
        let Planned { state, plan, known } = self.plan(statement).await?;
        let rows = self.execute(&state, &plan).await;
        let (schema, batches) = rows.map_err(|error| self.failed(&error, &known))?;
        Ok(Answer::new(schema, batches))
    }

    /// Sends the rows of a question where they are read.
    pub(super) async fn pour(&self, question: Question, sink: Sink) {
        let planned = match (self.refresh().await, question) {
            (Err(error), _) => Err(error),
            (Ok(()), Question::Query(statement)) => self.plan(&statement).await,
            (Ok(()), _) => Err(QueryError::Refused { what: "this statement".into() }),
        };
        let planned = match planned {
            Ok(planned) => planned,
            Err(error) => {
                return sink
                    .fill(Err::<(_, SendableRecordBatchStream), _>(error), |e| self.failed(&e, &[]))
                    .await;
            }
        };
        let failed = |error: DataFusionError| self.failed(&error, &planned.known);
        let rows = match planned.state.create_physical_plan(&planned.plan).await {
            Ok(plan) => {
                let schema = plan.schema();
                execute_stream(plan, planned.state.task_ctx()).map(|rows| (schema, rows))
            }
            Err(error) => Err(error),
        };
        sink.fill(rows.map_err(failed), failed).await;
    }

    /// The rows of a plan of our own.
    pub(super) async fn rows(
        &self,
        plan: Result<LogicalPlan, DataFusionError>,
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let plan = plan.map_err(|error| self.failed(&error, &[]))?;
        let (_, rows) = self.execute(&self.state, &plan).await.map_err(|error| self.failed(&error, &[]))?;
        Ok(rows)
    }

    async fn execute(
        &self,
        state: &SessionState,
        plan: &LogicalPlan,
    ) -> Result<(Arc<Schema>, Vec<RecordBatch>), DataFusionError> {
        let plan = state.create_physical_plan(plan).await?;
        let schema = plan.schema();
        let batches = execute_stream(plan, state.task_ctx())?.try_collect().await?;
        Ok((schema, batches))
    }
}

/// Looks at a store, and folds first if that is worth it.
pub(super) async fn look(store: &Store, fold: bool) -> Result<(World, Vec<String>), QueryError> {
    let index = || settled(store).map(|(index, _)| index);
    let mut tables = Tables::open(store, false).await?;
    let mut loaded = index()?;
    tables.check(loaded.cursor());
    if fold && !store.is_read_only() {
        let seen = tables.cursor(crate::tables::Table::Attempts);
        let new: u64 =
            loaded.cursor().iter().map(|(writer, p)| p.sequence.saturating_sub(seen.sequence(writer))).sum();
        if new > WORTH_A_FOLD {
            match fold_here(store, false).await {
                Ok(_) => {
                    tables = Tables::open(store, false).await?;
                    loaded = index()?;
                }
                // A question is answered without tables too: a full disk is no reason to refuse it.
                Err(error) => tracing::warn!(%error, "the tables could not be folded before the query"),
            }
        }
    }
    let damaged = |table: &str, why: &str| {
        format!("table `{table}` is not used ({why}); `metalab store rebuild` writes it anew")
    };
    let mut warnings: Vec<String> =
        tables.damage.iter().map(|(table, why)| damaged(table.name(), why)).collect();
    match World::open(store, tables, loaded).await {
        Ok(world) => Ok((world, warnings)),
        Err(QueryError::Table { table, source, .. }) => {
            warnings.push(damaged(table, &source.to_string()));
            Ok((World::open(store, Tables::none(), index()?).await?, warnings))
        }
        Err(error) => Err(error),
    }
}

/// The name of a table of the session's own store, without one of a store before it.
fn table_word(name: &ObjectName) -> Option<Word> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => {
            Some(Word { text: ident.value.clone(), quoted: ident.quote_style.is_some() })
        }
        _ => None,
    }
}

/// Text columns as an answer.
fn list(columns: Vec<(&str, Vec<String>)>) -> Result<Answer, QueryError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, values)| Arc::new(StringArray::from(values)) as _).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays);
    let batch = batch.map_err(|error| QueryError::Sql { message: error.to_string() })?;
    Ok(Answer::new(schema, vec![batch]))
}

fn column(field: &Arc<Field>) -> Column {
    Column { name: field.name().clone(), kind: kind(field.data_type()) }
}

/// A type in words people know.
fn kind(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text".into(),
        DataType::Int64 | DataType::UInt64 | DataType::Int32 => "integer".into(),
        DataType::Float64 => "double".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Decimal128(..) => "decimal".into(),
        other => other.to_string().to_lowercase(),
    }
}
