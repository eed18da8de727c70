//! A session: asks, and gives answers.

use std::sync::{Arc, MutexGuard, PoisonError};

use datafusion::execution::FunctionRegistry;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use metalab_engine::record::KeptExpression;
use metalab_engine::store::Store;
use tokio::sync::Mutex;

use super::asking::{Inner, look};
use super::catalog::Word;
use super::guard::{Question, one_line, parse};
use super::limits::{Threads, environment};
use super::listing::Listing;
use super::options::{Column, Options, Vocabulary};
use super::planning::{ALL, THIS};
use super::stream::{Rows, channel};
use super::{number, statistics};
use crate::answer::Answer;
use crate::error::QueryError;
use crate::past::{self, AsOf};

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
            past: Mutex::default(),
            warnings: std::sync::Mutex::new(warnings),
            attached_warnings: std::sync::Mutex::default(),
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

    /// Names of all functions, sorted: of single values, of groups, of windows, and of tables.
    pub fn functions(&self) -> Vec<String> {
        self.inner.functions()
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
        let warnings = warnings.into_iter().map(|warning| format!("store `{name}`: {warning}"));
        said(&self.inner.attached_warnings).extend(warnings);
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

    /// What is wrong with the tables, in words, also with those of attached stores; answers are right all the same.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = said(&self.inner.warnings).clone();
        warnings.extend_from_slice(&said(&self.inner.attached_warnings));
        warnings
    }
}

fn said(warnings: &std::sync::Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    warnings.lock().unwrap_or_else(PoisonError::into_inner)
}
