//! Parameter sources: parameter sets addressed by index, never enumerated.
//!
//! A [`Sweep`] is an operation with the [`Source`] of its arguments. What there is:
//!
//! | source | sets |
//! | --- | --- |
//! | [`grid`] | the product of its axes, the first axis slowest |
//! | [`list`], [`csv`](fn@csv), [`json`], [`ndjson`]; with the feature `arrow` also `parquet`, `batches` | explicit ones |
//! | [`sample`] | drawn from distributions, as a design says: [`Random`], [`LatinHypercube`], [`Sobol`] |
//! | [`Source::zip`], [`Source::product`], [`Source::chain`], [`Source::filter`], [`Source::slice`] | made of others |
//! | [`Source::resolve`] | one more argument, which a registered function makes of the others |
//!
//! All know their length and give set number `i` at once, the same one on every machine. A filter keeps a bit per set, a
//! resolver four bytes. Each source has a form by value ([`Source::describe`]), from which it is made again
//! ([`Source::from_value`]).
//!
//! The axes of a grid, and those of a product, are coordinates of their own, by which other steps join and gather; what
//! is zipped, chained, filtered, sliced, listed or drawn is one coordinate that sets several arguments.

mod axis;
mod bitmap;
#[cfg(feature = "arrow")]
mod columnar;
mod describe;
mod draw;
mod files;
mod found;
mod grid;
mod list;
mod node;
mod resolver;
mod sample;
mod sets;
mod source;
mod sweep;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use axis::{AxisValues, IntoAxis};
#[cfg(feature = "arrow")]
pub use columnar::{batches, parquet};
pub use draw::{
    Design, Distribution, LatinHypercube, Random, Real, Sobol, Whole, choice, int_range, log_int, log_normal,
    log_uniform, normal, uniform, weighted,
};
pub use files::{csv, csv_text, json, json_text, ndjson, ndjson_text};
pub(crate) use found::{Found, evaluate};
pub use grid::Grid;
pub use list::List;
pub use resolver::{Answer, Filter, Fits, Params, Resolver, ResolverRef, ResolverRegistration};
pub use sample::Sample;
pub use sets::Sets;
pub(crate) use sets::{Prepared, PreparedAxis, Rows, prepare};
pub use source::{Source, grid, list, sample};
pub(crate) use sweep::StepSpec;
pub use sweep::{IntoSweep, Sweep};

use metalab_cas::value::ValueError;

/// The most parameter sets that one step may have: a hundred million.
pub const MAX_SETS: u64 = 100_000_000;

