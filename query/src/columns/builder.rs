//! Attempt records to one Arrow batch of the table `attempts`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Decimal128Array, Int64Array, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use metalab_cas::Digest;
use metalab_cas::value::Value;
use metalab_engine::id::{RecordName, WriterId};
use metalab_engine::record::{Attempt, Environment, Scalar, Template};

use super::flatten::{Leaf, json_leaves, key_text, value_leaves};
use super::name::{Path, Root};
use super::ordinals::Ordinals;
use super::shared::{Recipe, Shared};
use super::wide::{Admission, Wide};
use crate::tables::Table;

/// A finished batch and what it counts.
pub(crate) struct Built {
    /// Core columns, then wide columns, then the overflow if there is one.
    pub(crate) batch: RecordBatch,
    /// (experiment, operation, stored column, values).
    pub(crate) counts: Vec<(Option<String>, Option<String>, String, i64)>,
}

/// Builds a batch of `attempts` record by record.
pub(crate) struct AttemptsBuilder<'s> {
    shared: &'s Shared,
    wide: Wide,
    templates: Ordinals<Digest, Arc<Recipe>>,
    environments: Ordinals<Digest, Arc<Environment>>,
    steps: Ordinals<(RecordName, u32), Step>,
    writers: Ordinals<WriterId, String>,
    groups: Ordinals<(u32, u32), (Option<String>, Option<String>)>,
    text: [Ordinals<&'static str, &'static str>; 1],
    codecs: Ordinals<String, String>,
    causes: Ordinals<String, String>,
    keys: Keys,
    run_id: BinaryBuilder,
    started: Vec<i64>,
    coordinates: Vec<i64>,
    sequence: Vec<i64>,
    duration: Vec<i64>,
    cell: Int64Builder,
    replicate: Int64Builder,
    retry: Int64Builder,
    cpu: Int64Builder,
    memory: Int64Builder,
    error: StringBuilder,
    backtrace: StringBuilder,
    reason: StringBuilder,
    log: StringBuilder,
    output_digest: BinaryBuilder,
    output_bytes: Int64Builder,
    /// Number of derived metrics by group and column.
    derived: BTreeMap<(usize, String), i64>,
}

/// What a (submission, step) says about a row.
struct Step {
    submission: String,
    experiment: Option<String>,
    version: Option<String>,
    step: Option<String>,
    tags: Option<String>,
}

/// Per row: which template, environment, ... it has.
#[derive(Default)]
struct Keys {
    template: Vec<Option<i32>>,
    environment: Vec<Option<i32>>,
    step: Vec<Option<i32>>,
    writer: Vec<Option<i32>>,
    status: Vec<Option<i32>>,
    codec: Vec<Option<i32>>,
    cause: Vec<Option<i32>>,
}

impl<'s> AttemptsBuilder<'s> {
    /// A builder for a table whose columns `admission` decides.
    pub(crate) fn new(shared: &'s Shared, admission: Arc<Admission>) -> Self {
        Self {
            shared,
            wide: Wide::new(admission),
            templates: Ordinals::default(),
            environments: Ordinals::default(),
            steps: Ordinals::default(),
            writers: Ordinals::default(),
            groups: Ordinals::default(),
            text: [Ordinals::default()],
            codecs: Ordinals::default(),
            causes: Ordinals::default(),
            keys: Keys::default(),
            run_id: BinaryBuilder::new(),
            started: Vec::new(),
            coordinates: Vec::new(),
            sequence: Vec::new(),
            duration: Vec::new(),
            cell: Int64Builder::new(),
            replicate: Int64Builder::new(),
            retry: Int64Builder::new(),
            cpu: Int64Builder::new(),
            memory: Int64Builder::new(),
            error: StringBuilder::new(),
            backtrace: StringBuilder::new(),
            reason: StringBuilder::new(),
            log: StringBuilder::new(),
            output_digest: BinaryBuilder::new(),
            output_bytes: Int64Builder::new(),
            derived: BTreeMap::new(),
        }
    }

