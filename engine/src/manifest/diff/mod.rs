//! What changed between two submissions.
//!
//! `source`: where the parameters of a step part; `text`: how changes are said.

mod source;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use metalab_cas::Value;

use super::parts::{durability_word, failure_word};
use super::{ContextManifest, DerivedManifest, Manifest, Rules, StepManifest};
use crate::plan::{Difference, differences};
use crate::record::Template;

/// What changed from one submission to another; printed, a line for each change.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct ManifestDiff {
    /// The changes, from the experiment's name to the environment.
    pub changes: Vec<Change>,
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Change {
    /// What part of the manifest it is in.
    pub section: Section,
    /// The step, for what is part of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What changed: `base`, `argument lr`, `code: fn helper`, `Data.images`.
    pub what: String,
    /// Its old value; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// Its new value; absent when there is none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// For an argument or list of parameter sets: the values that were added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// The values that were removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// The parts of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Section {
    /// Name, version, description and tags.
    Experiment,
    /// Free metadata.
    Metadata,
    /// Base seed and replicates.
    Seeds,
    /// Contexts and their fields.
    Context,
    /// Steps: their parameters, wires, code, resources, tags.
    Step,
    /// Functions that derive metrics.
    Derived,
    /// Retries, timeout and the like.
    Rules,
    /// Executable, sources, lock file, git commit.
    Environment,
}

impl ManifestDiff {
    /// Whether both submissions asked for the same, by the same program.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn between(old: &Manifest, new: &Manifest) -> Self {
        let mut diff = Self::default();
        diff.experiment(old, new);
        diff.named(Section::Metadata, "", &shown(&old.metadata), &shown(&new.metadata));
        let seeds = |manifest: &Manifest| match &manifest.seeds {
            Some(seeds) => [Some(seeds.base().to_string()), Some(seeds.count().to_string())],
            None => [None, None],
        };
        let ([old_base, old_count], [new_base, new_count]) = (seeds(old), seeds(new));
        diff.value(Section::Seeds, "base", old_base, new_base);
        diff.value(Section::Seeds, "replicates", old_count, new_count);
        diff.contexts(&old.contexts, &new.contexts);
        diff.steps(&old.steps, &new.steps);
        let derived = |manifest: &Manifest| -> BTreeMap<String, String> {
            let name = |derived: &DerivedManifest| match &derived.step {
                Some(step) => format!("{} of step {step}", derived.function),
                None => derived.function.clone(),
            };
            let code = |derived: &DerivedManifest| {
                derived
                    .code
                    .map_or_else(|| "code not known".to_owned(), |code| format!("code {}", code.short()))
            };
            manifest.derived.iter().map(|derived| (name(derived), code(derived))).collect()
        };
        diff.named(Section::Derived, "", &derived(old), &derived(new));
        diff.named(Section::Rules, "", &rules(old.rules.as_ref()), &rules(new.rules.as_ref()));
        let environment = |manifest: &Manifest| -> BTreeMap<String, String> {
            let Some(environment) = &manifest.environment else { return BTreeMap::new() };
            let parts = [
                ("executable", &environment.executable),
                ("git commit", &environment.git_commit),
                ("lock file", &environment.lock_file),
                ("sources", &environment.sources),
            ];
            let short = |text: &str| text.chars().take(12).collect();
            parts
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), short(value.as_deref()?))))
                .collect()
        };
        diff.named(Section::Environment, "", &environment(old), &environment(new));
        diff
    }

    fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    fn value(&mut self, section: Section, what: impl Into<String>, old: Option<String>, new: Option<String>) {
        if old != new {
            self.push(Change::of(section, what).values(old, new));
        }
    }

    fn named(
        &mut self,
        section: Section,
        prefix: &str,
        old: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
    ) {
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            self.value(section, format!("{prefix}{name}"), old.get(name).cloned(), new.get(name).cloned());
        }
    }

    fn experiment(&mut self, old: &Manifest, new: &Manifest) {
        let section = Section::Experiment;
        self.value(section, "name", Some(old.experiment.clone()), Some(new.experiment.clone()));
        self.value(section, "version", Some(old.version.clone()), Some(new.version.clone()));
        self.value(section, "description", old.description.clone(), new.description.clone());
        let (added, removed) = changed(&old.tags, &new.tags);
        if !added.is_empty() || !removed.is_empty() {
            self.push(Change { added, removed, ..Change::of(section, "tags") });
        }
    }

    fn contexts(&mut self, old: &[ContextManifest], new: &[ContextManifest]) {
        let fields = |contexts: &[ContextManifest]| -> BTreeMap<String, String> {
            let fields = contexts.iter().flat_map(|context| {
                context
                    .fields
                    .iter()
                    .map(|field| (format!("{}.{}", context.name, field.name), field.to_string()))
            });
            fields.collect()
        };
        self.named(Section::Context, "", &fields(old), &fields(new));
        // A context without fields is told by its name.
        let names = |contexts: &[ContextManifest]| -> Vec<String> {
            let bare = contexts.iter().filter(|context| context.fields.is_empty());
            bare.map(|context| context.name.clone()).collect()
        };
        let (added, removed) = changed(&names(old), &names(new));
        if !added.is_empty() || !removed.is_empty() {
            self.push(Change { added, removed, ..Change::of(Section::Context, "contexts without fields") });
        }
    }

    fn steps(&mut self, old: &[StepManifest], new: &[StepManifest]) {
        let find = |steps: &[StepManifest], name: &str| steps.iter().position(|step| step.name == name);
        for step in old {
            match find(new, &step.name) {
                Some(at) => self.step(step, &new[at]),
                None => self.push(Change::of_step(step, "step").values(step.operation(), None)),
            }
        }
        for step in new.iter().filter(|step| find(old, &step.name).is_none()) {
            self.push(Change::of_step(step, "step").values(None, step.operation()));
        }
    }

    fn step(&mut self, old: &StepManifest, new: &StepManifest) {
        let start = self.changes.len();
        if let (Some(before), Some(after)) = (&old.template, &new.template) {
            // Arguments, seeds and contexts are compared as they were given, in their own sections.
            let bare = |template: &Template| Template {
                fixed: Vec::new(),
                contexts: Vec::new(),
                base_seed: None,
                metadata: Vec::new(),
                ..template.clone()
            };
            for Difference { part, old, new, .. } in differences(&bare(before), &bare(after)) {
                self.push(Change::of(Section::Step, part).values(old, new));
            }
        }
        self.source(old.source.as_ref(), new.source.as_ref());
        let wires = |step: &StepManifest| -> BTreeMap<String, String> {
            let wire = |wire: &Value| match wire {
                Value::List(parts) => Some((parts.first()?.as_text()?.to_owned(), parts.get(1)?.to_string())),
                _ => None,
            };
            step.wiring.iter().filter_map(wire).collect()
        };
        self.named(Section::Step, "input ", &wires(old), &wires(new));
        let needs = |step: &StepManifest| -> BTreeMap<String, String> {
            let time = step.needs.most_time().map(|time| ("time".to_owned(), format!("{time:?}")));
            let amounts = step.needs.iter().map(|(name, amount)| (name.to_owned(), amount.to_string()));
            amounts.chain(time).collect()
        };
        self.named(Section::Step, "needs ", &needs(old), &needs(new));
        let tags = |step: &StepManifest| -> BTreeMap<String, String> {
            let count =
                |ranges: &[std::ops::Range<u64>]| ranges.iter().map(|range| range.end - range.start).sum();
            let words = |count: u64| format!("{count} parameter set{}", if count == 1 { "" } else { "s" });
            step.case_tags.iter().map(|(tag, ranges)| (tag.to_owned(), words(count(ranges)))).collect()
        };
        self.named(Section::Step, "case tag ", &tags(old), &tags(new));
        let cells = |step: &StepManifest| step.cells().map(|cells| cells.to_string());
        self.value(Section::Step, "cells", cells(old), cells(new));
        for change in &mut self.changes[start..] {
            change.step = Some(old.name.clone());
        }
    }
}

