//! From a plan to a manifest.

use metalab_cas::value::{GLOB, NAMED, STAT};
use metalab_cas::{Map, Value};

use super::parts::{self, micros};
use super::{Rules, VERSION};
use crate::context::{FieldKind, Watched};
use crate::plan::files::portable;
use crate::plan::{ContextPlan, FieldPlan, Plan, PlanError, StepPlan};
use crate::record::to_cbor;
use crate::schedule::Resources;

/// An encoded manifest.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// The values that it names by digest.
    pub(crate) parts: Vec<Vec<u8>>,
}

/// The manifest of an experiment as it was asked for.
pub(crate) fn write(plan: &Plan, rules: &Rules) -> Result<Written, PlanError> {
    let experiment = &plan.experiment;
    let mut found = Vec::new();
    let mut all = Map::new();
    all.insert("format", Value::from(VERSION));
    all.insert("experiment", text(&experiment.name));
    all.insert("version", text(&experiment.version));
    if let Some(description) = &experiment.description {
        all.insert("description", text(description));
    }
    all.insert("tags", Value::List(experiment.tags.iter().map(|tag| text(tag)).collect()));
    let mut metadata = Map::new();
    for (key, value) in &experiment.metadata {
        metadata.insert(key.as_str(), value.clone().unwrap_or_default());
    }
    all.insert("metadata", Value::Map(metadata));
    if let Some(seeds) = &experiment.seeds {
        all.insert("seeds", Value::List(vec![Value::from(seeds.base()), Value::from(seeds.count())]));
    }
    // The names of files behind a glob: what changed among them can be told later.
    let watched = plan.contexts.values().flat_map(|context| &context.watched);
    found.extend(watched.filter_map(|watched| watched.listing.as_deref().map(<[u8]>::to_vec)));
    let contexts = plan.contexts.values().map(|context| written_context(plan, context)).collect();
    all.insert("contexts", Value::List(contexts));
    all.insert("steps", Value::List(plan.steps().map(|step| written_step(plan, step, &mut found)).collect()));
    if !experiment.derived.is_empty() {
        let functions = experiment.derived.iter().map(|(step, function)| {
            let code = function.code().map_or(Value::Null, |code| Value::Bytes(code.as_bytes().to_vec()));
            Value::List(vec![text(function.name()), code, step.as_deref().map_or(Value::Null, text)])
        });
        all.insert("derived", Value::List(functions.collect()));
    }
    all.insert("rules", written_rules(rules));
    let bytes = Value::Map(all).to_bytes();
    let bytes = bytes.map_err(|error| PlanError::Manifest { reason: error.to_string() })?;
    Ok(Written { bytes, parts: found })
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn written_step(plan: &Plan, step: &StepPlan, found: &mut Vec<Vec<u8>>) -> Value {
    let mut all = Map::new();
    all.insert("name", text(&step.name));
    let mut part = |name: &str, bytes: Vec<u8>| {
        if !bytes.is_empty() {
            all.insert(name, Value::Bytes(metalab_cas::Digest::of(&bytes).as_bytes().to_vec()));
            found.push(bytes);
        }
    };
    part("template", to_cbor(&step.template));
    part("source", step.source.clone());
    part("wiring", step.wiring.clone());
    part("case_tags", step.case_tags.to_bytes());
    all.insert("needs", written_resources(&step.resources));
    if let Some(time) = step.resources.most_time() {
        all.insert("time", Value::from(micros(time)));
    }
    all.insert("needs_of_step", Value::Bool(plan.experiment.specs[step.number].resources.is_some()));
    if step.is_expanded() {
        all.insert("sets", Value::from(step.sets()));
    }
    all.insert("replicates", Value::from(step.replicates));
    Value::Map(all)
}

fn written_resources(resources: &Resources) -> Value {
    let mut all = Map::new();
    for (name, amount) in resources.iter() {
        all.insert(name, Value::from(amount));
    }
    Value::Map(all)
}

fn written_rules(rules: &Rules) -> Value {
    let mut all = Map::new();
    all.insert("failure", text(parts::failure_word(rules.failure)));
    let retries = [u64::from(rules.retries.most), micros(rules.retries.backoff)];
    all.insert("retries", Value::List(retries.map(Value::from).to_vec()));
    if let Some(limit) = rules.timeout {
        all.insert("timeout", Value::from(micros(limit)));
    }
    all.insert("durability", text(parts::durability_word(rules.durability)));
    Value::Map(all)
}

fn written_context(plan: &Plan, context: &ContextPlan) -> Value {
    let name = context.record.name.as_str();
    let mut all = Map::new();
    all.insert("name", text(name));
    all.insert("digest", Value::Bytes(context.record.digest.as_bytes().to_vec()));
    all.insert("fields", Value::List(context.fields.iter().map(written_field).collect()));
    all.insert("skipped", Value::List(context.skipped.iter().map(|field| text(field)).collect()));
    let value = plan.experiment.contexts.written(name);
    let value = value.unwrap_or_else(|| Err("it was made in another process".into())).and_then(|value| {
        let value = portable(&without(value, context.skipped));
        value.to_bytes().map_err(|error| error.to_string())?;
        Ok(value)
    });
    match value {
        Ok(value) => all.insert("value", value),
        Err(reason) => all.insert("stays", Value::Text(reason)),
    };
    Value::Map(all)
}

/// A context without the fields that count for nothing: they may be secret, and nobody needs them.
fn without(value: Value, skipped: &[&str]) -> Value {
    match value {
        Value::Map(map) if !skipped.is_empty() => {
            let is_kept = |key: &Value| key.as_text().is_none_or(|key| !skipped.contains(&key));
            let kept = map.iter().filter(|(key, _)| is_kept(key));
            let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
            Map::from_entries(kept).map_or(Value::Null, Value::Map)
        }
        other => other,
    }
}

fn written_field(field: &FieldPlan) -> Value {
    let mut all = Map::new();
    all.insert("name", text(field.name));
    all.insert("kind", text(kind(field)));
    all.insert("value", field.hashed.clone());
    if !field.watched.is_empty() {
        all.insert("paths", Value::List(field.watched.iter().map(written_path).collect()));
    }
    Value::Map(all)
}

fn kind(field: &FieldPlan) -> &'static str {
    match (field.kind, &field.hashed) {
        (FieldKind::Fingerprint, _) => "fingerprint",
        (_, Value::File(_)) => "file",
        (_, Value::Folder(_)) => "folder",
        (_, Value::Variant(name, _)) if name == STAT => "metadata",
        (_, Value::Variant(name, _)) if name == NAMED => "path",
        (_, Value::Variant(name, _)) if name == GLOB => "glob",
        _ if !field.watched.is_empty() => "paths",
        _ => "value",
    }
}

fn written_path(watched: &Watched) -> Value {
    Value::List(vec![
        Value::Text(watched.portable()),
        Value::Bytes(watched.digest.as_bytes().to_vec()),
        Value::from(watched.size),
        Value::from(watched.files),
    ])
}
