//! From a manifest back to the experiment.

use std::collections::BTreeMap;

use metalab_cas::value::{FILE, FOLDER};
use metalab_cas::{Map, Value};

use super::{ContextManifest, Manifest, StepManifest, sources};
use crate::context::{Context, insert_by_name};
use crate::derived;
use crate::experiment::Experiment;
use crate::operation::{Contexts, LentKind, Registered, Registry, RegistryError};
use crate::params::StepSpec;
use crate::plan::files::ELSEWHERE;

/// A manifest that does not become an experiment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// Operations, or functions that derive metrics, of this program cannot be told apart.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// This program does not have the operation of a step.
    #[error(
        "step `{step}`: this program has no operation `{operation}` (it has {known}); link the crate that defines it, or use the program that ran the experiment"
    )]
    NoOperation {
        /// The step.
        step: String,
        /// Its operation.
        operation: String,
        /// Those there are.
        known: String,
    },
    /// This program does not have a function that derives metrics.
    #[error(
        "this program has no derived metric `{function}`; link the crate that defines it, or use the program that ran the experiment"
    )]
    NoFunction {
        /// The function.
        function: String,
    },
    /// A part of a step cannot be read.
    #[error("step `{step}`: its {part} cannot be used: {reason}")]
    Step {
        /// The step.
        step: String,
        /// Parameter source, wiring, operation.
        part: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A context cannot be made.
    #[error(
        "context `{context}` cannot be made again: {reason}; give it by hand, `.rebuild().context({context} {{ .. }})`"
    )]
    Context {
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
    /// A file or folder was given by an absolute path, which is not recorded.
    #[error(
        "`{name}` was given by an absolute path, which is not recorded; say where it is, `.rebuild().path(\"{name}\", \"/where/it/is\")`"
    )]
    Elsewhere {
        /// The last part of the path.
        name: String,
    },
    /// The manifest has no steps.
    #[error("the manifest has no steps: {problems}")]
    Empty {
        /// What cannot be read of it.
        problems: String,
    },
}

/// Turns a manifest back into an experiment; see [`Manifest::rebuild`].
#[derive(Debug)]
#[must_use = "nothing is made until `.experiment()` is called"]
pub struct Rebuild<'m> {
    manifest: &'m Manifest,
    registry: Option<Registry>,
    contexts: Contexts,
    paths: BTreeMap<String, String>,
}

impl Manifest {
    /// The experiment: its steps by the operations of this program, parameters, wires, seeds and contexts by value.
    ///
    /// Its operations count with the code that they have now: when that is what it was, the runs are those that were
    /// done. Rules (retries, timeout) belong to a run of an experiment and are not in it.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub fn experiment(&self) -> Result<Experiment, RebuildError> {
        self.rebuild().experiment()
    }

    /// The same with things that the manifest cannot tell, given by hand.
    pub fn rebuild(&self) -> Rebuild<'_> {
        Rebuild { manifest: self, registry: None, contexts: Contexts::default(), paths: BTreeMap::new() }
    }
}

