//! Inputs of attempts as rows: which values a run was made from, and which runs made those.

use metalab_cas::Digest;
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::inputs::gather_parts;
use metalab_engine::record::{Attempt, InputRef};

use super::rows::{Item, Rows};
use crate::columns::{Shared, small};

/// Where a value comes from.
struct Taken {
    digest: Option<Digest>,
    run: Option<RunId>,
    /// For a part of a gather, its coordinates as JSON.
    coordinates: Option<String>,
}

/// Appends one row per input of an attempt, and one per part of a gather; gives in words what could not be read.
pub(super) fn push(rows: &mut Rows, name: &RecordName, attempt: &Attempt, shared: &Shared) -> Vec<String> {
    let writer = name.writer.to_string();
    let mut unread = Vec::new();
    for input in &attempt.inputs {
        let Some(all) = values(input, shared) else {
            unread.push(format!("the parts of input `{}` in record {name} cannot be read", input.name));
            continue;
        };
        for from in all {
            rows.push(&[
                Item::Bytes(attempt.run.as_bytes()),
                Item::Text(&input.name),
                from.digest.as_ref().map_or(Item::Null, |digest| Item::Bytes(digest.as_bytes())),
                input.artifact.as_deref().into(),
                from.run.as_ref().map_or(Item::Null, |run| Item::Bytes(run.as_bytes())),
                from.coordinates.as_deref().into(),
                Item::Text(&writer),
                Item::Int(small(name.sequence)),
            ]);
        }
    }
    unread
}

/// The values that an input brings; `None` if the list of a gather cannot be read.
fn values(input: &InputRef, shared: &Shared) -> Option<Vec<Taken>> {
    let Some(list) = &input.gather else {
        return Some(vec![Taken { digest: input.digest, run: input.run, coordinates: None }]);
    };
    let parts = gather_parts(&shared.fetch(&list.digest)?)?;
    let from = parts.into_iter().map(|part| Taken {
        digest: Some(part.digest),
        run: part.run,
        coordinates: Some(part.coordinates.to_json_text()),
    });
    Some(from.collect())
}