    /// Number of rows so far.
    pub(crate) fn len(&self) -> usize {
        self.started.len()
    }

    /// Appends the row of an attempt; `counted` says whether its values enter the counts.
    pub(crate) fn push(&mut self, name: &RecordName, attempt: &Attempt, counted: bool) {
        let shared = self.shared;
        let template = self.templates.of(&attempt.template, || shared.template(&attempt.template));
        let environment =
            self.environments.of(&attempt.environment, || shared.environment(&attempt.environment));
        let step = attempt.submission.map(|submission| {
            let key = (submission, attempt.step.unwrap_or(0));
            self.steps.of(&key, || Step::new(shared, key))
        });
        let recipe = Arc::clone(self.templates.get(template));
        self.keys.template.push(Some(template));
        self.keys.environment.push(Some(environment));
        self.keys.step.push(step);
        self.keys.writer.push(Some(self.writers.of(&name.writer, || name.writer.to_string())));
        let status = attempt.outcome.as_str();
        self.keys.status.push(Some(self.text[0].of(&status, || status)));

        self.run_id.append_value(attempt.run.as_bytes());
        self.started.push(attempt.started);
        self.sequence.push(small(name.sequence));
        self.duration.push(small(attempt.duration));
        self.cell.append_option(attempt.cell.map(small));
        self.replicate.append_option(attempt.replicate.map(small));
        self.retry.append_option(attempt.retry.map(i64::from));
        self.cpu.append_option(attempt.cpu.map(small));
        self.memory.append_option(attempt.peak_memory.map(small));
        self.reason.append_option(attempt.reason.as_deref());
        self.log.append_option(attempt.log.as_ref().map(|log| log.digest.to_hex()));
        self.error(attempt);
        self.coordinates.push(coordinates(&recipe, attempt));

        let group = self.groups.of(&(template as u32, step.map_or(u32::MAX, |step| step as u32)), || {
            let experiment = step.and_then(|step| self.steps.get(step).experiment.clone());
            (experiment, recipe.template.as_ref().map(|template| template.name.clone()))
        });
        let group = counted.then_some(group as usize);
        self.parameters(attempt, &recipe, group);
        for (name, value) in &attempt.metrics {
            self.wide.put(Root::Metrics, &[name], &scalar_leaf(value), group);
        }
        self.data(attempt, group);
        self.derived(attempt, group);
        self.output(attempt, group);
        self.wide.end_row();
    }

    fn error(&mut self, attempt: &Attempt) {
        let error = attempt.error.as_ref();
        self.error.append_option(error.map(|error| error.chain.join(": ")));
        self.backtrace.append_option(error.and_then(|error| error.backtrace.as_deref()));
        self.keys.cause.push(error.map(|error| self.causes.of(&error.cause, || error.cause.clone())));
    }

    fn parameters(&mut self, attempt: &Attempt, recipe: &Recipe, group: Option<usize>) {
        let swept = match Value::decode(&attempt.arguments) {
            Ok(Value::Map(map)) => Some(map),
            _ => None,
        };
        let wide = &mut self.wide;
        if let Some(map) = &swept {
            for (key, value) in map.iter() {
                let Some(key) = key_text(key) else { continue };
                value_leaves(value, &mut vec![key], &mut |parts, leaf| {
                    parameter(wide, attempt, parts, &leaf, group)
                });
            }
        }
        let mut parts: Vec<&str> = Vec::new();
        for constant in &recipe.constants {
            if constant.default && swept.as_ref().is_some_and(|map| map.get(&constant.argument).is_some()) {
                continue;
            }
            parts.clear();
            parts.extend(constant.parts.iter().map(String::as_str));
            parameter(wide, attempt, &parts, &constant.leaf, group);
        }
    }

    /// Small values that were captured as data; lists and arrays are in the table `data` alone.
    fn data(&mut self, attempt: &Attempt, group: Option<usize>) {
        let wide = &mut self.wide;
        for data in attempt.data.iter().filter(|data| data.codec == "value" && !data.inline.is_empty()) {
            let Ok(value) = Value::decode(&data.inline) else { continue };
            value_leaves(&value, &mut vec![&data.name], &mut |parts, leaf| {
                if !matches!(leaf, Leaf::Json(_)) {
                    wide.put(Root::Data, parts, &leaf, group);
                }
            });
        }
    }