impl Change {
    fn of(section: Section, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { section, step: None, what, old: None, new: None, added: Vec::new(), removed: Vec::new() }
    }

    fn of_step(step: &StepManifest, what: &str) -> Self {
        Self { step: Some(step.name.clone()), ..Self::of(Section::Step, what) }
    }

    fn values(self, old: Option<String>, new: Option<String>) -> Self {
        Self { old, new, ..self }
    }
}

/// What the second has and the first has not, and the reverse, in their orders.
fn changed(old: &[String], new: &[String]) -> (Vec<String>, Vec<String>) {
    let (before, after): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    let added = new.iter().filter(|value| !before.contains(value)).cloned().collect();
    let removed = old.iter().filter(|value| !after.contains(value)).cloned().collect();
    (added, removed)
}

fn shown(values: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    values.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

fn rules(rules: Option<&Rules>) -> BTreeMap<String, String> {
    let Some(rules) = rules else { return BTreeMap::new() };
    let mut all = BTreeMap::from([
        ("failure".to_owned(), failure_word(rules.failure).to_owned()),
        ("retries".to_owned(), rules.retries.most.to_string()),
        ("backoff".to_owned(), format!("{:?}", rules.retries.backoff)),
        ("durability".to_owned(), durability_word(rules.durability).to_owned()),
    ]);
    if let Some(limit) = rules.timeout {
        all.insert("timeout".to_owned(), format!("{limit:?}"));
    }
    all
}
