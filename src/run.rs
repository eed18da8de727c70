//! Running an experiment with the usual surroundings.

use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use metalab_engine::capture::LogLevel;
use metalab_engine::experiment::Experiment;
use metalab_engine::journal::Durability;
use metalab_engine::plan::Rerun;
use metalab_engine::results::Results;
use metalab_engine::running::{Executor, Handle, RunError, Runner};
use metalab_engine::schedule::{FailurePolicy, Policy, Retries};
use metalab_engine::store::{Store, StoreError};
use metalab_executors::{Processes, Threads};

use crate::progress::Drawing;
use crate::{Progress, signals};

/// Runs an experiment: a builder that is awaited, or ended by [`RunBuilder::blocking`] or [`RunBuilder::start`].
///
/// The store is `./runs` and one thread per core executes, unless said otherwise.
///
/// ```no_run
/// # async fn example(experiment: metalab::Experiment) -> metalab::Result<()> {
/// let results = metalab::run(experiment).store("./runs").progress(true).await?.result().await?;
/// println!("{}", results.table());
/// # Ok(())
/// # }
/// ```
pub fn run(experiment: Experiment) -> RunBuilder {
    RunBuilder {
        experiment,
        store: Ok(None),
        executor: Ok(None),
        policy: Policy::default(),
        rerun: Rerun::default(),
        durability: Durability::Full,
        timeout: None,
        scratch: None,
        log_level: LogLevel::default(),
        progress: Progress::none(),
        signals: false,
    }
}

/// An experiment with the store and the rules it runs under; see [`run`].
#[derive(Debug)]
#[must_use = "a run does nothing until it is awaited, or `.blocking()` or `.start()` is called"]
pub struct RunBuilder {
    experiment: Experiment,
    store: std::result::Result<Option<Store>, StoreError>,
    executor: Result<Option<Arc<dyn Executor>>, RunError>,
    policy: Policy,
    rerun: Rerun,
    durability: Durability,
    timeout: Option<Duration>,
    scratch: Option<PathBuf>,
    log_level: LogLevel,
    progress: Progress,
    signals: bool,
}

/// What [`RunBuilder::store`] takes: a locator (a path, `memory://`), or an open [`Store`].
pub trait IntoStore {
    /// Opens the store, or creates it where nothing is.
    ///
    /// # Errors
    /// When it cannot be used.
    fn into_store(self) -> std::result::Result<Store, StoreError>;
}

impl IntoStore for &str {
    fn into_store(self) -> std::result::Result<Store, StoreError> {
        Store::create(self)
    }
}

impl IntoStore for String {
    fn into_store(self) -> std::result::Result<Store, StoreError> {
        Store::create(&self)
    }
}

impl IntoStore for &Path {
    fn into_store(self) -> std::result::Result<Store, StoreError> {
        Store::create(&self.to_string_lossy())
    }
}

impl IntoStore for PathBuf {
    fn into_store(self) -> std::result::Result<Store, StoreError> {
        self.as_path().into_store()
    }
}

impl IntoStore for Store {
    fn into_store(self) -> std::result::Result<Store, StoreError> {
        Ok(self)
    }
}

impl IntoStore for &Store {
    fn into_store(self) -> std::result::Result<Store, StoreError> {
        Ok(self.clone())
    }
}

impl RunBuilder {
    /// The store: a path, `memory://`, or an open [`Store`]. A folder that is not there is created.
    pub fn store(mut self, store: impl IntoStore) -> Self {
        self.store = store.into_store().map(Some);
        self
    }

    /// What executes the runs.
    pub fn executor(mut self, executor: impl Executor + 'static) -> Self {
        self.executor = Ok(Some(Arc::new(executor)));
        self
    }