    /// Derived metrics have rows in a table of their own; here they are counted.
    fn derived(&mut self, attempt: &Attempt, group: Option<usize>) {
        let Some(group) = group else { return };
        for (name, value) in attempt.derived.iter().flat_map(|derived| &derived.values) {
            let path = Path { root: Root::Derived, parts: vec![name.clone()] };
            let column = path.stored(scalar_leaf(value).kind());
            *self.derived.entry((group, column)).or_default() += 1;
        }
    }

    fn output(&mut self, attempt: &Attempt, group: Option<usize>) {
        let Some(output) = &attempt.output else {
            self.output_digest.append_null();
            self.output_bytes.append_null();
            self.keys.codec.push(None);
            return;
        };
        self.output_digest.append_value(output.value.digest.as_bytes());
        self.output_bytes.append_value(small(output.value.size));
        self.keys.codec.push(Some(self.codecs.of(&output.codec, || output.codec.clone())));
        if output.codec == "json"
            && let Ok(json) = serde_json::from_slice(&output.inline)
        {
            let wide = &mut self.wide;
            json_leaves(&json, &mut Vec::new(), &mut |parts, leaf| {
                wide.put(Root::Output, parts, &leaf, group)
            });
        }
    }

    /// The batch of all rows.
    pub(crate) fn finish(mut self) -> Result<Built, ArrowError> {
        let rows = self.len();
        let keys = std::mem::take(&mut self.keys);
        let of_template = |value: fn(&Template) -> &str| {
            self.templates.dictionary(&keys.template, |recipe| recipe.template.as_ref().map(value))
        };
        let of_environment = |value: fn(&Environment) -> Option<&str>| {
            self.environments.dictionary(&keys.environment, |e| value(e))
        };
        let of_step = |value: fn(&Step) -> Option<&str>| self.steps.dictionary(&keys.step, value);
        let environment = |at: &Option<i32>| at.map(|at| Arc::clone(self.environments.get(at)));
        let base_seed = keys
            .template
            .iter()
            .map(|at| at.and_then(|at| self.templates.get(at).template.as_ref()?.base_seed).map(i128::from));

        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.run_id.finish()),
            Arc::new(TimestampMicrosecondArray::from(std::mem::take(&mut self.started)).with_timezone("UTC")),
            self.text[0].dictionary(&keys.status, |text| Some(text))?,
            of_step(|step| step.experiment.as_deref())?,
            of_step(|step| step.version.as_deref())?,
            of_step(|step| step.step.as_deref())?,
            Arc::new(self.cell.finish()),
            Arc::new(self.replicate.finish()),
            Arc::new(self.retry.finish()),
            of_template(|template| &template.name)?,
            of_template(|template| &template.namespace)?,
            of_template(|template| &template.version)?,
            Arc::new(Int64Array::from(std::mem::take(&mut self.duration))),
            Arc::new(self.cpu.finish()),
            Arc::new(self.memory.finish()),
            Arc::new(self.error.finish()),
            self.causes.dictionary(&keys.cause, |text| Some(text))?,
            Arc::new(self.backtrace.finish()),
            Arc::new(self.reason.finish()),
            of_step(|step| Some(&step.submission))?,
            of_step(|step| step.tags.as_deref())?,
            Arc::new(base_seed.collect::<Decimal128Array>().with_precision_and_scale(20, 0)?),
            self.templates.dictionary(&keys.template, |recipe| Some(&recipe.hex))?,
            Arc::new(Int64Array::from(std::mem::take(&mut self.coordinates))),
            self.writers.dictionary(&keys.writer, |text| Some(text))?,
            Arc::new(Int64Array::from(std::mem::take(&mut self.sequence))),
            of_environment(|e| Some(&e.host))?,
            Arc::new(
                keys.environment
                    .iter()
                    .map(|at| environment(at).map(|e| i64::from(e.pid)))
                    .collect::<Int64Array>(),
            ),
            of_environment(|e| Some(&e.platform))?,
            of_environment(|e| Some(&e.metalab))?,
            of_environment(|e| e.executable.as_deref())?,
            of_environment(|e| e.git_commit.as_deref())?,
            Arc::new(keys.environment.iter().map(|at| environment(at)?.git_dirty).collect::<BooleanArray>()),
            of_environment(|e| e.lock_file.as_deref())?,
            of_environment(|e| e.sources.as_deref())?,
            Arc::new(self.log.finish()),
            Arc::new(self.output_digest.finish()),
            self.codecs.dictionary(&keys.codec, |text| Some(text))?,
            Arc::new(self.output_bytes.finish()),
        ];
        let core = Table::Attempts.core().iter().zip(&columns);
        let mut fields: Vec<Field> =
            core.map(|((name, _), array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let wide = self.wide.finish();
        for (field, array) in wide.columns {
            fields.push(field);
            columns.push(array);
        }
        debug_assert!(columns.iter().all(|array| array.len() == rows));
        let mut counts = Vec::with_capacity(wide.counts.len());
        let derived = self.derived.into_iter().map(|((group, column), count)| (group, column, count));
        for (group, column, count) in wide.counts.into_iter().chain(derived) {
            let (experiment, operation) = self.groups.get(group as i32).clone();
            counts.push((experiment, operation, column, count));
        }
        Ok(Built { batch: RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?, counts })
    }
}

