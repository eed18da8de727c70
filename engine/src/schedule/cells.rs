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

impl State {
    fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Lost)
    }
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
    /// How many have not come to their end.
    pub(super) open: u64,
}

impl Cells {
    pub(super) fn new(states: Vec<State>, ready: VecDeque<u64>) -> Self {
        let open = states.iter().filter(|state| !state.is_end()).count() as u64;
        Self { states, ready, open, ..Self::default() }
    }

    pub(super) fn set(&mut self, cell: u64, state: State) {
        let old = std::mem::replace(&mut self.states[cell as usize], state);
        match (old.is_end(), state.is_end()) {
            (false, true) => self.open -= 1,
            (true, false) => self.open += 1,
            _ => {}
        }
    }
}
