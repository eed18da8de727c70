//! What was hashed into a run id, and where two runs part.

use metalab_cas::{Digest, Map, Value};

use super::parting::{inputs_of, parting};
use super::taken::{self, Taken, TakenValue};
use super::{RunDetails, json_entries, show};
use crate::id::RunId;
use crate::index::Glance;
use crate::inputs::GatherPart;
use crate::plan::{Difference, head};
use crate::record::{Attempt, Record, Template};
use crate::results::{ResultError, decode_template};

/// How many values of a gather are listed.
const PARTS: usize = 16;

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
    /// What differs, first to last: old is this run, new the other. Inputs are followed to the runs that made them, as
    /// far as needed to find the first cause.
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
    /// Its arguments or inputs do not decode.
    #[error("the arguments and inputs of run {run} do not decode: {reason}")]
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
    let mut found = explain(index, &details)?;
    if let Some(other) = other {
        let theirs = show(index, other)?;
        found.other = Some(other.to_string());
        found.differences = parting(index, &details, &theirs)?;
        found.warnings = environment_differences(&details, &theirs);
    }
    Ok(found)
}

fn explain(index: &Glance, details: &RunDetails) -> Result<Why, WhyError> {
    let RunDetails { attempt, template, .. } = details;
    let malformed = |reason| WhyError::Arguments { run: details.id.short(), reason };
    let arguments = whole_arguments(attempt, template).map_err(malformed)?;
    let inputs = inputs_of(index, attempt)?;
    let hashed_inputs = taken::hashed(&inputs).map_err(malformed)?;
    let replicate = attempt.replicate.unwrap_or(0);
    let id = head(template).run_id(&arguments, replicate, &hashed_inputs, &mut Vec::new());
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
        hashed.push(("seed".into(), format!("base {base}, replicate {replicate}")));
    }
    let metadata = json_entries(&template.metadata).into_iter();
    hashed.extend(metadata.map(|(key, value)| (format!("metadata {key}"), value)));
    inputs.iter().for_each(|input| hashed.extend(input_lines(index, input)));
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

/// An input: the value, and where it came from.
fn input_lines(index: &Glance, input: &Taken) -> Vec<(String, String)> {
    let name = format!("input {}", input.name);
    let value = |digest: &Digest, run: &Option<RunId>| {
        let artifact =
            input.artifact.as_ref().map(|name| format!("artifact `{name}` of ")).unwrap_or_default();
        let from = match run {
            Some(run) => format!("{artifact}run {}{}", run.short(), operation_of(index, run)),
            None => "no run that is known".into(),
        };
        format!("{} from {from}", digest.short())
    };
    match &input.value {
        TakenValue::One { digest, run } => vec![(name, value(digest, run))],
        TakenValue::Many(parts) => {
            let count = if parts.len() == 1 { "1 value".into() } else { format!("{} values", parts.len()) };
            let mut lines = vec![(name.clone(), count)];
            let line =
                |part: &GatherPart| (format!("{name} {}", part.coordinates), value(&part.digest, &part.run));
            lines.extend(parts.iter().take(PARTS).map(line));
            if parts.len() > PARTS {
                lines.push((name, format!("and {} more", parts.len() - PARTS)));
            }
            lines
        }
    }
}

/// ` of` the operation of a run, if its record can be read.
fn operation_of(index: &Glance, run: &RunId) -> String {
    let template = || {
        let entry = index.get(run).ok()??;
        let Ok(Record::Attempt(attempt)) = index.store().journal().read(&entry.place) else { return None };
        let places = index.places_of(&attempt.template).ok()?;
        let bytes = index.store().values().get_from(&attempt.template, places.into_iter()).ok()?;
        decode_template(&attempt.template, &bytes).ok()
    };
    template().map(|template| format!(" of {}::{}", template.namespace, template.name)).unwrap_or_default()
}

/// Fixed and swept arguments in one canonical map, as they were hashed.
pub(super) fn whole_arguments(attempt: &Attempt, template: &Template) -> Result<Vec<u8>, String> {
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

fn environment_differences(ours: &RunDetails, theirs: &RunDetails) -> Vec<String> {
    match (&ours.environment, &theirs.environment) {
        (Some(ours), Some(theirs)) => ours.differences(theirs),
        _ => Vec::new(),
    }
}
