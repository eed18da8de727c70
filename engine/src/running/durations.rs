//! How long runs take: as recorded before, and as they turn out.

use std::time::Duration;

use crate::id::{RecordName, RunId};
use crate::index::{Entry, Index};
use crate::record::{Record, SubmissionOpened};
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
    /// As the last submission of the experiment but `own` found them, or one of the last; nothing for steps that are
    /// new. What cannot be read is not known: it is only for the order and an estimate.
    pub(crate) fn recorded<'a>(
        experiment: &str,
        steps: impl Iterator<Item = &'a str>,
        index: &Index,
        own: Option<RecordName>,
    ) -> Self {
        let store = index.store();
        let before = last(store, index, experiment, own);
        let mean = |name: &str| {
            let step = before.as_ref()?.steps.iter().find(|step| step.name == name)?;
            let ids = crate::cells::read_chunk(store, index, step.chunks.first()?).ok()?;
            Some(sample(store, &entries(index, &ids)))
        };
        Self(steps.map(|name| mean(name).unwrap_or_default()).collect())
    }

    /// The mean of a step.
    pub(crate) fn of(&self, step: usize) -> Option<Duration> {
        let mean = self.0.get(step).filter(|mean| mean.runs > 0.0)?;
        Some(mean.total.div_f64(mean.runs))
    }

    /// Runs of a step that took so long together.
    pub(crate) fn learn(&mut self, step: usize, runs: usize, busy: Duration) {
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

    /// Runs of a step that have succeeded: a few of their records are read.
    pub(crate) fn learn_from(&mut self, step: usize, runs: &[Entry], store: &Store) {
        let mean = sample(store, runs);
        if mean.runs > 0.0 {
            self.learn(step, runs.len(), mean.total.mul_f64(runs.len() as f64 / mean.runs));
        }
    }

    /// How long the cells that are left in each step will take on so many slots; `None` while the runs of some step are
    /// not known.
    pub(crate) fn remaining(&self, open: impl Iterator<Item = u64>, slots: usize) -> Option<Duration> {
        let (mut total, mut cells) = (Duration::ZERO, 0_u64);
        for (step, open) in open.enumerate() {
            if open > 0 {
                total += self.of(step)?.mul_f64(open as f64);
                cells += open;
            }
        }
        // The last runs do not fill all slots.
        Some(total.div_f64((slots as u64).min(cells).max(1) as f64))
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

/// Some of the successes among these runs.
fn entries(index: &Index, ids: &[RunId]) -> Vec<Entry> {
    let every = ids.len().div_ceil(SAMPLE).max(1);
    ids.iter().step_by(every).filter_map(|id| index.get(id)).filter(Entry::succeeded).collect()
}

fn sample(store: &Store, runs: &[Entry]) -> Mean {
    let every = runs.len().div_ceil(SAMPLE).max(1);
    let mut mean = Mean::default();
    for entry in runs.iter().step_by(every) {
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

    #[test]
    fn what_is_left_is_estimated_when_all_of_it_is_known() {
        let mut durations = Durations::default();
        durations.learn(0, 2, Duration::from_secs(2));
        let left =
            |durations: &Durations, open: [u64; 2], slots| durations.remaining(open.into_iter(), slots);
        assert_eq!(left(&durations, [10, 4], 2), None);
        assert_eq!(left(&durations, [10, 0], 2), Some(Duration::from_secs(5)));
        durations.learn(1, 1, Duration::from_secs(5));
        assert_eq!(left(&durations, [10, 4], 2), Some(Duration::from_secs(15)));
        // One run does not take less time on eight slots.
        assert_eq!(left(&durations, [0, 1], 8), Some(Duration::from_secs(5)));
        assert_eq!(left(&durations, [0, 0], 8), Some(Duration::ZERO));
    }
}
