//! The thread that carries out a submission: it opens it, lets the loop run, and closes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;

use metalab_cas::{Digest, Presence};

use super::deriving::Underived;
use super::differing::Differing;
use super::durations::Durations;
use super::event_loop::Loop;
use super::events::Event;
use super::handle::{Shared, Summary};
use super::job::Work;
use super::keeper::Keeper;
use super::remote::Prospect;
use super::usage::{self, now_micros};
use super::{RunError, Runner, expand_known, panics};
use crate::capture::Events;
use crate::context::StatCache;
use crate::id::RecordName;
use crate::index::Index;
use crate::inputs::Supply;
use crate::journal::Writer;
use crate::manifest;
use crate::operation::Cancellation;
use crate::plan::{Decisions, Known, Plan, Rerun, StepPlan, Verdict};
use crate::record::{Closing, LEVEL, SkipCause, StepResolved, SubmissionClosed, kind, to_cbor};
use crate::results::Results;
use crate::schedule::{CellId, Node, Schedule, Skip, Standing};
use crate::submission::{self, Request};

/// The most runs whose failure a closing names.
const CAUSES: usize = 1000;

/// Carries out a submission and tells the handle its result, whatever happens.
pub(super) fn drive(runner: Runner, shared: &Arc<Shared>) {
    let result = panics::contain(|| Driver::open(runner, shared)?.run());
    let result = result.unwrap_or_else(|panicked| Err(RunError::Defect { message: panicked.message }));
    if let Ok(results) = &result {
        shared.events.send(|| Event::Closed { closing: results.closing() });
    }
    shared.ended(result);
}

/// Whether some cells of a step are to be executed, as far as is known before anything runs.
fn has_work(step: &StepPlan, decisions: &Decisions) -> bool {
    let verdicts = &decisions.steps[step.number].verdicts;
    !step.is_expanded() || verdicts.iter().any(|verdict| verdict.runs() || *verdict == Verdict::Waits)
}

pub(super) struct Driver<'a> {
    pub(super) runner: Runner,
    pub(super) shared: &'a Arc<Shared>,
    pub(super) plan: Arc<Plan>,
    pub(super) index: Index,
    pub(super) present: Presence,
    pub(super) files: Arc<StatCache>,
    pub(super) decisions: Decisions,
    pub(super) supply: Arc<Supply>,
    submission: RecordName,
    pub(super) environment: Digest,
    origins: Vec<u64>,
    /// Steps all of whose cells were known when the submission was opened.
    settled: Vec<bool>,
    /// With the keeper while runs execute.
    pub(super) writer: Option<Writer>,
    pub(super) summary: Summary,
    /// Cells skipped because of a run, by that run's cell.
    skipped: BTreeMap<CellId, u64>,
    /// Second executions that gave something else.
    pub(super) differing: Differing,
    /// Derived metrics that could not be computed.
    pub(super) underived: Underived,
}

