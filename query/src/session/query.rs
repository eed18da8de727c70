//! A session: asks, and gives answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::CatalogProviderList;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider, SchemaProvider,
};
use datafusion::common::SchemaError;
use datafusion::datasource::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Statement};
use futures::TryStreamExt;
use metalab_engine::record::KeptExpression;
use metalab_engine::store::Store;
use tokio::sync::Mutex;

use super::catalog::{Catalog, Others, Relation, Word};
use super::contents::{self, Contents};
use super::derived;
use super::expressions::View;
use super::guard::{Question, one_line, parse};
use super::limits::{Threads, environment};
use super::listing::Listing;
use super::rewrite::rewrite;
use super::stream::{Rows, Sink, channel};
use super::suggest::nearest;
use super::views::{Sources, core_names};
use super::world::World;
use super::{number, statistics};
use crate::answer::Answer;
use crate::error::QueryError;
use crate::fold::{fold_here, settled};
use crate::past::{self, AsOf};
use crate::tables::Tables;

/// Records beyond the tables from which on a session folds first.
const WORTH_A_FOLD: u64 = 10_000;

/// What a session may take, and whether it may fold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Bytes of memory all queries of the session may use; without it half of the machine's, 2 GiB at most.
    pub memory: Option<u64>,
    /// How long one query may take; without it as long as it takes.
    pub time: Option<Duration>,
    /// Fold first when many records are not in the tables yet and the store is writable. Answers are the same either way.
    pub fold: bool,
    /// Look at the store as it was; nothing is folded then, and the journal is read as a whole.
    pub as_of: Option<AsOf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory: None, time: None, fold: true, as_of: None }
    }
}

/// A column of a table, as [`Session::columns`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// The name as it is written in SQL.
    pub name: String,
    /// Its type in SQL words.
    pub kind: String,
}

/// A table, as [`Session::vocabulary`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownTable {
    /// The name; in SQL it stands in double quotes unless it is a plain word.
    pub name: String,
    /// The experiment whose runs it shows, for the view of an experiment.
    pub experiment: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// All names that can be written in a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vocabulary {
    /// The tables.
    pub tables: Vec<KnownTable>,
    /// The functions, sorted.
    pub functions: Vec<String>,
}

/// The schema of all stores together.
pub(crate) const ALL: &str = "all";

/// The session's own store, among all.
const THIS: &str = "this";

/// Functions that the planner does not know: they are put into other words before.
const OWN: [&str; 7] =
    ["argmax", "argmin", "artifact_rows", "downstream_of", "run", "short_id", "upstream_of"];

/// Read-only SQL over one store.
///
/// Every question sees all records that are in the journal when it is asked, folded or not, so also runs of an
/// experiment that is still at work.
///
/// ```
/// use metalab_engine::store::Store;
/// use metalab_query::{Options, Session};
///
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let store = Store::memory()?;
/// let session = Session::open(&store, Options::default()).await?;
/// let answer = session.sql("SELECT count(*) AS runs FROM runs").await?;
/// assert_eq!(answer.to_csv()?, "runs\n0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    options: Options,
    memory: u64,
    threads: Threads,
    state: SessionState,
    world: Mutex<World>,
    /// Other stores, by the names they have in questions.
    attached: Mutex<BTreeMap<String, World>>,
    warnings: std::sync::Mutex<Vec<String>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.inner.store.describe())
    }
}

/// Asks one question of a store, from code without a runtime; also fine inside one.
///
/// # Errors
/// As for [`Session::open`] and [`Session::sql`].
pub fn query_blocking(store: &Store, sql: &str, options: Options) -> Result<Answer, QueryError> {
    futures::executor::block_on(async { Session::open(store, options).await?.sql(sql).await })
}

