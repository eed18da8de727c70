//! The words for what becomes of a cell, and for what is asked to run again.

use std::fmt;
use std::sync::Arc;

use metalab_cas::Value;

use super::Sample;

/// Why a cell runs, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    /// It was done before and its output is there.
    Reuse,
    /// A run that it needs was executed anew, with the output it had before: so this one is as it was.
    CutOff,
    /// Another cell of this submission is the same run.
    Shared,
    /// There is no record of it.
    New,
    /// Earlier attempts did not succeed.
    Again,
    /// It was asked for by `rerun`.
    Rerun,
    /// It succeeded, but its output is gone from the store.
    Repair,
    /// What it is depends on runs that have still to be made.
    Waits,
}

impl Verdict {
    /// Whether the cell is executed.
    pub fn runs(self) -> bool {
        matches!(self, Self::New | Self::Again | Self::Rerun | Self::Repair)
    }

    /// Whether its run was found done.
    pub fn is_reused(self) -> bool {
        matches!(self, Self::Reuse | Self::CutOff)
    }

    /// The word used in messages, records and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reused",
            Self::CutOff => "reused: inputs came out equal",
            Self::Shared => "shared",
            Self::New => "new",
            Self::Again => "not succeeded before",
            Self::Rerun => "rerun",
            Self::Repair => "repair: output missing",
            Self::Waits => "waits for inputs",
        }
    }
}

/// What is to run again although it was done.
#[derive(Clone, Default)]
pub enum Rerun {
    /// Nothing: what is done is reused.
    #[default]
    Never,
    /// Everything.
    All,
    /// The cells for which this is true.
    Where(Arc<dyn Fn(&Cell<'_>) -> bool + Send + Sync>),
    /// A sample of what is done, and nothing else, to see whether it comes out as it did.
    Verify(Sample),
}

impl Rerun {
    /// The cells for which `condition` is true.
    pub fn matching(condition: impl Fn(&Cell<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self::Where(Arc::new(condition))
    }

    /// The word kept with the submission.
    pub(crate) fn word(&self) -> Option<String> {
        match self {
            Self::Never => None,
            Self::All => Some("all".into()),
            Self::Where(_) => Some("where".into()),
            Self::Verify(_) => Some("verify".into()),
        }
    }
}

impl fmt::Debug for Rerun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word().as_deref().unwrap_or("never"))
    }
}

/// A cell as conditions see it.
#[derive(Debug)]
pub struct Cell<'a> {
    /// Name of the step.
    pub step: &'a str,
    /// Its replicate, from 0.
    pub replicate: u64,
    /// Its index in the step.
    pub index: u64,
    pub(super) arguments: &'a [(&'a str, &'a Value)],
}

impl Cell<'_> {
    /// The value of an argument.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.arguments.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
}