/// A parameter's leaf; a file or folder shows its path and keeps its digest beside it.
fn parameter(wide: &mut Wide, attempt: &Attempt, parts: &[&str], leaf: &Leaf, group: Option<usize>) {
    let Leaf::Content(digest) = leaf else { return wide.put(Root::Params, parts, leaf, group) };
    let name = parts.join(".");
    let shown = attempt.shown.iter().find(|shown| shown.argument == name || shown.argument == parts[0]);
    let path = shown.map_or_else(|| digest.clone(), |shown| shown.path.clone());
    wide.put(Root::Params, parts, &Leaf::Text(path), group);
    let mut below = parts.to_vec();
    below.push("digest");
    wide.put(Root::Params, &below, leaf, group);
}

/// A metric as the leaf of a path: numbers are doubles from the first write.
pub(crate) fn scalar_leaf(value: &Scalar) -> Leaf {
    match value {
        Scalar::Float(x) => Leaf::F64(*x),
        Scalar::Int(x) => Leaf::F64(*x as f64),
        Scalar::Bool(x) => Leaf::Bool(*x),
        Scalar::Text(x) => Leaf::Text(x.clone()),
    }
}

/// A number for the place of a run in its step: equal for runs that differ only in code, context or seed.
fn coordinates(recipe: &Recipe, attempt: &Attempt) -> i64 {
    let mut bytes = Vec::with_capacity(48 + attempt.arguments.len());
    bytes.extend_from_slice(recipe.shared.as_bytes());
    bytes.extend_from_slice(&attempt.replicate.map_or(u64::MAX, |replicate| replicate).to_le_bytes());
    bytes.extend_from_slice(&attempt.arguments);
    let digest = Digest::of(&bytes);
    let first: [u8; 8] = digest.as_bytes()[..8].try_into().expect("a digest has 32 bytes");
    i64::from_le_bytes(first)
}

impl Step {
    fn new(shared: &Shared, (name, step): (RecordName, u32)) -> Self {
        let opened = shared.submission(&name);
        let opened = opened.as_deref();
        Self {
            submission: name.to_string(),
            experiment: opened.map(|opened| opened.experiment.clone()),
            version: opened.map(|opened| opened.version.clone()),
            step: opened.and_then(|opened| Some(opened.steps.get(step as usize)?.name.clone())),
            tags: opened.filter(|opened| !opened.tags.is_empty()).map(|opened| opened.tags.join(",")),
        }
    }
}

/// A count that fits a signed column; the largest number stands for what does not.
pub(crate) fn small(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