impl<'a> Driver<'a> {
    /// Plans, decides, and makes the intent durable: before that, no hit is reported.
    fn open(runner: Runner, shared: &'a Arc<Shared>) -> Result<Self, RunError> {
        let store = runner.store.clone();
        if store.is_read_only() {
            return Err(RunError::ReadOnly { store: store.describe().to_owned() });
        }
        let files = runner.files.clone().unwrap_or_else(|| Arc::new(StatCache::load(&store)));
        let mut plan = Arc::new(Plan::new(&runner.experiment, &files)?);
        runner.check_resources(&plan)?;
        let mut index = Index::load(&store)?;
        let manifest = manifest::write(&plan, &runner.rules())?;
        let present = store.blobs().present().map_err(crate::store::StoreError::from)?;
        let mut decisions = plan.decide(&index, &present, &runner.rerun)?;
        let supply = Arc::new(Supply::new(store.clone()));
        let known = Known { index: &index, present: &present, rerun: &runner.rerun };
        expand_known(&mut plan, &mut decisions, &known, &files)?;
        if let Rerun::Verify(sample) = &runner.rerun {
            sample.choose(&plan, &mut decisions);
        }
        let to_execute: Vec<&StepPlan> = plan.steps().filter(|step| has_work(step, &decisions)).collect();
        if !to_execute.is_empty() {
            let contexts = &plan.experiment.contexts;
            runner.executor.prepare(&Prospect::new(&store, contexts, to_execute))?;
        }
        let request = Request {
            store: &store,
            plan: &plan,
            decisions: &decisions,
            index: &index,
            present: &present,
            rerun: &runner.rerun,
            durability: runner.durability,
            files: &files,
        };
        let opened = submission::open(&request, &manifest)?;
        let settled = plan.steps().zip(&decisions.steps);
        let settled = settled.map(|(step, decided)| step.is_expanded() && decided.is_resolved()).collect();
        let summary = Summary {
            cells: plan.cells(),
            reused: decisions.found(),
            cut_off: 0,
            succeeded: 0,
            failed: 0,
            timed_out: 0,
            cancelled: 0,
            skipped: 0,
            derived: 0,
            derived_failed: 0,
            same_as_version: opened.same_as_version,
            verified: Vec::new(),
            warnings: index.damages().iter().map(ToString::to_string).collect(),
        };
        index.opened(opened.name, &opened.record);
        index.cover(&opened.committed);
        let (cells, reused) = (summary.cells, summary.reused);
        shared.opened(cells, reused);
        shared.events.send(|| Event::Opened { submission: opened.name, cells, reused });
        Ok(Self {
            runner,
            shared,
            plan,
            index,
            present,
            files,
            decisions,
            supply,
            submission: opened.name,
            environment: opened.environment,
            origins: opened.origins,
            settled,
            writer: Some(opened.writer),
            summary,
            skipped: BTreeMap::new(),
            differing: Differing::default(),
            underived: Underived::default(),
        })
    }

    fn run(mut self) -> Result<Results, RunError> {
        let nodes: Vec<Node> = (0..self.plan.steps.len()).map(|step| self.node(step)).collect();
        let is_done = |node: &Node| node.standings.iter().all(|s| *s == Standing::Done);
        let waits_for_list = !self.verifies() && self.plan.steps().any(|step| !step.is_expanded());
        if waits_for_list || !nodes.iter().all(is_done) {
            self.execute(nodes)?;
        }
        self.close()
    }

    /// Whether a sample of what is done is executed to be compared, and nothing else.
    pub(super) fn verifies(&self) -> bool {
        matches!(self.runner.rerun, Rerun::Verify(_))
    }

    /// A step as the schedule sees it.
    pub(super) fn node(&self, step: usize) -> Node {
        let plan = &self.plan.steps[step];
        let chosen = |verdict: &Verdict| match verdict {
            Verdict::Rerun => Standing::Run,
            _ => Standing::Done,
        };
        Node {
            standings: match self.verifies() {
                // What a chosen run takes is there, or it fails; what is not chosen is left as it is.
                true => self.decisions.steps[step].verdicts.iter().map(chosen).collect(),
                false => self.decisions.standings(step),
            },
            edges: plan.edges(),
            needs: plan.resources.clone(),
            duration: None,
        }
    }

    fn execute(&mut self, mut nodes: Vec<Node>) -> Result<(), RunError> {
        let steps = self.plan.steps().map(StepPlan::name);
        let durations = Durations::recorded(self.plan.name(), steps, &self.index, Some(self.submission));
        nodes
            .iter_mut()
            .enumerate()
            .for_each(|(step, node)| node.duration = durations.of(step).or(node.needs.most_time()));
        let writer = self.writer.take().expect("the writer is here while nothing executes");
        let (report, durable) = channel();
        let work = Arc::new(Work {
            contexts: self.plan.experiment.contexts.clone(),
            supply: self.supply.clone(),
            store: self.runner.store.clone(),
            writer: writer.id(),
            submission: self.submission,
            environment: self.environment,
            cancellation: self.shared.cancellation.clone(),
            draining: Cancellation::default(),
            timeout: self.runner.timeout,
            scratch: self.runner.scratch.clone(),
            durability: self.runner.durability,
            log_level: self.runner.log_level,
            events: Events::before(self.runner.log_level, self.runner.outer.clone()),
            own_process: false,
            cpu: usage::thread_cpu_micros,
        });
        let keeper = Keeper::start(writer, std::mem::take(&mut self.origins), report)?;
        let capacity = self.runner.available();
        let schedule = Schedule::new(nodes, self.runner.policy, Some(&capacity));
        Loop::new(self, work, keeper, schedule, durable, durations).run()
    }