impl Rebuild<'_> {
    /// The operations to look among, in place of all that this program has registered.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// A context, in place of the one in the manifest.
    pub fn context<C: Context>(mut self, context: C) -> Self {
        self.contexts.insert(context);
        self
    }

    /// Where a file or folder is that was given by an absolute path ending in `name`, or has moved: `name` may also be
    /// a relative path as it was given.
    pub fn path(mut self, name: impl Into<String>, place: impl Into<String>) -> Self {
        self.paths.insert(name.into(), place.into());
        self
    }

    /// The experiment.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub fn experiment(self) -> Result<Experiment, RebuildError> {
        let manifest = self.manifest;
        if manifest.steps.is_empty() {
            return Err(RebuildError::Empty { problems: manifest.problems.join("; ") });
        }
        let names: Vec<String> = manifest.steps.iter().filter_map(StepManifest::operation).collect();
        let registry = match &self.registry {
            Some(registry) => registry.clone(),
            None => Registry::automatic_of(&names)?,
        };
        let mut experiment = Experiment::new(&manifest.experiment, &manifest.version);
        experiment.description.clone_from(&manifest.description);
        experiment.tags.clone_from(&manifest.tags);
        let metadata = manifest.metadata.iter().map(|(key, value)| (key.clone(), Ok(value.clone())));
        experiment.metadata = metadata.collect();
        experiment.seeds = manifest.seeds;
        for step in &manifest.steps {
            let operation = find(&registry, self.registry.is_some(), step)?;
            experiment.specs.push(self.step(step, operation)?);
        }
        let names: Vec<String> = manifest.derived.iter().map(|wanted| wanted.function.clone()).collect();
        let functions = derived::Registry::automatic_of(&names)?;
        for wanted in &manifest.derived {
            let function = functions.named(&wanted.function).cloned();
            let function =
                function.ok_or_else(|| RebuildError::NoFunction { function: wanted.function.clone() })?;
            experiment.derived.push((wanted.step.clone(), function));
        }
        self.add_contexts(&mut experiment)?;
        Ok(experiment)
    }

    fn step(&self, step: &StepManifest, operation: Registered) -> Result<StepSpec, RebuildError> {
        let wrong = |part, reason| RebuildError::Step { step: step.name.clone(), part, reason };
        let source =
            step.source.as_ref().ok_or_else(|| wrong("parameter source", "it is not there".into()))?;
        let source =
            sources::source(&self.located(source)?).map_err(|reason| wrong("parameter source", reason))?;
        let mut inputs = Vec::new();
        for wire in &step.wiring {
            let parts = match wire {
                Value::List(parts) => <&[Value; 2]>::try_from(&parts[..]).ok(),
                _ => None,
            };
            let [name, wire] = parts.ok_or_else(|| wrong("wiring", "it is malformed".into()))?;
            let name = name.as_text().ok_or_else(|| wrong("wiring", "an input has no name".into()))?;
            let wire =
                sources::input(wire).map_err(|reason| wrong("wiring", format!("`{name}`: {reason}")))?;
            inputs.push((name.to_owned(), wire));
        }
        Ok(StepSpec {
            name: (step.name != operation.description().name).then(|| step.name.clone()),
            operation,
            source,
            inputs,
            resources: step.needs_of_step.then(|| step.needs.clone()),
            tags: step.case_tags.clone().into_rules().collect(),
        })
    }

    /// The contexts that the operations borrow: given by hand, or from the manifest.
    fn add_contexts(&self, experiment: &mut Experiment) -> Result<(), RebuildError> {
        let mut contexts = self.contexts.clone();
        let mut wanted = Vec::new();
        for spec in &experiment.specs {
            let lent = spec.operation.description().lent.iter();
            wanted.extend(lent.filter_map(|kind| match kind {
                LentKind::Context(name) => Some(*name),
                _ => None,
            }));
        }
        for name in wanted {
            if contexts.has(name) {
                continue;
            }
            let wrong = |reason: String| RebuildError::Context { context: name.to_owned(), reason };
            let kept = self.manifest.contexts.iter().find(|context| context.name == name);
            let Some(ContextManifest { value, .. }) = kept else {
                return Err(wrong("the manifest does not have it".into()));
            };
            let value = self.located(value.as_ref().map_err(|reason| wrong(reason.clone()))?)?;
            insert_by_name(name, &value, &mut contexts).map_err(|failure| wrong(failure.to_string()))?;
        }
        experiment.contexts = contexts;
        Ok(())
    }

    /// A value with its paths as they are on this machine.
    fn located(&self, value: &Value) -> Result<Value, RebuildError> {
        Ok(match value {
            Value::Variant(kind, inner) if kind == FILE || kind == FOLDER => {
                let place = match &**inner {
                    Value::Text(path) => self.paths.get(path).unwrap_or(path),
                    Value::Variant(elsewhere, name) if elsewhere == ELSEWHERE => {
                        let name = name.as_text().unwrap_or_default();
                        let place = self.paths.get(name);
                        place.ok_or_else(|| RebuildError::Elsewhere { name: name.to_owned() })?
                    }
                    _ => return Ok(value.clone()),
                };
                Value::Variant(kind.clone(), Box::new(Value::Text(place.clone())))
            }
            Value::Variant(name, inner) => Value::Variant(name.clone(), Box::new(self.located(inner)?)),
            Value::List(values) => {
                Value::List(values.iter().map(|value| self.located(value)).collect::<Result<_, _>>()?)
            }
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| Ok((self.located(key)?, self.located(value)?)));
                let entries = entries.collect::<Result<Vec<_>, RebuildError>>()?;
                Map::from_entries(entries).map_or_else(|_| value.clone(), Value::Map)
            }
            other => other.clone(),
        })
    }
}

/// The operation of a step; `given` tells a registry given by hand from what the program has of those needed.
fn find(registry: &Registry, given: bool, step: &StepManifest) -> Result<Registered, RebuildError> {
    let name = step.operation().ok_or_else(|| RebuildError::Step {
        step: step.name.clone(),
        part: "operation",
        reason: "it is not there".into(),
    })?;
    registry.named(&name).cloned().ok_or_else(|| {
        let mut known: Vec<_> = match given {
            true => registry.iter().map(|operation| format!("`{}`", operation.name())).collect(),
            false => Registry::automatic_names().into_iter().map(|full| format!("`{full}`")).collect(),
        };
        known.truncate(20);
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        RebuildError::NoOperation { step: step.name.clone(), operation: name, known }
    })
}
