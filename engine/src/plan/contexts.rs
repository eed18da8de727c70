//! The contexts that operations borrow, resolved once for a plan: asked, paths replaced by what they stand for, digested.

use std::collections::BTreeMap;
use std::sync::Arc;

use metalab_cas::{Hasher, Map, Value};

use super::{PlanError, files};
use crate::context::{FieldKind, StatCache, Watched};
use crate::experiment::Experiment;
use crate::operation::{LentKind, Registered};
use crate::record::ContextRecord;

/// The contexts of a plan by name, those that operations borrow.
pub(crate) type ContextPlans = BTreeMap<&'static str, Arc<ContextPlan>>;

/// A context as it entered the identity of runs.
#[derive(Debug)]
pub(crate) struct ContextPlan {
    pub(crate) record: ContextRecord,
    pub(crate) fields: Vec<FieldPlan>,
    /// Fields that do not enter.
    pub(crate) skipped: &'static [&'static str],
    pub(crate) watched: Vec<Watched>,
}

/// A field of it.
#[derive(Debug)]
pub(crate) struct FieldPlan {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    /// As it was hashed.
    pub(crate) hashed: Value,
    /// What its paths stood for.
    pub(crate) watched: Vec<Watched>,
}

/// The contexts that an operation borrows, in the order of their names; those not resolved yet are added to `plans`.
pub(super) fn borrowed(
    experiment: &Experiment,
    operation: &Registered,
    cache: &StatCache,
    plans: &mut ContextPlans,
) -> Result<Vec<Arc<ContextPlan>>, PlanError> {
    let mut found: BTreeMap<&'static str, Arc<ContextPlan>> = BTreeMap::new();
    for kind in &operation.description().lent {
        let LentKind::Context(name) = *kind else { continue };
        let plan = match plans.get(name) {
            Some(known) => known.clone(),
            None => {
                let plan = Arc::new(resolve(experiment, operation, name, cache)?);
                plans.insert(name, plan.clone());
                plan
            }
        };
        found.insert(name, plan);
    }
    Ok(found.into_values().collect())
}

fn resolve(
    experiment: &Experiment,
    operation: &Registered,
    name: &'static str,
    cache: &StatCache,
) -> Result<ContextPlan, PlanError> {
    let wrong = |field: &str, reason: String| PlanError::ContextField {
        context: name,
        field: field.to_owned(),
        reason,
    };
    let fields = experiment.contexts.fields(name);
    let fields = fields.ok_or_else(|| PlanError::NoContext {
        operation: operation.description().full_name(),
        context: name,
    })?;
    let mut plans = Vec::new();
    for field in fields.map_err(|error| wrong(&error.field, error.reason))? {
        let (hashed, watched) = if files::mentions_path(&field.value) {
            let resolved = cache.resolve(&field.value, field.name);
            resolved.map_err(|error| wrong(field.name, error.without_place()))?
        } else {
            (field.value.clone(), Vec::new())
        };
        // A value that has no encoding, such as NaN, is told with the name of its field.
        hashed.to_bytes().map_err(|error| wrong(field.name, error.to_string()))?;
        plans.push(FieldPlan { name: field.name, kind: field.kind, hashed, watched });
    }
    let entries = plans.iter().map(|field| (Value::Text(field.name.to_owned()), field.hashed.clone()));
    let map = Map::from_entries(entries).map_err(|error| wrong("?", error.to_string()))?;
    let fields = Value::Map(map.clone()).to_bytes().map_err(|error| wrong("?", error.to_string()))?;
    let whole = Value::Variant(name.to_owned(), Box::new(Value::Map(map)));
    let mut hasher = Hasher::new();
    // Format: type of the record, version of the format, canonical value.
    hasher.update(b"metalab context\0\x01");
    hasher.update(&whole.to_bytes().map_err(|error| wrong("?", error.to_string()))?);
    Ok(ContextPlan {
        record: ContextRecord { name: name.to_owned(), digest: hasher.finish(), fields },
        watched: plans.iter().flat_map(|field| field.watched.iter().cloned()).collect(),
        fields: plans,
        skipped: experiment.contexts.skipped(name),
    })
}