impl Session {
    /// Opens a session over a store; nothing is written, unless `options.fold` finds much to fold.
    ///
    /// Tables that are damaged are not used: everything is then read from the journal, and
    /// [`warnings`](Self::warnings) says so.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn open(store: &Store, options: Options) -> Result<Self, QueryError> {
        let threads = Threads::start()?;
        let (runtime, memory) = environment(options.memory)?;
        let mut config = SessionConfig::new().with_information_schema(false);
        let settings = config.options_mut();
        settings.optimizer.repartition_file_min_size = 1 << 20;
        settings.execution.collect_statistics = false;
        settings.execution.parquet.schema_force_view_types = true;
        settings.execution.time_zone = Some("UTC".into());
        settings.catalog.create_default_catalog_and_schema = false;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .build();
        let mut state = state;
        let register = |error| QueryError::Sql { message: one_line(&error) };
        state.register_udf(number::function()).map_err(register)?;
        for function in statistics::functions() {
            state.register_udaf(function).map_err(register)?;
        }
        let store = match &options.as_of {
            Some(moment) => &past::store(store, moment)?,
            None => store,
        };
        let (at, fold) = (store.clone(), options.fold);
        let (world, warnings) = threads.run(async move { look(&at, fold).await }, None).await?;
        let inner = Inner {
            store: store.clone(),
            options,
            memory,
            threads,
            state,
            world: Mutex::new(world),
            attached: Mutex::default(),
            warnings: std::sync::Mutex::new(warnings),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Answers a question: one SELECT, WITH, VALUES, EXPLAIN, SHOW or DESCRIBE.
    ///
    /// # Errors
    /// When the text is not such a statement, names what is not there, or takes more memory or time than it may.
    pub async fn sql(&self, text: &str) -> Result<Answer, QueryError> {
        self.ask(parse(text)?).await
    }

    /// Answers a question that was put together from parts.
    ///
    /// # Errors
    /// When a part is no expression, or as [`sql`](Self::sql).
    pub async fn list(&self, listing: &Listing) -> Result<Answer, QueryError> {
        self.ask(listing.question()?).await
    }

    /// The rows of a question put together from parts, as they are computed: for more than fits in memory. The time
    /// limit of the session does not count here.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn stream(&self, listing: &Listing) -> Result<Rows, QueryError> {
        let question = listing.question()?;
        let inner = Arc::clone(&self.inner);
        let (sink, source) = channel();
        let task = self.inner.threads.spawn(async move { inner.pour(question, sink).await })?;
        source.rows(task).await
    }

    /// Names of all functions: of single values, of groups, and of windows.
    pub fn functions(&self) -> Vec<String> {
        let state = &self.inner.state;
        let names = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
        let names: BTreeSet<&String> = names.chain(state.window_functions().keys()).collect();
        names.into_iter().cloned().collect()
    }

    async fn ask(&self, question: Question) -> Result<Answer, QueryError> {
        let inner = Arc::clone(&self.inner);
        let limit = self.inner.options.time;
        let answer = self.inner.threads.run(async move { inner.answer(question).await }, limit).await;
        match answer {
            Err(QueryError::OutOfMemory { .. }) => Err(QueryError::OutOfMemory { limit: self.inner.memory }),
            other => other,
        }
    }

    /// Names of all tables.
    pub async fn tables(&self) -> Vec<String> {
        let catalog = self.inner.world.lock().await.catalog();
        catalog.relations().into_iter().map(|(_, name)| name).collect()
    }