    /// Notes a skipped cell.
    pub(super) fn skip(&mut self, skip: &Skip) {
        *self.skipped.entry(skip.cause).or_default() += 1;
    }

    /// Writes what became known, how it ended, and what the next reader is spared.
    fn close(mut self) -> Result<Results, RunError> {
        let mut writer = self.writer.take().expect("the writer is back when everything ended");
        self.derive(&mut writer)?;
        let summary = &self.summary;
        let incomplete = summary.failed + summary.timed_out + summary.cancelled + summary.skipped > 0
            || self.verifies() && summary.reused + summary.succeeded < summary.cells;
        let closing = if self.shared.cancel_level() > 0 && summary.cancelled > 0 {
            Closing::Cancelled
        } else if incomplete {
            Closing::Incomplete
        } else {
            Closing::Complete
        };
        let resolved = self.resolved_steps(&mut writer)?;
        let causes = self.skipped.iter().take(CAUSES).map(|((step, cell), skipped)| SkipCause {
            run: self.decisions.steps[*step].ids[*cell as usize],
            step: *step as u32,
            cell: *cell,
            skipped: *skipped,
        });
        let summary = &self.summary;
        let closed = SubmissionClosed {
            submission: self.submission,
            time: now_micros(),
            closing,
            reused: summary.reused,
            succeeded: summary.succeeded,
            failed: summary.failed,
            cancelled: summary.cancelled,
            timed_out: summary.timed_out,
            skipped: summary.skipped,
            causes: causes.collect(),
        };
        writer.append(kind::SUBMISSION_CLOSED, LEVEL, &to_cbor(&closed));
        let committed = writer.commit()?;
        for (name, place) in committed.records() {
            if let Some(step) = resolved.get(&name) {
                self.index.resolved(self.submission, *step, name, place);
            }
        }
        self.index.cover(&committed);
        writer.close();
        // Both only spare later readers work; the journal has everything.
        if let Err(error) = self.index.publish() {
            self.summary.warnings.push(format!("the index could not be written: {error}"));
        }
        if let Err(error) = self.files.save(&self.runner.store) {
            self.summary.warnings.push(format!("the stat cache could not be written: {error}"));
        }
        if self.verifies() {
            let steps = self.decisions.steps.iter();
            let chosen = steps.flat_map(|step| step.runs_with(Verdict::Rerun));
            self.summary.verified = chosen.collect();
        } else {
            self.summary.warnings.extend(self.differing.warnings());
        }
        Ok(Results::new(
            self.runner.store,
            &self.plan,
            &self.decisions,
            self.index,
            self.submission,
            closing,
            self.summary,
        ))
    }

    /// Appends the cells of the steps that were not all known at the opening; the records by name.
    fn resolved_steps(&self, writer: &mut Writer) -> Result<BTreeMap<RecordName, u32>, RunError> {
        let request = Request {
            store: &self.runner.store,
            plan: &self.plan,
            decisions: &self.decisions,
            index: &self.index,
            present: &self.present,
            rerun: &self.runner.rerun,
            durability: self.runner.durability,
            files: &self.files,
        };
        let mut records = BTreeMap::new();
        for step in (0..self.plan.steps.len()).filter(|step| !self.settled[*step]) {
            let record = submission::step_record(&request, step, writer)?;
            let resolved = StepResolved { submission: self.submission, step: step as u32, record };
            let name = writer.append(kind::STEP_RESOLVED, LEVEL, &to_cbor(&resolved));
            records.insert(name, step as u32);
        }
        Ok(records)
    }
}
