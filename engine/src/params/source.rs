//! Where parameter sets come from, and how sources are combined.

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use serde::Serialize;

use super::axis::Kind;
use super::draw::{Design, Distribution};
use super::resolver::{Filter, Params, Resolver, ResolverRef};
use super::sets::{Sets, prepare};
use super::{AxisValues, Grid, List, ParamsError, Sample};
use crate::inputs::InputSource;

/// Where parameter sets come from. Set number `i` is found at once; nothing is enumerated.
///
/// ```
/// use metalab_engine::params;
///
/// let models = params::grid().axis("depth", [2, 4, 8]).axis("width", [16, 32]);
/// let seeds = params::list([[("trial", 1)], [("trial", 2)]].map(std::collections::BTreeMap::from));
/// let all = models.filter_with(|set| set.get::<u32>("depth").unwrap() * set.get::<u32>("width").unwrap() < 200);
/// let sets = all.product(seeds).sets()?;
/// assert_eq!(sets.len(), 10);
/// assert_eq!(sets.get(9).unwrap().to_string(), r#"{depth: 8, trial: 2, width: 16}"#);
/// # Ok::<(), metalab_engine::Failure>(())
/// ```
#[derive(Clone, Debug)]
pub enum Source {
    /// The product of axes.
    Grid(Grid),
    /// An explicit list.
    List(List),
    /// Sets drawn from distributions.
    Sample(Sample),
    /// The first with the first, the second with the second.
    Zip(Vec<Source>),
    /// Each with each; the first source varies slowest.
    Product(Vec<Source>),
    /// One source after another.
    Chain(Vec<Source>),
    /// Those sets that a function keeps.
    Filter(Box<Source>, Filter),
    /// A range of the sets, up to the end where no end is said.
    Slice(Box<Source>, u64, Option<u64>),
    /// An argument that a function makes of the others.
    Resolve(Box<Source>, String, ResolverRef),
    /// The list that another step returns.
    Later(Box<InputSource>),
    /// A list, and an argument that was set beside it: refused when the experiment is planned.
    Mixed {
        /// That argument.
        argument: String,
    },
}

/// A source of one set without arguments, to which axes are added.
pub fn grid() -> Source {
    Source::Grid(Grid::new())
}

/// An explicit list of sets, each a struct or map of arguments.
pub fn list<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Source {
    Source::List(List::new(rows))
}

/// The sets of a design, to which arguments are added by [`Source::draw`], [`Source::set`] and [`Source::axis`].
pub fn sample(design: impl Into<Design>) -> Source {
    Source::Sample(Sample::new(design))
}

impl Source {
    /// Adds an argument with one value for all sets.
    #[must_use]
    pub fn set<T: Serialize + ?Sized>(self, name: &str, value: &T) -> Self {
        self.with(name, AxisValues::fixed(value))
    }

    /// Adds an argument that takes each of these values with every set there is.
    #[must_use]
    pub fn axis<T: Serialize>(self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        self.with(name, AxisValues::swept(values))
    }

    /// Adds an argument that is drawn from a distribution; for a [`sample`].
    #[must_use]
    pub fn draw<T>(self, name: &str, distribution: Distribution<T>) -> Self {
        self.with(name, AxisValues::drawn(distribution))
    }

    /// Adds an argument that a registered function makes of the others.
    #[must_use]
    pub fn resolve<R: Resolver>(self, name: &str, resolver: R) -> Self {
        self.with(name, AxisValues::resolved(resolver))
    }

    /// Adds an argument.
    #[must_use]
    pub fn with(self, name: &str, values: AxisValues) -> Self {
        match (self, &values.0) {
            (source, Kind::Resolved(resolver)) => Self::Resolve(Box::new(source), name.to_owned(), *resolver),
            // What is resolved sees all that is given, also what is given after it.
            (Self::Resolve(source, argument, by), _) => {
                Self::Resolve(Box::new(source.with(name, values)), argument, by)
            }
            (Self::Sample(sample), _) => Self::Sample(sample.axis(name, values)),
            (Self::Grid(grid), _) => Self::Grid(grid.axis(name, values)),
            (source, _) => source.product(Self::Grid(Grid::new().axis(name, values))),
        }
    }

    /// The first set with the first of `other`, the second with the second; both have as many sets.
    #[must_use]
    pub fn zip(self, other: impl Into<Source>) -> Self {
        match self {
            Self::Zip(mut all) => {
                all.push(other.into());
                Self::Zip(all)
            }
            one => Self::Zip(vec![one, other.into()]),
        }
    }

    /// Each set with each of `other`, which varies faster.
    #[must_use]
    pub fn product(self, other: impl Into<Source>) -> Self {
        match self {
            Self::Product(mut all) => {
                all.push(other.into());
                Self::Product(all)
            }
            one => Self::Product(vec![one, other.into()]),
        }
    }

    /// These sets, and after them those of `other`: how a sweep is refined without losing a cell. A set that both
    /// have is a run of two cells.
    #[must_use]
    pub fn chain(self, other: impl Into<Source>) -> Self {
        match self {
            Self::Chain(mut all) => {
                all.push(other.into());
                Self::Chain(all)
            }
            one => Self::Chain(vec![one, other.into()]),
        }
    }

    /// The sets for which a registered function (`#[metalab::resolver]`) says `true`.
    #[must_use]
    pub fn filter<R: Resolver<Value = bool>>(self, _keeps: R) -> Self {
        Self::Filter(Box::new(self), Filter::Registered(ResolverRef::of::<R>()))
    }

    /// The sets for which a closure says `true`. No other program can know it: a manifest with it cannot be turned
    /// back into the experiment.
    #[must_use]
    pub fn filter_with(self, keeps: impl Fn(&Params) -> bool + Send + Sync + 'static) -> Self {
        Self::Filter(Box::new(self), Filter::Closure(Arc::new(keeps)))
    }

    /// A range of the sets by number, such as `10..20` or `..100`; it must lie within them.
    #[must_use]
    pub fn slice(self, range: impl RangeBounds<u64>) -> Self {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => Some(last.saturating_add(1)),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => None,
        };
        Self::Slice(Box::new(self), start, end)
    }

    /// The sets by index, after checking the source; filters and resolvers are called here.
    ///
    /// # Errors
    /// See [`ParamsError`].
    pub fn sets(&self) -> Result<Sets, ParamsError> {
        Sets::new(self)
    }

    /// The number of parameter sets, after checking them.
    ///
    /// # Errors
    /// See [`ParamsError`].
    pub fn check(&self) -> Result<u64, ParamsError> {
        match self {
            Self::Grid(grid) => grid.check(),
            Self::List(list) => list.check(),
            // Not known before the other step has run.
            Self::Later(_) => Ok(0),
            Self::Mixed { argument } => Err(ParamsError::Mixed { argument: argument.clone() }),
            _ => prepare(self).and_then(|prepared| prepared.sets()),
        }
    }
}

macro_rules! sources {
    ($($source:ident)*) => {$(
        impl From<$source> for Source {
            fn from(source: $source) -> Self {
                Self::$source(source)
            }
        }
    )*};
}

sources!(Grid List Sample);
