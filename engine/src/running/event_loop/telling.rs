//! What those who watch are told: runs once they are durable, counts, the time that is left, what steps wait for.

use std::time::{Duration, Instant};

use super::Loop;
use crate::inputs::Where;
use crate::live::remove_logs;
use crate::plan::Verdict;
use crate::record::{Outcome, Place};
use crate::running::RunError;
use crate::running::events::{Event, FinishedRun};
use crate::running::handle::Waiting;
use crate::running::keeper::Durable;
use crate::schedule::{Counts, Obstacle};

/// How often the time that is left is estimated.
const ESTIMATE: Duration = Duration::from_millis(100);

impl Loop<'_, '_> {
    /// Tells what became durable.
    pub(super) fn tell(&mut self, durable: Result<Durable, RunError>) -> Result<(), RunError> {
        let Durable { jobs, committed } = durable?;
        let mut latest = None;
        for part in &jobs {
            let feeds = self.feeds[part.step];
            let step = self.driver.plan.steps[part.step].name();
            let verdicts = &self.driver.decisions.steps[part.step].verdicts;
            for ((run, entry), performed) in part.entries.iter().zip(&part.runs) {
                if matches!(verdicts[performed.cell as usize], Verdict::Rerun | Verdict::Repair) {
                    self.driver.differing.look(step, run, entry, &self.driver.index);
                }
                self.driver.index.insert(*run, *entry);
                if entry.succeeded() {
                    latest = Some(entry.place);
                }
                if let (true, Some(output), Place::Inline) = (feeds.any, entry.output, entry.output_place) {
                    self.work.supply.shelf.durable(&output, Where::Record(entry.place));
                }
            }
            for run in &part.runs {
                self.driver.underived.note(&run.run, &run.underived);
                if run.logged || !run.streams.is_empty() {
                    let store = &self.driver.runner.store;
                    remove_logs(store, &run.run, &self.work.writer, run.logged, &run.streams);
                }
                if run.again {
                    continue;
                }
                let count = match run.outcome {
                    Outcome::Succeeded => &mut self.reported.succeeded,
                    Outcome::Failed => &mut self.reported.failed,
                    Outcome::TimedOut => &mut self.reported.timed_out,
                    Outcome::Cancelled => &mut self.reported.cancelled,
                };
                *count += 1;
            }
        }
        if self.feeds.iter().any(|feeds| feeds.any) {
            for (digest, place) in committed.values() {
                self.work.supply.shelf.durable(digest, Where::Pack(*place));
            }
        }
        let runs = jobs.iter().flat_map(|part| &part.runs);
        let given_up = runs.filter(|run| run.outcome != Outcome::Succeeded && !run.again);
        self.yielding.release(given_up.map(|run| &run.run));
        self.driver.index.cover(&committed);
        if let Some(place) = latest {
            self.driver.shared.succeeded(place);
        }
        self.publish_counts();
        self.driver.shared.events.send(|| {
            let runs = jobs.into_iter().flat_map(|part| {
                let step = part.step;
                part.runs.into_iter().map(move |run| FinishedRun {
                    run: run.run,
                    step,
                    cell: run.cell,
                    outcome: run.outcome,
                    error: run.error,
                    again: run.again,
                    derived_errors: run
                        .underived
                        .iter()
                        .map(|(name, why)| format!("{name}: {why}"))
                        .collect(),
                })
            });
            Event::Finished { runs: runs.collect() }
        });
        Ok(())
    }

    /// What waits is known from the schedule, what ended from what is durable; the rest is running.
    pub(super) fn publish_counts(&mut self) {
        let now = self.schedule.counts();
        let reported = &mut self.reported;
        (reported.waiting, reported.reused, reported.skipped) = (now.waiting, now.reused, now.skipped);
        let ended = |counts: &Counts| counts.succeeded + counts.failed + counts.timed_out + counts.cancelled;
        reported.running = (now.running + ended(&now)).saturating_sub(ended(reported));
        if self.estimated.is_none_or(|at| at.elapsed() > ESTIMATE) {
            self.estimated = Some(Instant::now());
            let slots = self.driver.runner.executor.slots().max(1);
            self.remaining = self.durations.remaining(self.schedule.open(), slots);
        }
        self.driver.shared.progress(self.driver.summary.cells, self.reported, self.remaining);
    }

    /// Why steps have cells that are not started, for those who ask.
    pub(super) fn publish_obstacles(&mut self) {
        if !self.driver.shared.wants_obstacles() {
            return;
        }
        let plan = &self.driver.plan;
        let name = |step: usize| format!("`{}`", plan.steps[step].name());
        let mut obstacles = Vec::new();
        for (step, open) in self.schedule.open().enumerate() {
            let why = match (plan.steps[step].list_from(), self.schedule.obstacle(step)) {
                (Some(from), _) => format!("its list of parameter sets comes from step {}", name(from)),
                (_, None) => continue,
                (_, Some(Obstacle::Slots)) => "all slots of the executor are taken".into(),
                (_, Some(Obstacle::Resource(resource))) => {
                    let needs = plan.steps[step].resources.amount(&resource);
                    format!("a run needs {needs} of `{resource}`, and less is free")
                }
                (_, Some(Obstacle::Inputs(steps))) => {
                    let steps: Vec<_> = steps.into_iter().map(name).collect();
                    format!("inputs are to come from {}", steps.join(", "))
                }
            };
            obstacles.push(Waiting { step: plan.steps[step].name().to_owned(), open, why });
        }
        self.driver.shared.obstacles(obstacles);
    }
}
