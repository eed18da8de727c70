//! Stores with records made by hand.

use std::collections::HashMap;

use metalab_cas::{Digest, Value};
use metalab_engine::capture::series;
use metalab_engine::code::Grade;
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::index::Index;
use metalab_engine::journal::{Durability, Writer};
use metalab_engine::record::{
    ArtifactRef, Attempt, Closing, Environment, ErrorRecord, Outcome, OutputRef, Place, Scalar, SeriesRef,
    StepRecord, SubmissionClosed, SubmissionOpened, Template, ValueRef, kind, to_cbor,
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
    pub(crate) cell: u64,
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
            cell: 0,
        }
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
        let text = format!("{}|{}|{:?}", self.template, self.arguments, self.replicate);
        RunId(Digest::of(text.as_bytes()))
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
        let index = Index::load(&self.store).unwrap();
        let chunks = metalab_engine::cells::write(&self.store, writer, &index, runs).unwrap();
        let opened = SubmissionOpened {
            experiment: experiment.into(),
            version: "0.1".into(),
            time: T0 + at * 1_000_000,
            environment: self.environment,
            steps: vec![StepRecord {
                name: "main".into(),
                template: self.template(template),
                source: Digest::of(b"source"),
                axes: vec!["k".into()],
                sets: runs.len() as u64,
                replicates: 1,
                chunks,
                dimensions: None,
                wiring: None,
            }],
            base_seed: Some(42),
            replicates: 1,
            metadata: vec![],
            tags: vec!["nightly".into()],
            description: None,
            rerun: None,
        };
        writer.append(kind::SUBMISSION_OPENED, 0, &to_cbor(&opened))
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
            skipped: 0,
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
            ArtifactRef { name: (*name).into(), kind: "text".into(), value, extension: Some("txt".into()) }
        });
        let artifacts = artifacts.collect();
        let failed = made.outcome != Outcome::Succeeded;
        to_cbor(&Attempt {
            run: made.run(),
            template: self.template(made.template),
            arguments: map(&made.arguments),
            replicate: made.replicate,
            inputs: Vec::new(),
            outcome: made.outcome,
            started: made.started,
            duration: 1_500_000,
            cpu: Some(1_000_000),
            peak_memory: Some(1 << 20),
            environment: self.environment,
            submission,
            step: submission.map(|_| 0),
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
        })
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
    for table in
        ["runs", "distinct_runs", "attempts", "metrics", "artifacts", "submissions", "experiments", "columns"]
    {
        let csv = ask(session, &format!("SELECT * FROM {table}"));
        let mut lines: Vec<String> = csv.lines().map(|line| format!("{table}: {line}")).collect();
        lines[1..].sort();
        all.extend(lines);
    }
    all
}

fn put(writer: &mut Writer, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    writer.put_value(digest, bytes);
    digest
}
