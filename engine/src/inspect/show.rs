//! Everything about one run.

use metalab_cas::Digest;

use crate::derived::{Book, Kept};
use crate::id::{RecordName, RunId};
use crate::index::Glance;
use crate::journal::RecordPlace;
use crate::record::{Attempt, DerivedRecord, Environment, Record, SubmissionOpened, Template};
use crate::results::{ResultError, decode_template};

/// Everything about one run.
#[derive(Clone, Debug)]
pub struct RunDetails {
    /// Its id.
    pub id: RunId,
    /// The record of the attempt that stands.
    pub record: RecordName,
    /// That attempt.
    pub attempt: Attempt,
    /// What it shares with the other runs of its step.
    pub template: Template,
    /// Where it ran; `None` when that record is missing.
    pub environment: Option<Environment>,
    /// The submission it was executed for.
    pub submission: Option<SubmissionOpened>,
    /// What functions derived from it, of each the newest, oldest first.
    pub derived: Vec<DerivedRecord>,
    /// All other attempts of it.
    pub others: Vec<(RecordName, Attempt)>,
    /// Outputs of successful attempts that differ: the operation is not deterministic.
    pub differing_outputs: bool,
}

/// Everything about one run; reads a handful of records, no table.
///
/// # Errors
/// When the run is not there or its records cannot be read.
pub fn show(index: &Glance, id: &RunId) -> Result<RunDetails, ResultError> {
    let store = index.store();
    let absent = || ResultError::Absent { run: id.short(), what: "record".into() };
    let entry = index.get(id)?.ok_or_else(absent)?;
    let read = |place: &RecordPlace| match store.journal().read(place)? {
        Record::Attempt(attempt) => Ok(*attempt),
        _ => Err(ResultError::NotAnAttempt { record: entry.name }),
    };
    let attempt = read(&entry.place)?;
    let value = |digest: &Digest| {
        Ok::<_, ResultError>(store.values().get_from(digest, index.places_of(digest)?.into_iter())?)
    };
    let book = Book::of_run(store, index.derived_of(id), id)?;
    let derived = book.merged(id, Kept::own(&attempt, entry.name));
    let template = decode_template(&attempt.template, &value(&attempt.template)?)?;
    let environment = value(&attempt.environment).ok();
    let environment = environment.and_then(|bytes| minicbor::decode(&bytes).ok());
    let submission = attempt.submission.and_then(|name| index.submission(&name));
    let submission = submission.and_then(|place| match store.journal().read(&place) {
        Ok(Record::Opened(opened)) => Some(*opened),
        _ => None,
    });
    let mut others = Vec::new();
    for other in index.others(id)?.into_iter().filter(|other| other.name != entry.name) {
        others.push((other.name, read(&other.place)?));
    }
    let digest = |attempt: &Attempt| attempt.output.as_ref().map(|output| output.value.digest);
    let expected = digest(&attempt);
    let differing_outputs =
        others.iter().filter_map(|(_, other)| digest(other)).any(|other| Some(other) != expected);
    Ok(RunDetails {
        id: *id,
        record: entry.name,
        attempt,
        template,
        environment,
        submission,
        derived,
        others,
        differing_outputs,
    })
}
