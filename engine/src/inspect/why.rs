//! What was hashed into a run id, and where two runs part.

use metalab_cas::{Map, Value};

use super::{RunDetails, json_entries, show};
use crate::id::RunId;
use crate::index::Glance;
use crate::plan::{Difference, compare, differences, entries, head};
use crate::record::{Attempt, Template};
use crate::results::ResultError;

/// The pre-image of a run id in words, and its difference to another.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Why {
    /// The run.
    pub run: String,
    /// Whether the pre-image kept with the record gives this very id.
    pub confirmed: bool,
    /// The fields that were hashed, in order: name and value.
    pub hashed: Vec<(String, String)>,
    /// The items of code that were counted, with the first digits of their digests.
    pub code: Vec<(String, String)>,
    /// The other run it was compared with.
    pub other: Option<String>,
    /// What differs, first to last: old is this run, new the other.
    pub differences: Vec<Difference>,
    /// What differs outside the identity (sources, lock file, executable, git), which may matter all the same.
    pub warnings: Vec<String>,
}

/// A run that cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// Its records cannot be read.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// Its arguments do not decode.
    #[error("the arguments of run {run} do not decode: {reason}")]
    Arguments {
        /// The run, short.
        run: String,
        /// What is wrong.
        reason: String,
    },
}

/// Explains a run, and what parts it from another one.
///
/// # Errors
/// When a record cannot be read.
pub fn why(index: &Glance, run: &RunId, other: Option<&RunId>) -> Result<Why, WhyError> {
    let details = show(index, run)?;
    let mut found = explain(&details)?;
    if let Some(other) = other {
        let theirs = show(index, other)?;
        found.other = Some(other.to_string());
        found.differences = parting(&details, &theirs);
        found.warnings = environment_differences(&details, &theirs);
    }
    Ok(found)
}

fn explain(details: &RunDetails) -> Result<Why, WhyError> {
    let RunDetails { attempt, template, .. } = details;
    let arguments = whole_arguments(attempt, template)
        .map_err(|reason| WhyError::Arguments { run: details.id.short(), reason })?;
    let mut preimage = Vec::new();
    let id = head(template).run_id(&arguments, attempt.replicate.unwrap_or(0), &[], &mut preimage);
    let mut hashed = vec![
        ("recipe version".to_owned(), template.recipe_version.to_string()),
        ("operation".to_owned(), format!("{} {}::{}", template.kind, template.namespace, template.name)),
        ("operation version".to_owned(), template.version.clone()),
        (
            "code".to_owned(),
            match &template.code {
                Some(digest) => format!("{} {}", template.grade.as_str(), digest.short()),
                None => template.grade.as_str().to_owned(),
            },
        ),
    ];
    hashed.extend(
        json_entries(&arguments).into_iter().map(|(name, value)| (format!("argument {name}"), value)),
    );
    for context in &template.contexts {
        hashed.push((format!("context {}", context.name), context.digest.short()));
        let fields = json_entries(&context.fields).into_iter();
        hashed.extend(fields.map(|(field, value)| (format!("context {}.{field}", context.name), value)));
    }
    if let Some(base) = template.base_seed {
        hashed.push(("seed".into(), format!("base {base}, replicate {}", attempt.replicate.unwrap_or(0))));
    }
    let items = template.items.iter();
    Ok(Why {
        run: details.id.to_string(),
        confirmed: id == details.id,
        hashed,
        code: items.map(|item| (item.name.clone(), item.digest.chars().take(12).collect())).collect(),
        other: None,
        differences: Vec::new(),
        warnings: Vec::new(),
    })
}

/// Fixed and swept arguments in one canonical map, as they were hashed.
fn whole_arguments(attempt: &Attempt, template: &Template) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for bytes in [&template.fixed, &attempt.arguments] {
        if bytes.is_empty() {
            continue;
        }
        match Value::decode(bytes).map_err(|error| error.to_string())? {
            Value::Map(map) => all.extend(map.iter().map(|(key, value)| (key.clone(), value.clone()))),
            other => return Err(format!("{other} is not a map")),
        }
    }
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let map = Map::from_entries(all).map_err(|error| error.to_string())?;
    Value::Map(map).to_bytes().map_err(|error| error.to_string())
}

fn parting(ours: &RunDetails, theirs: &RunDetails) -> Vec<Difference> {
    // Which arguments were swept is no part of the identity: all of them are compared below.
    let bare = |template: &Template| Template { fixed: Vec::new(), ..template.clone() };
    let mut found = differences(&bare(&ours.template), &bare(&theirs.template));
    let arguments = |details: &RunDetails| {
        let bytes = whole_arguments(&details.attempt, &details.template).unwrap_or_default();
        entries(&bytes)
    };
    compare("argument ", &arguments(ours), &arguments(theirs), &mut found);
    let replicate = |details: &RunDetails| details.attempt.replicate.map(|replicate| replicate.to_string());
    if replicate(ours) != replicate(theirs) {
        found.push(Difference {
            part: "seed: replicate".into(),
            old: replicate(ours),
            new: replicate(theirs),
        });
    }
    found
}

fn environment_differences(ours: &RunDetails, theirs: &RunDetails) -> Vec<String> {
    match (&ours.environment, &theirs.environment) {
        (Some(ours), Some(theirs)) => ours.differences(theirs),
        _ => Vec::new(),
    }
}
