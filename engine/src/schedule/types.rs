//! What a schedule is asked, and what it answers.

use std::time::Duration;

use super::{Edge, Resources};

/// A point in time: since the start of the driver.
pub type Instant = Duration;

/// A cell: number of the step, index in it.
pub type CellId = (usize, u64);

/// Cells of one step that may run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The step's number.
    pub step: usize,
    /// Its cells, with the number of the try they are on, from 1.
    pub cells: Vec<(u64, u32)>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Start these.
    Start(Batch),
    /// Nothing until something finishes, or until this time.
    Wait(Option<Instant>),
    /// Everything has come to its end.
    Done,
}

/// How a cell stands before anything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its run is done.
    Done,
    /// It runs; its inputs, if any, are there.
    Run,
    /// It is to be asked about when its inputs are there.
    Wait,
    /// It is the same run as another cell.
    Twin(CellId),
    /// It cannot run, because of that cell.
    Lost(CellId),
}

/// A step of the graph.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// How its cells stand.
    pub standings: Vec<Standing>,
    /// Its inputs.
    pub edges: Vec<Edge>,
    /// What a run of it needs.
    pub needs: Resources,
    /// How long a run of it takes, if that is known.
    pub duration: Option<Duration>,
}

/// How many cells stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Not started.
    pub waiting: u64,
    /// Started and not finished.
    pub running: u64,
    /// Found done, or the same run as another cell that is, after the start.
    pub reused: u64,
    /// Finished with success.
    pub succeeded: u64,
    /// Failed for good.
    pub failed: u64,
    /// Took too long, for good.
    pub timed_out: u64,
    /// Cancelled, or never started because of a cancellation or a failure.
    pub cancelled: u64,
    /// Never started because a run that they need did not succeed.
    pub skipped: u64,
}

/// What keeps cells of a step from being started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// There is too little of this resource.
    Resource(String),
    /// All slots of the executor are taken.
    Slots,
    /// These steps have not given their inputs yet.
    Inputs(Vec<usize>),
}

/// A cell that is skipped because another one did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The cell.
    pub cell: CellId,
    /// The one that did not succeed, the first of the chain.
    pub cause: CellId,
}
