//! Inputs that are values of the store: finished runs, digests, pins.

use std::collections::HashMap;

use metalab_cas::{Digest, DigestPrefix};

use super::inputs::{Feed, Given};
use super::{Plan, PlanError};
use crate::index::Index;
use crate::inputs::Origin;
use crate::record::Record;

/// Looks up all inputs that come from the store.
pub(super) fn resolve(plan: &Plan, index: &Index) -> Result<HashMap<(usize, usize), Given>, PlanError> {
    let mut found = HashMap::new();
    for step in plan.steps() {
        for (number, input) in step.inputs.iter().enumerate() {
            let Feed::Store(origin) = &input.feed else { continue };
            let given = look_up(origin, input.artifact.as_deref(), index);
            let given = given.map_err(|reason| {
                PlanError::Stored { input: input.name.into(), reason }.in_step(&step.name)
            })?;
            found.insert((step.number, number), given);
        }
    }
    Ok(found)
}

fn look_up(origin: &Origin, artifact: Option<&str>, index: &Index) -> Result<Given, String> {
    let bare = |digest: Digest| Given { digest, cell: None, run: None };
    match origin {
        Origin::Step { .. } | Origin::Named(_) => Err("a step is no value of the store".into()),
        Origin::Run(id) => of_run(id, artifact, index),
        _ if artifact.is_some() => Err("only a run has artifacts by name".into()),
        Origin::Digest(digest) => Ok(bare(*digest)),
        Origin::Pin(name) => match index.store().pinned(name) {
            Ok(Some(digest)) => Ok(bare(digest)),
            Ok(None) => Err(format!("the store has no pin called `{name}`")),
            Err(error) => Err(error.to_string()),
        },
    }
}

fn of_run(id: &str, artifact: Option<&str>, index: &Index) -> Result<Given, String> {
    let prefix: DigestPrefix = id.parse().map_err(|error| format!("`{id}` is no run id: {error}"))?;
    let run = match index.find(&prefix).as_slice() {
        [] => return Err(format!("the store has no run {id}; `metalab runs` lists those it has")),
        [run] => *run,
        [first, second, ..] => {
            let (first, second) = (first.short(), second.short());
            return Err(format!(
                "several runs begin with {id}, {first} and {second} among them; write more digits"
            ));
        }
    };
    let entry = index.get(&run).filter(|entry| entry.succeeded());
    let entry = entry.ok_or_else(|| format!("run {} did not succeed, so it has no output", run.short()))?;
    let digest = match artifact {
        None => entry.output.ok_or_else(|| format!("run {} has no output", run.short()))?,
        Some(name) => match index.store().journal().read(&entry.place).map_err(|error| error.to_string())? {
            Record::Attempt(attempt) => {
                let found = attempt.artifacts.iter().find(|artifact| artifact.name == name);
                let known = || {
                    let names = attempt.artifacts.iter().map(|artifact| format!("`{}`", artifact.name));
                    names.collect::<Vec<_>>().join(", ")
                };
                let found = found.ok_or_else(|| {
                    format!("run {} has no artifact `{name}`; it has {}", run.short(), known())
                })?;
                found.value.digest
            }
            _ => return Err(format!("the record of run {} cannot be read", run.short())),
        },
    };
    Ok(Given { digest, cell: None, run: Some(run) })
}
