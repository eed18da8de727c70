//! From an experiment to cells with run ids, and from those to what must run and why.

mod arguments;
mod contexts;
mod decide;
mod explain;
pub(crate) mod files;
mod inputs;
mod metadata;
mod sample;
mod space;
mod step;
mod stored;
mod wiring;

pub(crate) use arguments::Set as ParameterSet;
pub(crate) use contexts::{ContextPlan, ContextPlans, FieldPlan};
pub(crate) use decide::Known;
pub use decide::{Cell, Decisions, Rerun, StepDecisions, Verdict};
pub use explain::{Behind, Difference, differences};
pub(crate) use explain::{compare, entries};
use inputs::InputPlan;
pub(crate) use inputs::{Feeds, Given, GivenInput, Unknown};
pub use sample::Sample;
pub use step::{Scratch, StepPlan};
pub(crate) use step::{executable_digest, head};

use std::collections::HashSet;
use std::sync::Arc;

use metalab_cas::Value;

use crate::context::{ContentError, StatCache};
use crate::experiment::Experiment;
use crate::name::{Name, NameError};
use crate::params::{List, ParamsError, Source};
use crate::schedule::CellId;

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
    #[error("experiment `{experiment}` has no steps; add one by `experiment.step(...)` or `.sweep(...)`")]
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
    /// A cycle of steps.
    #[error("the steps need each other in a circle: {path}; take one of these inputs out")]
    Cycle {
        /// Names of the steps, from one back to itself.
        path: String,
    },
    /// A handle of another experiment.
    #[error(
        "input `{input}` is wired to step `{step}` of another experiment; add that step to `{experiment}` too (its runs are shared), or use `Upstream::run(\"id\")`"
    )]
    ForeignStep {
        /// The input.
        input: String,
        /// The step.
        step: String,
        /// This experiment.
        experiment: String,
    },
    /// No step of that name.
    #[error("input `{input}` is wired to a step called `{step}`, which is not there; there are {known}")]
    NoStep {
        /// The input.
        input: String,
        /// What was asked for.
        step: String,
        /// The steps there are.
        known: String,
    },
    /// An input that is not wired.
    #[error("input `{input}` (`{expected}`) of `{operation}` is not wired to a step")]
    MissingInput {
        /// The operation.
        operation: String,
        /// The input.
        input: String,
        /// Its type.
        expected: String,
    },
    /// An input that the operation does not have.
    #[error("`{operation}` has no input `{input}`; it has {known}")]
    UnknownInput {
        /// The operation.
        operation: String,
        /// The input.
        input: String,
        /// Its inputs.
        known: String,
    },
    /// One value for many, or the reverse.
    #[error("input `{input}` takes {}", if *many { "many values: wire it to `step.gather()`" } else { "one value: wire it to the step itself, not to a gather" })]
    InputShape {
        /// The input.
        input: String,
        /// Whether it takes many.
        many: bool,
    },
    /// An output of another type.
    #[error("input `{input}` takes `{expected}`, but step `{step}` returns {found}")]
    InputType {
        /// The input.
        input: String,
        /// Its type.
        expected: String,
        /// The step it is wired to.
        step: String,
        /// What that returns.
        found: String,
    },
    /// An output in another encoding.
    #[error(
        "input `{input}` reads {expected}, but step `{step}` writes {found}; write the codec of that step's operation before the argument, `#[codec(...)]`"
    )]
    InputCodec {
        /// The input.
        input: String,
        /// What it reads.
        expected: &'static str,
        /// The step it is wired to.
        step: String,
        /// What that writes.
        found: &'static str,
    },
    /// A gather over an axis that is not there.
    #[error("input `{input}` is gathered over or by `{axis}`, which its step does not have; it has {known}")]
    NoAxis {
        /// The input.
        input: String,
        /// The axis.
        axis: String,
        /// Those there are.
        known: String,
    },
    /// A gather over a name that two axes have.
    #[error("input `{input}`: the axis `{axis}` may be `{first}` or `{second}`; write one of these")]
    AmbiguousAxis {
        /// The input.
        input: String,
        /// The name.
        axis: String,
        /// One of them.
        first: String,
        /// Another.
        second: String,
    },
    /// A zip of unequal lengths.
    #[error(
        "input `{input}` is zipped, but it has {own} cells of its own and the inputs before it have {before}; make them equal, or leave `.zip()` out to combine all with all"
    )]
    Zip {
        /// The input.
        input: String,
        /// Cells of the others.
        before: u64,
        /// Its cells.
        own: u64,
    },
    /// A zip along axes with others between them.
    #[error(
        "input `{input}` is zipped along axes that are not neighbours, because a shared one lies between them; wire the inputs that share axes first"
    )]
    ZipApart {
        /// The input.
        input: String,
    },
    /// More cells than a step may have.
    #[error(
        "the inputs and arguments make {cells} cells ({axes}), more than the {} that one step may have; gather, or sweep fewer values",
        crate::params::MAX_SETS
    )]
    TooManyCells {
        /// How many, or how it could not be counted.
        cells: String,
        /// The axes with their lengths.
        axes: String,
    },
    /// A list of parameter sets from a step with several cells.
    #[error(
        "the list of parameter sets comes from step `{step}`, which has {cells} cells; a list comes from one: gather before the step that decides"
    )]
    ListOfMany {
        /// The step.
        step: String,
        /// Its cells.
        cells: u64,
    },
    /// A step that needs more than there is.
    #[error(
        "step `{step}` needs {needs} of `{resource}`, and there are {has}; give it less, or the run more by `.capacity(...)`"
    )]
    Resources {
        /// The step.
        step: String,
        /// What is short.
        resource: String,
        /// What a run needs.
        needs: u64,
        /// What there is.
        has: u64,
    },
    /// A value of the store that is not there.
    #[error("input `{input}`: {reason}")]
    Stored {
        /// The input.
        input: String,
        /// What is wrong.
        reason: String,
    },
    /// Derived metrics that cannot be used together.
    #[error(transparent)]
    Derived(#[from] crate::derived::FunctionsError),
    /// A derived metric for a step that is not there.
    #[error("the derived metric function `{function}` is for a step `{step}`, which is not there")]
    DerivedStep {
        /// The function.
        function: String,
        /// What was asked for.
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
    /// What was asked for cannot be written down.
    #[error("the experiment cannot be written down for its manifest: {reason}")]
    Manifest {
        /// What is wrong.
        reason: String,
    },
    /// A case tag that cannot be given.
    #[error("case tag `{tag}`: {reason}")]
    CaseTag {
        /// The tag.
        tag: String,
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
    /// An operation declares metadata that the experiment does not have.
    #[error(
        "operation `{operation}` reads the metadata `{key}`, which the experiment does not have (it has {known}); add `.metadata(\"{key}\", ...)`"
    )]
    NoMetadata {
        /// The operation.
        operation: String,
        /// The key.
        key: &'static str,
        /// Those there are.
        known: String,
    },
    /// An operation takes `&Metadata` and declares no key, or the reverse.
    #[error(
        "operation `{operation}` must both take `&Metadata` and declare the keys it reads: `Description::metadata([\"key\"])`"
    )]
    UndeclaredMetadata {
        /// The operation.
        operation: String,
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
    pub(crate) fn in_step(self, step: &str) -> Self {
        if matches!(self, Self::Step { .. }) {
            return self;
        }
        Self::Step { step: step.to_owned(), source: Box::new(self) }
    }
}

