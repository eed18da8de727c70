//! What a run was made from, and what was made from it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{EdgeKind, Graph, NodeKind, line};
use crate::id::RunId;
use crate::index::{Index, origin};
use crate::inspect::json_entries;
use crate::inspect::taken::{self, Taken, TakenValue};
use crate::record::{Attempt, Outcome, Record, Template};
use crate::results::{ResultError, read_template};
use crate::store::Store;
use crate::submission;

/// The most runs that are drawn beside each other for one run and input.
const MOST: usize = 12;

/// What a run was made from and what was made from it, `depth` steps in both directions.
///
/// Of a gather, and of what takes a run, twelve are drawn and the others counted. Looking down reads the records of
/// all runs of steps that have inputs.
///
/// # Errors
/// When the run is not there, or records cannot be read.
pub fn lineage(store: &Store, index: &Index, run: &RunId, depth: usize) -> Result<Graph, ResultError> {
    let mut tree = Tree {
        store,
        index,
        graph: Graph::new(String::new()),
        nodes: HashMap::new(),
        templates: HashMap::new(),
    };
    let focus = tree.node(run)?;
    if tree.graph.nodes[focus].kind == NodeKind::Value {
        return Err(ResultError::Absent { run: run.short(), what: "record".into() });
    }
    tree.graph.nodes[focus].kind = NodeKind::Focus;
    tree.graph.title = format!("run {}", run.short());
    tree.up(run, depth)?;
    if depth > 0 {
        tree.down(run, depth)?;
    }
    Ok(tree.graph)
}

struct Tree<'a> {
    store: &'a Store,
    index: &'a Index,
    graph: Graph,
    nodes: HashMap<RunId, usize>,
    templates: HashMap<metalab_cas::Digest, Template>,
}

/// Runs by what they took, with the name of the input and whether it was one of many.
type Takers = HashMap<RunId, BTreeSet<(RunId, String, bool)>>;

