//! Why an experiment cannot be planned.

use crate::context::ContentError;
use crate::name::NameError;
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
