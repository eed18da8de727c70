//! Why the cells of a step are not all there, against the last submission of the experiment.

use std::collections::{BTreeMap, HashSet};

use metalab_cas::Value;

use super::ForecastError;
use crate::cells;
use crate::id::RunId;
use crate::index::Index;
use crate::inspect::wiring::{Wired, wired};
use crate::plan::{
    Decisions, Difference, Plan, StepPlan, Verdict, compare, differences, entries, source_changes,
};
use crate::record::{StepRecord, SubmissionOpened, Template};
use crate::results::{ResultError, read_template};
use crate::store::Store;

/// How many values of an argument are named.
const MOST: usize = 5;

pub(super) struct Reasons<'a> {
    pub(super) store: &'a Store,
    pub(super) index: &'a Index,
    /// The last submission.
    pub(super) before: Option<&'a SubmissionOpened>,
    pub(super) plan: &'a Plan,
    pub(super) decisions: &'a Decisions,
}

impl Reasons<'_> {
    /// What is not as it was, in the order of the recipe's fields.
    pub(super) fn of(&self, number: usize) -> Result<Vec<Difference>, ForecastError> {
        let step = &self.plan.steps[number];
        let Some(before) = self.before else {
            return Ok(vec![Difference::said("the experiment was not asked for before")]);
        };
        let Some(old) = before.steps.iter().find(|other| other.name == step.name) else {
            return Ok(vec![Difference::said("the step was not there")]);
        };
        let template = read_template(self.store, self.index, &old.template)?;
        let bare = |template: &Template| Template { fixed: Vec::new(), ..template.clone() };
        let mut found = differences(&bare(&template), &bare(&step.template));
        self.arguments(step, old, &template, &mut found)?;
        if step.is_expanded() && step.replicates != old.replicates {
            let (old, new) = (old.replicates.to_string(), step.replicates.to_string());
            found.push(Difference::new("replicates", Some(old), Some(new)));
        }
        self.inputs(step, old, before, &mut found)?;
        Ok(found)
    }

    /// Adds arguments with values that were not asked for.
    fn arguments(
        &self,
        step: &StepPlan,
        old: &StepRecord,
        template: &Template,
        found: &mut Vec<Difference>,
    ) -> Result<(), ForecastError> {
        let old_source = self.store.values().get(&old.source, self.index).map_err(ResultError::from)?;
        let (old_source, new_source) = (Value::decode(&old_source), Value::decode(&step.source));
        // What cannot be read is damaged, and told elsewhere.
        let (Ok(old_source), Ok(new_source)) = (old_source, new_source) else { return Ok(()) };
        let (before, now) = (Source::of(&old_source), Source::of(&new_source));
        match (before, now) {
            (Source::Grid(before), Source::Grid(now)) => {
                let mut fixed_before = entries(&template.fixed);
                let mut fixed_now = entries(&step.template.fixed);
                // An argument that is swept in one of them is compared value by value.
                for axis in before.values().chain(now.values()).filter(|axis| axis.swept) {
                    fixed_before.remove(axis.name);
                    fixed_now.remove(axis.name);
                }
                compare("argument ", &fixed_before, &fixed_now, found);
                for axis in now.values() {
                    let before = before.get(axis.name);
                    if axis.swept || before.is_some_and(|before| before.swept) {
                        let known = before.map(|before| before.values).unwrap_or_default();
                        let part = format!("argument {}", axis.name);
                        new_values(&part, known, axis.values, found);
                    }
                }
            }
            (Source::List(before), Source::List(now)) => new_values("parameter set", before, now, found),
            // A list that another step returns is an input.
            (Source::Later, _) | (_, Source::Later) => {}
            _ => found.extend(source_changes(&old_source, &new_source)),
        }
        Ok(())
    }

    /// Adds inputs that are wired otherwise, or whose values would be others.
    fn inputs(
        &self,
        step: &StepPlan,
        old: &StepRecord,
        before: &SubmissionOpened,
        found: &mut Vec<Difference>,
    ) -> Result<(), ForecastError> {
        let value = |digest| self.store.values().get(digest, self.index).map_err(ResultError::from);
        let old_wiring = old.wiring.as_ref().map(value).transpose()?.unwrap_or_default();
        let labels = |bytes: &[u8]| -> BTreeMap<String, String> {
            wired(bytes).iter().map(|wired| (wired.input.clone(), source_words(wired))).collect()
        };
        compare("input ", &labels(&old_wiring), &labels(&step.wiring), found);
        let mut seen = HashSet::new();
        for input in &step.inputs {
            let Some(from) = input.step().filter(|from| seen.insert((input.name, *from))) else {
                continue;
            };
            let from_name = self.plan.steps[from].name();
            let verdicts = &self.decisions.steps[from].verdicts;
            let any = |wanted: fn(&Verdict) -> bool| verdicts.iter().any(wanted);
            let what = if any(|verdict| verdict.runs() && *verdict != Verdict::Repair) {
                "would be new"
            } else if any(|verdict| *verdict == Verdict::Repair) {
                "would be made again"
            } else if any(|verdict| *verdict == Verdict::Waits) || !self.plan.steps[from].is_expanded() {
                "may be new"
            } else if self.has_other_runs(from, before)? {
                "is of other runs than last time"
            } else {
                continue;
            };
            found.push(Difference::said(format!("input `{}` of step `{from_name}` {what}", input.name)));
        }
        if let Some(from) = step.list_from().filter(|_| !step.is_expanded()) {
            let from = self.plan.steps[from].name();
            found.push(Difference::said(format!("the list of parameter sets of step `{from}` would be new")));
        }
        Ok(())
    }

    /// Whether a step has runs that it had not in the last submission.
    fn has_other_runs(&self, number: usize, before: &SubmissionOpened) -> Result<bool, ForecastError> {
        let name = self.plan.steps[number].name();
        let Some(old) = before.steps.iter().find(|step| step.name == name) else { return Ok(true) };
        let old: Result<HashSet<RunId>, _> = cells::read(self.store, self.index, old).collect();
        let old = old.map_err(ResultError::from)?;
        Ok(self.decisions.steps[number].ids.iter().any(|id| !old.contains(id)))
    }
}

