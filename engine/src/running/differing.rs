//! Second executions: whether they gave what the first one gave.

use crate::id::RunId;
use crate::index::{Entry, Index};

/// How many runs are named.
const MOST: usize = 20;

/// Runs that were executed again and gave another output than the one that stands.
#[derive(Debug, Default)]
pub(super) struct Differing {
    named: Vec<String>,
    more: u64,
}

impl Differing {
    /// Compares a new attempt with the one that stands, before it is in the index.
    pub(super) fn look(&mut self, step: &str, run: &RunId, new: &Entry, index: &Index) {
        let Some(old) = index.get(run).filter(|old| old.name != new.name) else { return };
        let (Some(old), Some(new)) = (old.output, new.output) else { return };
        if old == new {
            return;
        }
        if self.named.len() == MOST {
            self.more += 1;
            return;
        }
        self.named.push(format!(
            "step `{step}`: run {} was executed again and gave {} instead of {}, which stands; its operation is not \
             deterministic",
            run.short(),
            new.short(),
            old.short()
        ));
    }

    /// A warning for each of them, up to a limit.
    pub(super) fn warnings(self) -> Vec<String> {
        let mut warnings = self.named;
        if self.more > 0 {
            warnings.push(format!("{} more runs gave another output than the one that stands", self.more));
        }
        warnings
    }
}
