//! Why a submission could not be carried out.

use std::sync::Arc;

use crate::index::IndexError;
use crate::journal::JournalError;
use crate::plan::PlanError;
use crate::record::RecordError;
use crate::store::StoreError;
use crate::values::ValueError;

/// A submission that could not be carried out. Runs that had been reported done stay done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RunError {
    /// The experiment itself is wrong; nothing was written.
    #[error(transparent)]
    Plan(Arc<PlanError>),
    /// The store cannot be used.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The store stopped taking records.
    #[error("the store does not take records any more; what was reported done is kept")]
    Journal(#[source] Arc<JournalError>),
    /// The index cannot be read.
    #[error(transparent)]
    Index(Arc<IndexError>),
    /// Stored bytes cannot be read or written.
    #[error(transparent)]
    Value(Arc<ValueError>),
    /// A record cannot be read.
    #[error(transparent)]
    Record(Arc<RecordError>),
    /// The store is open for reading only.
    #[error("the store `{store}` is open for reading only; open it for writing to run an experiment")]
    ReadOnly {
        /// The store.
        store: String,
    },
    /// A thread could not be started.
    #[error("the driver's thread cannot be started: {reason}")]
    Thread {
        /// What the system said.
        reason: String,
    },
    /// The executor cannot execute the runs; nothing was written.
    #[error("the runs cannot be executed by {executor}: {reason}")]
    Executor {
        /// Its name, such as `processes`.
        executor: &'static str,
        /// Why not, and what to do.
        reason: String,
    },
    /// A metric cannot be shown beside the progress as it was asked for; nothing was written.
    #[error("progress cannot show `{metric}`: {reason}")]
    Progress {
        /// What was asked for.
        metric: String,
        /// What is wrong, and what to write.
        reason: String,
    },
    /// The driver itself panicked: a defect of metalab.
    #[error(
        "the driver stopped by a defect of metalab: {message}; please report it, what was reported done is kept"
    )]
    Defect {
        /// What it said.
        message: String,
    },
    /// Some runs did not succeed (see [`Results::ok`](crate::results::Results::ok)).
    #[error("{count} of {cells} cells did not succeed, the first one (step `{step}`, run {run}): {error}")]
    Runs {
        /// How many.
        count: u64,
        /// Of how many.
        cells: u64,
        /// Step of the first.
        step: String,
        /// Run of the first, short.
        run: String,
        /// Its error.
        error: String,
    },
}

impl From<PlanError> for RunError {
    fn from(error: PlanError) -> Self {
        Self::Plan(Arc::new(error))
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<JournalError> for RunError {
    fn from(error: JournalError) -> Self {
        Self::Journal(Arc::new(error))
    }
}

impl From<IndexError> for RunError {
    fn from(error: IndexError) -> Self {
        Self::Index(Arc::new(error))
    }
}

impl From<ValueError> for RunError {
    fn from(error: ValueError) -> Self {
        Self::Value(Arc::new(error))
    }
}

impl From<RecordError> for RunError {
    fn from(error: RecordError) -> Self {
        Self::Record(Arc::new(error))
    }
}
