//! One run after the other: called, judged, kept.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metalab_cas::Digest;
use tracing::dispatcher::DefaultGuard;

use super::errors::{failed, of_call, of_panic};
use super::{Particulars, Performed, Returned, StepBrief};
use crate::capture::{Body, Capture, Captured, Sink, StoreSink, Surroundings};
use crate::operation::{Inputs, Run, Runtime};
use crate::record::{ErrorRecord, Outcome};
use crate::running::job::{Task, Work};
use crate::running::panics::contain;
use crate::running::usage::{now_micros, peak_memory};
use crate::seeds::SeedBundle;

/// Performs runs of one step on one thread.
pub(in crate::running) struct Performer<'a> {
    pub(super) work: &'a Work,
    pub(super) step: &'a StepBrief,
    sink: Arc<dyn Sink>,
    surroundings: Arc<Surroundings>,
    /// Events of this thread go to the runs it performs.
    _events: DefaultGuard,
    /// `namespace::name`, for seeds.
    operation: Arc<str>,
    pub(super) codec: &'static str,
    /// The encoded output of the run at hand.
    pub(super) output: Vec<u8>,
    pub(super) performed: Performed,
    /// Since what was performed was taken last.
    since: Instant,
    /// CPU time used until then, microseconds.
    pub(super) cpu: u64,
}

/// How a run ended, and what it left.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) error: Option<ErrorRecord>,
    pub(super) captured: Captured,
}

/// When a run was performed, and what it cost.
pub(super) struct Cost {
    /// Microseconds since 1970.
    pub(super) started: i64,
    pub(super) duration: Duration,
    /// Microseconds.
    pub(super) cpu: Option<u64>,
    /// Bytes.
    pub(super) peak_memory: Option<u64>,
}

impl<'a> Performer<'a> {
    pub(in crate::running) fn new(work: &'a Work, step: &'a StepBrief) -> Self {
        let blobs = Arc::new(work.store.blobs().clone());
        let surroundings = Surroundings {
            cancellation: work.cancellation.clone(),
            events: work.events.clone(),
            own_process: work.own_process,
        };
        Self {
            work,
            step,
            surroundings: Arc::new(surroundings),
            _events: work.events.install(),
            sink: Arc::new(StoreSink::new(blobs, work.store.backend().clone(), work.writer)),
            operation: step.operation.description().full_name().into(),
            codec: step.operation.codec().0,
            output: Vec::new(),
            performed: Performed::default(),
            since: Instant::now(),
            cpu: (work.cpu)(),
        }
    }

    /// Performs a run; the result is added to what [`Performer::take`] gives.
    pub(in crate::running) fn perform(&mut self, task: &Task, run: &impl Particulars) {
        let began = Instant::now();
        let started = now_micros();
        let ended = self.execute(task, run, began);
        let now = (self.work.cpu)();
        let used = now.saturating_sub(std::mem::replace(&mut self.cpu, now));
        match ended {
            Ok(ended) => {
                let (cpu, peak_memory) = (Some(used), peak_memory());
                self.keep(task, run, ended, Cost { started, duration: began.elapsed(), cpu, peak_memory });
            }
            Err(digest) => self.performed.returned.push(Returned { cell: task.cell, digest }),
        }
    }

    /// Writes the record of a run that ended without being able to say so itself.
    pub(in crate::running) fn note(
        &mut self,
        task: &Task,
        run: &impl Particulars,
        (outcome, error): (Outcome, ErrorRecord),
        (started, duration): (i64, Duration),
        log: Option<Vec<u8>>,
        streams: Vec<(String, Vec<u8>)>,
    ) {
        let streams = streams.into_iter().map(|(name, lines)| (name, Body::Bytes(lines))).collect();
        let captured = Captured { log: log.map(Body::Bytes), streams, ..Captured::default() };
        let cost = Cost { started, duration, cpu: None, peak_memory: None };
        self.keep(task, run, Ended { outcome, error: Some(error), captured }, cost);
    }

    /// What was performed since this was called last.
    pub(in crate::running) fn take(&mut self) -> Performed {
        let mut performed = std::mem::take(&mut self.performed);
        performed.busy = self.since.elapsed();
        self.since = Instant::now();
        performed
    }

    /// Executes a run; gives the digest of an input that could not be had, if that should be made again first.
    fn execute(&mut self, task: &Task, this: &impl Particulars, began: Instant) -> Result<Ended, Digest> {
        let deadline = self.work.timeout.map(|limit| began + limit);
        let capture = Capture::of_attempt(self.sink.clone(), task.run, self.surroundings.clone(), deadline);
        let _here = capture.enter();
        let runtime = Runtime::new(self.work.cancellation.clone(), deadline, self.work.scratch.clone());
        let seeds =
            self.step.base_seed.map(|base| SeedBundle::new(base, this.replicate(), self.operation.clone()));
        let mut run =
            Run::new(seeds.as_ref(), &capture, &runtime, &self.work.contexts).metadata(&self.step.metadata);
        run.inputs = task.inputs.as_ref().map(|inputs| Inputs {
            infos: &self.step.operation.description().inputs,
            supplied: &inputs.supplied,
            file_names: &self.step.file_names,
            supply: &self.work.supply,
            failed: OnceLock::new(),
        });
        self.output.clear();
        let changed = || this.changed().map(|changed| failed("input changed", &changed));
        let mut error = changed().or_else(|| {
            let arguments = this.arguments();
            let called = contain(|| self.step.operation.call(&arguments, &run, &mut self.output));
            let error = match called {
                Ok(called) => called.err().map(of_call),
                Err(panicked) => Some(of_panic(panicked)),
            };
            changed().or(error)
        });
        if let Some(inputs) = run.inputs
            && let Some((digest, lost)) = inputs.failed.into_inner()
        {
            let insist = task.inputs.as_ref().is_none_or(|inputs| inputs.insist);
            if lost.may_be_repaired() && !insist {
                return Err(digest);
            }
            error = Some(failed("input", &lost));
        }
        let mut captured = capture.finish();
        let misuse = captured.misuse.take();
        let error = error.or_else(|| misuse.map(|misuse| failed(misuse.cause(), &misuse)));
        let (outcome, error) = self.judge(error, began);
        Ok(Ended { outcome, error, captured })
    }

    /// Success, failure, cancellation or lack of time.
    fn judge(&self, error: Option<ErrorRecord>, began: Instant) -> (Outcome, Option<ErrorRecord>) {
        let late = self.work.timeout.is_some_and(|limit| began.elapsed() > limit);
        match error {
            _ if late => {
                let limit = self.work.timeout.unwrap_or_default();
                let mut record = error.unwrap_or_default();
                record.chain.insert(0, format!("the run took longer than its limit of {limit:?}"));
                record.cause = "timeout".into();
                (Outcome::TimedOut, Some(record))
            }
            None => (Outcome::Succeeded, None),
            Some(mut record) if self.work.cancellation.is_cancelled() => {
                record.cause = "cancelled".into();
                (Outcome::Cancelled, Some(record))
            }
            Some(record) => (Outcome::Failed, Some(record)),
        }
    }
}
