//! How the cells of a step stand.

use std::collections::{HashMap, VecDeque};

/// How a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// Some of its inputs are not there.
    Waiting,
    /// Its inputs are there; the driver is to say what becomes of it.
    Asked,
    /// It may start, or start again after a pause.
    Ready,
    /// It was handed out.
    Running,
    /// It is the same run as another cell.
    Twin,
    /// Its run succeeded.
    Done,
    /// Its run will not succeed.
    Lost,
}

/// The cells of a step. Few bytes each: there may be millions.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) states: Vec<State>,
    /// How many values a waiting cell waits for; empty for steps without inputs.
    pub(super) unmet: Vec<u32>,
    /// How many values a tolerant gather is without, by (number of the edge, cell).
    pub(super) missing: HashMap<(usize, u64), u64>,
    pub(super) ready: VecDeque<u64>,
}
