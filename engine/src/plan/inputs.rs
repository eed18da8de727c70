//! The inputs of a step's cells: which values they are, as far as that is known.

use metalab_cas::{Digest, Map, Value};

use super::space::Wire;
use super::{Decisions, StepPlan};
use crate::id::RunId;
use crate::inputs::Origin;
use crate::recipe;
use crate::schedule::{CellId, Edge};

/// An input of a step, resolved.
#[derive(Clone, Debug)]
pub(crate) struct InputPlan {
    pub(crate) name: &'static str,
    /// A named artifact instead of the return value.
    pub(crate) artifact: Option<String>,
    pub(crate) many: bool,
    pub(crate) feed: Feed,
}

/// Where the values of an input come from.
#[derive(Clone, Debug)]
pub(crate) enum Feed {
    /// Another step.
    Step(Box<Wire>),
    /// The store.
    Store(Origin),
}

impl InputPlan {
    /// The edge from the step it comes from.
    pub(crate) fn edge(&self) -> Option<&Edge> {
        match &self.feed {
            Feed::Step(wire) => Some(&wire.edge),
            Feed::Store(_) => None,
        }
    }

    /// The step it comes from.
    pub(crate) fn step(&self) -> Option<usize> {
        self.edge().map(|edge| edge.from)
    }
}

/// Whether other steps need what a step makes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Feeds {
    /// Its output or artifacts.
    pub(crate) any: bool,
    /// Artifacts by name.
    pub(crate) artifacts: bool,
}

/// A value that an input is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) digest: Digest,
    /// The cell that made it, if it is one of the experiment's.
    pub(crate) cell: Option<CellId>,
    /// The run that made it, if that is known.
    pub(crate) run: Option<RunId>,
}

/// What one input of a cell is given.
#[derive(Clone, Debug)]
pub(crate) enum GivenInput {
    One(Given),
    /// With coordinates, in the order in which they are hashed.
    Many(Vec<(Value, Given)>),
}

/// What is not known about a cell's inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Some runs have still to be made.
    Waits,
    /// A run that succeeded has no such artifact.
    NoArtifact { input: &'static str, artifact: String, run: RunId },
}

impl StepPlan {
    /// What the inputs of a cell are given. Values of cells that did not succeed are left out of gathers: whether
    /// that is allowed is for the schedule to say.
    pub(crate) fn given(&self, cell: u64, decisions: &Decisions) -> Result<Vec<GivenInput>, Unknown> {
        let mut all = Vec::with_capacity(self.inputs.len());
        for (number, input) in self.inputs.iter().enumerate() {
            let wire = match &input.feed {
                Feed::Store(_) => {
                    let given = decisions.stored.get(&(self.number, number)).ok_or(Unknown::Waits)?;
                    all.push(GivenInput::One(*given));
                    continue;
                }
                Feed::Step(wire) => wire,
            };
            let from = &decisions.steps[wire.edge.from];
            let given = |upstream: u64| from.product((wire.edge.from, upstream), input);
            if !input.many {
                let upstream = wire.edge.needs(cell).next().ok_or(Unknown::Waits)?;
                all.push(GivenInput::One(given(upstream)?.ok_or(Unknown::Waits)?));
                continue;
            }
            let mut parts = Vec::new();
            for upstream in wire.edge.needs(cell) {
                let Some(given) = given(upstream)? else { continue };
                let at = wire.coordinates(upstream);
                parts.push((at.to_bytes().unwrap_or_default(), at, given));
            }
            parts.sort_by(|a, b| (&a.0, a.2.digest).cmp(&(&b.0, b.2.digest)));
            all.push(GivenInput::Many(parts.into_iter().map(|(_, at, given)| (at, given)).collect()));
        }
        Ok(all)
    }

    /// The cell that made a value which a cell is given.
    pub(crate) fn maker(&self, cell: u64, digest: &Digest, decisions: &Decisions) -> Option<CellId> {
        let given = self.given(cell, decisions).ok()?;
        let all = given.iter().flat_map(|input| match input {
            GivenInput::One(one) => std::slice::from_ref(one).iter().collect::<Vec<_>>(),
            GivenInput::Many(parts) => parts.iter().map(|(_, given)| given).collect(),
        });
        all.filter(|given| given.digest == *digest).find_map(|given| given.cell)
    }

    /// The canonical map that is hashed.
    pub(crate) fn hashed(&self, given: &[GivenInput]) -> Vec<u8> {
        if given.is_empty() {
            return Vec::new();
        }
        let entries = self.inputs.iter().zip(given).map(|(input, given)| {
            let value = match given {
                GivenInput::One(one) => recipe::Input::Artifact(one.digest),
                GivenInput::Many(parts) => recipe::Input::Gather(
                    parts.iter().map(|(at, given)| (at.clone(), given.digest)).collect(),
                ),
            };
            (Value::Text(input.name.to_owned()), value.to_value())
        });
        let map = Map::from_entries(entries).expect("an operation has each input once");
        Value::Map(map).to_bytes().expect("digests and coordinates were encoded before")
    }
}
