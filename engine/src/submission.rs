//! Submissions: opening one, and finding those that were opened.

use metalab_cas::{Digest, Map, Presence, Value};

use crate::cells;
use crate::context::StatCache;
use crate::id::{RecordName, RunId};
use crate::index::{Index, origin};
use crate::journal::{Committed, Durability, JournalError, Writer};
use crate::manifest::Written;
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
pub(crate) fn open(request: &Request<'_>, manifest: &Written) -> Result<Opened, RunError> {
    let Request { store, plan, decisions, index, present, .. } = *request;
    let experiment = &plan.experiment;
    let mut writer = Writer::new(store, request.durability)?;
    let environment = current_environment(request.files);
    let environment = put(request.store, &mut writer, index, present, &to_cbor(&environment))?;
    for part in &manifest.parts {
        put(store, &mut writer, index, present, part)?;
    }
    let manifest = put(store, &mut writer, index, present, &manifest.bytes)?;
    let steps = (0..plan.steps.len()).map(|step| step_record(request, step, &mut writer));
    let steps = steps.collect::<Result<_, _>>()?;
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
        manifest: Some(manifest),
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

/// A step and its cells as they are known now; the values it names go with the writer's next commit.
pub(crate) fn step_record(
    request: &Request<'_>,
    number: usize,
    writer: &mut Writer,
) -> Result<StepRecord, RunError> {
    let Request { store, plan, decisions, index, present, .. } = *request;
    let step = &plan.steps[number];
    let ids = &decisions.steps[number].ids;
    let mut put = |bytes: &[u8]| put(store, writer, index, present, bytes);
    let mut put_if_any = |bytes: &[u8]| (!bytes.is_empty()).then(|| put(bytes)).transpose();
    let dimensions = put_if_any(&step.dimensions())?;
    let wiring = put_if_any(&step.wiring)?;
    let case_tags = put_if_any(&step.case_tags.to_bytes())?;
    let (template, source) = (put(&to_cbor(&step.template))?, put(&step.source)?);
    let is_known = |id: &RunId| *id != RunId::UNKNOWN;
    let chunks = if ids.iter().any(is_known) { cells::write(store, writer, index, ids)? } else { Vec::new() };
    Ok(StepRecord {
        name: step.name.clone(),
        template,
        source,
        axes: step.arguments.coordinates.clone(),
        sets: step.sets(),
        replicates: step.replicates,
        chunks,
        dimensions,
        wiring,
        case_tags,
    })
}

fn put(
    store: &Store,
    writer: &mut Writer,
    index: &Index,
    present: &Presence,
    bytes: &[u8],
) -> Result<Digest, RunError> {
    let digest = Digest::of(bytes);
    if !store.values().has(&digest, index, present) {
        store.values().put(writer, bytes)?;
    }
    Ok(digest)
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
            Ok(Record::Opened(mut opened)) => {
                complete(store, index, &name, &mut opened);
                found.push((name, *opened));
            }
            // A damaged record hides only itself; `metalab store info` reports it.
            Ok(_) | Err(JournalError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by_key(|(name, opened)| (opened.time, *name));
    Ok(found)
}

/// Puts in what became known of a submission's cells after it was opened. What cannot be read of that is left as it
/// was: the cells that were known at first.
pub(crate) fn complete(store: &Store, index: &Index, name: &RecordName, opened: &mut SubmissionOpened) {
    for (step, place) in index.resolved_steps(name) {
        if let Ok(Record::Resolved(resolved)) = store.journal().read(&place)
            && let Some(known) = opened.steps.get_mut(step as usize)
        {
            *known = resolved.record;
        }
    }
}
