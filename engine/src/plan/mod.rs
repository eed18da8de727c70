//! From an experiment to cells with run ids, and from those to what must run and why.

mod arguments;
mod decide;
mod explain;
mod files;
mod step;

pub use decide::{Cell, Decisions, Rerun, StepDecisions, Verdict};
pub use explain::{Difference, differences};
pub(crate) use explain::{compare, entries};
pub(crate) use step::head;
pub use step::{Scratch, StepPlan};

use std::collections::HashSet;

use crate::context::{ContentError, StatCache};
use crate::experiment::Experiment;
use crate::name::{Name, NameError};
use crate::params::ParamsError;

/// An experiment that cannot be planned; the store was not touched.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A name breaks a rule.
    #[error("the name of the {what} is not usable")]
    Name {
        /// What was to be named.
        what: &'static str,
        /// The broken rule.
        source: NameError,
    },
    /// The experiment has no step.
    #[error("experiment `{experiment}` has no steps; add one by `.sweep(...)`")]
    NoSteps {
        /// The experiment.
        experiment: String,
    },
    /// Two steps of one name.
    #[error("experiment `{experiment}` has two steps called `{step}`; name one by `.named(\"...\")`")]
    DuplicateStep {
        /// The experiment.
        experiment: String,
        /// The name.
        step: String,
    },
    /// A tag or metadata key twice.
    #[error("the {what} `{name}` is given twice")]
    Duplicate {
        /// Tag or metadata key.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Metadata that cannot be kept.
    #[error("metadata `{key}`: {reason}")]
    Metadata {
        /// Its key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// Bad parameters, with the step they are of.
    #[error("step `{step}`: {source}")]
    Step {
        /// The step.
        step: String,
        /// What is wrong.
        source: Box<PlanError>,
    },
    /// Bad parameters.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A file or folder argument that is not there or not what it should be.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// An operation takes seeds and the experiment has none.
    #[error(
        "operation `{operation}` takes `&SeedBundle`, but the experiment has no seeds; add `.seeds(seeds(42))`"
    )]
    NoSeeds {
        /// The operation.
        operation: String,
    },
    /// No replicates at all.
    #[error("the experiment asks for 0 replicates; ask for at least 1")]
    NoReplicates,
    /// An operation borrows a context and the experiment has none.
    #[error(
        "operation `{operation}` takes the context `&{context}`, but the experiment has none; add `.context({context} {{ .. }})`"
    )]
    NoContext {
        /// The operation.
        operation: String,
        /// The context.
        context: &'static str,
    },
    /// A field of a context cannot be hashed.
    #[error("context `{context}`, field `{field}`: {reason}")]
    ContextField {
        /// The context.
        context: &'static str,
        /// The field.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// A digest given by hand is none.
    #[error("operation `{operation}`: `{digest}` is not a code digest of 64 hexadecimal digits")]
    CodeDigest {
        /// The operation.
        operation: String,
        /// What was given.
        digest: String,
    },
    /// The executable cannot be read (code grade `binary`).
    #[error("the running executable cannot be read for code grade `binary`: {reason}")]
    Executable {
        /// What is wrong.
        reason: String,
    },
    /// A parameter source that cannot be kept with the submission.
    #[error("step `{step}`: its parameter source cannot be written down: {reason}")]
    Source {
        /// The step.
        step: String,
        /// What is wrong.
        reason: String,
    },
}

impl PlanError {
    fn in_step(self, step: &str) -> Self {
        Self::Step { step: step.to_owned(), source: Box::new(self) }
    }
}

/// An experiment whose steps are resolved: every cell has its run id.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) experiment: Experiment,
    pub(crate) steps: Vec<StepPlan>,
}

impl Plan {
    /// Resolves an experiment: checks names and parameters, reads files and folders (through `files`).
    ///
    /// # Errors
    /// See [`PlanError`]; nothing was written anywhere.
    pub fn new(experiment: &Experiment, files: &StatCache) -> Result<Self, PlanError> {
        check(experiment)?;
        let steps = experiment.sweeps.iter().map(|sweep| StepPlan::new(experiment, sweep, files));
        Ok(Self { experiment: experiment.clone(), steps: steps.collect::<Result<_, _>>()? })
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[StepPlan] {
        &self.steps
    }

    /// Name of the experiment.
    pub fn name(&self) -> &str {
        &self.experiment.name
    }

    /// The number of cells of all steps.
    pub fn cells(&self) -> u64 {
        self.steps.iter().map(StepPlan::cells).sum()
    }
}

fn check(experiment: &Experiment) -> Result<(), PlanError> {
    let name = |what, text: &str| match Name::new(text) {
        Ok(_) => Ok(()),
        Err(source) => Err(PlanError::Name { what, source }),
    };
    name("experiment", &experiment.name)?;
    name("experiment's version", &experiment.version)?;
    if experiment.sweeps.is_empty() {
        return Err(PlanError::NoSteps { experiment: experiment.name.clone() });
    }
    let mut steps = HashSet::new();
    for sweep in &experiment.sweeps {
        name("step", sweep.step_name())?;
        if !steps.insert(sweep.step_name()) {
            let (experiment, step) = (experiment.name.clone(), sweep.step_name().to_owned());
            return Err(PlanError::DuplicateStep { experiment, step });
        }
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
        if let Err(reason) = value {
            return Err(PlanError::Metadata { key: key.clone(), reason: reason.clone() });
        }
    }
    if experiment.seeds.as_ref().is_some_and(|seeds| seeds.count() == 0) {
        return Err(PlanError::NoReplicates);
    }
    Ok(())
}
