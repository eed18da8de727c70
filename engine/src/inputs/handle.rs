//! Typed handles by which steps are wired.

use std::fmt;
use std::marker::PhantomData;

use metalab_cas::Digest;

use super::gather::Gathering;
use super::source::{InputSource, Join, Origin};

/// A step of an experiment whose operation returns `T`: what
/// [`Experiment::step`](crate::experiment::Experiment::step) gives.
///
/// ```standalone_crate
/// use metalab_engine::inputs::Input;
/// use metalab_engine::Experiment;
/// # extern crate metalab_engine as metalab;
///
/// #[metalab::operation]
/// fn square(x: f64) -> f64 {
///     x * x
/// }
///
/// #[metalab::operation]
/// fn half(value: Input<f64>) -> f64 {
///     *value / 2.0
/// }
///
/// let mut experiment = Experiment::new("chain", "1");
/// let squares = experiment.step(Square::grid().x([1.0, 2.0, 3.0]));
/// experiment.step(Half::grid().value(&squares));
/// ```
pub struct Step<T> {
    experiment: u64,
    number: usize,
    name: String,
    output: PhantomData<fn() -> T>,
}

impl<T> Clone for Step<T> {
    fn clone(&self) -> Self {
        Self {
            experiment: self.experiment,
            number: self.number,
            name: self.name.clone(),
            output: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Step<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step({})", self.name)
    }
}

impl<T> Step<T> {
    pub(crate) fn new(experiment: u64, number: usize, name: String) -> Self {
        Self { experiment, number, name, output: PhantomData }
    }

    /// The step's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> InputSource {
        let name = self.name.clone();
        InputSource::of(Origin::Step { experiment: self.experiment, step: self.number, name })
    }

    /// What the step returns, one value for each of its cells; the same as the handle itself.
    pub fn output(&self) -> Upstream<T> {
        Upstream::new(self.source())
    }

    /// An artifact that the step captures under this name, instead of what it returns.
    ///
    /// It is read as whatever the input asks for: `Input<FilePath>` and `Input<DirPath>` are given a copy in the
    /// run's scratch folder, other types are decoded; a kind of artifact that does not suit fails the run.
    pub fn artifact<A>(&self, name: impl Into<String>) -> Upstream<A> {
        Upstream::new(InputSource { artifact: Some(name.into()), ..self.source() })
    }

    /// All combinations with the inputs before this one, also where they share coordinates.
    pub fn cross(&self) -> Upstream<T> {
        self.output().cross()
    }

    /// The first value with the first of the inputs before this one, the second with the second, and so on.
    pub fn zip(&self) -> Upstream<T> {
        self.output().zip()
    }

    /// All values of the step, in one input.
    pub fn gather(&self) -> Gathering<T> {
        self.output().gather()
    }
}

/// One value for each cell of a step, or one value of the store for all: what an `Input<T>` is wired to.
pub struct Upstream<T> {
    source: InputSource,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Upstream<T> {
    fn clone(&self) -> Self {
        Self::new(self.source.clone())
    }
}

impl<T> fmt::Debug for Upstream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl<T> Upstream<T> {
    fn new(source: InputSource) -> Self {
        Self { source, value: PhantomData }
    }

    /// The output of a finished run of the store, by its id or the first digits of it.
    ///
    /// The type is not checked before the value is read.
    pub fn run(id: impl Into<String>) -> Self {
        Self::new(InputSource::of(Origin::Run(id.into())))
    }

    /// A value of the store, by its digest. The type is not checked before the value is read.
    pub fn digest(digest: Digest) -> Self {
        Self::new(InputSource::of(Origin::Digest(digest)))
    }

    /// A pinned value of the store (see [`Store::pin`](crate::store::Store::pin)). The type is not checked before the
    /// value is read.
    pub fn pinned(name: impl Into<String>) -> Self {
        Self::new(InputSource::of(Origin::Pin(name.into())))
    }

    /// A step of the same experiment by its name, also one that is added later. The type is checked when the
    /// experiment is planned.
    pub fn step(name: impl Into<String>) -> Self {
        Self::new(InputSource::of(Origin::Named(name.into())))
    }

    /// A captured artifact of it, instead of the return value.
    #[must_use]
    pub fn artifact<A>(self, name: impl Into<String>) -> Upstream<A> {
        Upstream::new(InputSource { artifact: Some(name.into()), ..self.source })
    }

    /// All combinations with the inputs before this one, also where they share coordinates.
    #[must_use]
    pub fn cross(mut self) -> Self {
        self.source.join = Join::Cross;
        self
    }

    /// The first value with the first of the inputs before this one, the second with the second, and so on, over
    /// the coordinates they do not share; there must be as many.
    #[must_use]
    pub fn zip(mut self) -> Self {
        self.source.join = Join::Zip;
        self
    }

    /// All values, in one input.
    pub fn gather(self) -> Gathering<T> {
        Gathering::new(self.source)
    }
}

/// What the setter of an argument of type `Input<T>` takes: a step that returns `T`, or one value of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no single `{T}`, which this input takes",
    label = "this input is an `Input<{T}>`",
    note = "give it a step whose operation returns `{T}`, `step.artifact(\"name\")`, or `Upstream::run(\"id\")`",
    note = "many values at once (`step.gather()`) need an argument of type `Gathered<{T}>`"
)]
pub trait IntoInput<T> {
    /// Where it comes from.
    fn into_input(self) -> InputSource;
}

impl<T> IntoInput<T> for &Step<T> {
    fn into_input(self) -> InputSource {
        self.source()
    }
}

impl<T> IntoInput<T> for Step<T> {
    fn into_input(self) -> InputSource {
        self.source()
    }
}

impl<T> IntoInput<T> for Upstream<T> {
    fn into_input(self) -> InputSource {
        self.source
    }
}

impl<T> IntoInput<T> for &Upstream<T> {
    fn into_input(self) -> InputSource {
        self.source.clone()
    }
}
