//! Steps whose parameter sets another step returns.

use std::sync::Arc;

use super::RunError;
use crate::context::StatCache;
use crate::inputs::{Located, Supply, Where};
use crate::plan::{Decisions, Known, Plan, PlanError};
use crate::record::Place;

/// Gives cells to the steps whose list is there, as `is_done` says of the step that returns it, and decides on them.
/// Returns the numbers of the steps that have got cells.
pub(crate) fn expand(
    plan: &mut Arc<Plan>,
    decisions: &mut Decisions,
    known: &Known<'_>,
    supply: &Supply,
    files: &StatCache,
    is_done: impl Fn(&Decisions, usize) -> bool,
) -> Result<Vec<usize>, RunError> {
    let mut all = Vec::new();
    loop {
        let next = plan.steps.iter().find_map(|step| {
            let from = step.list_from().filter(|_| !step.is_expanded())?;
            (plan.steps[from].cells() == 1 && is_done(decisions, from)).then_some((step.number, from))
        });
        let Some((step, from)) = next else { return Ok(all) };
        let (new, expanded) = plan.expand(step, list(plan, decisions, known, supply, step, from)?, files)?;
        *plan = Arc::new(new);
        for number in &expanded {
            plan.decide_step(*number, known, decisions);
        }
        all.extend(expanded);
    }
}

/// The same before anything runs: with the lists that are in the store already.
pub(crate) fn expand_known(
    plan: &mut Arc<Plan>,
    decisions: &mut Decisions,
    known: &Known<'_>,
    files: &StatCache,
) -> Result<Vec<usize>, RunError> {
    let supply = Supply::new(known.index.store().clone());
    let is_done = |decisions: &Decisions, from: usize| decisions.steps[from].verdicts[0].is_reused();
    expand(plan, decisions, known, &supply, files, is_done)
}

/// The parameter sets that a step has returned.
fn list(
    plan: &Plan,
    decisions: &Decisions,
    known: &Known<'_>,
    supply: &Supply,
    step: usize,
    from: usize,
) -> Result<Vec<metalab_cas::Value>, RunError> {
    let name = plan.steps[from].name();
    let wrong = |reason: String| {
        let input = "list of parameter sets".to_owned();
        let reason = format!("what step `{name}` returned {reason}");
        PlanError::Stored { input, reason }.in_step(plan.steps[step].name())
    };
    let run = decisions.steps[from].ids[0];
    let digest = decisions.output_of((from, 0)).ok_or_else(|| wrong("is not known".into()))?;
    let at = match known.index.get(&run) {
        Some(entry) if entry.output_place == Place::Inline => Where::Record(entry.place),
        Some(_) => known.index.place_of(&digest).map_or(Where::Blob, Where::Pack),
        None => Where::Shelf,
    };
    let bytes =
        supply.bytes(&Located { digest, at }).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let rows = plan.steps[step].operation.rows(&bytes);
    Ok(rows.map_err(|error| {
        wrong(format!("is no list of parameter sets of `{}`: {error}", plan.steps[step].name()))
    })?)
}
