//! One run as its user sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metalab_cas::value::marks_path;
use metalab_cas::{Digest, Value};

use super::{CellPlace, ResultError};
use crate::id::RunId;
use crate::index::Index;
use crate::journal::PackPlace;
use crate::record::{
    ArtifactRef, Attempt, DerivedRecord, ErrorRecord, InputRef, Outcome, Place, Scalar, Template,
};
use crate::store::Store;

/// One run of an experiment.
#[derive(Clone, Debug)]
pub struct RunResult {
    pub(super) id: RunId,
    place: CellPlace,
    pub(super) store: Store,
    pub(super) record: Option<Recorded>,
}

#[derive(Clone, Debug)]
pub(super) struct Recorded {
    attempt: Attempt,
    template: Arc<Template>,
    /// Bytes that lie in packs, by digest: looked up when the run is read.
    pub(super) packs: Vec<(Digest, PackPlace)>,
    /// Bytes that are not durable yet.
    pub(super) fresh: Fresh,
    /// What was derived from it, of each function the newest, oldest first.
    derived: Vec<DerivedRecord>,
}

/// Values of a run that has just ended, in memory.
pub(crate) type Fresh = Arc<Vec<(Digest, Vec<u8>)>>;

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
        derived: Vec<DerivedRecord>,
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
        let record = Recorded { attempt, template, packs, fresh: Fresh::default(), derived };
        Self { id: record.attempt.run, place, store, record: Some(record) }
    }

    /// A run that has just ended; `fresh` are those of its values that lie nowhere else yet.
    pub(crate) fn fresh(
        store: Store,
        attempt: Attempt,
        template: Arc<Template>,
        place: CellPlace,
        fresh: Fresh,
    ) -> Self {
        let record = Recorded { attempt, template, packs: Vec::new(), fresh, derived: Vec::new() };
        Self { id: record.attempt.run, place, store, record: Some(record) }
    }

    /// The run as a derived metric sees it: without what was derived before.
    pub(crate) fn without_derived(&self) -> Self {
        let mut run = self.clone();
        run.record.iter_mut().for_each(|record| record.derived.clear());
        run
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

    /// The replicate; `None` for a step that has none.
    pub(super) fn replicate_number(&self) -> Option<u64> {
        self.place.replicate
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
            let is_path = |value: &&mut Value| match value {
                Value::File(_) | Value::Folder(_) => true,
                Value::Variant(name, _) => marks_path(name),
                _ => false,
            };
            if let Some(value) = params.get_mut(&shown.argument).filter(is_path) {
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

    /// One argument, of this step or of one before it (`prepare.threshold`).
    pub fn param_value(&self, name: &str) -> Option<Value> {
        let coordinate = || self.coordinates().iter().find(|(other, _)| other == name);
        self.params().remove(name).or_else(|| coordinate().map(|(_, value)| value.clone()))
    }

    /// Captured metrics, in the order of their first capture.
    pub fn metrics(&self) -> &[(String, Scalar)] {
        self.attempt().map_or(&[], |attempt| &attempt.metrics)
    }

    /// One metric.
    pub fn metric(&self, name: &str) -> Option<&Scalar> {
        self.metrics().iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Derived metrics, in the order in which they were computed.
    pub fn derived_metrics(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        let values = self.derived_records().iter().flat_map(|record| &record.values);
        values.map(|(name, value)| (name.as_str(), value))
    }

    /// One derived metric. Of several functions that gave it, the one that was computed last counts.
    pub fn derived(&self, name: &str) -> Option<&Scalar> {
        self.derived_metrics().filter(|(other, _)| *other == name).last().map(|(_, value)| value)
    }

    /// What functions derived from it, of each the newest: with the errors of those that failed.
    pub fn derived_records(&self) -> &[DerivedRecord] {
        self.record.as_ref().map_or(&[], |record| &record.derived)
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
}
