//! Parameter sources: parameter sets addressed by index, never enumerated.
//!
//! A [`Sweep`] is an operation with the source of its arguments. [`Grid`] is the product of its axes (the first
//! axis varies slowest), [`List`] an explicit list; both know their length and give set number `i` at once.

mod axis;
mod grid;
mod list;
mod sweep;

pub use axis::{AxisValues, IntoAxis};
pub use grid::Grid;
pub use list::List;
pub(crate) use sweep::StepSpec;
pub use sweep::{IntoSweep, Source, Sweep};

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
