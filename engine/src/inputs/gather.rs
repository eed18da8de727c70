//! Gathers: many values of a step in one input.

use std::fmt;
use std::marker::PhantomData;

use super::source::{Axes, GatherSource, InputSource};

/// All values of a step over some of its axes: what a `Gathered<T>` is wired to.
///
/// Without [`over`](Self::over) or [`by`](Self::by) it is over all axes, replicates included: one input for the whole
/// step. An axis is called like its argument, or `step.argument` where two steps have one of that name; the axis of
/// replicates is `replicate`.
pub struct Gathering<T> {
    source: InputSource,
    axes: Axes,
    missing: Missing,
    value: PhantomData<fn() -> T>,
}

/// What becomes of a gather when some of its values are missing because their runs did not succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is skipped: every value is needed.
    #[default]
    Refuse,
    /// It is made from the others if at most so many are missing.
    Tolerate(u64),
    /// It is made from those that succeeded, even if there are none.
    Ignore,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("all"),
            Self::Tolerate(most) => write!(f, "all but {most}"),
            Self::Ignore => f.write_str("those that succeeded"),
        }
    }
}

impl<T> Clone for Gathering<T> {
    fn clone(&self) -> Self {
        let Self { source, axes, missing, .. } = self;
        Self { source: source.clone(), axes: axes.clone(), missing: *missing, value: PhantomData }
    }
}

impl<T> fmt::Debug for Gathering<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.axes, self.source)
    }
}

impl<T> Gathering<T> {
    pub(super) fn new(source: InputSource) -> Self {
        Self { source, axes: Axes::All, missing: Missing::Refuse, value: PhantomData }
    }

    /// Gathers over these axes; one input for each combination of the others.
    #[must_use]
    pub fn over<S: Into<String>>(mut self, axes: impl IntoIterator<Item = S>) -> Self {
        self.axes = Axes::Over(axes.into_iter().map(Into::into).collect());
        self
    }

    /// Gathers over all axes but these: one input for each combination of them.
    #[must_use]
    pub fn by<S: Into<String>>(mut self, axes: impl IntoIterator<Item = S>) -> Self {
        self.axes = Axes::By(axes.into_iter().map(Into::into).collect());
        self
    }

    /// Goes on without the values of up to so many runs that did not succeed.
    #[must_use]
    pub fn tolerate(mut self, most: u64) -> Self {
        self.missing = Missing::Tolerate(most);
        self
    }

    /// Goes on with the values of the runs that succeeded.
    #[must_use]
    pub fn succeeded(mut self) -> Self {
        self.missing = Missing::Ignore;
        self
    }
}

/// What the setter of an argument of type `Gathered<T>` takes: a gather of a step that returns `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no gather of `{T}`, which this input takes",
    label = "this input is a `Gathered<{T}>`",
    note = "write `step.gather()` for all values of a step whose operation returns `{T}`, `.over([\"axis\"])` or `.by([\"axis\"])` for groups of them"
)]
pub trait IntoGather<T> {
    /// Where it comes from.
    fn into_gather(self) -> InputSource;
}

impl<T> IntoGather<T> for Gathering<T> {
    fn into_gather(self) -> InputSource {
        InputSource { gather: Some(GatherSource { axes: self.axes, missing: self.missing }), ..self.source }
    }
}
