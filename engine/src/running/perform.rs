//! Executing runs, one after the other, into records.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metalab_cas::{BackendError, Digest, Value};

use super::job::{Task, Work};
use super::panics::contain;
use super::usage::{now_micros, peak_memory, thread_cpu_micros};
use crate::capture::{Body, Capture, Captured, Sink, StoreSink, series};
use crate::context::StatCache;
use crate::id::RunId;
use crate::operation::{CallError, Inputs, Run, Runtime};
use crate::plan::{Feeds, StepPlan, Verdict};
use crate::record::{
    ArtifactRef, Attempt, ErrorRecord, Outcome, OutputRef, Place, SeriesRef, ValueRef, append_cbor,
};
use crate::seeds::SeedBundle;
use crate::values::{INLINE_MAX, PACK_MAX};

/// What a job performed: encoded records, and the small values they refer to.
#[derive(Debug, Default)]
pub(super) struct Performed {
    /// The payloads of the records, one after the other.
    pub(super) records: Vec<u8>,
    pub(super) runs: Vec<PerformedRun>,
    /// Runs that did not begin because an input could not be had.
    pub(super) returned: Vec<Returned>,
    /// Values that belong into the pack beside the segment.
    pub(super) values: Vec<(Digest, Vec<u8>)>,
    /// How long it took.
    pub(super) busy: Duration,
}

/// A run that did not begin because an input could not be had.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) cell: u64,
    /// The value that is gone or does not decode.
    pub(super) digest: Digest,
}

/// One performed run, as far as the driver cares.
#[derive(Debug)]
pub(super) struct PerformedRun {
    pub(super) cell: u64,
    pub(super) run: RunId,
    pub(super) outcome: Outcome,
    pub(super) started: i64,
    pub(super) output: Option<Digest>,
    pub(super) output_place: Place,
    /// Its artifacts, where other steps take some.
    pub(super) artifacts: Vec<(String, Digest)>,
    /// Its payload in [`Performed::records`].
    pub(super) record: Range<usize>,
    pub(super) error: Option<String>,
    /// Whether a log lies under `live/`.
    pub(super) logged: bool,
    /// Set by the driver: it will be tried again.
    pub(super) again: bool,
}

/// Performs `tasks` until `stop` says that nothing new may start.
pub(super) fn perform(
    work: &Work,
    plan: &StepPlan,
    feeds: Feeds,
    tasks: &[Task],
    stop: impl Fn() -> bool,
) -> Performed {
    let blobs = Arc::new(work.store.blobs().clone());
    let sink: Arc<dyn Sink> = Arc::new(StoreSink::new(blobs, work.store.backend().clone(), work.writer));
    let mut performer = Performer {
        work,
        plan,
        feeds,
        file_names: plan.file_names(),
        sink,
        operation: plan.operation.description().full_name().into(),
        codec: plan.operation.codec().0,
        output: Vec::new(),
        performed: Performed { runs: Vec::with_capacity(tasks.len()), ..Performed::default() },
    };
    let start = Instant::now();
    let mut cpu = thread_cpu_micros();
    let mut arguments = Vec::new();
    for task in tasks {
        if stop() {
            break;
        }
        let began = Instant::now();
        let started = now_micros();
        let (set, replicate) = plan.split(task.cell);
        plan.arguments.call(set, &mut arguments);
        let ended = performer.execute(task, set, replicate, &arguments, began);
        let now = thread_cpu_micros();
        let ended = match ended {
            Ok(ended) => ended,
            Err(digest) => {
                performer.performed.returned.push(Returned { cell: task.cell, digest });
                cpu = now;
                continue;
            }
        };
        let used = now.saturating_sub(cpu);
        cpu = now;
        performer.keep(task, set, replicate, ended, Times { started, duration: began.elapsed(), cpu: used });
    }
    performer.performed.busy = start.elapsed();
    performer.performed
}

struct Performer<'a> {
    work: &'a Work,
    plan: &'a StepPlan,
    feeds: Feeds,
    file_names: Vec<Option<String>>,
    sink: Arc<dyn Sink>,
    /// `namespace::name`, for seeds.
    operation: Arc<str>,
    codec: &'static str,
    /// The encoded output of the run at hand.
    output: Vec<u8>,
    performed: Performed,
}

