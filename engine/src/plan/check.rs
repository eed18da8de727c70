//! What must hold of an experiment before its steps are looked at: names, and that nothing is there twice.

use std::collections::HashSet;

use super::PlanError;
use crate::experiment::Experiment;
use crate::name::Name;

pub(super) fn check(experiment: &Experiment) -> Result<(), PlanError> {
    let name = |what, text: &str| match Name::new(text) {
        Ok(_) => Ok(()),
        Err(source) => Err(PlanError::Name { what, source }),
    };
    name("experiment", &experiment.name)?;
    name("experiment's version", &experiment.version)?;
    if experiment.specs.is_empty() {
        return Err(PlanError::NoSteps { experiment: experiment.name.clone() });
    }
    let mut steps = HashSet::new();
    for spec in &experiment.specs {
        name("step", spec.name())?;
        if !steps.insert(spec.name()) {
            let (experiment, step) = (experiment.name.clone(), spec.name().to_owned());
            return Err(PlanError::DuplicateStep { experiment, step });
        }
    }
    for (step, function) in &experiment.derived {
        if let Some(step) = step.as_deref().filter(|step| !steps.contains(step)) {
            let (function, step) = (function.name().to_owned(), step.to_owned());
            return Err(PlanError::DerivedStep { function, step });
        }
    }
    for step in steps {
        crate::derived::check_functions(&experiment.derived_of(step))?;
    }
    let mut tags = HashSet::new();
    for tag in &experiment.tags {
        name("tag", tag)?;
        if !tags.insert(tag) {
            return Err(PlanError::Duplicate { what: "tag", name: tag.clone() });
        }
    }
    let mut keys = HashSet::new();
    for (key, value) in &experiment.metadata {
        name("metadata key", key)?;
        if !keys.insert(key) {
            return Err(PlanError::Duplicate { what: "metadata key", name: key.clone() });
        }
        let encoded = value
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|value| value.to_bytes().map_err(|e| e.to_string()));
        if let Err(reason) = encoded {
            return Err(PlanError::Metadata { key: key.clone(), reason });
        }
    }
    if experiment.seeds.as_ref().is_some_and(|seeds| seeds.count() == 0) {
        return Err(PlanError::NoReplicates);
    }
    Ok(())
}