impl Tree<'_> {
    fn attempt(&self, run: &RunId) -> Result<Option<Attempt>, ResultError> {
        let Some(entry) = self.index.get(run) else { return Ok(None) };
        match self.store.journal().read(&entry.place)? {
            Record::Attempt(attempt) => Ok(Some(*attempt)),
            _ => Err(ResultError::NotAnAttempt { record: entry.name }),
        }
    }

    fn inputs(&self, attempt: &Attempt) -> Result<Vec<Taken>, ResultError> {
        taken::inputs(attempt, |digest| Ok(self.store.values().get(digest, self.index)?))
    }

    /// The node of a run.
    fn node(&mut self, run: &RunId) -> Result<usize, ResultError> {
        if let Some(number) = self.nodes.get(run) {
            return Ok(*number);
        }
        let number = match self.attempt(run)? {
            Some(attempt) => {
                if !self.templates.contains_key(&attempt.template) {
                    let template = read_template(self.store, self.index, &attempt.template)?;
                    self.templates.insert(attempt.template, template);
                }
                let template = &self.templates[&attempt.template];
                let name = format!("{} {}", template.name, run.short());
                let kind =
                    if attempt.outcome == Outcome::Succeeded { NodeKind::Run } else { NodeKind::Failed };
                self.graph.node(name, detail(&attempt, template), kind)
            }
            None => self.graph.node(format!("run {}", run.short()), "no record", NodeKind::Value),
        };
        self.nodes.insert(*run, number);
        Ok(number)
    }

    /// What runs were made from.
    fn up(&mut self, run: &RunId, depth: usize) -> Result<(), ResultError> {
        let mut level = vec![*run];
        let mut seen = HashSet::from([*run]);
        for _ in 0..depth {
            let mut next = Vec::new();
            for run in std::mem::take(&mut level) {
                let Some(attempt) = self.attempt(&run)? else { continue };
                let here = self.node(&run)?;
                for input in self.inputs(&attempt)? {
                    let new = self.input(here, &input)?;
                    next.extend(new.into_iter().filter(|run| seen.insert(*run)));
                }
            }
            level = next;
        }
        Ok(())
    }

    /// Draws what an input was taken from; the runs among it.
    fn input(&mut self, here: usize, input: &Taken) -> Result<Vec<RunId>, ResultError> {
        let artifact = input.artifact.as_ref().map(|name| format!(": {name}")).unwrap_or_default();
        let label = format!("{}{artifact}", input.name);
        let (values, kind) = match &input.value {
            TakenValue::One { digest, run } => (vec![(*digest, *run)], EdgeKind::One),
            TakenValue::Many(parts) => {
                (parts.iter().map(|part| (part.digest, part.run)).collect(), EdgeKind::Many)
            }
        };
        for (digest, run) in values.iter().take(MOST) {
            let from = match run {
                Some(run) => self.node(run)?,
                None => self.graph.node(format!("value {}", digest.short()), "of the store", NodeKind::Value),
            };
            self.graph.edge(from, here, &label, kind);
        }
        if values.len() > MOST {
            let more = self.graph.node(format!("{} more", values.len() - MOST), "", NodeKind::More);
            self.graph.edge(more, here, &label, kind);
        }
        Ok(values.into_iter().take(MOST).filter_map(|(_, run)| run).collect())
    }

    /// What was made from runs.
    fn down(&mut self, run: &RunId, depth: usize) -> Result<(), ResultError> {
        let takers = self.takers()?;
        let mut level = vec![*run];
        let mut seen = HashSet::from([*run]);
        for _ in 0..depth {
            let mut next = Vec::new();
            for run in std::mem::take(&mut level) {
                let here = self.node(&run)?;
                let Some(all) = takers.get(&run) else { continue };
                for (taker, input, many) in all.iter().take(MOST) {
                    let to = self.node(taker)?;
                    let kind = if *many { EdgeKind::Many } else { EdgeKind::One };
                    self.graph.edge(here, to, input, kind);
                    if seen.insert(*taker) {
                        next.push(*taker);
                    }
                }
                if all.len() > MOST {
                    let more = self.graph.node(format!("{} more", all.len() - MOST), "", NodeKind::More);
                    self.graph.edge(here, more, "", EdgeKind::One);
                }
            }
            level = next;
        }
        Ok(())
    }

    /// Who took what, over the whole store. What cannot be read is counted in the title.
    fn takers(&mut self) -> Result<Takers, ResultError> {
        // Runs of steps without inputs took nothing: their records need not be read.
        let mut without = HashSet::new();
        let mut with = HashSet::new();
        for (_, opened) in submission::all(self.store, self.index)? {
            for step in &opened.steps {
                let origin = origin(&opened.experiment, &step.name);
                if step.wiring.is_some() {
                    with.insert(origin)
                } else {
                    without.insert(origin)
                };
            }
        }
        let may_have_inputs = |origin: &u64| with.contains(origin) || !without.contains(origin);
        let mut takers = Takers::new();
        let mut unreadable = 0;
        let candidates = self.index.iter().filter(|(_, entry)| may_have_inputs(&entry.origin));
        for (id, entry) in candidates {
            let inputs = match self.store.journal().read(&entry.place) {
                Ok(Record::Attempt(attempt)) => self.inputs(&attempt).ok(),
                _ => None,
            };
            unreadable += u64::from(inputs.is_none());
            for input in inputs.unwrap_or_default() {
                let many = matches!(input.value, TakenValue::Many(_));
                for run in input.runs() {
                    takers.entry(run).or_default().insert((id, input.name.clone(), many));
                }
            }
        }
        if unreadable > 0 {
            self.graph.title.push_str(&format!(" (without {unreadable} runs that cannot be read)"));
        }
        Ok(takers)
    }
}

/// The arguments of a run on one line.
fn detail(attempt: &Attempt, template: &Template) -> String {
    let arguments: BTreeMap<_, _> =
        json_entries(&attempt.arguments).into_iter().chain(json_entries(&template.fixed)).collect();
    let place =
        |name: &String| template.parameters.iter().position(|other| other == name).unwrap_or(usize::MAX);
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    arguments.sort_by_key(|(name, _)| place(name));
    let mut parts: Vec<_> =
        arguments.into_iter().map(|(name, value)| format!("{name}={}", value.trim_matches('"'))).collect();
    parts.extend(attempt.replicate.map(|replicate| format!("rep {replicate}")));
    if attempt.outcome != Outcome::Succeeded {
        parts.insert(0, attempt.outcome.as_str().into());
    }
    line(&parts.join(" "), 80)
}