    /// Columns of a table.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn columns(&self, table: &str) -> Result<Vec<Column>, QueryError> {
        let (inner, table) = (Arc::clone(&self.inner), table.to_owned());
        let word = Word { text: table, quoted: false };
        self.inner.threads.run(async move { inner.columns(&word).await }, None).await
    }

    /// Makes another store known as `name`: its tables are `name.runs`, `name.metrics`, and so on, and `all.runs` is the
    /// rows of all stores, with a column `store` that is `this` for the session's own.
    ///
    /// With a moment, it is that store as it was: a session can be attached to its own past.
    ///
    /// ```
    /// # use metalab_engine::store::Store;
    /// # use metalab_query::{Options, Session};
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # runtime.block_on(async {
    /// let (new, old) = (Store::memory()?, Store::memory()?);
    /// let session = Session::open(&new, Options::default()).await?;
    /// session.attach("old", &old, None).await?;
    /// session.attach("before", &new, Some(&"2026-01-01".parse()?)).await?;
    /// let answer = session.sql("SELECT store, count(*) AS n FROM all.runs GROUP BY store").await?;
    /// assert_eq!(answer.num_rows(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the name is no plain word, or is taken; when the store cannot be read.
    pub async fn attach(&self, name: &str, store: &Store, as_of: Option<&AsOf>) -> Result<(), QueryError> {
        let wrong = |reason| QueryError::StoreName { name: name.to_owned(), reason };
        let is_word = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_word {
            return Err(wrong("write a word of small letters, digits and underscores"));
        }
        if [ALL, THIS].contains(&name) || self.inner.attached.lock().await.contains_key(name) {
            return Err(wrong("that name is taken"));
        }
        let store = match as_of {
            Some(moment) => past::store(store, moment)?,
            None => store.clone(),
        };
        let (mut world, warnings) =
            self.inner.threads.run(async move { look(&store, false).await }, None).await?;
        world.call(name);
        self.inner.attached.lock().await.insert(name.to_owned(), world);
        self.inner.warnings.lock().unwrap_or_else(|broken| broken.into_inner()).extend(warnings);
        Ok(())
    }

    /// All tables with their columns, and all functions: what a shell completes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn vocabulary(&self) -> Result<Vocabulary, QueryError> {
        let inner = Arc::clone(&self.inner);
        self.inner.threads.run(async move { inner.vocabulary().await }, None).await
    }

    /// Checks an expression that shall be kept as the derived metric `name`, of one experiment or of all runs; gives the
    /// type of its values in SQL words.
    ///
    /// ```
    /// # use metalab_engine::store::Store;
    /// # use metalab_query::{Options, Session};
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # runtime.block_on(async {
    /// let session = Session::open(&Store::memory()?, Options::default()).await?;
    /// assert_eq!(session.check_expression("minutes", None, "duration_s / 60").await?, "double");
    /// assert!(session.check_expression("mean", None, "avg(duration_s)").await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it is no SQL expression about one run, names what is not there, or refers to itself.
    pub async fn check_expression(
        &self,
        name: &str,
        experiment: Option<&str>,
        expression: &str,
    ) -> Result<String, QueryError> {
        let inner = Arc::clone(&self.inner);
        let kept = KeptExpression {
            name: name.to_owned(),
            experiment: experiment.map(str::to_owned),
            expression: Some(expression.to_owned()),
            time: i64::MAX,
        };
        self.inner.threads.run(async move { inner.check(kept).await }, None).await
    }

    /// What was wrong with the tables when the session was opened, in words; answers are right all the same.
    pub fn warnings(&self) -> Vec<String> {
        self.inner.warnings.lock().unwrap_or_else(|broken| broken.into_inner()).clone()
    }
}

