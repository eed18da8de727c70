//! Submissions as all their records together say.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use metalab_engine::id::RecordName;
use metalab_engine::record::{StepRecord, StepResolved, SubmissionOpened};

/// Submissions by name, each step as it became known last: a function of the set of records, whatever their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Submissions {
    opened: HashMap<RecordName, Arc<SubmissionOpened>>,
    /// By submission and number of the step: the record that says it, and what it says.
    resolved: HashMap<RecordName, BTreeMap<u32, (RecordName, StepRecord)>>,
}

impl Submissions {
    /// Notes an opening.
    pub(crate) fn open(&mut self, name: RecordName, mut opened: SubmissionOpened) {
        for (number, (_, step)) in self.resolved.get(&name).into_iter().flatten() {
            complete(&mut opened, *number, step);
        }
        self.opened.insert(name, Arc::new(opened));
    }

    /// Notes that the cells of a step became known; `record` is the record that says so.
    pub(crate) fn resolve(&mut self, record: RecordName, resolved: &StepResolved) {
        let StepResolved { submission, step: number, record: step } = resolved;
        let known = self.resolved.entry(*submission).or_default();
        if known.get(number).is_some_and(|(earlier, _)| *earlier >= record) {
            return;
        }
        known.insert(*number, (record, step.clone()));
        if let Some(opened) = self.opened.get_mut(submission) {
            complete(Arc::make_mut(opened), *number, step);
        }
    }

    /// The submission with this name.
    pub(crate) fn get(&self, name: &RecordName) -> Option<&Arc<SubmissionOpened>> {
        self.opened.get(name)
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RecordName, &Arc<SubmissionOpened>)> {
        self.opened.iter()
    }

    /// Those whose steps are not as they were when they were opened.
    pub(crate) fn completed(&self) -> impl Iterator<Item = (&RecordName, &Arc<SubmissionOpened>)> {
        self.iter().filter(|(name, _)| self.resolved.contains_key(name))
    }
}

fn complete(opened: &mut SubmissionOpened, number: u32, step: &StepRecord) {
    if let Some(known) = opened.steps.get_mut(number as usize) {
        *known = step.clone();
    }
}
