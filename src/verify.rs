//! Executing finished runs again, to see whether they come out as they did.

use metalab_engine::experiment::Experiment;
use metalab_engine::id::RunId;
use metalab_engine::inspect::{VerifyError, VerifyReport, forecast, verified};
use metalab_engine::plan::{Rerun, Sample};
use metalab_engine::running::{Executor, RunError};
use metalab_engine::store::{Store, StoreError};

use crate::IntoStore;
use crate::run::{RunBuilder, run};

/// Executes a sample of an experiment's finished runs again and compares outputs, artifacts and metrics.
///
/// What stands is not touched: the first success of a run stays what is reused. The new executions are recorded, as
/// a submission of the experiment.
///
/// ```
/// use metalab::Experiment;
///
/// #[metalab::operation]
/// fn square(x: f64) -> f64 {
///     x * x
/// }
///
/// # fn main() -> metalab::Result<()> {
/// let store = metalab::Store::memory()?;
/// let experiment = Experiment::new("squares", "1").sweep(Square::grid().x([1.0, 2.0, 3.0]));
/// metalab::run(experiment.clone()).store(&store).blocking()?;
/// let report = metalab::verify(experiment).store(&store).replay(0.5).seed(7).blocking()?;
/// assert_eq!((report.checked, report.equal), (2, 2));
/// # Ok(())
/// # }
/// ```
pub fn verify(experiment: Experiment) -> VerifyBuilder {
    VerifyBuilder {
        run: run(experiment.clone()),
        experiment,
        store: Ok(None),
        size: Size::Share(0.01),
        seed: 0,
        operation: None,
    }
}

/// An experiment and which of its runs to execute again; see [`verify`].
#[derive(Debug)]
#[must_use = "nothing is executed until `.blocking()` is called"]
pub struct VerifyBuilder {
    experiment: Experiment,
    run: RunBuilder,
    store: Result<Option<Store>, StoreError>,
    size: Size,
    seed: u64,
    operation: Option<String>,
}

#[derive(Debug)]
enum Size {
    Share(f64),
    Count(u64),
    One(RunId),
}

impl VerifyBuilder {
    /// The store; `./runs` unless said otherwise.
    pub fn store(mut self, store: impl IntoStore) -> Self {
        self.store = store.into_store().map(Some);
        self
    }

    /// Which share of the runs, from 0 to 1; one run at least. One in a hundred unless said otherwise.
    pub fn replay(mut self, share: f64) -> Self {
        self.size = Size::Share(share);
        self
    }

    /// So many runs, or all if there are fewer.
    pub fn count(mut self, count: u64) -> Self {
        self.size = Size::Count(count);
        self
    }

    /// This run alone.
    pub fn only(mut self, run: RunId) -> Self {
        self.size = Size::One(run);
        self
    }

    /// Only runs of this operation.
    pub fn operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Chooses others; the same number chooses the same runs.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What executes the runs.
    pub fn executor(mut self, executor: impl Executor + 'static) -> Self {
        self.run = self.run.executor(executor);
        self
    }

    /// Draws progress on standard error, as [`RunBuilder::progress`](crate::RunBuilder::progress).
    pub fn progress(mut self, progress: impl Into<crate::Progress>) -> Self {
        self.run = self.run.progress(progress);
        self
    }

    /// Executes and compares, blocking the thread. Without a finished run to choose, nothing is recorded and the
    /// report has checked none.
    ///
    /// # Errors
    /// When the experiment is wrong or the store cannot be used. Runs that differ are no error: see
    /// [`VerifyReport::is_equal`].
    pub fn blocking(self) -> Result<VerifyReport, VerifyError> {
        let store = match self.store.map_err(RunError::from)? {
            Some(store) => store,
            None => Store::create("./runs").map_err(RunError::from)?,
        };
        let sample = match self.size {
            Size::Share(share) => Sample::share(share),
            Size::Count(count) => Sample::count(count),
            Size::One(run) => Sample::run(run),
        };
        let sample = sample.seed(self.seed);
        let sample = match self.operation {
            Some(operation) => sample.operation(operation),
            None => sample,
        };
        let rerun = Rerun::Verify(sample);
        if forecast(&store, &self.experiment, &rerun)?.runs == 0 {
            return Ok(VerifyReport::of_nothing(self.experiment.name()));
        }
        Ok(verified(&self.run.store(&store).rerun(rerun).blocking()?)?)
    }
}
