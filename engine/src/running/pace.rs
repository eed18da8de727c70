//! How many runs a job should have.

use std::time::Duration;

/// A job should take about this long: long enough to cost little, short enough to spread and to stop.
const JOB_TIME: Duration = Duration::from_millis(10);
/// The most runs of one job.
const JOB_RUNS: usize = 4096;

/// Learns how long runs take.
#[derive(Debug, Default)]
pub(super) struct Pace {
    runs: u64,
    busy: Duration,
}

impl Pace {
    pub(super) fn learn(&mut self, runs: usize, busy: Duration) {
        // Recent jobs count more: the cost of a run may drift along the sweep.
        if self.runs > 100_000 {
            self.runs /= 2;
            self.busy /= 2;
        }
        self.runs += runs as u64;
        self.busy += busy;
    }

    /// The mean time of a run, if any has ended.
    pub(super) fn mean(&self) -> Option<Duration> {
        (self.runs > 0).then(|| self.busy / u32::try_from(self.runs).unwrap_or(u32::MAX))
    }

    pub(super) fn job_runs(&self, waiting: u64, slots: usize) -> usize {
        if self.runs == 0 {
            return 1;
        }
        let mean = self.busy.as_secs_f64() / self.runs as f64;
        let fitting = (JOB_TIME.as_secs_f64() / mean.max(1e-9)) as u64;
        // At the end the rest is spread evenly.
        let fair = waiting.div_ceil(slots as u64 * 2).max(1);
        usize::try_from(fitting.min(fair)).unwrap_or(JOB_RUNS).clamp(1, JOB_RUNS)
    }
}
