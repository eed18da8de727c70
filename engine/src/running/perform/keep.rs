//! From what a run left to its record.

use std::time::Duration;

use metalab_cas::{BackendError, Digest};

use super::errors::chain;
use super::performer::{Cost, Ended};
use super::{Particulars, PerformedRun, Performer};
use crate::capture::{Body, Captured, CapturedArtifact};
use crate::plan::Verdict;
use crate::record::{
    ArtifactRef, Attempt, DataRef, LogStream, Outcome, OutputRef, Place, SeriesRef, ValueRef, append_cbor,
};
use crate::running::job::Task;
use crate::secret::mask_in;
use crate::values::{INLINE_MAX, PACK_MAX};

impl Performer<'_> {
    /// Writes the record of a run, and puts aside what belongs beside it.
    pub(super) fn keep(&mut self, task: &Task, run: &impl Particulars, ended: Ended, cost: Cost) {
        let Ended { mut outcome, mut error, mut captured } = ended;
        let first = self.performed.values.len();
        let mut attempt = Attempt {
            run: task.run,
            template: self.step.template,
            arguments: Vec::new(),
            replicate: self.step.base_seed.map(|_| run.replicate()),
            inputs: task.inputs.as_ref().map(|inputs| inputs.references.clone()).unwrap_or_default(),
            outcome,
            started: cost.started,
            duration: micros(cost.duration),
            cpu: cost.cpu,
            peak_memory: cost.peak_memory,
            environment: self.work.environment,
            submission: Some(self.work.submission),
            step: Some(self.step.number),
            cell: Some(task.cell),
            output: None,
            metrics: std::mem::take(&mut captured.metrics),
            artifacts: Vec::new(),
            series: Vec::new(),
            log: None,
            error: None,
            retry: Some(task.tries).filter(|tries| *tries > 1),
            shown: run.shown(),
            reason: matches!(task.verdict, Verdict::Rerun | Verdict::Repair)
                .then(|| task.verdict.as_str().into()),
            data: Vec::new(),
            streams: Vec::new(),
            derived: Vec::new(),
        };
        run.swept(&mut attempt.arguments);
        let logged = captured.log.is_some();
        let streams = captured.streams.iter().map(|(name, _)| name.clone()).collect();
        let lists = task.inputs.as_ref().map_or(&[][..], |inputs| &inputs.lists);
        let listed = self.lists(&mut attempt, lists);
        let stored = self.store(&mut attempt, captured, outcome);
        if let Err(problem) = listed.and(stored) {
            outcome = Outcome::Failed;
            attempt.outcome = outcome;
            attempt.output = None;
            let record = error.get_or_insert_default();
            record.cause = "storage".into();
            record.chain.extend(chain(&problem));
        }
        if let Some(error) = &mut error {
            error.chain.iter_mut().chain(&mut error.backtrace).for_each(mask_in);
        }
        let line = error.as_ref().and_then(|error| error.chain.first().cloned());
        attempt.error = error;
        let underived = self.derive(&mut attempt, first);
        let start = self.performed.records.len();
        append_cbor(&attempt, &mut self.performed.records);
        self.performed.runs.push(PerformedRun {
            cell: task.cell,
            run: task.run,
            outcome,
            started: cost.started,
            output: attempt.output.as_ref().map(|output| output.value.digest),
            output_place: attempt.output.as_ref().map_or(Place::Inline, |output| output.value.place),
            artifacts: match self.step.feeds.artifacts {
                true => {
                    let artifacts = attempt.artifacts.iter();
                    artifacts.map(|artifact| (artifact.name.clone(), artifact.value.digest)).collect()
                }
                false => Vec::new(),
            },
            record: start..self.performed.records.len(),
            error: line,
            underived,
            logged,
            streams,
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
        captured: Captured,
        outcome: Outcome,
    ) -> Result<(), BackendError> {
        for data in captured.data {
            let (value, inline) = match data.body {
                Body::Bytes(bytes) if bytes.len() <= INLINE_MAX => (inline(&bytes), bytes),
                body => (self.body(body)?, Vec::new()),
            };
            let (name, codec, shape) = (data.name, data.codec.to_owned(), data.shape);
            attempt.data.push(DataRef {
                name,
                codec,
                value,
                inline,
                dtype: data.dtype.map(str::to_owned),
                shape,
            });
        }
        for artifact in captured.artifacts {
            let CapturedArtifact { name, kind, extension, format, metadata, body } = artifact;
            let (kind, value) = (kind.into_owned(), self.body(body)?);
            attempt.artifacts.push(ArtifactRef { name, kind, value, extension, format, metadata });
        }
        for (name, points) in captured.series {
            let value = self.value(points.encode())?;
            attempt.series.push(SeriesRef { name, length: points.len() as u64, value });
        }
        attempt.log = captured.log.map(|log| self.body(log)).transpose()?;
        for (name, lines) in captured.streams {
            let value = self.body(lines)?;
            attempt.streams.push(LogStream { name, value });
        }
        if outcome == Outcome::Succeeded {
            let bytes = std::mem::take(&mut self.output);
            let (value, inline) = if bytes.len() <= INLINE_MAX {
                let value = inline(&bytes);
                if self.step.feeds.any {
                    self.performed.inline.push((value.digest, bytes.clone().into()));
                }
                (value, bytes)
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
        self.performed.values.push((digest, bytes));
        Ok(ValueRef { digest, size, place: Place::Pack })
    }
}

/// A reference to bytes that lie in the record.
fn inline(bytes: &[u8]) -> ValueRef {
    ValueRef { digest: Digest::of(bytes), size: bytes.len() as u64, place: Place::Inline }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
