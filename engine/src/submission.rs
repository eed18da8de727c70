//! Submissions: opening one, and finding those that were opened.

use metalab_cas::{Digest, Map, Presence, Value};

use crate::cells;
use crate::context::StatCache;
use crate::id::RecordName;
use crate::index::{Index, origin};
use crate::journal::{Committed, Durability, JournalError, Writer};
use crate::plan::{Decisions, Plan, Rerun};
use crate::record::{LEVEL, Record, StepRecord, SubmissionOpened, kind, to_cbor};
use crate::running::{RunError, current_environment, now_micros};
use crate::store::Store;

/// What is asked for.
pub(crate) struct Request<'a> {
    pub(crate) store: &'a Store,
    pub(crate) plan: &'a Plan,
    pub(crate) decisions: &'a Decisions,
    pub(crate) index: &'a Index,
    pub(crate) present: &'a Presence,
    pub(crate) rerun: &'a Rerun,
    pub(crate) durability: Durability,
    pub(crate) files: &'a StatCache,
}

/// A submission whose intent is durable.
pub(crate) struct Opened {
    pub(crate) name: RecordName,
    pub(crate) record: SubmissionOpened,
    pub(crate) environment: Digest,
    /// The origin of the cells of each step (see [`crate::index::Entry`]).
    pub(crate) origins: Vec<u64>,
    /// The version under which the same experiment was asked for before, when nothing of it has to run.
    pub(crate) same_as_version: Option<String>,
    pub(crate) committed: Committed,
    pub(crate) writer: Writer,
}

/// Makes the intent durable: values first, then the record that names them.
pub(crate) fn open(request: &Request<'_>) -> Result<Opened, RunError> {
    let Request { store, plan, decisions, index, present, .. } = *request;
    let experiment = &plan.experiment;
    let mut writer = Writer::new(store, request.durability)?;
    let put = |writer: &mut Writer, bytes: &[u8]| -> Result<Digest, RunError> {
        let digest = Digest::of(bytes);
        if !store.values().has(&digest, index, present) {
            store.values().put(writer, bytes)?;
        }
        Ok(digest)
    };
    let environment = put(&mut writer, &to_cbor(&current_environment(request.files)))?;
    let mut steps = Vec::with_capacity(plan.steps.len());
    for (step, decided) in plan.steps.iter().zip(&decisions.steps) {
        steps.push(StepRecord {
            name: step.name.clone(),
            template: put(&mut writer, &to_cbor(&step.template))?,
            source: put(&mut writer, &step.source)?,
            axes: step.arguments.coordinates.clone(),
            sets: step.arguments.sets(),
            replicates: step.replicates,
            chunks: cells::write(store, &mut writer, index, &decided.ids)?,
        });
    }
    let metadata = experiment
        .metadata
        .iter()
        .filter_map(|(key, value)| Some((Value::Text(key.clone()), value.clone().ok()?)));
    let metadata = Map::from_entries(metadata).ok().filter(|map| !map.is_empty());
    let record = SubmissionOpened {
        experiment: experiment.name.clone(),
        version: experiment.version.clone(),
        time: now_micros(),
        environment,
        steps,
        base_seed: experiment.seeds.as_ref().map(|seeds| seeds.base()),
        replicates: experiment.seeds.as_ref().map_or(1, |seeds| seeds.count()),
        metadata: metadata.and_then(|map| Value::Map(map).to_bytes().ok()).unwrap_or_default(),
        tags: experiment.tags.clone(),
        description: experiment.description.clone(),
        rerun: request.rerun.word(),
    };
    let same_as_version = match decisions.to_run() {
        0 => last(store, index, Some(&record.experiment))?.map(|(_, before)| before.version),
        _ => None,
    };
    let name = writer.append(kind::SUBMISSION_OPENED, LEVEL, &to_cbor(&record));
    let committed = writer.commit()?;
    Ok(Opened {
        name,
        environment,
        origins: plan.steps.iter().map(|step| origin(&record.experiment, &step.name)).collect(),
        same_as_version: same_as_version.filter(|version| *version != record.version),
        record,
        committed,
        writer,
    })
}

/// The newest submission in a store, of one experiment or of any.
pub(crate) fn last(
    store: &Store,
    index: &Index,
    experiment: Option<&str>,
) -> Result<Option<(RecordName, SubmissionOpened)>, JournalError> {
    let all = all(store, index)?.into_iter();
    let of_it = all.filter(|(_, opened)| experiment.is_none_or(|name| opened.experiment == name));
    Ok(of_it.max_by_key(|(name, opened)| (opened.time, *name)))
}

/// All submissions in a store, oldest first.
pub(crate) fn all(store: &Store, index: &Index) -> Result<Vec<(RecordName, SubmissionOpened)>, JournalError> {
    let mut found = Vec::new();
    for (name, place) in index.submissions() {
        match store.journal().read(&place) {
            Ok(Record::Opened(opened)) => found.push((name, *opened)),
            // A damaged record hides only itself; `metalab store info` reports it.
            Ok(_) | Err(JournalError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by_key(|(name, opened)| (opened.time, *name));
    Ok(found)
}
