//! One run as its user sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metalab_cas::{Digest, Value};
use serde::de::DeserializeOwned;

use super::CellPlace;
use crate::capture::series;
use crate::codec::{Codec, CodecError, Json};
use crate::id::{RecordName, RunId};
use crate::index::{Index, IndexError};
use crate::journal::JournalError;
use crate::operation::Operation;
use crate::record::{
    ArtifactRef, Attempt, ErrorRecord, InputRef, Outcome, Place, Scalar, Template, ValueRef,
};
use crate::store::Store;
use crate::values::ValueError;

/// Results that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The store has no such experiment.
    #[error("the store has no experiment called `{experiment}`; `metalab experiments` lists what it has")]
    NoExperiment {
        /// What was asked for.
        experiment: String,
    },
    /// The record of a run is not one of an attempt.
    #[error("record {record} is not the record of a run; `metalab store rebuild` repairs the index")]
    NotAnAttempt {
        /// The record.
        record: RecordName,
    },
    /// The run has no output of this kind.
    #[error("run {run} has no {what}")]
    Absent {
        /// The run, short.
        run: String,
        /// What was asked for.
        what: String,
    },
    /// The stored output is not of the type asked for.
    #[error("the output of run {run} does not decode as {expected}")]
    Decode {
        /// The run, short.
        run: String,
        /// The type asked for.
        expected: &'static str,
        /// What is wrong.
        source: CodecError,
    },
    /// Stored data or an artifact is not of the type asked for.
    #[error("{what} of run {run} does not decode as {expected}")]
    Content {
        /// The run, short.
        run: String,
        /// What was asked for, such as `` the data `confusion` ``.
        what: String,
        /// The type asked for.
        expected: &'static str,
        /// What is wrong.
        source: CodecError,
    },
    /// The template is damaged.
    #[error("the template {digest} does not decode: {reason}")]
    Template {
        /// Its digest.
        digest: Digest,
        /// What is wrong.
        reason: String,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Stored bytes are missing or damaged.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// One run of an experiment.
#[derive(Clone, Debug)]
pub struct RunResult {
    id: RunId,
    place: CellPlace,
    store: Store,
    record: Option<Recorded>,
}

#[derive(Clone, Debug)]
struct Recorded {
    attempt: Attempt,
    template: Arc<Template>,
    /// Bytes that lie in packs, by digest: looked up when the run is read.
    packs: Vec<(Digest, crate::journal::PackPlace)>,
}

impl RunResult {
    pub(super) fn missing(store: Store, id: RunId, place: CellPlace) -> Self {
        Self { id, place, store, record: None }
    }

    pub(super) fn new(
        store: Store,
        index: &Index,
        attempt: Attempt,
        template: Arc<Template>,
        place: CellPlace,
    ) -> Self {
        let values = attempt
            .output
            .iter()
            .map(|output| &output.value)
            .chain(attempt.artifacts.iter().map(|artifact| &artifact.value))
            .chain(attempt.series.iter().map(|series| &series.value))
            .chain(attempt.data.iter().map(|data| &data.value))
            .chain(attempt.streams.iter().map(|stream| &stream.value))
            .chain(&attempt.log);
        let values = values.chain(attempt.inputs.iter().filter_map(|input| input.gather.as_ref()));
        let packed = values.filter(|value| value.place == Place::Pack);
        let packs = packed.filter_map(|value| Some((value.digest, index.place_of(&value.digest)?))).collect();
        Self { id: attempt.run, place, store, record: Some(Recorded { attempt, template, packs }) }
    }

    /// The run id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Name of the step.
    pub fn step(&self) -> &str {
        &self.place.step
    }

    /// Index of the cell in its step.
    pub fn index(&self) -> u64 {
        self.place.cell
    }

    /// The replicate, from 0; 0 for a step that has no replicates.
    pub fn replicate(&self) -> u64 {
        self.place.replicate.unwrap_or(0)
    }

    /// The replicate as it stands in a table: nothing for a step that has none.
    pub(super) fn replicate_text(&self) -> String {
        self.place.replicate.map(|replicate| replicate.to_string()).unwrap_or_default()
    }

    /// The arguments of other steps that lie behind this cell, such as `prepare.threshold`.
    pub fn coordinates(&self) -> &[(String, Value)] {
        &self.place.coordinates
    }

    /// The tags of its experiment, and those of its cell (see [`tags`](crate::tags)).
    pub fn tags(&self) -> &[String] {
        &self.place.tags
    }

    /// Its inputs as they entered the run id.
    pub fn inputs(&self) -> &[InputRef] {
        self.attempt().map_or(&[], |attempt| &attempt.inputs)
    }

    /// The runs that its inputs came from, gathered ones included.
    ///
    /// # Errors
    /// When the list of a gather is missing or damaged.
    pub fn input_runs(&self) -> Result<Vec<RunId>, ResultError> {
        let mut runs = Vec::new();
        for input in self.inputs() {
            runs.extend(input.run);
            if let Some(list) = &input.gather {
                let parts = crate::inputs::gather_parts(&self.bytes(list)?);
                let parts =
                    parts.ok_or_else(|| self.absent(format!("readable list of input `{}`", input.name)))?;
                runs.extend(parts.into_iter().filter_map(|part| part.run));
            }
        }
        Ok(runs)
    }

    /// Whether it was ever executed.
    pub fn has_record(&self) -> bool {
        self.record.is_some()
    }

    /// How it ended; `None` when it was not executed.
    pub fn outcome(&self) -> Option<Outcome> {
        self.record.as_ref().map(|record| record.attempt.outcome)
    }

    /// The record of the attempt that stands.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.record.as_ref().map(|record| &record.attempt)
    }

    /// What it shares with the other runs of its step.
    pub fn template(&self) -> Option<&Template> {
        self.record.as_ref().map(|record| &*record.template)
    }

    /// All arguments by name: swept, fixed and defaulted ones.
    pub fn params(&self) -> BTreeMap<String, Value> {
        let mut params = BTreeMap::new();
        let Some(record) = &self.record else { return params };
        for bytes in [&record.template.defaults, &record.template.fixed, &record.attempt.arguments] {
            if let Ok(Value::Map(map)) = Value::decode(bytes) {
                params.extend(
                    map.iter().filter_map(|(key, value)| Some((key.as_text()?.to_owned(), value.clone()))),
                );
            }
        }
        for shown in &record.attempt.shown {
            if let Some(value @ (Value::File(_) | Value::Folder(_))) = params.get_mut(&shown.argument) {
                *value = Value::Text(shown.path.clone());
            }
        }
        params
    }

    /// All arguments by name, with those of the steps before it, such as `prepare.threshold`.
    pub fn columns(&self) -> BTreeMap<String, Value> {
        let mut columns: BTreeMap<String, Value> = self.coordinates().iter().cloned().collect();
        columns.extend(self.params());
        columns
    }

    /// One argument.
    pub fn param(&self, name: &str) -> Option<Value> {
        self.params().remove(name)
    }

    /// Captured metrics, in the order of their first capture.
    pub fn metrics(&self) -> &[(String, Scalar)] {
        self.attempt().map_or(&[], |attempt| &attempt.metrics)
    }

    /// One metric.
    pub fn metric(&self, name: &str) -> Option<&Scalar> {
        self.metrics().iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Captured artifacts.
    pub fn artifacts(&self) -> &[ArtifactRef] {
        self.attempt().map_or(&[], |attempt| &attempt.artifacts)
    }

    /// Why it did not succeed.
    pub fn error(&self) -> Option<&ErrorRecord> {
        self.attempt().and_then(|attempt| attempt.error.as_ref())
    }

    /// How long it took.
    pub fn duration(&self) -> Option<Duration> {
        self.attempt().map(|attempt| Duration::from_micros(attempt.duration))
    }

    pub(super) fn absent(&self, what: impl Into<String>) -> ResultError {
        ResultError::Absent { run: self.id.short(), what: what.into() }
    }

    /// The bytes of a value of this run, verified.
    ///
    /// # Errors
    /// When they are missing or damaged.
    pub fn bytes(&self, value: &ValueRef) -> Result<Vec<u8>, ResultError> {
        let packs = self.record.as_ref().map_or(&[][..], |record| &record.packs);
        let pack = packs.iter().find(|(digest, _)| *digest == value.digest).map(|(_, place)| place);
        Ok(crate::values::read(&self.store, &value.digest, pack)?.to_vec())
    }

    /// The encoded output.
    ///
    /// # Errors
    /// When there is none or its bytes are missing or damaged.
    pub fn output_bytes(&self) -> Result<Vec<u8>, ResultError> {
        let output = self.attempt().and_then(|attempt| attempt.output.as_ref());
        let output = output.ok_or_else(|| self.absent("output"))?;
        if output.value.place == Place::Inline {
            Ok(output.inline.clone())
        } else {
            self.bytes(&output.value)
        }
    }

    /// The output as `T`, for outputs encoded as JSON (all but numeric vectors and bytes).
    ///
    /// # Errors
    /// When there is none, its bytes are missing or damaged, or it is of another type.
    pub fn output<T: DeserializeOwned + serde::Serialize>(&self) -> Result<T, ResultError> {
        let bytes = self.output_bytes()?;
        Json::decode(&bytes).map_err(|source| self.undecodable::<T>(source))
    }

    /// The output as the type of operation `O`.
    ///
    /// # Errors
    /// As [`RunResult::output`].
    pub fn output_of<O: Operation>(&self) -> Result<O::Output, ResultError> {
        let bytes = self.output_bytes()?;
        O::Codec::decode(&bytes).map_err(|source| self.undecodable::<O::Output>(source))
    }

    fn undecodable<T>(&self, source: CodecError) -> ResultError {
        ResultError::Decode { run: self.id.short(), expected: std::any::type_name::<T>(), source }
    }

    /// The bytes of a captured artifact (of its tree, for a folder).
    ///
    /// # Errors
    /// When there is none of this name or its bytes are missing or damaged.
    pub fn artifact(&self, name: &str) -> Result<Vec<u8>, ResultError> {
        let artifact = self.artifacts().iter().find(|artifact| artifact.name == name);
        self.bytes(&artifact.ok_or_else(|| self.absent(format!("artifact `{name}`")))?.value)
    }

    /// The points (step, value) of a stepped metric.
    ///
    /// # Errors
    /// When there is none of this name or its bytes are missing or damaged.
    pub fn series(&self, name: &str) -> Result<Vec<(u64, f64)>, ResultError> {
        let all = self.attempt().map_or(&[][..], |attempt| &attempt.series);
        let found = all.iter().find(|series| series.name == name);
        let found = found.ok_or_else(|| self.absent(format!("stepped metric `{name}`")))?;
        let bytes = self.bytes(&found.value)?;
        series::decode(&bytes).map_err(|_| self.absent(format!("readable stepped metric `{name}`")))
    }

    /// What the operation logged; empty when it logged nothing.
    ///
    /// # Errors
    /// When the bytes are missing or damaged.
    pub fn log(&self) -> Result<String, ResultError> {
        match self.attempt().and_then(|attempt| attempt.log.as_ref()) {
            Some(log) => Ok(String::from_utf8_lossy(&self.bytes(log)?).into_owned()),
            None => Ok(String::new()),
        }
    }
}

pub(crate) fn read_template(store: &Store, index: &Index, digest: &Digest) -> Result<Template, ResultError> {
    let bytes = crate::values::read(store, digest, index.place_of(digest).as_ref())?;
    decode_template(digest, &bytes)
}

pub(crate) fn decode_template(digest: &Digest, bytes: &[u8]) -> Result<Template, ResultError> {
    minicbor::decode(bytes)
        .map_err(|error| ResultError::Template { digest: *digest, reason: error.to_string() })
}