/// Looks at a store, and folds first if that is worth it.
async fn look(store: &Store, fold: bool) -> Result<(World, Vec<String>), QueryError> {
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

impl Inner {
    async fn answer(&self, question: Question) -> Result<Answer, QueryError> {
        self.refresh().await?;
        match question {
            Question::Tables => {
                let catalog = self.world.lock().await.catalog();
                let names = catalog.relations().into_iter().map(|(_, name)| name);
                list(vec![("table", names.collect())])
            }
            Question::Columns(name) => {
                let columns = self.columns(&table_word(&name)?).await?;
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

    async fn columns(&self, word: &Word) -> Result<Vec<Column>, QueryError> {
        let mut world = self.world.lock().await;
        let (relation, _) = world.catalog().relation(word)?;
        if relation.experiment().is_some() && world.is_unattributed() {
            self.attribute(&mut world).await?;
        }
        let sources = world.sources(false)?;
        drop(world);
        self.columns_of(&sources, &relation)
    }

    fn columns_of(&self, sources: &Sources, relation: &Relation) -> Result<Vec<Column>, QueryError> {
        let plan = View { state: &self.state, sources, relation, paths: None }.plan()?;
        let column =
            |field: &Arc<Field>| Column { name: field.name().clone(), kind: kind(field.data_type()) };
        Ok(plan.schema().fields().iter().map(column).collect())
    }

    /// All that can be written in a question.
    async fn vocabulary(&self) -> Result<Vocabulary, QueryError> {
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
        let mut functions: BTreeSet<String> = self.state.scalar_functions().keys().cloned().collect();
        functions.extend(self.state.aggregate_functions().keys().cloned());
        functions.extend(self.state.window_functions().keys().cloned());
        functions.extend(OWN.iter().map(|name| (*name).to_owned()));
        Ok(Vocabulary { tables, functions: functions.into_iter().collect() })
    }

    async fn check(&self, kept: KeptExpression) -> Result<String, QueryError> {
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

    async fn plan(&self, statement: &Statement) -> Result<Planned, QueryError> {
        let mut statement = statement.clone();
        let core = core_names();
        let mut world = self.world.lock().await;
        self.register(&world)?;
        let written = statement.clone();
        let mut attached = self.attached.lock().await;
        for other in attached.values_mut() {
            other.refresh()?;
            self.register(other)?;
        }
        let others: Others = attached.iter().map(|(name, world)| (name.clone(), world.catalog())).collect();
        let mut uses = rewrite(&mut statement, &world.catalog(), &others, &core)?;
        if world.is_unattributed() && uses.relations.values().any(|used| used.experiment().is_some()) {
            self.attribute(&mut world).await?;
            statement = written;
            uses = rewrite(&mut statement, &world.catalog(), &others, &core)?;
        }
        let detailed =
            |used: &Relation| matches!(used, Relation::Metrics | Relation::Lineage | Relation::Data);
        let with_details = !uses.walks.is_empty() || uses.relations.values().any(detailed);
        let cells = |used: &Relation| {
            matches!(
                used,
                Relation::Runs | Relation::Run(_) | Relation::Experiments | Relation::Experiment(_)
            )
        };
        let of_experiment = uses.contents.values().any(|asked| asked.experiment.is_some());
        if of_experiment || uses.relations.values().any(cells) {
            self.compare(&mut world).await?;
        }
        let mut sources = world.sources(with_details)?;
        let mut stores = BTreeMap::new();
        if !uses.stores.is_empty() {
            let merged = Arc::new(Catalog::merged(&world.catalog(), &others));
            sources.catalog = Arc::clone(&merged);
            for (name, other) in attached.iter_mut() {
                self.compare(other).await?;
                let mut sources = other.sources(with_details)?;
                sources.catalog = Arc::clone(&merged);
                stores.insert(name.clone(), sources);
            }
        }
        drop(attached);
        let mut walks = Vec::new();
        for (name, walk) in &uses.walks {
            walks.push((name.clone(), walk, world.run(walk.direction.function(), &walk.run)?));
        }
        for relation in uses.relations.values_mut() {
            if let Relation::Run(prefix) = relation {
                *prefix = world.run("run", prefix)?.0.to_hex();
            }
        }
        let reader = (!uses.contents.is_empty()).then(|| world.reader());
        drop(world);
        let mut walked = Vec::new();
        for (name, walk, beginning) in walks {
            let edges = self.rows(sources.edges()).await?;
            let reached = walk.go(beginning, &edges)?;
            walked.push((name, sources.walked(&reached).map_err(|error| self.failed(&error, &[]))?));
        }
        if let Some(reader) = reader {
            for (name, asked) in &uses.contents {
                walked.push((name.clone(), self.contents(asked, &sources, &reader).await?));
            }
        }
        let paths = (!uses.all).then_some(&uses.paths);
        let tables: Vec<(String, Relation)> = uses.relations.into_iter().collect();
        let known = self.known(&sources, &tables);
        let failed = |error: DataFusionError| self.failed(&error, &known);
        let mut views = Vec::new();
        for (name, relation) in &tables {
            let view = |sources| View { state: &self.state, sources, relation, paths }.plan();
            let plan = match uses.stores.get(name).map(String::as_str) {
                None => view(&sources)?,
                Some(ALL) => {
                    let own = (THIS, &sources);
                    let others = stores.iter().map(|(name, sources)| (name.as_str(), sources));
                    let all = std::iter::once(own).chain(others);
                    let plans = all.map(|(store, sources)| Ok((store, view(sources)?)));
                    together(plans.collect::<Result<_, QueryError>>()?)
                        .map_err(|error| self.failed(&error, &[]))?
                }
                Some(store) => match stores.get(store) {
                    Some(sources) => view(sources)?,
                    None => return Err(QueryError::NoTable { table: name.clone(), nearest: None }),
                },
            };
            views.push((name.clone(), plan));
        }
        views.extend(walked);
        let state = self.with_views(views).map_err(failed)?;
        let plan = state.statement_to_plan(Parsed::Statement(Box::new(statement))).await.map_err(failed)?;
        verify(&plan)?;
        Ok(Planned { state, plan, known })
    }

    /// Sends the rows of a question where they are read.
    async fn pour(&self, question: Question, sink: Sink) {
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

    /// Says where the files of a store's tables are.
    fn register(&self, world: &World) -> Result<(), QueryError> {
        if let Some(files) = &world.tables.files {
            let address = url::Url::parse(world.address())
                .map_err(|error| QueryError::Sql { message: error.to_string() })?;
            self.state.runtime_env().register_object_store(&address, files.object_store());
        }
        Ok(())
    }

    /// Finds out which experiments have which derived metrics.
    async fn attribute(&self, world: &mut World) -> Result<(), QueryError> {
        self.compare(world).await?;
        let sources = world.sources(false)?;
        let found = self.rows(sources.derived_by_experiment()).await?;
        world.attribute(derived::by_experiment(&found));
        Ok(())
    }

    /// Finds out which run stands in which cell, where that was not done yet.
    async fn compare(&self, world: &mut World) -> Result<(), QueryError> {
        let Some(mut comparison) = world.uncompared() else { return Ok(()) };
        let sources = world.sources(false)?;
        comparison.take(&self.rows(sources.claims(&comparison.experiments())).await?)?;
        if let Some(runs) = world.unknown(&comparison)? {
            comparison.take(&self.rows(sources.claims_of(&runs)).await?)?;
        }
        world.compared(comparison.finish()?);
        Ok(())
    }

    /// The rows of artifacts.
    async fn contents(
        &self,
        asked: &Contents,
        sources: &Sources,
        reader: &contents::Reader,
    ) -> Result<LogicalPlan, QueryError> {
        if let Some(experiment) = &asked.experiment
            && !sources.catalog.experiments.contains_key(experiment)
        {
            let nearest = nearest(experiment, sources.catalog.experiments.keys().map(String::as_str));
            let meant = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
            return Err(QueryError::Contents { reason: format!("no experiment `{experiment}`{meant}") });
        }
        let held = self.rows(sources.holders(asked)).await?;
        let held = contents::Holder::of(asked, &held)
            .map_err(QueryError::table("artifacts", "listing artifacts"))?;
        if held.is_empty() {
            let reason = format!(
                "no run has `{}`; `SELECT DISTINCT name FROM artifacts` lists what there is",
                asked.name
            );
            return Err(QueryError::Contents { reason });
        }
        let found = contents::look(asked, held, reader.clone(), self.memory).await;
        if let Some(warning) = &found.warning {
            let mut warnings = self.warnings.lock().unwrap_or_else(|broken| broken.into_inner());
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        contents::plan(found).map_err(|error| self.failed(&error, &[]))
    }

    /// The rows of a plan of our own.
    async fn rows(&self, plan: Result<LogicalPlan, DataFusionError>) -> Result<Vec<RecordBatch>, QueryError> {
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

    /// The state of one query: the session's, with just the views it names.
    fn with_views(&self, views: Vec<(String, LogicalPlan)>) -> Result<SessionState, DataFusionError> {
        let schema = MemorySchemaProvider::new();
        for (name, plan) in views {
            schema.register_table(name, Arc::new(ViewTable::new(plan, None)))?;
        }
        let catalog = MemoryCatalogProvider::new();
        let defaults = &self.state.config_options().catalog;
        catalog.register_schema(&defaults.default_schema, Arc::new(schema))?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(defaults.default_catalog.clone(), Arc::new(catalog));
        let builder = SessionStateBuilder::new_from_existing(self.state.clone());
        Ok(builder.with_catalog_list(Arc::new(catalogs)).build())
    }

    /// Names that a misspelt column may have meant.
    fn known(&self, sources: &Sources, tables: &[(String, Relation)]) -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for (_, relation) in tables {
            if let Ok(plan) = sources.plan(relation, None) {
                known.extend(plan.schema().fields().iter().map(|field| field.name().clone()));
            }
        }
        known
    }

    /// DataFusion's error in our words.
    fn failed(&self, error: &DataFusionError, known: &[String]) -> QueryError {
        match error.find_root() {
            DataFusionError::SchemaError(inner, _) => match &**inner {
                SchemaError::FieldNotFound { field, valid_fields } => {
                    let names = valid_fields.iter().map(|column| column.name.as_str());
                    let names = names.chain(known.iter().map(String::as_str));
                    QueryError::NoColumn {
                        column: field.name.clone(),
                        table: field.relation.as_ref().map(|table| table.table().to_owned()),
                        nearest: nearest(&field.name, names),
                    }
                }
                SchemaError::AmbiguousReference { field } => QueryError::Sql {
                    message: format!(
                        "column `{}` is in several tables: write the table before it",
                        field.name
                    ),
                },
                _ => QueryError::Sql { message: one_line(error) },
            },
            DataFusionError::ResourcesExhausted(_) => QueryError::OutOfMemory { limit: self.memory },
            DataFusionError::ObjectStore(source) => {
                QueryError::table("attempts", "reading a file")(source.to_string())
            }
            DataFusionError::ParquetError(source) => {
                QueryError::table("attempts", "reading a file")(source.to_string())
            }
            root => {
                let message = one_line(root);
                match message
                    .strip_prefix("Error during planning: ")
                    .unwrap_or(&message)
                    .strip_prefix("Invalid function '")
                {
                    Some(rest) => {
                        let function = rest.split('\'').next().unwrap_or_default().to_owned();
                        let scalar = self.state.scalar_functions().keys();
                        let names = scalar.chain(self.state.aggregate_functions().keys());
                        let names = names.chain(self.state.window_functions().keys());
                        let nearest = nearest(&function, names.map(String::as_str));
                        QueryError::NoFunction { function, nearest }
                    }
                    None => QueryError::Sql { message },
                }
            }
        }
    }
}

/// A question that is understood.
struct Planned {
    state: SessionState,
    plan: LogicalPlan,
    /// Names that a misspelt column may have meant.
    known: Vec<String>,
}

/// The rows of several stores, with the name of each.
fn together(plans: Vec<(&str, LogicalPlan)>) -> Result<LogicalPlan, DataFusionError> {
    let named = |(store, plan): (&str, LogicalPlan)| {
        let columns = plan.schema().columns().into_iter();
        let flat = columns.map(|column| Expr::Column(column.clone()).alias(column.name)).collect::<Vec<_>>();
        LogicalPlanBuilder::from(plan).project(std::iter::once(lit(store).alias("store")).chain(flat))
    };
    let mut all: Option<LogicalPlanBuilder> = None;
    for plan in plans {
        let next = named(plan)?;
        all = Some(match all {
            Some(before) => before.union(next.build()?)?,
            None => next,
        });
    }
    match all {
        Some(all) => all.build(),
        None => LogicalPlanBuilder::empty(false).build(),
    }
}

/// A second look at what the guard let through: plans that would write are not made.
fn verify(plan: &LogicalPlan) -> Result<(), QueryError> {
    let options = datafusion::execution::context::SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| QueryError::Refused { what: "this statement".into() })
}

fn table_word(name: &ObjectName) -> Result<Word, QueryError> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => {
            Ok(Word { text: ident.value.clone(), quoted: ident.quote_style.is_some() })
        }
        _ => Err(QueryError::NoTable { table: name.to_string(), nearest: None }),
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
