//! The port behind which runs are executed.

#[cfg(feature = "conformance")]
pub mod conformance;

use std::fmt;

use super::remote::Prospect;
use super::{Job, RunError};

/// Something that executes jobs: threads, processes, a cluster.
///
/// A job is a batch of runs of one step. An executor performs each job it was given exactly once, by
/// [`Job::perform`] on any thread or in another process (see [`super::remote`]); what is left of a job that it drops is
/// reported as not started. Every implementation passes the suite in `conformance` (feature of that name).
pub trait Executor: Send + Sync + fmt::Debug {
    /// Its name: `threads`.
    fn name(&self) -> &'static str;

    /// How many jobs it works on at once. The driver keeps a few more waiting.
    fn slots(&self) -> usize;

    /// Asked once for each submission that has something to execute, before anything is written.
    ///
    /// # Errors
    /// When it cannot execute these runs; the submission is refused with that error.
    fn prepare(&self, prospect: &Prospect<'_>) -> Result<(), RunError> {
        let _ = prospect;
        Ok(())
    }

    /// Takes a job; returns at once.
    fn start(&self, job: Job);
}
