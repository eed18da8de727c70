//! How long runs take: as recorded before, and as they turn out.

use std::time::Duration;

use crate::id::{RecordName, RunId};
use crate::index::Index;
use crate::plan::Plan;
use crate::record::{Record, SubmissionOpened};
use crate::schedule::Schedule;
use crate::store::Store;

/// Records that are read of each step.
const SAMPLE: usize = 8;
/// Submissions that are looked at to find the last one of the experiment.
const LOOKED_AT: usize = 64;

/// The mean duration of the runs of each step.
#[derive(Debug, Default)]
pub(crate) struct Durations(Vec<Mean>);

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    runs: f64,
    total: Duration,
}

impl Durations {
    /// As the last submission of the experiment found them, or one of the last; nothing for steps that are new. What
    /// cannot be read is not known: it is only for the order and an estimate.
    pub(crate) fn recorded(plan: &Plan, index: &Index, own: Option<RecordName>) -> Self {
        let store = index.store();
        let before = last(store, index, plan.name(), own);
        let mean = |name: &str| {
            let step = before.as_ref()?.steps.iter().find(|step| step.name == name)?;
            let ids = crate::cells::read_chunk(store, index, step.chunks.first()?).ok()?;
            Some(sample(store, index, &ids))
        };
        Self(plan.steps().map(|step| mean(step.name()).unwrap_or_default()).collect())
    }

    /// The mean of a step.
    pub(crate) fn of(&self, step: usize) -> Option<Duration> {
        let mean = self.0.get(step).filter(|mean| mean.runs > 0.0)?;
        Some(mean.total.div_f64(mean.runs))
    }

    /// Runs of a step that took so long together.
    pub(super) fn learn(&mut self, step: usize, runs: usize, busy: Duration) {
        if step >= self.0.len() {
            self.0.resize(step + 1, Mean::default());
        }
        let mean = &mut self.0[step];
        // What was recorded counts like a few runs, and old runs less than new ones.
        if mean.runs > 1000.0 {
            mean.runs /= 2.0;
            mean.total /= 2;
        }
        mean.runs += runs as f64;
        mean.total += busy;
    }

    /// How long what is left will take on so many slots; `None` while the runs of some step are not known.
    pub(super) fn remaining(&self, schedule: &Schedule, slots: usize) -> Option<Duration> {
        let mut total = Duration::ZERO;
        for (step, open) in schedule.open().enumerate() {
            if open > 0 {
                total += self.of(step)?.mul_f64(open as f64);
            }
        }
        Some(total / u32::try_from(slots).unwrap_or(u32::MAX))
    }
}

/// The last submission of an experiment but this one, if it is among the last of the store.
fn last(store: &Store, index: &Index, experiment: &str, own: Option<RecordName>) -> Option<SubmissionOpened> {
    let mut all: Vec<_> = index.submissions().filter(|(name, _)| Some(*name) != own).collect();
    all.sort_by_key(|(_, place)| std::cmp::Reverse(place.day));
    let opened =
        all.into_iter().take(LOOKED_AT).filter_map(|(name, place)| match store.journal().read(&place) {
            Ok(Record::Opened(opened)) if opened.experiment == experiment => Some((name, *opened)),
            _ => None,
        });
    let (name, mut opened) = opened.max_by_key(|(name, opened)| (opened.time, *name))?;
    crate::submission::complete(store, index, &name, &mut opened);
    Some(opened)
}

fn sample(store: &Store, index: &Index, ids: &[RunId]) -> Mean {
    let every = ids.len().div_ceil(SAMPLE).max(1);
    let mut mean = Mean::default();
    for entry in ids.iter().step_by(every).filter_map(|id| index.get(id)).filter(|entry| entry.succeeded()) {
        if let Ok(Record::Attempt(attempt)) = store.journal().read(&entry.place) {
            mean.runs += 1.0;
            mean.total += Duration::from_micros(attempt.duration);
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Node, Policy, Standing};

    #[test]
    fn what_is_left_is_estimated_when_all_of_it_is_known() {
        let node = |cells| Node { standings: vec![Standing::Run; cells], ..Node::default() };
        let schedule = Schedule::new(vec![node(10), node(4)], Policy::default(), None);
        let mut durations = Durations::default();
        durations.learn(0, 2, Duration::from_secs(2));
        assert_eq!(durations.remaining(&schedule, 2), None);
        durations.learn(1, 1, Duration::from_secs(5));
        assert_eq!(durations.remaining(&schedule, 2), Some(Duration::from_secs(15)));
    }
}
