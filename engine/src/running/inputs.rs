//! Inputs of cells that are about to run: where their bytes lie, and how the record will name them.

use super::job::TaskInputs;
use crate::index::Index;
use crate::inputs::{GatherPart, Located, Supplied, Where, encode_parts};
use crate::plan::{Decisions, Given, GivenInput, StepPlan, Unknown};
use crate::record::{InputRef, Place};

/// What a cell is given, ready for a run.
pub(super) fn of_cell(
    step: &StepPlan,
    cell: u64,
    decisions: &Decisions,
    index: &Index,
) -> Result<Option<TaskInputs>, Unknown> {
    if step.inputs.is_empty() {
        return Ok(None);
    }
    let given = step.given(cell, decisions)?;
    let mut inputs = TaskInputs::default();
    for (plan, given) in step.inputs.iter().zip(given) {
        let mut reference = InputRef {
            name: plan.name.to_owned(),
            digest: None,
            run: None,
            artifact: plan.artifact.clone(),
            gather: None,
        };
        match given {
            GivenInput::One(one) => {
                (reference.digest, reference.run) = (Some(one.digest), one.run);
                inputs.supplied.push(Supplied::One(locate(&one, index)));
            }
            GivenInput::Many(parts) => {
                let list = parts.iter().map(|(at, given)| GatherPart {
                    coordinates: at.clone(),
                    digest: given.digest,
                    run: given.run,
                });
                inputs.lists.push((inputs.references.len(), encode_parts(list)));
                let located = parts.into_iter().map(|(at, given)| (at, locate(&given, index)));
                inputs.supplied.push(Supplied::Many(std::sync::Arc::new(located.collect())));
            }
        }
        inputs.references.push(reference);
    }
    Ok(Some(inputs))
}

/// Where a value should lie. What is not durable yet, or lies elsewhere, is found by its digest.
fn locate(given: &Given, index: &Index) -> Located {
    let digest = given.digest;
    let entry = given.run.and_then(|run| index.get(&run));
    let at = match entry {
        Some(entry) if entry.output == Some(digest) && entry.output_place == Place::Inline => {
            Where::Record(entry.place)
        }
        // Just made, and perhaps not durable yet.
        None if given.cell.is_some() => Where::Shelf,
        _ => match index.place_of(&digest) {
            Some(place) => Where::Pack(place),
            None => Where::Blob,
        },
    };
    Located { digest, at }
}
