//! How a submission is started.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::dispatcher::{self, Dispatch};

use super::handle::Shared;
use super::{Executor, Handle, RunError, driver};
use crate::capture::LogLevel;
use crate::context::StatCache;
use crate::experiment::Experiment;
use crate::journal::Durability;
use crate::manifest::Rules;
use crate::plan::{Plan, PlanError, Rerun};
use crate::schedule::{Policy, Resources};
use crate::store::Store;

/// An experiment with the store and the rules it runs under.
#[derive(Clone, Debug)]
pub struct Runner {
    pub(super) experiment: Experiment,
    pub(super) store: Store,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) policy: Policy,
    pub(super) rerun: Rerun,
    pub(super) durability: Durability,
    pub(super) timeout: Option<Duration>,
    pub(super) scratch: Option<PathBuf>,
    pub(super) files: Option<Arc<StatCache>>,
    pub(super) capacity: Option<Resources>,
    pub(super) log_level: LogLevel,
    /// Where events of `tracing` go besides the logs of runs.
    pub(super) outer: Dispatch,
}

impl Runner {
    /// Runs `experiment` on `store` by `executor`, with the default rules: keep going after failures, no
    /// retries, full durability.
    pub fn new(experiment: Experiment, store: Store, executor: Arc<dyn Executor>) -> Self {
        Self {
            experiment,
            store,
            executor,
            policy: Policy::default(),
            rerun: Rerun::default(),
            durability: Durability::Full,
            timeout: None,
            scratch: None,
            files: None,
            capacity: None,
            log_level: LogLevel::default(),
            outer: dispatcher::get_default(Clone::clone),
        }
    }

    /// The rules, as the manifest keeps them.
    pub(super) fn rules(&self) -> Rules {
        let Policy { failure, retries } = self.policy;
        Rules { failure, retries, timeout: self.timeout, durability: self.durability }
    }

    /// What happens after failures.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// What is to run again although it was done.
    #[must_use]
    pub fn rerun(mut self, rerun: Rerun) -> Self {
        self.rerun = rerun;
        self
    }

    /// How much a power cut may take back.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The longest a run may take. A run in a thread cannot be stopped from outside: it counts as timed out when
    /// it returns later, and [`Runtime::should_stop`](crate::operation::Runtime::should_stop) tells it. In a process of
    /// its own it is killed a second later, with all that it has started.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// The folder in which scratch folders are made; the system's temporary folder by default.
    #[must_use]
    pub fn scratch(mut self, folder: PathBuf) -> Self {
        self.scratch = Some(folder);
        self
    }

    /// What there is for steps that say what they need, instead of the cpus that the executor has.
    #[must_use]
    pub fn capacity(mut self, capacity: Resources) -> Self {
        self.capacity = Some(capacity);
        self
    }

    /// Which events of `tracing` become lines of the logs of runs; information, warnings and errors by default. Whatever
    /// the level, all events also reach the dispatcher that is the default where the runner is made.
    #[must_use]
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = level;
        self
    }

    /// Uses this stat cache instead of the store's.
    #[must_use]
    pub fn files(mut self, files: Arc<StatCache>) -> Self {
        self.files = Some(files);
        self
    }

    /// What there is for steps that say what they need: what was said, or the cpus that the executor has.
    pub(super) fn available(&self) -> Resources {
        let slots = u32::try_from(self.executor.slots()).unwrap_or(u32::MAX);
        self.capacity.clone().unwrap_or_else(|| Resources::default().cpus(slots))
    }

    /// Refuses steps that would wait for ever for what is not there.
    pub(super) fn check_resources(&self, plan: &Plan) -> Result<(), PlanError> {
        let capacity = self.available();
        for step in plan.steps() {
            if let Some((resource, needs, has)) = step.resources.exceeds(&capacity) {
                let step = step.name().to_owned();
                return Err(PlanError::Resources { step, resource, needs, has });
            }
        }
        Ok(())
    }

    /// Starts the driver on a thread of its own and returns at once; errors of the plan come with the result.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn spawn(self) -> Result<Handle, RunError> {
        let shared = Arc::new(Shared::new(&self));
        let handle = Handle(shared.clone());
        std::thread::Builder::new()
            .name("metalab-driver".into())
            .spawn(move || driver::drive(self, &shared))
            .map_err(|error| RunError::Thread { reason: error.to_string() })?;
        Ok(handle)
    }

    /// Starts the driver and waits until the intent is durable, blocking the thread.
    ///
    /// # Errors
    /// When the experiment is wrong or the store cannot be used.
    pub fn start(self) -> Result<Handle, RunError> {
        let handle = self.spawn()?;
        handle.0.wait_opened();
        handle.0.failed_to_open().map_or(Ok(handle), Err)
    }

    /// As [`Runner::start`], asynchronously under any runtime.
    ///
    /// # Errors
    /// As [`Runner::start`].
    pub async fn start_async(self) -> Result<Handle, RunError> {
        let handle = self.spawn()?;
        std::future::poll_fn(|context| match handle.0.is_opened(Some(context.waker())) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        })
        .await;
        handle.0.failed_to_open().map_or(Ok(handle), Err)
    }
}