fn source_words(wired: &Wired) -> String {
    let label = wired.label();
    match wired.step() {
        Some(step) => format!("{label} of step {step}"),
        None => label,
    }
}

/// Adds the values that are among the new ones only.
fn new_values(part: &str, before: &[Value], now: &[Value], found: &mut Vec<Difference>) {
    let known: HashSet<String> = before.iter().map(Value::to_string).collect();
    let new: Vec<String> = now.iter().map(Value::to_string).filter(|value| !known.contains(value)).collect();
    for value in new.iter().take(MOST) {
        found.push(Difference::new(part, None, Some(value.clone())));
    }
    if new.len() > MOST {
        found.push(Difference::said(format!("{part}: {} more values", new.len() - MOST)));
    }
}

/// A parameter source by value, as a submission keeps it.
enum Source<'a> {
    Grid(BTreeMap<&'a str, GridAxis<'a>>),
    List(&'a [Value]),
    /// Another step's list that is not there yet.
    Later,
    /// A sample or a combination.
    Other,
}

struct GridAxis<'a> {
    name: &'a str,
    swept: bool,
    values: &'a [Value],
}

impl<'a> Source<'a> {
    fn of(value: &'a Value) -> Self {
        let Value::Variant(kind, inner) = value else { return Self::Other };
        match (kind.as_str(), &**inner) {
            ("later", _) => Self::Later,
            ("list", Value::List(items)) => Self::List(items),
            ("grid", Value::List(items)) => {
                Self::Grid(items.iter().filter_map(axis).map(|axis| (axis.name, axis)).collect())
            }
            _ => Self::Other,
        }
    }
}

fn axis(value: &Value) -> Option<GridAxis<'_>> {
    match value {
        Value::List(parts) => match parts.as_slice() {
            [Value::Text(name), Value::Bool(fixed), Value::List(values)] => {
                Some(GridAxis { name, swept: !fixed, values })
            }
            _ => None,
        },
        _ => None,
    }
}