    /// Executes the runs in up to so many processes, 0 for one per core: a crash is one failed run, and what takes too
    /// long is killed. The program must begin with [`init`](crate::init) (or have `#[metalab::main]`); more can be said
    /// by [`Processes::builder`] and [`RunBuilder::executor`].
    ///
    /// ```no_run
    /// # fn experiment() -> metalab::Experiment { metalab::Experiment::new("x", "1") }
    /// #[metalab::main]
    /// fn main() -> metalab::Result<()> {
    ///     metalab::run(experiment()).processes(4).blocking()?;
    ///     Ok(())
    /// }
    /// ```
    pub fn processes(mut self, processes: usize) -> Self {
        self.executor =
            Processes::new(processes).map(|executor| Some(Arc::new(executor) as Arc<dyn Executor>));
        self
    }

    /// Draws progress on standard error: `true` for a bar on a terminal and a line now and then elsewhere, or a
    /// [`Progress`] that says more.
    pub fn progress(mut self, progress: impl Into<Progress>) -> Self {
        self.progress = progress.into();
        self
    }

    /// Listens to Ctrl-C (and SIGTERM): once lets running runs finish, twice stops them.
    pub fn signals(mut self, listen: bool) -> Self {
        self.signals = listen;
        self
    }

    /// Starts nothing new after the first failed run. By default the others go on.
    pub fn fail_fast(mut self) -> Self {
        self.policy.failure = FailurePolicy::FailFast;
        self
    }

    /// Tries failed runs again, up to `most` times, after `backoff` and then twice as long each time.
    pub fn retries(mut self, most: u32, backoff: Duration) -> Self {
        self.policy.retries = Retries { most, backoff };
        self
    }

    /// The longest a run may take.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// What is to run again although it was done.
    pub fn rerun(mut self, rerun: Rerun) -> Self {
        self.rerun = rerun;
        self
    }

    /// How much a power cut may take back; a killed program loses nothing under either.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The folder in which runs get their scratch folders.
    pub fn scratch(mut self, folder: impl Into<PathBuf>) -> Self {
        self.scratch = Some(folder.into());
        self
    }

    /// Which events of `tracing` inside operations become lines of their logs: information, warnings and errors by default.
    ///
    /// They reach the program's own subscriber as well, whatever is said here.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = level;
        self
    }

    fn runner(self) -> Result<(Runner, Option<Drawing>, bool), RunError> {
        let drawing = self.progress.check()?;
        let store = match self.store? {
            Some(store) => store,
            None => Store::create("./runs")?,
        };
        let executor = match self.executor? {
            Some(executor) => executor,
            None => Arc::new(Threads::new(0)?),
        };
        let mut runner = Runner::new(self.experiment, store, executor)
            .policy(self.policy)
            .rerun(self.rerun)
            .log_level(self.log_level)
            .durability(self.durability);
        if let Some(limit) = self.timeout {
            runner = runner.timeout(limit);
        }
        if let Some(folder) = self.scratch {
            runner = runner.scratch(folder);
        }
        Ok((runner, drawing, self.signals))
    }

    /// Starts and returns when the intent is durable, blocking the thread until then.
    ///
    /// # Errors
    /// When the experiment is wrong or the store cannot be used.
    pub fn start(self) -> Result<Handle, RunError> {
        let (runner, drawing, listen) = self.runner()?;
        let handle = runner.start()?;
        surround(&handle, drawing, listen);
        Ok(handle)
    }

    /// Runs to the end, blocking the thread; works inside and outside of any runtime.
    ///
    /// # Errors
    /// When the submission could not be carried out. Failed runs are no error: see [`Results::ok`].
    pub fn blocking(self) -> Result<Results, RunError> {
        let (runner, drawing, listen) = self.runner()?;
        let handle = runner.start()?;
        surround(&handle, drawing, listen);
        handle.wait()
    }
}

fn surround(handle: &Handle, drawing: Option<Drawing>, listen: bool) {
    if listen {
        signals::listen(handle);
    }
    if let Some(drawing) = drawing {
        drawing.draw(handle);
    }
}

impl IntoFuture for RunBuilder {
    type Output = Result<Handle, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (runner, drawing, listen) = self.runner()?;
            let handle = runner.start_async().await?;
            surround(&handle, drawing, listen);
            Ok(handle)
        })
    }
}
