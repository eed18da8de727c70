//! An operation with the source of its arguments.

use std::fmt;
use std::marker::PhantomData;

use super::{AxisValues, Design, Grid, List, Sample, Source};
use crate::inputs::{InputSource, IntoInput};
use crate::operation::{Operation, Registered};
use crate::schedule::Resources;
use crate::tags::{Case, TagRule};

/// An operation with the source of its arguments: a step of an experiment. `T` is what the operation returns.
pub struct Sweep<T> {
    pub(crate) spec: StepSpec,
    output: PhantomData<fn() -> T>,
}

/// A step of an experiment without its types.
#[derive(Clone, Debug)]
pub(crate) struct StepSpec {
    pub(crate) operation: Registered,
    pub(crate) source: Source,
    pub(crate) inputs: Vec<(String, InputSource)>,
    pub(crate) name: Option<String>,
    pub(crate) resources: Option<Resources>,
    pub(crate) tags: Vec<TagRule>,
}

impl StepSpec {
    /// The step's name.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.operation.description().name)
    }
}

impl<T> Clone for Sweep<T> {
    fn clone(&self) -> Self {
        Self { spec: self.spec.clone(), output: PhantomData }
    }
}

impl<T> fmt::Debug for Sweep<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}

impl<T> Sweep<T> {
    /// `O` over a grid.
    pub fn grid<O: Operation<Output = T>>(grid: Grid) -> Self {
        Self::of::<O>(Source::Grid(grid))
    }

    /// `O` over the sets of a design; its arguments are given by [`Sweep::axis`].
    pub fn sample<O: Operation<Output = T>>(design: impl Into<Design>) -> Self {
        Self::of::<O>(Source::Sample(Sample::new(design)))
    }

    /// `O` over an explicit list of its parameters.
    pub fn list<O: Operation<Output = T>>(rows: impl IntoIterator<Item = O::Params>) -> Self {
        Self::of::<O>(Source::List(List::typed(rows)))
    }

    /// `O` over the list of its parameters that another step returns.
    ///
    /// That step must have a single cell: gather before it decides.
    pub fn list_from<O: Operation<Output = T>>(rows: impl IntoInput<Vec<O::Params>>) -> Self {
        Self::of::<O>(Source::Later(Box::new(rows.into_input())))
    }

    /// Sets one argument: to a value, or to several to sweep over. The setters of an operation's builder do this
    /// with checked types.
    #[must_use]
    pub fn axis(mut self, name: &str, values: AxisValues) -> Self {
        self.spec.source = match self.spec.source {
            Source::Mixed { argument } => Source::Mixed { argument },
            Source::Later(_) => Source::Mixed { argument: name.to_owned() },
            // Its own types have given every argument.
            Source::List(list) if list.is_typed => Source::Mixed { argument: name.to_owned() },
            source => source.with(name, values),
        };
        self
    }

    /// `O` over any source of its parameters.
    pub fn of<O: Operation<Output = T>>(source: Source) -> Self {
        let operation = Registered::of::<O>();
        Self {
            spec: StepSpec {
                operation,
                source,
                inputs: Vec::new(),
                name: None,
                resources: None,
                tags: Vec::new(),
            },
            output: PhantomData,
        }
    }

    /// Wires an input of the operation. The setters of an operation's builder do this with checked types.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, source: InputSource) -> Self {
        self.spec.inputs.push((name.into(), source));
        self
    }

    /// Names the step; without it the step has the operation's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.spec.name = Some(name.into());
        self
    }

    /// What each run of the step needs of the machine, instead of what the operation says.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.spec.resources = Some(resources);
        self
    }

    /// Tags the cells of the step for whose parameter set `rule` is true (all their replicates). Tags never enter the
    /// identity of a run.
    #[must_use]
    pub fn tag_cases(
        mut self,
        tag: impl Into<String>,
        rule: impl Fn(&Case<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.spec.tags.push(TagRule::of_cases(tag, rule));
        self
    }

    /// Tags the cells of these parameter sets, by their number in the step, from 0: the rows of a list.
    #[must_use]
    pub fn tag_sets(mut self, tag: impl Into<String>, sets: impl IntoIterator<Item = u64>) -> Self {
        self.spec.tags.push(TagRule::of_sets(tag, sets));
        self
    }

    /// The step's name.
    pub fn step_name(&self) -> &str {
        self.spec.name()
    }

    /// The operation.
    pub fn operation(&self) -> &Registered {
        &self.spec.operation
    }
}

/// What [`Experiment::step`](crate::experiment::Experiment::step) takes: a sweep, or a builder in which every argument and input is given.
pub trait IntoSweep {
    /// What the operation returns.
    type Output;

    /// The sweep.
    fn into_sweep(self) -> Sweep<Self::Output>;
}

impl<T> IntoSweep for Sweep<T> {
    type Output = T;

    fn into_sweep(self) -> Self {
        self
    }
}
