//! Stores with records made by hand.

use std::collections::HashMap;

use metalab_cas::{Digest, Value};
use metalab_engine::capture::series;
use metalab_engine::code::Grade;
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::index::Index;
use metalab_engine::journal::{Durability, Writer};
use metalab_engine::record::{
    ArtifactRef, Attempt, Closing, DataRef, DerivedBatch, DerivedRecord, Environment, ErrorRecord, InputRef,
    KeptExpression, Outcome, OutputRef, Place, Scalar, SeriesRef, StepRecord, StepResolved, SubmissionClosed,
    SubmissionOpened, Template, ValueRef, kind, to_cbor,
};
use metalab_engine::store::Store;
use metalab_query::{Options, Session};
use serde_json::Value as Json;

/// 2026-01-01T00:00:00Z.
pub(crate) const T0: i64 = 1_767_225_600_000_000;

/// A store and what its records refer to.
pub(crate) struct Lab {
    pub(crate) store: Store,
    pub(crate) environment: Digest,
    templates: HashMap<String, Digest>,
}

/// An attempt to be written.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub(crate) template: &'static str,
    pub(crate) arguments: Json,
    pub(crate) replicate: Option<u64>,
    pub(crate) outcome: Outcome,
    pub(crate) started: i64,
    pub(crate) metrics: Vec<(String, Scalar)>,
    pub(crate) output: Option<Json>,
    pub(crate) series: Vec<(u64, f64)>,
    pub(crate) artifact: Option<&'static str>,
    pub(crate) step: u32,
    pub(crate) cell: u64,
    pub(crate) inputs: Vec<From>,
    pub(crate) data: Vec<(&'static str, Value)>,
    pub(crate) derived: Vec<DerivedRecord>,
    /// Artifacts by name, kind and content.
    pub(crate) files: Vec<(&'static str, &'static str, Vec<u8>)>,
}

