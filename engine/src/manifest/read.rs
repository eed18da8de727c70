//! Reading manifests back from a store.

use std::collections::BTreeMap;
use std::time::Duration;

use metalab_cas::{Digest, Value};

use super::parts::{Entries, digest};
use super::{
    ContextManifest, DerivedManifest, FieldManifest, Manifest, PathManifest, Rules, StepManifest, VERSION,
    parts::durability_word, parts::failure_word,
};
use crate::id::RecordName;
use crate::index::{Index, IndexError};
use crate::journal::{Durability, JournalError};
use crate::record::{StepRecord, SubmissionOpened};
use crate::schedule::{FailurePolicy, Resources, Retries};
use crate::seeds::seeds;
use crate::store::Store;
use crate::submission;
use crate::tags::CaseTags;

/// Manifests that cannot be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store has no such experiment.
    #[error("the store has no experiment called `{experiment}`; `metalab experiments` lists what it has")]
    NoExperiment {
        /// What was asked for.
        experiment: String,
    },
}

/// The manifests of an experiment's submissions, oldest first.
///
/// One that is damaged, or of a newer format, is among them with what its submission's record says;
/// [`Manifest::problems`] tells what is missing.
///
/// # Errors
/// When the store cannot be read or has no such experiment.
pub fn manifests(store: &Store, experiment: &str) -> Result<Vec<Manifest>, ManifestError> {
    let found = manifests_of(store, &Index::load(store)?, Some(experiment))?;
    match found.is_empty() {
        true => Err(ManifestError::NoExperiment { experiment: experiment.to_owned() }),
        false => Ok(found),
    }
}

/// The same with an index at hand, of one experiment or of all.
///
/// # Errors
/// When the journal cannot be read.
pub fn manifests_of(
    store: &Store,
    index: &Index,
    experiment: Option<&str>,
) -> Result<Vec<Manifest>, ManifestError> {
    let all = submission::all(store, index)?.into_iter();
    let wanted = all.filter(|(_, opened)| experiment.is_none_or(|name| opened.experiment == name));
    let reader = Reader { store, index };
    Ok(wanted.map(|(name, opened)| reader.manifest(name, &opened)).collect())
}

struct Reader<'a> {
    store: &'a Store,
    index: &'a Index,
}

/// Where the parts of a step lie.
struct StepParts {
    template: Digest,
    source: Digest,
    wiring: Option<Digest>,
    case_tags: Option<Digest>,
}

impl Reader<'_> {
    fn value(&self, digest: &Digest) -> Result<bytes::Bytes, String> {
        self.store.values().get(digest, self.index).map_err(|error| error.to_string())
    }

    fn manifest(&self, submission: RecordName, opened: &SubmissionOpened) -> Manifest {
        let mut found = self.of_record(submission, opened);
        match opened.manifest {
            None => found.problems.push(
                "the submission keeps no manifest: contexts, resources and rules are not known".to_owned(),
            ),
            Some(digest) => {
                if let Err(reason) = self.fill(&digest, &mut found) {
                    found.problems.push(format!("its manifest {} cannot be read: {reason}", digest.short()));
                }
            }
        }
        if found.steps.is_empty() {
            let steps = opened.steps.iter().map(|step| self.step_of_record(step, &mut found.problems));
            found.steps = steps.collect();
        }
        found
    }

    /// What the record of the submission says.
    fn of_record(&self, submission: RecordName, opened: &SubmissionOpened) -> Manifest {
        let mut problems = Vec::new();
        let environment = self.value(&opened.environment).ok();
        let environment = environment.and_then(|bytes| minicbor::decode(&bytes).ok());
        if environment.is_none() {
            problems.push("the environment of the driver cannot be read".to_owned());
        }
        let metadata = match Value::decode(&opened.metadata) {
            Ok(Value::Map(map)) => map
                .iter()
                .filter_map(|(key, value)| Some((key.as_text()?.to_owned(), value.clone())))
                .collect(),
            _ => BTreeMap::new(),
        };
        Manifest {
            submission,
            time: opened.time,
            digest: opened.manifest,
            experiment: opened.experiment.clone(),
            version: opened.version.clone(),
            description: opened.description.clone(),
            tags: opened.tags.clone(),
            metadata,
            seeds: opened.base_seed.map(|base| seeds(base).replicates(opened.replicates)),
            contexts: Vec::new(),
            steps: Vec::new(),
            derived: Vec::new(),
            rules: None,
            environment,
            problems,
        }
    }

    /// Fills in what the manifest itself says.
    fn fill(&self, digest: &Digest, found: &mut Manifest) -> Result<(), String> {
        let value = Value::decode(&self.value(digest)?).map_err(|error| error.to_string())?;
        let all = Entries::of(&value, "content")?;
        match all.number("format")? {
            VERSION => {}
            newer if newer > VERSION => {
                return Err(format!(
                    "it is of format {newer}, and this metalab reads up to {VERSION}: use the metalab that wrote it, or a newer one"
                ));
            }
            _ => return Err("its format is not known".into()),
        }
        let contexts = all.list("contexts")?.iter().map(context).collect::<Result<_, _>>()?;
        let rules = rules(all.get("rules").ok_or("it has no rules")?)?;
        let mut steps = Vec::new();
        for step in all.list("steps")? {
            steps.push(self.step(step, &mut found.problems)?);
        }
        found.experiment = all.text("experiment")?;
        found.version = all.text("version")?;
        found.description = all.text_if_any("description")?;
        found.tags = all.texts("tags")?;
        found.metadata = all.map("metadata")?.into_iter().collect();
        let functions = all.list("derived")?.iter().map(derived).collect::<Option<_>>();
        found.derived = functions.ok_or("its derived metrics are malformed")?;
        (found.contexts, found.rules, found.steps) = (contexts, Some(rules), steps);
        Ok(())
    }

    fn step(&self, value: &Value, problems: &mut Vec<String>) -> Result<StepManifest, String> {
        let all = Entries::of(value, "step")?;
        let parts = StepParts {
            template: all.digest("template")?,
            source: all.digest("source")?,
            wiring: all.digest_if_any("wiring")?,
            case_tags: all.digest_if_any("case_tags")?,
        };
        let mut step = self.step_of(all.text("name")?, &parts, problems);
        for (name, amount) in all.map("needs")? {
            let amount = amount.into_serde().map_err(|_| format!("its need of `{name}` is no number"))?;
            step.needs = step.needs.named(name, amount);
        }
        if let Some(time) = all.number_if_any("time")? {
            step.needs = step.needs.time(Duration::from_micros(time));
        }
        step.needs_of_step = all.flag("needs_of_step")?;
        step.sets = all.number_if_any("sets")?;
        step.replicates = all.number("replicates")?;
        Ok(step)
    }

    fn step_of_record(&self, step: &StepRecord, problems: &mut Vec<String>) -> StepManifest {
        let parts = StepParts {
            template: step.template,
            source: step.source,
            wiring: step.wiring,
            case_tags: step.case_tags,
        };
        let mut found = self.step_of(step.name.clone(), &parts, problems);
        (found.sets, found.replicates) = (Some(step.sets), step.replicates);
        found
    }

    fn step_of(&self, name: String, parts: &StepParts, problems: &mut Vec<String>) -> StepManifest {
        let mut read = |what: &str, digest: Option<&Digest>| -> Option<bytes::Bytes> {
            let read = self.value(digest?);
            read.map_err(|reason| {
                problems.push(format!("step `{name}`: its {what} cannot be read: {reason}"))
            })
            .ok()
        };
        let template = read("template", Some(&parts.template));
        let source = read("parameter source", Some(&parts.source));
        let wiring = read("wiring", parts.wiring.as_ref());
        let case_tags = read("case tags", parts.case_tags.as_ref());
        let decode = |bytes: bytes::Bytes| Value::decode(&bytes).ok();
        StepManifest {
            template: template.and_then(|bytes| minicbor::decode(&bytes).ok()),
            source: source.and_then(decode),
            wiring: match wiring.and_then(decode) {
                Some(Value::List(wires)) => wires,
                _ => Vec::new(),
            },
            name,
            needs: Resources::default(),
            needs_of_step: false,
            sets: None,
            replicates: 1,
            case_tags: case_tags.and_then(|bytes| CaseTags::decode(&bytes)).unwrap_or_default(),
        }
    }
}

