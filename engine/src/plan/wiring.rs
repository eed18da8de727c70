//! Which step feeds which: resolving handles and names, and refusing cycles.

use std::collections::HashMap;

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

use super::PlanError;
use crate::experiment::Experiment;
use crate::inputs::{InputSource, Origin};
use crate::operation::{InputForm, InputInfo};
use crate::params::{Source, StepSpec};

/// The steps of an experiment in an order in which each comes after those it needs.
pub(super) fn order(experiment: &Experiment) -> Result<Vec<usize>, PlanError> {
    let by_name: HashMap<&str, usize> =
        experiment.specs.iter().enumerate().map(|(number, spec)| (spec.name(), number)).collect();
    let mut graph: DiGraph<usize, ()> = DiGraph::new();
    (0..experiment.specs.len()).for_each(|step| {
        graph.add_node(step);
    });
    for (number, spec) in experiment.specs.iter().enumerate() {
        for (input, source) in sources(spec) {
            if let Some(from) =
                origin(experiment, &by_name, input, source).map_err(|error| error.in_step(spec.name()))?
            {
                graph.add_edge(NodeIndex::new(from), NodeIndex::new(number), ());
            }
        }
    }
    // Steps that do not depend on each other keep the order in which they were added.
    match toposort(&graph, None) {
        Ok(_) => Ok(stable(&graph)),
        Err(cycle) => Err(PlanError::Cycle { path: path(experiment, &graph, cycle.node_id()) }),
    }
}

/// All that a step takes from other steps, its parameter list included.
fn sources(spec: &StepSpec) -> impl Iterator<Item = (&str, &InputSource)> {
    let later = match &spec.source {
        Source::Later(source) => Some(("list of parameter sets", &**source)),
        _ => None,
    };
    spec.inputs.iter().map(|(name, source)| (name.as_str(), source)).chain(later)
}

/// The number of the step that a source names; `None` for values of the store.
pub(super) fn origin(
    experiment: &Experiment,
    by_name: &HashMap<&str, usize>,
    input: &str,
    source: &InputSource,
) -> Result<Option<usize>, PlanError> {
    match &source.origin {
        Origin::Step { experiment: of, step, name } => {
            if *of != experiment.id || *step >= experiment.specs.len() {
                let (input, step) = (input.to_owned(), name.clone());
                return Err(PlanError::ForeignStep { input, step, experiment: experiment.name.clone() });
            }
            Ok(Some(*step))
        }
        Origin::Named(name) => match by_name.get(name.as_str()) {
            Some(step) => Ok(Some(*step)),
            None => {
                let known: Vec<_> =
                    experiment.specs.iter().map(|spec| format!("`{}`", spec.name())).collect();
                let (input, step) = (input.to_owned(), name.clone());
                Err(PlanError::NoStep { input, step, known: known.join(", ") })
            }
        },
        Origin::Run(_) | Origin::Digest(_) | Origin::Pin(_) => Ok(None),
    }
}

/// Always the first step, in the order of addition, whose needs are met.
fn stable(graph: &DiGraph<usize, ()>) -> Vec<usize> {
    let mut order = Vec::with_capacity(graph.node_count());
    let mut placed = vec![false; graph.node_count()];
    while order.len() < graph.node_count() {
        let is_next = |node: &NodeIndex| {
            let mut before = graph.neighbors_directed(*node, petgraph::Direction::Incoming);
            !placed[node.index()] && before.all(|node| placed[node.index()])
        };
        let Some(next) = graph.node_indices().find(is_next) else { break };
        placed[next.index()] = true;
        order.push(next.index());
    }
    order
}

/// A cycle through a step, by the names of its steps.
fn path(experiment: &Experiment, graph: &DiGraph<usize, ()>, start: NodeIndex) -> String {
    let cycle = tarjan_scc(graph).into_iter().find(|component| component.contains(&start));
    let cycle = cycle.unwrap_or_default();
    let name = |node: NodeIndex| experiment.specs[node.index()].name();
    let mut path = vec![start];
    loop {
        let at = path[path.len() - 1];
        // Inside a component every step has a next one, and the walk meets itself in the end.
        let next =
            graph.neighbors(at).find(|next| cycle.contains(next) && (*next == start || !path.contains(next)));
        match next {
            Some(next) if next != start => path.push(next),
            _ => break,
        }
    }
    path.push(start);
    path.into_iter().map(name).collect::<Vec<_>>().join(" -> ")
}

/// The source of each input of a step's operation, in the operation's order.
pub(super) fn of_inputs(spec: &StepSpec) -> Result<Vec<(&InputInfo, &InputSource)>, PlanError> {
    let description = spec.operation.description();
    let known = |name: &str| description.inputs.iter().any(|info| info.name == name);
    if let Some((name, _)) = spec.inputs.iter().find(|(name, _)| !known(name)) {
        let known: Vec<_> = description.inputs.iter().map(|info| format!("`{}`", info.name)).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        return Err(PlanError::UnknownInput {
            operation: description.full_name(),
            input: name.clone(),
            known,
        });
    }
    let source_of = |info: &InputInfo| {
        let mut given = spec.inputs.iter().filter(|(name, _)| name == info.name);
        match (given.next(), given.next()) {
            (Some((_, source)), None) => Ok(source),
            (None, _) => Err(PlanError::MissingInput {
                operation: description.full_name(),
                input: info.name.into(),
                expected: info.type_name.into(),
            }),
            (Some(_), Some(_)) => Err(PlanError::Duplicate { what: "input", name: info.name.into() }),
        }
    };
    description
        .inputs
        .iter()
        .map(|info| {
            let source = source_of(info)?;
            if source.gather.is_some() != info.many {
                return Err(PlanError::InputShape { input: info.name.into(), many: info.many });
            }
            Ok((info, source))
        })
        .collect()
}

/// Refuses an output that an input cannot be: another type, or another encoding.
pub(super) fn check_type(info: &InputInfo, source: &InputSource, from: &StepSpec) -> Result<(), PlanError> {
    if source.artifact.is_some() {
        // What an artifact is, is known when it is there.
        return Ok(());
    }
    let (output, found) = from.operation.output();
    let wrong = |found: String| {
        Err(PlanError::InputType {
            input: info.name.into(),
            expected: info.type_name.into(),
            step: from.name().to_owned(),
            found,
        })
    };
    match info.form {
        InputForm::File | InputForm::Folder => wrong(format!("{found}, no file; take one of its artifacts")),
        InputForm::Value { .. } if info.type_id != output => wrong(found.into()),
        InputForm::Value { codec } if codec != from.operation.codec().0 => Err(PlanError::InputCodec {
            input: info.name.into(),
            expected: codec,
            step: from.name().to_owned(),
            found: from.operation.codec().0,
        }),
        InputForm::Value { .. } => Ok(()),
    }
}
