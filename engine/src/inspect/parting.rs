//! Where two runs part, followed through their inputs to the first cause.

use std::collections::{BTreeMap, HashSet};

use super::taken::{self, Taken, TakenValue};
use super::why::whole_arguments;
use super::{RunDetails, show};
use crate::id::RunId;
use crate::index::Glance;
use crate::plan::{Behind, Difference, compare, differences, entries};
use crate::record::{Attempt, Template};
use crate::results::ResultError;

/// How many steps back causes are looked for.
const DEPTH: usize = 16;
/// How many pairs of runs are compared for one answer.
const PAIRS: usize = 64;
/// How many values of a gather are named.
const PARTS: usize = 16;

/// The inputs of a run as its record names them.
pub(super) fn inputs_of(index: &Glance, attempt: &Attempt) -> Result<Vec<Taken>, ResultError> {
    taken::inputs(attempt, |digest| {
        Ok(index.store().values().get_from(digest, index.places_of(digest)?.into_iter())?)
    })
}

/// What parts two runs, in the order of the recipe's fields.
pub(super) fn parting(
    index: &Glance,
    ours: &RunDetails,
    theirs: &RunDetails,
) -> Result<Vec<Difference>, ResultError> {
    let pairs = HashSet::from([(ours.id, theirs.id)]);
    Parting { index, pairs }.between(ours, theirs, DEPTH)
}

struct Parting<'a> {
    index: &'a Glance,
    /// Those that were compared.
    pairs: HashSet<(RunId, RunId)>,
}

/// A value of an input: what it is called, its digest, and the run that made it.
type Part = (String, metalab_cas::Digest, Option<RunId>);

impl Parting<'_> {
    fn between(
        &mut self,
        ours: &RunDetails,
        theirs: &RunDetails,
        depth: usize,
    ) -> Result<Vec<Difference>, ResultError> {
        // Which arguments were swept is no part of the identity: all of them are compared below.
        let bare = |template: &Template| Template { fixed: Vec::new(), ..template.clone() };
        let mut found = differences(&bare(&ours.template), &bare(&theirs.template));
        let arguments = |details: &RunDetails| {
            entries(&whole_arguments(&details.attempt, &details.template).unwrap_or_default())
        };
        compare("argument ", &arguments(ours), &arguments(theirs), &mut found);
        let replicate = |details: &RunDetails| details.attempt.replicate.map(|number| number.to_string());
        let (old, new) = (replicate(ours), replicate(theirs));
        if old != new {
            found.push(Difference::new("seed: replicate", old, new));
        }
        let ours = inputs_of(self.index, &ours.attempt)?;
        let theirs = inputs_of(self.index, &theirs.attempt)?;
        let names: Vec<&str> = ours.iter().chain(&theirs).map(|input| input.name.as_str()).collect();
        let mut seen = HashSet::new();
        for name in names.into_iter().filter(|name| seen.insert(*name)) {
            let of = |inputs: &[Taken]| {
                inputs.iter().find(|input| input.name == name).map(parts).unwrap_or_default()
            };
            self.input(name, (&of(&ours), &of(&theirs)), depth, &mut found);
        }
        Ok(found)
    }

    /// Adds what parts the values of an input.
    fn input(
        &mut self,
        name: &str,
        (ours, theirs): (&[Part], &[Part]),
        depth: usize,
        found: &mut Vec<Difference>,
    ) {
        let by_name = |parts: &[Part]| -> BTreeMap<String, Part> {
            parts.iter().map(|part| (part.0.clone(), part.clone())).collect()
        };
        let (old, new) = (by_name(ours), by_name(theirs));
        let mut seen = HashSet::new();
        let names = ours.iter().chain(theirs).map(|part| &part.0).filter(|name| seen.insert(*name));
        let differing: Vec<&String> = names
            .filter(|name| old.get(*name).map(|part| part.1) != new.get(*name).map(|part| part.1))
            .collect();
        for part in differing.iter().take(PARTS) {
            let (old, new) = (old.get(*part), new.get(*part));
            let short = |part: Option<&Part>| part.map(|(_, digest, _)| digest.short());
            let mut difference = Difference::new(part.as_str(), short(old), short(new));
            if let (Some((.., Some(old))), Some((.., Some(new)))) = (old, new) {
                difference.behind = Some(Box::new(self.behind(old, new, depth)));
            }
            found.push(difference);
        }
        if differing.len() > PARTS {
            let more = differing.len() - PARTS;
            found.push(Difference::said(format!("input {name}: {more} more values differ")));
        }
    }

    /// One step back: the runs that made two values.
    fn behind(&mut self, old: &RunId, new: &RunId, depth: usize) -> Behind {
        let mut behind = Behind { old: old.short(), new: new.short(), differences: Vec::new(), note: None };
        if old == new {
            behind.note = Some("the operation is not deterministic".into());
        } else if self.pairs.contains(&(*old, *new)) {
            behind.note = Some("see above".into());
        } else if depth == 0 || self.pairs.len() >= PAIRS {
            behind.note = Some(format!("`metalab why {} {}` goes on", behind.old, behind.new));
        } else {
            self.pairs.insert((*old, *new));
            let both = show(self.index, old).and_then(|old| Ok((old, show(self.index, new)?)));
            match both.and_then(|(old, new)| self.between(&old, &new, depth - 1)) {
                Ok(differences) => behind.differences = differences,
                // The answer so far is worth having without it.
                Err(error) => behind.note = Some(error.to_string()),
            }
        }
        behind
    }
}

/// The values of an input, each under the name it has in answers.
fn parts(input: &Taken) -> Vec<Part> {
    let artifact = input.artifact.as_ref().map(|name| format!(" (artifact `{name}`)")).unwrap_or_default();
    let name = format!("input {}{artifact}", input.name);
    match &input.value {
        TakenValue::One { digest, run } => vec![(name, *digest, *run)],
        TakenValue::Many(parts) => {
            parts.iter().map(|part| (format!("{name} {}", part.coordinates), part.digest, part.run)).collect()
        }
    }
}