/// Parameters that cannot be swept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ParamsError {
    /// A value cannot be hashed, NaN for instance.
    #[error("argument `{argument}`: {reason}")]
    Value {
        /// The argument.
        argument: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// An axis without values.
    #[error("the grid is empty: axis `{axis}` has no values; give it at least one")]
    EmptyAxis {
        /// The axis.
        axis: String,
    },
    /// A list without parameter sets.
    #[error("the list of parameter sets is empty; give it at least one")]
    EmptyList,
    /// Two axes or arguments of one name.
    #[error("argument `{argument}` is given twice")]
    Duplicate {
        /// The argument.
        argument: String,
    },
    /// The same value twice on one axis.
    #[error(
        "axis `{axis}` has the value {value} twice (positions {first} and {second}); leave one out, use replicates to repeat a run"
    )]
    Repeated {
        /// The axis.
        axis: String,
        /// The value.
        value: String,
        /// Where it is first.
        first: usize,
        /// Where it is again.
        second: usize,
    },
    /// More sets than [`MAX_SETS`].
    #[error(
        "{sets} parameter sets ({axes}) are more than the {MAX_SETS} that one step may have; sweep fewer values per axis, or several smaller experiments"
    )]
    TooMany {
        /// How many.
        sets: u128,
        /// Lengths of the axes.
        axes: String,
    },
    /// An argument beside a list.
    #[error(
        "argument `{argument}` is set beside a list of parameter sets; give it a value in each set instead"
    )]
    Mixed {
        /// The argument.
        argument: String,
    },
    /// A distribution that has no values.
    #[error("argument `{argument}`: {reason}")]
    Distribution {
        /// The argument.
        argument: String,
        /// What is wrong.
        reason: String,
    },
    /// A distribution in a grid.
    #[error(
        "argument `{argument}` is a distribution, and a grid has no number of sets to draw: begin the sweep by `::sample(Random::new(100))` instead of `::grid()`"
    )]
    DrawnInGrid {
        /// The argument.
        argument: String,
    },
    /// A sample of no sets.
    #[error("a sample of 0 sets; ask for at least 1")]
    NoTrials,
    /// A sample without a distribution.
    #[error(
        "nothing is drawn: all {sets} sets of the sample would be equal; give an argument a distribution, or use replicates to repeat a run"
    )]
    NothingDrawn {
        /// The number of sets.
        sets: u64,
    },
    /// More arguments than a Sobol sequence has coordinates.
    #[error("{drawn} arguments are drawn, and a Sobol sequence has {most} coordinates; take `Random`")]
    Dimensions {
        /// How many are drawn.
        drawn: usize,
        /// How many can be.
        most: usize,
    },
    /// A source in which no set is left.
    #[error("the source has no parameter sets; it needs at least one")]
    EmptySource,
    /// A filter that keeps nothing.
    #[error("the filter keeps none of {sets} parameter sets")]
    NothingKept {
        /// How many there were.
        sets: u64,
    },
    /// A filter that failed.
    #[error("the filter failed for set {at}, {set}: {reason}")]
    Filter {
        /// The number of the set.
        at: u64,
        /// The set.
        set: String,
        /// What is wrong.
        reason: String,
    },
    /// A resolver that failed, or found what cannot be hashed.
    #[error("argument `{argument}`: the resolver `{resolver}` failed for set {at}, {set}: {reason}")]
    Resolver {
        /// The argument that it was to find.
        argument: String,
        /// The resolver.
        resolver: String,
        /// The number of the set.
        at: u64,
        /// The set.
        set: String,
        /// What is wrong.
        reason: String,
    },
    /// A range that does not lie within the sets.
    #[error("the slice {start}..{} of {sets} parameter sets has nothing in it or reaches beyond them", end.map(|end| end.to_string()).unwrap_or_default())]
    Slice {
        /// The first number.
        start: u64,
        /// The number after the last; absent for the end.
        end: Option<u64>,
        /// How many sets there are.
        sets: u64,
    },
    /// A zip of unequal lengths.
    #[error(
        "sources of {first} and {other} parameter sets cannot be zipped: make them equal, or take the product"
    )]
    Zip {
        /// Sets of the first.
        first: u64,
        /// Sets of another.
        other: u64,
    },
    /// A list that another step returns, inside another source.
    #[error(
        "a list that another step returns cannot be combined with other sources; combine them in that step"
    )]
    LaterInside,
    /// A set that the operation cannot be called with.
    #[error("set {at}, {set}: {reason}")]
    Set {
        /// The number of the set along its axis.
        at: u64,
        /// The set.
        set: String,
        /// What is wrong.
        reason: String,
    },
    /// A file of parameter sets that cannot be read.
    #[error("parameter sets from {file}: {reason}")]
    File {
        /// Its name, without the folder.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A source by value that is none.
    #[error("this is not the description of a parameter source: {reason}")]
    Description {
        /// What is wrong.
        reason: String,
    },
    /// A resolver that this program does not have.
    #[error(
        "this program has no resolver `{name}`: it is not the program that described the source, or `#[metalab::resolver]` is gone"
    )]
    NoResolver {
        /// Its name.
        name: String,
    },
    /// Two resolvers of one name.
    #[error("two resolvers are called `{name}`: in `{first}` and in `{second}`; rename one")]
    Resolvers {
        /// The name.
        name: String,
        /// Module of one.
        first: String,
        /// Module of the other.
        second: String,
    },
    /// A grid lacks an argument of the operation.
    #[error("argument `{argument}` of `{operation}` is not given")]
    Missing {
        /// The argument.
        argument: String,
        /// The operation.
        operation: String,
    },
    /// A grid gives an argument that the operation does not have.
    #[error("`{operation}` has no argument `{argument}`; it has {known}")]
    Unknown {
        /// The argument.
        argument: String,
        /// The operation.
        operation: String,
        /// Its arguments.
        known: String,
    },
}

impl ParamsError {
    pub(crate) fn value(argument: &str, error: &ValueError) -> Self {
        Self::Value { argument: argument.to_owned(), reason: error.to_string() }
    }
}