fn context(value: &Value) -> Result<ContextManifest, String> {
    let all = Entries::of(value, "context")?;
    Ok(ContextManifest {
        name: all.text("name")?,
        digest: all.digest("digest")?,
        fields: all.list("fields")?.iter().map(field).collect::<Result<_, _>>()?,
        skipped: all.texts("skipped")?,
        value: match all.get("value") {
            Some(value) => Ok(value.clone()),
            None => Err(all.text("stays")?),
        },
    })
}

fn field(value: &Value) -> Result<FieldManifest, String> {
    let all = Entries::of(value, "context field")?;
    let name = all.text("name")?;
    let paths = all.list("paths")?.iter().map(path).collect::<Option<_>>();
    let paths = paths.ok_or_else(|| format!("the paths of context field `{name}` are malformed"))?;
    let value = all.get("value").cloned().ok_or_else(|| format!("context field `{name}` has no value"))?;
    Ok(FieldManifest { kind: all.text("kind")?, name, value, paths })
}

fn derived(value: &Value) -> Option<DerivedManifest> {
    let Value::List(parts) = value else { return None };
    let [function, code, step] = &parts[..] else { return None };
    let step = step.as_text().map(str::to_owned);
    Some(DerivedManifest { function: function.as_text()?.to_owned(), code: digest(code), step })
}

fn path(value: &Value) -> Option<PathManifest> {
    let Value::List(parts) = value else { return None };
    let [shown, content, size, files] = &parts[..] else { return None };
    Some(PathManifest {
        shown: shown.as_text()?.to_owned(),
        digest: digest(content)?,
        size: size.clone().into_serde().ok()?,
        files: files.clone().into_serde().ok()?,
    })
}

fn rules(value: &Value) -> Result<Rules, String> {
    let all = Entries::of(value, "rules")?;
    let failure = all.text("failure")?;
    let durability = all.text("durability")?;
    let (most, backoff): (u32, u64) = match all.get("retries") {
        Some(retries) => retries.clone().into_serde().map_err(|_| "its retries are malformed")?,
        None => (0, 0),
    };
    let failures = [FailurePolicy::KeepGoing, FailurePolicy::FailFast];
    let durabilities = [Durability::Full, Durability::Relaxed];
    let unknown = |word: &str| format!("its rule `{word}` is not known");
    Ok(Rules {
        failure: failures
            .into_iter()
            .find(|policy| failure_word(*policy) == failure)
            .ok_or_else(|| unknown(&failure))?,
        retries: Retries { most, backoff: Duration::from_micros(backoff) },
        timeout: all.number_if_any("timeout")?.map(Duration::from_micros),
        durability: durabilities
            .into_iter()
            .find(|durability_of| durability_word(*durability_of) == durability)
            .ok_or_else(|| unknown(&durability))?,
    })
}
