//! A handle on one stepped metric.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::series::Points;

/// A stepped metric that is captured point by point: the fast way, as its name is looked up once.
///
/// Clones add to the same metric, from any thread; [`Capture::series`](super::Capture::series) gives it. Points that
/// come after the run has ended are dropped.
#[derive(Clone)]
pub struct Series(Arc<Mutex<Slot>>);

struct Slot {
    points: Points,
    closed: bool,
}

impl Series {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Slot { points: Points::default(), closed: false })))
    }

    /// One that takes nothing.
    pub(super) fn closed() -> Self {
        let series = Self::new();
        series.close();
        series
    }

    /// Captures one point. Points are kept in the order of capture; steps may repeat and go back.
    #[inline]
    pub fn push(&self, step: u64, value: f64) {
        let mut slot = self.lock();
        if !slot.closed {
            slot.points.push(step, value);
        }
    }

    /// Takes the points; what comes later is dropped.
    pub(super) fn close(&self) -> Points {
        let mut slot = self.lock();
        slot.closed = true;
        std::mem::take(&mut slot.points)
    }

    /// The points so far.
    pub(super) fn points(&self) -> Vec<(u64, f64)> {
        self.lock().points.iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({} points)", self.lock().points.len())
    }
}