/// An experiment whose steps are resolved: what makes the run id of every cell, but for inputs that no run has made
/// yet.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) experiment: Experiment,
    pub(crate) steps: Vec<Arc<StepPlan>>,
    /// Numbers of the steps, each after those it needs.
    pub(crate) order: Vec<usize>,
    /// The contexts that its operations borrow, as they were when it was made.
    pub(crate) contexts: ContextPlans,
}

impl Plan {
    /// Resolves an experiment: checks names, parameters and wires, reads files and folders (through `files`).
    ///
    /// # Errors
    /// See [`PlanError`]; nothing was written anywhere.
    pub fn new(experiment: &Experiment, files: &StatCache) -> Result<Self, PlanError> {
        check(experiment)?;
        let order = wiring::order(experiment)?;
        let mut contexts = ContextPlans::new();
        let mut planned: Vec<Option<Arc<StepPlan>>> = vec![None; experiment.specs.len()];
        for step in &order {
            let plan = StepPlan::new(experiment, *step, &planned, files, &mut contexts)?;
            planned[*step] = Some(Arc::new(plan));
        }
        let steps = planned.into_iter().flatten().collect();
        Ok(Self { experiment: experiment.clone(), steps, order, contexts })
    }

    /// The same with a list of parameter sets that was not known before: the step that waited for it has cells, and
    /// so have those after it. Gives the numbers of these.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub(crate) fn expand(
        &self,
        step: usize,
        rows: Vec<Value>,
        files: &StatCache,
    ) -> Result<(Self, Vec<usize>), PlanError> {
        let mut experiment = self.experiment.clone();
        experiment.specs[step].source = Source::List(List::of_values(&rows));
        let mut planned: Vec<Option<Arc<StepPlan>>> = self.steps.iter().cloned().map(Some).collect();
        let (mut expanded, mut contexts) = (Vec::new(), self.contexts.clone());
        for number in &self.order {
            if self.steps[*number].is_expanded() {
                continue;
            }
            let plan = StepPlan::new(&experiment, *number, &planned, files, &mut contexts)?;
            if plan.is_expanded() {
                expanded.push(*number);
            }
            planned[*number] = Some(Arc::new(plan));
        }
        let steps = planned.into_iter().flatten().collect();
        Ok((Self { experiment, steps, order: self.order.clone(), contexts }, expanded))
    }

    /// The steps, in the order in which they were added.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &StepPlan> {
        self.steps.iter().map(|step| &**step)
    }

    /// Name of the experiment.
    pub fn name(&self) -> &str {
        &self.experiment.name
    }

    /// The number of cells of all steps, as far as they are known.
    pub fn cells(&self) -> u64 {
        self.steps().map(StepPlan::cells).sum()
    }

    /// Whether a cell took something from a run that this submission has executed.
    pub(crate) fn took_anew(&self, (step, cell): CellId, decisions: &Decisions) -> bool {
        self.steps[step].inputs.iter().filter_map(InputPlan::edge).any(|edge| {
            let verdicts = &decisions.steps[edge.from].verdicts;
            edge.needs(cell)
                .any(|cell| verdicts.get(cell as usize).is_some_and(|v| v.runs() || *v == Verdict::CutOff))
        })
    }

    /// What other steps take from runs of this one, also by way of a step whose cells are the same runs.
    pub(crate) fn feeds(&self, step: usize) -> Feeds {
        let any = self.same_operation(step).into_iter().any(|step| self.feeds_any(step));
        Feeds { any, artifacts: !self.wanted_artifacts(step).is_empty() }
    }

    /// Whether another step takes something from this one.
    pub(crate) fn feeds_any(&self, step: usize) -> bool {
        self.steps().any(|other| {
            other.inputs.iter().any(|input| input.step() == Some(step)) || other.list_from() == Some(step)
        })
    }
}

fn check(experiment: &Experiment) -> Result<(), PlanError> {
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
