//! An operation with the source of its arguments.

use metalab_cas::Value;

use super::{Grid, List, ParamsError};
use crate::operation::{Operation, Registered};

/// Where parameter sets come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The product of axes.
    Grid(Grid),
    /// An explicit list.
    List(List),
}

impl Source {
    /// The number of parameter sets, after checking them.
    ///
    /// # Errors
    /// See [`ParamsError`].
    pub fn check(&self) -> Result<u64, ParamsError> {
        match self {
            Self::Grid(grid) => grid.check(),
            Self::List(list) => list.check(),
        }
    }

    /// The source by value, as a submission keeps it.
    pub(crate) fn describe(&self) -> Value {
        match self {
            Self::Grid(grid) => grid.describe(),
            Self::List(list) => list.describe(),
        }
    }
}

/// An operation with the source of its arguments: a step of an experiment.
#[derive(Clone, Debug)]
pub struct Sweep {
    pub(crate) operation: Registered,
    pub(crate) source: Source,
    pub(crate) name: Option<String>,
}

impl Sweep {
    /// `O` over a grid.
    pub fn grid<O: Operation>(grid: Grid) -> Self {
        Self { operation: Registered::of::<O>(), source: Source::Grid(grid), name: None }
    }

    /// `O` over an explicit list of its parameters.
    pub fn list<O: Operation>(rows: impl IntoIterator<Item = O::Params>) -> Self {
        Self { operation: Registered::of::<O>(), source: Source::List(List::new(rows)), name: None }
    }

    /// Names the step; without it the step has the operation's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The step's name.
    pub fn step_name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.operation.description().name)
    }

    /// The operation.
    pub fn operation(&self) -> &Registered {
        &self.operation
    }
}

/// What [`Experiment::sweep`](crate::experiment::Experiment::sweep) takes: a sweep, or a builder in which every argument is given.
pub trait IntoSweep {
    /// The sweep.
    fn into_sweep(self) -> Sweep;
}

impl IntoSweep for Sweep {
    fn into_sweep(self) -> Sweep {
        self
    }
}
