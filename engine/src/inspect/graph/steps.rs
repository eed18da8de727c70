//! The steps of an experiment.

use std::collections::BTreeMap;

use super::{EdgeKind, Graph, NodeKind};
use crate::context::StatCache;
use crate::experiment::Experiment;
use crate::index::Index;
use crate::inspect::ForecastError;
use crate::inspect::wiring::{Origin, Wired, later, wired};
use crate::plan::Plan;
use crate::results::{ResultError, read_template};
use crate::store::Store;
use crate::submission;

/// A step, wherever it is described.
struct Sketch {
    name: String,
    operation: String,
    /// `None` while they are not known.
    cells: Option<u64>,
    inputs: Vec<Wired>,
}

/// The steps of the last submission of an experiment.
///
/// # Errors
/// When the store cannot be read or has no such experiment.
pub fn steps_of(store: &Store, index: &Index, experiment: &str) -> Result<Graph, ResultError> {
    let found = submission::last(store, index, Some(experiment))?;
    let (_, opened) = found.ok_or_else(|| ResultError::NoExperiment { experiment: experiment.to_owned() })?;
    let mut sketches = Vec::new();
    for step in &opened.steps {
        let template = read_template(store, index, &step.template)?;
        let value = |digest| store.values().get(digest, index);
        let wiring = step.wiring.as_ref().map(value).transpose()?.unwrap_or_default();
        let mut inputs = wired(&wiring);
        inputs.extend(later(&value(&step.source)?));
        let cells = Some(step.sets * step.replicates).filter(|cells| *cells > 0);
        let operation = format!("{}::{}", template.namespace, template.name);
        sketches.push(Sketch { name: step.name.clone(), operation, cells, inputs });
    }
    Ok(draw(&opened.experiment, &opened.version, sketches))
}

/// The steps of an experiment that need never have run; `store` keeps what is known of its files.
///
/// # Errors
/// When the experiment is wrong.
pub fn steps_of_plan(store: &Store, experiment: &Experiment) -> Result<Graph, ForecastError> {
    let plan = Plan::new(experiment, &StatCache::load(store))?;
    let sketches = plan.steps().map(|step| {
        let mut inputs = wired(&step.wiring);
        inputs.extend(later(&step.source));
        let operation = step.operation().description().full_name();
        let cells = step.is_expanded().then(|| step.cells());
        Sketch { name: step.name().to_owned(), operation, cells, inputs }
    });
    let sketches = sketches.collect();
    Ok(draw(experiment.name(), experiment.version(), sketches))
}

fn draw(experiment: &str, version: &str, sketches: Vec<Sketch>) -> Graph {
    let mut graph = Graph::new(format!("{experiment} {version}"));
    for Sketch { name, operation, cells, .. } in &sketches {
        let cells = match cells {
            None => "cells not known yet".into(),
            Some(1) => "1 cell".into(),
            Some(cells) => format!("{cells} cells"),
        };
        graph.node(name, format!("{operation}, {cells}"), NodeKind::Step);
    }
    let numbers: BTreeMap<&str, usize> =
        sketches.iter().enumerate().map(|(number, step)| (step.name.as_str(), number)).collect();
    let mut stored: BTreeMap<&Origin, usize> = BTreeMap::new();
    for (number, step) in sketches.iter().enumerate() {
        for input in &step.inputs {
            let from = match input.step() {
                // A name that is no step: the record is damaged, and the arrow is left out.
                Some(name) => match numbers.get(name) {
                    Some(from) => *from,
                    None => continue,
                },
                None => *stored.entry(&input.origin).or_insert_with(|| {
                    let name = match &input.origin {
                        Origin::Run(run) => format!("run {run}"),
                        Origin::Pin(name) => format!("pin {name}"),
                        Origin::Digest(digest) => format!("value {}", digest.short()),
                        Origin::Step(name) => name.clone(),
                    };
                    graph.node(name, "of the store", NodeKind::Value)
                }),
            };
            let kind = if input.gather.is_some() { EdgeKind::Many } else { EdgeKind::One };
            graph.edge(from, number, input.label(), kind);
        }
    }
    graph
}
