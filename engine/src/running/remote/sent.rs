//! A run as a worker was told of it.

use std::collections::HashMap;
use std::sync::Arc;

use metalab_cas::Value;

use super::wire::{InputsWire, LocatedWire, NamedWire, PlaceWire, Reason, SuppliedWire, TaskWire, value};
use crate::context::{Changed, StatCache, Watched};
use crate::inputs::{Located, Supplied, Where};
use crate::journal::PackPlace;
use crate::plan::Verdict;
use crate::record::Shown;
use crate::running::job::{Task, TaskInputs};
use crate::running::perform::Particulars;

/// What distinguishes the run from the others of its step.
pub(super) struct SentRun<'s> {
    replicate: u64,
    fixed: &'s [(String, Value)],
    arguments: Vec<(String, Value)>,
    swept: Vec<u8>,
    shown: Vec<Shown>,
    /// Files and folders of contexts.
    shared: &'s [Watched],
    watched: Vec<Watched>,
}

impl Particulars for SentRun<'_> {
    fn replicate(&self) -> u64 {
        self.replicate
    }

    fn arguments(&self) -> Vec<(&str, &Value)> {
        let all = self.fixed.iter().chain(&self.arguments);
        all.map(|(name, value)| (name.as_str(), value)).collect()
    }

    fn changed(&self) -> Option<Changed> {
        let mut all = self.shared.iter().chain(&self.watched);
        all.find_map(|watched| StatCache::check(watched).err())
    }

    fn swept(&self, out: &mut Vec<u8>) {
        out.clone_from(&self.swept);
    }

    fn shown(&self) -> Vec<Shown> {
        self.shown.clone()
    }
}

/// Watched files and folders by the bytes that told of them, so that runs share what was seen of each.
#[derive(Debug, Default)]
pub(super) struct WatchedCache(HashMap<Vec<u8>, Watched>);

impl WatchedCache {
    /// The most that are kept.
    const KEPT: usize = 10_000;

    pub(super) fn get(&mut self, bytes: &[u8]) -> Result<Watched, String> {
        if let Some(known) = self.0.get(bytes) {
            return Ok(known.clone());
        }
        let watched = Watched::receive(bytes).ok_or("what to watch cannot be read")?;
        if self.0.len() >= Self::KEPT {
            self.0.clear();
        }
        self.0.insert(bytes.to_vec(), watched.clone());
        Ok(watched)
    }
}

pub(super) fn arguments(wire: Vec<NamedWire>) -> Result<Vec<(String, Value)>, String> {
    wire.into_iter().map(|argument| Ok((argument.name, value(&argument.value)?))).collect()
}

/// The task and its particulars.
pub(super) fn receive<'s>(
    wire: TaskWire,
    fixed: &'s [(String, Value)],
    shared: &'s [Watched],
    cache: &mut WatchedCache,
) -> Result<(Task, SentRun<'s>), String> {
    let run = SentRun {
        replicate: wire.replicate,
        fixed,
        arguments: arguments(wire.arguments)?,
        swept: wire.swept.into(),
        shown: wire.shown,
        shared,
        watched: wire.watched.iter().map(|bytes| cache.get(bytes)).collect::<Result<_, _>>()?,
    };
    let verdict = match wire.reason {
        Reason::None => Verdict::New,
        Reason::Rerun => Verdict::Rerun,
        Reason::Repair => Verdict::Repair,
    };
    let inputs = wire.inputs.map(inputs).transpose()?.map(Box::new);
    Ok((Task { cell: wire.cell, run: wire.run, tries: wire.tries, verdict, inputs }, run))
}

fn inputs(wire: InputsWire) -> Result<TaskInputs, String> {
    let mut supplied = Vec::with_capacity(wire.supplied.len());
    for input in wire.supplied {
        supplied.push(match input {
            SuppliedWire::One(one) => Supplied::One(located(one)),
            SuppliedWire::Many(parts) => {
                let parts = parts.into_iter().map(|part| Ok((value(&part.at)?, located(part.value))));
                Supplied::Many(Arc::new(parts.collect::<Result<_, String>>()?))
            }
        });
    }
    let references = wire.references;
    let lists = wire.lists.into_iter().map(|list| (list.input as usize, Vec::from(list.bytes))).collect();
    Ok(TaskInputs { supplied, references, lists, insist: wire.insist })
}

fn located(wire: LocatedWire) -> Located {
    let at = match wire.at {
        PlaceWire::Record(place) => Where::Record(place),
        PlaceWire::Pack(place) => Where::Pack(PackPlace(place)),
        PlaceWire::Elsewhere => Where::Blob,
    };
    Located { digest: wire.digest, at }
}