struct Ended {
    outcome: Outcome,
    error: Option<ErrorRecord>,
    captured: Captured,
}

struct Times {
    started: i64,
    duration: Duration,
    /// Microseconds.
    cpu: u64,
}

impl Performer<'_> {
    /// Executes a run; gives the digest of an input that could not be had, if that should be made again first.
    fn execute(
        &mut self,
        task: &Task,
        set: u64,
        replicate: u64,
        arguments: &[(&str, &Value)],
        began: Instant,
    ) -> Result<Ended, Digest> {
        let capture = Capture::new(self.sink.clone(), task.run);
        let deadline = self.work.timeout.map(|limit| began + limit);
        let runtime = Runtime::new(self.work.cancellation.clone(), deadline, self.work.scratch.clone());
        let seeds = self.plan.base_seed.map(|base| SeedBundle::new(base, replicate, self.operation.clone()));
        let mut run = Run::new(seeds.as_ref(), &capture, &runtime, &self.work.contexts);
        run.inputs = task.inputs.as_ref().map(|inputs| Inputs {
            infos: &self.plan.operation.description().inputs,
            supplied: &inputs.supplied,
            file_names: &self.file_names,
            supply: &self.work.supply,
            failed: OnceLock::new(),
        });
        self.output.clear();
        let error = match self.changed_input(set) {
            Some(error) => Some(error),
            None => {
                let called = contain(|| self.plan.operation.call(arguments, &run, &mut self.output));
                let error = match called {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(call_error(error)),
                    Err(panicked) => Some(ErrorRecord {
                        chain: vec![panicked.message],
                        backtrace: Some(panicked.backtrace).filter(|text| !text.is_empty()),
                        cause: "panic".into(),
                    }),
                };
                self.changed_input(set).or(error)
            }
        };
        let mut error = error;
        if let Some(inputs) = run.inputs
            && let Some((digest, failed)) = inputs.failed.into_inner()
        {
            let may_be_repaired = failed.may_be_repaired();
            if may_be_repaired && task.inputs.as_ref().is_some_and(|inputs| !inputs.insist) {
                return Err(digest);
            }
            error = Some(self::failed("input", &failed));
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

    /// A file or folder that is not what it was when the run id was made.
    fn changed_input(&self, set: u64) -> Option<ErrorRecord> {
        let changed = self.plan.watched(set).find_map(|watched| StatCache::check(watched).err())?;
        Some(failed("input changed", &changed))
    }

    fn keep(&mut self, task: &Task, set: u64, replicate: u64, ended: Ended, times: Times) {
        let Ended { mut outcome, mut error, captured } = ended;
        let mut attempt = Attempt {
            run: task.run,
            template: self.plan.template_digest,
            arguments: Vec::new(),
            replicate: self.plan.base_seed.map(|_| replicate),
            inputs: task.inputs.as_ref().map(|inputs| inputs.references.clone()).unwrap_or_default(),
            outcome,
            started: times.started,
            duration: micros(times.duration),
            cpu: Some(times.cpu),
            peak_memory: peak_memory(),
            environment: self.work.environment,
            submission: Some(self.work.submission),
            step: u32::try_from(self.plan.number).ok(),
            cell: Some(task.cell),
            output: None,
            metrics: captured.metrics,
            artifacts: Vec::new(),
            series: Vec::new(),
            log: None,
            error: None,
            retry: Some(task.tries).filter(|tries| *tries > 1),
            shown: self.plan.arguments.shown(set),
            reason: matches!(task.verdict, Verdict::Rerun | Verdict::Repair)
                .then(|| task.verdict.as_str().into()),
        };
        self.plan.arguments.swept(set, &mut attempt.arguments);
        let logged = captured.log.is_some();
        let lists = task.inputs.as_ref().map_or(&[][..], |inputs| &inputs.lists);
        let listed = self.lists(&mut attempt, lists);
        let stored = self.store(&mut attempt, captured.artifacts, &captured.series, captured.log, outcome);
        if let Err(problem) = listed.and(stored) {
            outcome = Outcome::Failed;
            attempt.outcome = outcome;
            attempt.output = None;
            let record = error.get_or_insert_default();
            record.cause = "storage".into();
            record.chain.extend(chain(&problem));
        }
        let line = error.as_ref().and_then(|error| error.chain.first().cloned());
        attempt.error = error;
        let start = self.performed.records.len();
        append_cbor(&attempt, &mut self.performed.records);
        self.performed.runs.push(PerformedRun {
            cell: task.cell,
            run: task.run,
            outcome,
            started: times.started,
            output: attempt.output.as_ref().map(|output| output.value.digest),
            output_place: attempt.output.as_ref().map_or(Place::Inline, |output| output.value.place),
            artifacts: match self.feeds.artifacts {
                true => {
                    let artifacts = attempt.artifacts.iter();
                    artifacts.map(|artifact| (artifact.name.clone(), artifact.value.digest)).collect()
                }
                false => Vec::new(),
            },
            record: start..self.performed.records.len(),
            error: line,
            logged,
            again: false,
        });
    }

    /// Stores the parts of gathers.
    fn lists(&mut self, attempt: &mut Attempt, lists: &[(usize, Vec<u8>)]) -> Result<(), BackendError> {
        for (number, bytes) in lists {
            attempt.inputs[*number].gather = Some(self.value(bytes.clone())?);
        }
        Ok(())
    }

    /// Puts the output and what was captured where it belongs.
    fn store(
        &mut self,
        attempt: &mut Attempt,
        artifacts: Vec<crate::capture::CapturedArtifact>,
        points: &[(String, Vec<(u64, f64)>)],
        log: Option<Body>,
        outcome: Outcome,
    ) -> Result<(), BackendError> {
        for artifact in artifacts {
            let value = self.body(artifact.body)?;
            let (name, kind, extension) = (artifact.name, artifact.kind.to_owned(), artifact.extension);
            attempt.artifacts.push(ArtifactRef { name, kind, value, extension });
        }
        for (name, points) in points {
            let value = self.value(series::encode(points))?;
            attempt.series.push(SeriesRef { name: name.clone(), length: points.len() as u64, value });
        }
        attempt.log = log.map(|log| self.body(log)).transpose()?;
        if outcome == Outcome::Succeeded {
            let bytes = std::mem::take(&mut self.output);
            let inline = bytes.len() <= INLINE_MAX;
            let (value, inline) = if inline {
                let digest = Digest::of(&bytes);
                if self.feeds.any {
                    self.work.supply.shelf.keep(digest, bytes.clone().into());
                }
                (ValueRef { digest, size: bytes.len() as u64, place: Place::Inline }, bytes)
            } else {
                (self.value(bytes)?, Vec::new())
            };
            attempt.output = Some(OutputRef { value, codec: self.codec.to_owned(), inline });
        }
        Ok(())
    }

    fn body(&mut self, body: Body) -> Result<ValueRef, BackendError> {
        match body {
            Body::Bytes(bytes) => self.value(bytes),
            Body::Stored { digest, size } => Ok(ValueRef { digest, size, place: Place::Blob }),
        }
    }

    fn value(&mut self, bytes: Vec<u8>) -> Result<ValueRef, BackendError> {
        let size = bytes.len() as u64;
        if bytes.len() > PACK_MAX {
            let digest = self.work.store.blobs().put(&bytes)?;
            return Ok(ValueRef { digest, size, place: Place::Blob });
        }
        let digest = Digest::of(&bytes);
        if self.feeds.any {
            self.work.supply.shelf.keep(digest, bytes.clone().into());
        }
        self.performed.values.push((digest, bytes));
        Ok(ValueRef { digest, size, place: Place::Pack })
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn call_error(error: CallError) -> ErrorRecord {
    match error {
        CallError::Operation(failure) => {
            ErrorRecord { chain: failure.chain(), backtrace: None, cause: "error".into() }
        }
        CallError::Arguments(error) => failed("arguments", &error),
        CallError::Output(error) => failed("output", &error),
    }
}

fn failed(cause: &str, error: &(dyn std::error::Error + 'static)) -> ErrorRecord {
    ErrorRecord { chain: chain(error), backtrace: None, cause: cause.into() }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        chain.push(cause.to_string());
        next = cause.source();
    }
    chain
}