/// An input of an attempt to be written.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few of them, in tests")]
pub(crate) enum From {
    /// The output of a run.
    Run(&'static str, Try),
    /// Outputs of runs with the coordinates over which they were gathered.
    Gather(&'static str, Vec<(Json, Try)>),
}

/// A step to be written into a submission.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) template: &'static str,
    pub(crate) replicates: u64,
    /// All cells in the order of their numbers.
    pub(crate) cells: u64,
    /// Their runs; empty while they are not known.
    pub(crate) runs: Vec<RunId>,
    /// (name, stride, values) of the coordinates it takes over from other steps.
    pub(crate) dimensions: Vec<(&'static str, u64, Vec<Json>)>,
    pub(crate) has_inputs: bool,
    /// Tags, each with the first parameter set and the number of those that have it.
    pub(crate) tags: Vec<(&'static str, Vec<(u64, u64)>)>,
}

impl Try {
    pub(crate) fn new(template: &'static str, arguments: Json) -> Self {
        Self {
            template,
            arguments,
            replicate: None,
            outcome: Outcome::Succeeded,
            started: T0,
            metrics: Vec::new(),
            output: None,
            series: Vec::new(),
            artifact: None,
            step: 0,
            cell: 0,
            inputs: Vec::new(),
            data: Vec::new(),
            derived: Vec::new(),
            files: Vec::new(),
        }
    }

    pub(crate) fn file(mut self, name: &'static str, kind: &'static str, bytes: &[u8]) -> Self {
        self.files.push((name, kind, bytes.to_vec()));
        self
    }

    pub(crate) fn data(mut self, name: &'static str, value: Value) -> Self {
        self.data.push((name, value));
        self
    }

    pub(crate) fn derived(mut self, result: DerivedRecord) -> Self {
        self.derived.push(result);
        self
    }

    pub(crate) fn input(mut self, from: From) -> Self {
        self.inputs.push(from);
        self
    }

    pub(crate) fn metric(mut self, name: &str, value: f64) -> Self {
        self.metrics.push((name.into(), Scalar::Float(value)));
        self
    }

    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.metrics.push((name.into(), Scalar::Text(value.into())));
        self
    }

    pub(crate) fn output(mut self, value: Json) -> Self {
        self.output = Some(value);
        self
    }

    pub(crate) fn at(mut self, seconds: i64) -> Self {
        self.started = T0 + seconds * 1_000_000;
        self
    }

    pub(crate) fn cell(mut self, cell: u64) -> Self {
        self.cell = cell;
        self
    }

    pub(crate) fn failed(mut self) -> Self {
        self.outcome = Outcome::Failed;
        self.output = None;
        self
    }

    /// The run this is an attempt of.
    pub(crate) fn run(&self) -> RunId {
        let mut text = format!("{}|{}|{:?}", self.template, self.arguments, self.replicate);
        for input in &self.inputs {
            let digests: Vec<_> = match input {
                From::Run(_, one) => vec![one.output_digest()],
                From::Gather(_, parts) => parts.iter().map(|(_, part)| part.output_digest()).collect(),
            };
            text.push_str(&format!("|{digests:?}"));
        }
        RunId(Digest::of(text.as_bytes()))
    }

    fn output_digest(&self) -> Digest {
        Digest::of(self.output.as_ref().unwrap().to_string().as_bytes())
    }
}

/// A canonical map from JSON.
pub(crate) fn map(json: &Json) -> Vec<u8> {
    let value = Value::from_serde(json).unwrap();
    if matches!(&value, Value::Map(map) if map.is_empty()) { Vec::new() } else { value.to_bytes().unwrap() }
}

impl Lab {
    pub(crate) fn memory() -> Self {
        Self::on(Store::memory().unwrap())
    }

    /// A lab on a store, with templates `train` (fixed `dataset`, default `momentum` 0.9), `train2` (the same with
    /// other code) and `score`.
    pub(crate) fn on(store: Store) -> Self {
        let mut writer = Writer::new(&store, Durability::Relaxed).unwrap();
        let environment =
            Environment { host: "lab".into(), pid: 7, metalab: "0.1.0".into(), ..Environment::default() };
        let environment = put(&mut writer, &to_cbor(&environment));
        let mut templates = HashMap::new();
        for (key, name, code, fixed, defaults) in [
            (
                "train",
                "train",
                "a",
                serde_json::json!({"dataset": "digits"}),
                serde_json::json!({"momentum": 0.9}),
            ),
            (
                "train2",
                "train",
                "b",
                serde_json::json!({"dataset": "digits"}),
                serde_json::json!({"momentum": 0.9}),
            ),
            ("score", "score", "c", serde_json::json!({}), serde_json::json!({})),
            ("prepare", "prepare", "d", serde_json::json!({}), serde_json::json!({})),
            ("prepare2", "prepare", "e", serde_json::json!({}), serde_json::json!({})),
            ("report", "report", "f", serde_json::json!({}), serde_json::json!({})),
        ] {
            let template = Template {
                recipe_version: 1,
                kind: "rust".into(),
                namespace: "lab".into(),
                name: name.into(),
                version: "1".into(),
                grade: Grade::Reach,
                code: Some(Digest::of(code.as_bytes())),
                fixed: map(&fixed),
                contexts: vec![],
                base_seed: Some(42),
                metadata: vec![],
                defaults: map(&defaults),
                items: vec![],
                parameters: vec![],
            };
            templates.insert(key.to_owned(), put(&mut writer, &to_cbor(&template)));
        }
        writer.commit().unwrap();
        writer.close();
        Self { store, environment, templates }
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer::new(&self.store, Durability::Relaxed).unwrap()
    }

    pub(crate) fn template(&self, name: &str) -> Digest {
        self.templates[name]
    }

    /// Opens a submission of one step over these runs.
    pub(crate) fn open(
        &self,
        writer: &mut Writer,
        experiment: &str,
        at: i64,
        template: &str,
        runs: &[RunId],
    ) -> RecordName {
        let cells = runs.len() as u64;
        let template = ["train", "train2", "score"].into_iter().find(|known| *known == template).unwrap();
        let step = Step {
            name: "main",
            template,
            replicates: 1,
            cells,
            runs: runs.to_vec(),
            dimensions: vec![],
            has_inputs: false,
            tags: vec![],
        };
        self.open_steps(writer, experiment, at, &[step])
    }

    /// Opens a submission of these steps.
    pub(crate) fn open_steps(
        &self,
        writer: &mut Writer,
        experiment: &str,
        at: i64,
        steps: &[Step],
    ) -> RecordName {
        let opened = SubmissionOpened {
            experiment: experiment.into(),
            version: "0.1".into(),
            time: T0 + at * 1_000_000,
            environment: self.environment,
            steps: steps.iter().map(|step| self.step_record(writer, step)).collect(),
            base_seed: Some(42),
            replicates: 1,
            metadata: vec![],
            tags: vec!["nightly".into()],
            description: None,
            rerun: None,
            manifest: Some(Digest::of(b"manifest")),
        };
        writer.append(kind::SUBMISSION_OPENED, 0, &to_cbor(&opened))
    }

    fn step_record(&self, writer: &mut Writer, step: &Step) -> StepRecord {
        let index = Index::load(&self.store).unwrap();
        let chunks = metalab_engine::cells::write(&self.store, writer, &index, &step.runs).unwrap();
        let dimensions = step.dimensions.iter().map(|(name, stride, values)| {
            let values = values.iter().map(|value| Value::List(vec![Value::from_serde(value).unwrap()]));
            let values: Vec<Value> = values.collect();
            Value::List(vec![
                Value::List(vec![Value::Text((*name).into())]),
                Value::from(*stride),
                Value::from(values.len() as u64),
                Value::List(values),
            ])
        });
        let dimensions = Value::List(dimensions.collect()).to_bytes().unwrap();
        StepRecord {
            name: step.name.into(),
            template: self.template(step.template),
            source: Digest::of(b"source"),
            axes: vec!["k".into()],
            sets: step.cells / step.replicates,
            replicates: step.replicates,
            chunks,
            dimensions: (!step.dimensions.is_empty()).then(|| put(writer, &dimensions)),
            wiring: step.has_inputs.then(|| Digest::of(b"wiring")),
            case_tags: (!step.tags.is_empty()).then(|| {
                let range =
                    |(first, length): &(u64, u64)| Value::List(vec![(*first).into(), (*length).into()]);
                let tag = |(name, ranges): &(&str, Vec<(u64, u64)>)| {
                    Value::List(vec![
                        Value::Text((*name).into()),
                        Value::List(ranges.iter().map(range).collect()),
                    ])
                };
                let list = Value::List(step.tags.iter().map(tag).collect()).to_bytes().unwrap();
                put(writer, &list)
            }),
        }
    }

    /// Says which cells a step has.
    pub(crate) fn resolve(&self, writer: &mut Writer, submission: RecordName, number: u32, step: &Step) {
        let record = self.step_record(writer, step);
        let resolved = StepResolved { submission, step: number, record };
        writer.append(kind::STEP_RESOLVED, 0, &to_cbor(&resolved));
    }

    fn input(&self, writer: &mut Writer, from: &From) -> InputRef {
        let bytes = |digest: &Digest| Value::Bytes(digest.as_bytes().to_vec());
        let none = InputRef { name: String::new(), digest: None, run: None, artifact: None, gather: None };
        match from {
            From::Run(name, made) => InputRef {
                name: (*name).into(),
                digest: Some(made.output_digest()),
                run: Some(made.run()),
                ..none
            },
            From::Gather(name, parts) => {
                let part = |(at, made): &(Json, Try)| {
                    let at = Value::from_serde(at).unwrap();
                    Value::List(vec![at, bytes(&made.output_digest()), bytes(&made.run().0)])
                };
                let list = Value::List(parts.iter().map(part).collect()).to_bytes().unwrap();
                let digest = put(writer, &list);
                let gather = ValueRef { digest, size: list.len() as u64, place: Place::Pack };
                InputRef { name: (*name).into(), gather: Some(gather), ..none }
            }
        }
    }

    pub(crate) fn close(&self, writer: &mut Writer, submission: RecordName, succeeded: u64, failed: u64) {
        let closed = SubmissionClosed {
            submission,
            time: T0 + 3_600_000_000,
            closing: if failed == 0 { Closing::Complete } else { Closing::Incomplete },
            reused: 0,
            succeeded,
            failed,
            cancelled: 0,
            timed_out: 0,
            skipped: 2 * failed,
            causes: Vec::new(),
        };
        writer.append(kind::SUBMISSION_CLOSED, 0, &to_cbor(&closed));
    }

    pub(crate) fn attempt(
        &self,
        writer: &mut Writer,
        submission: Option<RecordName>,
        made: &Try,
    ) -> RecordName {
        let payload = self.payload(writer, submission, made);
        writer.append(kind::ATTEMPT, 0, &payload)
    }

    pub(crate) fn payload(&self, writer: &mut Writer, submission: Option<RecordName>, made: &Try) -> Vec<u8> {
        let output = made.output.as_ref().filter(|_| made.outcome == Outcome::Succeeded).map(|output| {
            let inline = output.to_string().into_bytes();
            let value =
                ValueRef { digest: Digest::of(&inline), size: inline.len() as u64, place: Place::Inline };
            OutputRef { value, codec: "json".into(), inline }
        });
        let mut series_refs = Vec::new();
        if !made.series.is_empty() {
            let bytes = series::encode(&made.series);
            let digest = put(writer, &bytes);
            let value = ValueRef { digest, size: bytes.len() as u64, place: Place::Pack };
            series_refs.push(SeriesRef { name: "loss".into(), length: made.series.len() as u64, value });
        }
        let artifacts = made.artifact.iter().map(|name| {
            let digest = put(writer, name.as_bytes());
            let value = ValueRef { digest, size: name.len() as u64, place: Place::Pack };
            ArtifactRef {
                name: (*name).into(),
                kind: "text".into(),
                value,
                extension: Some("txt".into()),
                format: None,
                metadata: Vec::new(),
            }
        });
        let mut artifacts: Vec<_> = artifacts.collect();
        for (name, kind, bytes) in &made.files {
            let value = ValueRef { digest: put(writer, bytes), size: bytes.len() as u64, place: Place::Pack };
            let (name, kind) = ((*name).into(), (*kind).into());
            artifacts.push(ArtifactRef {
                name,
                kind,
                value,
                extension: None,
                format: None,
                metadata: Vec::new(),
            });
        }
        let failed = made.outcome != Outcome::Succeeded;
        to_cbor(&Attempt {
            run: made.run(),
            template: self.template(made.template),
            arguments: map(&made.arguments),
            replicate: made.replicate,
            inputs: made.inputs.iter().map(|from| self.input(writer, from)).collect(),
            outcome: made.outcome,
            started: made.started,
            duration: 1_500_000,
            cpu: Some(1_000_000),
            peak_memory: Some(1 << 20),
            environment: self.environment,
            submission,
            step: submission.map(|_| made.step),
            cell: submission.map(|_| made.cell),
            output,
            metrics: made.metrics.clone(),
            artifacts,
            series: series_refs,
            log: None,
            error: failed.then(|| ErrorRecord {
                chain: vec!["it broke".into(), "the disk".into()],
                backtrace: None,
                cause: "error".into(),
            }),
            retry: None,
            shown: vec![],
            reason: None,
            data: made.data.iter().map(|(name, value)| self.data(writer, name, value)).collect(),
            streams: Vec::new(),
            derived: made.derived.clone(),
        })
    }

    /// A captured value: small ones in the record, others in a pack; a list that begins with the text `npy` is an array.
    fn data(&self, writer: &mut Writer, name: &str, value: &Value) -> DataRef {
        let bytes = value.to_bytes().unwrap();
        let is_array = matches!(value, Value::List(list) if list.first() == Some(&Value::Text("npy".into())));
        let inline = if bytes.len() <= 1024 && !is_array { bytes.clone() } else { Vec::new() };
        let place = if inline.is_empty() { Place::Pack } else { Place::Inline };
        let digest = if inline.is_empty() { put(writer, &bytes) } else { Digest::of(&bytes) };
        DataRef {
            name: name.into(),
            codec: if is_array { "npy".into() } else { "value".into() },
            value: ValueRef { digest, size: bytes.len() as u64, place },
            inline,
            dtype: is_array.then(|| "<f8".into()),
            shape: if is_array { vec![2, 3] } else { Vec::new() },
        }
    }

    /// Records what was derived later.
    pub(crate) fn derive(&self, writer: &mut Writer, at: i64, rows: Vec<(RunId, DerivedRecord)>) {
        let batch = DerivedBatch { time: T0 + at * 1_000_000, environment: self.environment, rows };
        writer.append(kind::DERIVED, 0, &to_cbor(&batch));
    }

    /// Keeps an expression, or gives it up.
    pub(crate) fn keep(
        &self,
        writer: &mut Writer,
        at: i64,
        name: &str,
        experiment: Option<&str>,
        expression: Option<&str>,
    ) {
        let kept = KeptExpression {
            name: name.into(),
            experiment: experiment.map(str::to_owned),
            expression: expression.map(str::to_owned),
            time: T0 + at * 1_000_000,
        };
        writer.append(kind::EXPRESSION, 0, &to_cbor(&kept));
    }

    /// A session, and whatever it has to say about damage.
    pub(crate) fn session(&self) -> Session {
        let mut options = Options::default();
        options.fold = false;
        futures::executor::block_on(Session::open(&self.store, options)).unwrap()
    }

    pub(crate) fn csv(&self, sql: &str) -> String {
        ask(&self.session(), sql)
    }
}

/// The answer as CSV.
pub(crate) fn ask(session: &Session, sql: &str) -> String {
    match futures::executor::block_on(session.sql(sql)) {
        Ok(answer) => answer.to_csv().unwrap(),
        Err(error) => panic!("{sql}: {error}"),
    }
}

/// The message of a question that fails.
pub(crate) fn refusal(session: &Session, sql: &str) -> String {
    match futures::executor::block_on(session.sql(sql)) {
        Ok(answer) => panic!("{sql} gave {}", answer.to_csv().unwrap()),
        Err(error) => error.to_string(),
    }
}

/// Everything all tables say, row by row, sorted.
pub(crate) fn everything(session: &Session) -> Vec<String> {
    let mut all = Vec::new();
    for table in [
        "runs",
        "distinct_runs",
        "attempts",
        "params",
        "metrics",
        "data",
        "derived",
        "artifacts",
        "lineage",
        "nondeterministic",
        "submissions",
        "experiments",
        "columns",
    ] {
        let csv = ask(session, &format!("SELECT * FROM {table}"));
        let mut lines: Vec<String> = csv.lines().map(|line| format!("{table}: {line}")).collect();
        lines[1..].sort();
        all.extend(lines);
    }
    all
}

/// What a function gave.
pub(crate) fn result(function: &str, values: &[(&str, Scalar)]) -> DerivedRecord {
    DerivedRecord {
        function: function.into(),
        code: Digest::of(function.as_bytes()),
        values: values.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        error: None,
    }
}

fn put(writer: &mut Writer, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    writer.put_value(digest, bytes);
    digest
}
