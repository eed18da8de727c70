//! What must run, and why.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use metalab_cas::Value;
use metalab_cas::blobs::Presence;

use super::{Plan, StepPlan};
use crate::id::RunId;
use crate::index::{Entry, Index};
use crate::record::{Outcome, Place};

/// Why a cell runs, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    /// It was done before and its output is there.
    Reuse,
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
}

impl Verdict {
    /// Whether the cell is executed.
    pub fn runs(self) -> bool {
        !matches!(self, Self::Reuse | Self::Shared)
    }

    /// The word used in messages, records and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reused",
            Self::Shared => "shared",
            Self::New => "new",
            Self::Again => "not succeeded before",
            Self::Rerun => "rerun",
            Self::Repair => "repair: output missing",
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
    arguments: &'a [(&'a str, &'a Value)],
}

impl Cell<'_> {
    /// The value of an argument.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.arguments.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
}

/// The verdicts over all cells of a plan.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// Per step, in order.
    pub steps: Vec<StepDecisions>,
}

/// The verdicts over the cells of a step.
#[derive(Clone, Debug)]
pub struct StepDecisions {
    /// The run id of each cell.
    pub ids: Vec<RunId>,
    /// The verdict on each cell.
    pub verdicts: Vec<Verdict>,
}

impl StepDecisions {
    /// Number of cells with this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.iter().filter(|other| **other == verdict).count() as u64
    }

    /// The cells that are executed.
    pub fn to_run(&self) -> impl Iterator<Item = u64> {
        self.verdicts.iter().enumerate().filter(|(_, verdict)| verdict.runs()).map(|(cell, _)| cell as u64)
    }
}

impl Decisions {
    /// Number of cells with this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.steps.iter().map(|step| step.count(verdict)).sum()
    }

    /// Number of cells that are executed.
    pub fn to_run(&self) -> u64 {
        self.steps.iter().map(|step| step.to_run().count() as u64).sum()
    }
}

impl Plan {
    /// Decides for every cell whether it runs.
    pub fn decide(&self, index: &Index, present: &Presence, rerun: &Rerun) -> Decisions {
        let mut seen = self.may_share().then(HashSet::new);
        let steps = self.steps.iter().map(|step| step.decide(index, present, rerun, seen.as_mut()));
        Decisions { steps: steps.collect() }
    }

    /// Whether two cells can be the same run: two steps of one operation, or paths (two files may be equal).
    fn may_share(&self) -> bool {
        let mut operations = HashSet::new();
        let twice = |step: &StepPlan| !operations.insert(step.operation.description().full_name());
        self.steps.iter().any(twice) || self.steps.iter().any(|step| step.arguments.mentions_paths())
    }
}

impl StepPlan {
    fn decide(
        &self,
        index: &Index,
        present: &Presence,
        rerun: &Rerun,
        mut seen: Option<&mut HashSet<RunId>>,
    ) -> StepDecisions {
        let ids = self.run_ids();
        let mut arguments = Vec::new();
        let mut verdicts = Vec::with_capacity(ids.len());
        for (number, id) in ids.iter().enumerate() {
            let mut verdict = match index.get(id) {
                None => Verdict::New,
                Some(entry) if entry.outcome != Outcome::Succeeded => Verdict::Again,
                Some(entry) if !output_present(&entry, index, present) => Verdict::Repair,
                Some(_) => Verdict::Reuse,
            };
            if verdict == Verdict::Reuse {
                let wanted = match rerun {
                    Rerun::Never => false,
                    Rerun::All => true,
                    Rerun::Where(condition) => {
                        let (set, replicate) = self.split(number as u64);
                        self.arguments.call(set, &mut arguments);
                        condition(&Cell {
                            step: &self.name,
                            replicate,
                            index: number as u64,
                            arguments: &arguments,
                        })
                    }
                };
                if wanted {
                    verdict = Verdict::Rerun;
                }
            }
            if verdict.runs() && seen.as_mut().is_some_and(|seen| !seen.insert(*id)) {
                verdict = Verdict::Shared;
            }
            verdicts.push(verdict);
        }
        StepDecisions { ids, verdicts }
    }
}

fn output_present(entry: &Entry, index: &Index, present: &Presence) -> bool {
    match (entry.output, entry.output_place) {
        (None, _) | (_, Place::Inline) => true,
        (Some(digest), Place::Pack) => index.place_of(&digest).is_some() || present.contains(&digest),
        (Some(digest), Place::Blob) => present.contains(&digest),
    }
}
