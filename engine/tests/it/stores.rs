//! Stores and records for tests of journal and index.

use std::sync::Arc;

use metalab_cas::{Backend, Digest, Key, PutMode};
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::journal::{Committed, Writer};
use metalab_engine::record::{
    Attempt, Outcome, OutputRef, Place, StepRecord, SubmissionOpened, ValueRef, kind, to_cbor,
};
use metalab_engine::store::{Access, Store};

use crate::broken::Broken;
use crate::memory::Memory;

/// A store on a back end that can break.
pub(crate) struct Fresh {
    _folder: Option<tempfile::TempDir>,
    pub(crate) broken: Broken,
    pub(crate) store: Store,
}

/// A fresh store in memory; without `appends`, one that behaves like a bucket.
pub(crate) fn fresh(appends: bool) -> Fresh {
    on(None, Arc::new(Memory::default()), appends)
}

/// The same on disk.
pub(crate) fn on_disk(appends: bool) -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let below = Store::create(path.to_str().unwrap()).unwrap();
    on(Some(folder), below.backend().clone(), appends)
}

fn on(folder: Option<tempfile::TempDir>, below: Arc<dyn Backend>, appends: bool) -> Fresh {
    let broken = Broken::new(below, appends);
    let store = Store::on(Arc::new(broken.clone()), Access::ReadWrite).unwrap();
    Fresh { _folder: folder, broken, store }
}

/// All files with their content.
pub(crate) fn content(store: &Store) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["journal", "index", "cas", "live", "tables"] {
        for file in store.backend().list(&Key::new(folder).unwrap()).unwrap() {
            all.push((file.key.to_string(), store.backend().get(&file.key).unwrap().to_vec()));
        }
    }
    all
}

/// The keys of the journal's files with this ending.
pub(crate) fn files(store: &Store, ending: &str) -> Vec<Key> {
    let listed = store.backend().list(&Key::new("journal").unwrap()).unwrap();
    listed.into_iter().map(|file| file.key).filter(|key| key.as_str().ends_with(ending)).collect()
}

/// Changes a file in place.
pub(crate) fn edit(store: &Store, key: &Key, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = store.backend().get(key).unwrap().to_vec();
    change(&mut bytes);
    store.backend().put(key, &bytes, PutMode::Replace).unwrap();
}

pub(crate) fn run(number: u64) -> RunId {
    RunId(Digest::of(&number.to_le_bytes()))
}

pub(crate) fn attempt(run: RunId, outcome: Outcome, started: i64) -> Attempt {
    let digest = Digest::of(&started.to_le_bytes());
    let value = ValueRef { digest, size: 8, place: Place::Pack };
    Attempt {
        run,
        template: Digest::of(b"template"),
        arguments: vec![9, 0],
        replicate: Some(0),
        inputs: Vec::new(),
        outcome,
        started,
        duration: 5,
        cpu: Some(4),
        peak_memory: None,
        environment: Digest::of(b"environment"),
        submission: None,
        step: None,
        cell: None,
        output: (outcome == Outcome::Succeeded).then(|| OutputRef {
            value,
            codec: "json".into(),
            inline: Vec::new(),
        }),
        metrics: vec![("error".into(), metalab_engine::record::Scalar::Float(0.5))],
        artifacts: Vec::new(),
        series: Vec::new(),
        log: None,
        error: None,
        retry: None,
        shown: Vec::new(),
        reason: None,
        data: Vec::new(),
        streams: Vec::new(),
        derived: Vec::new(),
    }
}

pub(crate) fn append(writer: &mut Writer, attempt: &Attempt) -> RecordName {
    writer.append(kind::ATTEMPT, 0, &to_cbor(attempt))
}

/// A writer with these payloads committed, each in a commit of its own.
pub(crate) fn commit_each(writer: &mut Writer, payloads: impl IntoIterator<Item = String>) -> Vec<Committed> {
    let each = payloads.into_iter().map(|payload| {
        writer.append(200, 0, payload.as_bytes());
        writer.commit().unwrap()
    });
    each.collect()
}

pub(crate) fn submission(experiment: &str, steps: &[&str]) -> SubmissionOpened {
    let step = |name: &&str| StepRecord {
        name: (*name).to_owned(),
        template: Digest::of(b"template"),
        source: Digest::of(b"source"),
        axes: Vec::new(),
        sets: 1,
        replicates: 1,
        chunks: Vec::new(),
        dimensions: None,
        wiring: None,
        case_tags: None,
    };
    SubmissionOpened {
        experiment: experiment.to_owned(),
        version: "1".into(),
        time: 1,
        environment: Digest::of(b"environment"),
        steps: steps.iter().map(step).collect(),
        base_seed: None,
        replicates: 1,
        metadata: Vec::new(),
        tags: Vec::new(),
        description: None,
        rerun: None,
        manifest: None,
    }
}

/// The bytes of a golden file: hexadecimal digits, with comments after `#`.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let digits: String = text.lines().map(|line| line.split('#').next().unwrap().trim()).collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
