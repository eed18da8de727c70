//! A user's program with experiments of its own.

use std::fmt;
use std::time::Duration;

use metalab_engine::experiment::Experiment;
use metalab_engine::plan::Rerun;
use metalab_engine::results::Results;
use metalab_engine::running::RunError;

/// The experiments of a program, and how it carries them out.
#[derive(Default)]
pub struct Program {
    experiments: Vec<Experiment>,
    perform: Option<Box<Perform>>,
}

type Perform = dyn Fn(Order) -> Result<Results, RunError>;

/// What `run` or `verify` on the command line asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Order {
    /// The experiment.
    pub experiment: Experiment,
    /// The store, as given.
    pub store: String,
    /// What to run again although it was done.
    pub rerun: Rerun,
    /// Start nothing new after the first failure.
    pub fail_fast: bool,
    /// How often a failed run is tried again.
    pub retries: u32,
    /// How long one run may take.
    pub timeout: Option<Duration>,
    /// In how many processes runs are executed (0: one per core); in threads, if nothing is said.
    pub processes: Option<usize>,
    /// How progress is shown.
    pub progress: ProgressWay,
    /// Metrics shown beside it, as `loss` or `loss:.4f`.
    pub metrics: Vec<String>,
}

/// How progress is shown on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum ProgressWay {
    /// A bar on a terminal, a line now and then elsewhere.
    #[default]
    Auto,
    /// A bar, also where no terminal is.
    Bar,
    /// A line every ten seconds and one at the end.
    Plain,
    /// JSON objects for other programs, one per line.
    Json,
    /// Nothing.
    None,
}

impl ProgressWay {
    /// What is shown when nothing was said.
    pub(crate) fn unless(quiet: bool) -> Self {
        if quiet { Self::None } else { Self::Auto }
    }
}

impl Program {
    /// A program without experiments: the command `metalab`.
    pub fn none() -> Self {
        Self::default()
    }

    /// A program with these experiments, which `perform` carries out.
    ///
    /// This crate knows no executor; the crate `metalab` passes its own way of running here.
    pub fn new(
        experiments: impl IntoIterator<Item = Experiment>,
        perform: impl Fn(Order) -> Result<Results, RunError> + 'static,
    ) -> Self {
        Self { experiments: experiments.into_iter().collect(), perform: Some(Box::new(perform)) }
    }

    pub(crate) fn has_experiments(&self) -> bool {
        self.perform.is_some()
    }

    /// The experiment of this name.
    pub(crate) fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.name() == name)
    }

    /// The only experiment, if there is just one.
    pub(crate) fn only(&self) -> Option<&Experiment> {
        match &self.experiments[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Experiment] {
        &self.experiments
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.experiments.iter().map(|experiment| experiment.name().to_owned()).collect()
    }

    pub(crate) fn perform(&self, order: Order) -> Option<Result<Results, RunError>> {
        self.perform.as_ref().map(|perform| perform(order))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("experiments", &self.names()).finish_non_exhaustive()
    }
}
