//! Derived metrics of a run that has just ended.

use std::sync::Arc;

use super::Performer;
use crate::record::{Attempt, Outcome};

impl Performer<'_> {
    /// Adds what is derived from a run that succeeded to its record; the functions that gave nothing, and why.
    ///
    /// The values of the run, `performed.values` from number `first`, are not in the store yet: the functions see them in
    /// memory.
    pub(super) fn derive(&mut self, attempt: &mut Attempt, first: usize) -> Vec<(String, String)> {
        let Some(deriving) = self.step.deriving.as_ref().filter(|_| attempt.outcome == Outcome::Succeeded)
        else {
            return Vec::new();
        };
        let fresh = Arc::new(self.performed.values.split_off(first));
        attempt.derived = deriving.derive(&self.work.store, attempt, fresh.clone());
        // A function may have put a copy of the run aside; then the bytes are copied too.
        self.performed.values.extend(Arc::unwrap_or_clone(fresh));
        // What it took is no part of what the next run takes.
        self.cpu = (self.work.cpu)();
        let failed = attempt.derived.iter().filter_map(|record| {
            let error = record.error.as_ref()?.chain.join(": ");
            Some((record.function.clone(), error))
        });
        failed.collect()
    }
}
