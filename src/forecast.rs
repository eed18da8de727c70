//! What a run would do, before anything runs.

use metalab_engine::experiment::Experiment;
use metalab_engine::inspect::{Forecast, ForecastError, Graph, forecast, steps_of_plan};
use metalab_engine::plan::Rerun;
use metalab_engine::store::{Store, StoreError};

use crate::IntoStore;

/// Foretells what [`run`](crate::run) would do with an experiment: what is reused, what runs, and why.
///
/// ```no_run
/// # fn example(experiment: metalab::Experiment) -> metalab::Result<()> {
/// println!("{}", metalab::plan(experiment).store("./runs").report()?);
/// # Ok(())
/// # }
/// ```
pub fn plan(experiment: Experiment) -> PlanBuilder {
    PlanBuilder { experiment, store: Ok(None), rerun: Rerun::default() }
}

/// An experiment and the store to look at; see [`plan`].
#[derive(Debug)]
#[must_use = "a plan does nothing until `.report()` or `.graph()` is called"]
pub struct PlanBuilder {
    experiment: Experiment,
    store: Result<Option<Store>, StoreError>,
    rerun: Rerun,
}

impl PlanBuilder {
    /// The store; `./runs` unless said otherwise.
    pub fn store(mut self, store: impl IntoStore) -> Self {
        self.store = store.into_store().map(Some);
        self
    }

    /// What would be asked to run again although it was done.
    pub fn rerun(mut self, rerun: Rerun) -> Self {
        self.rerun = rerun;
        self
    }

    /// The forecast; print it, or look at its fields. Steps whose runs depend on runs that are still to be made say
    /// what they wait for.
    ///
    /// # Errors
    /// When the experiment is wrong or the store cannot be read.
    pub fn report(self) -> Result<Forecast, ForecastError> {
        forecast(&opened(self.store)?, &self.experiment, &self.rerun)
    }

    /// The steps and how they are wired, as a graph to be drawn.
    ///
    /// # Errors
    /// When the experiment is wrong or the store cannot be read.
    pub fn graph(self) -> Result<Graph, ForecastError> {
        steps_of_plan(&opened(self.store)?, &self.experiment)
    }
}

fn opened(store: Result<Option<Store>, StoreError>) -> Result<Store, StoreError> {
    match store? {
        Some(store) => Ok(store),
        None => Store::create("./runs"),
    }
}
