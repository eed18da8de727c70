//! What an argument may be set to: one value, or several.

use std::ops::{Range, RangeInclusive};

use metalab_cas::Value;
use metalab_cas::value::ValueError;
use serde::Serialize;

use super::draw::{Distribution, Draw};
use super::resolver::{Resolver, ResolverRef};

/// The values of one argument, or how they are found.
#[derive(Clone, Debug)]
pub struct AxisValues(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// One value given as such: no coordinate.
    Fixed(Result<Value, ValueError>),
    /// A coordinate.
    Swept(Result<Vec<Value>, ValueError>),
    /// Another value in each set of a sample.
    Drawn(Result<Draw, ValueError>),
    /// What a function makes of the other arguments.
    Resolved(ResolverRef),
}

impl AxisValues {
    /// One value for all runs.
    pub fn fixed<T: Serialize + ?Sized>(value: &T) -> Self {
        Self(Kind::Fixed(Value::from_serde(value)))
    }

    /// Several values: a coordinate.
    pub fn swept<T: Serialize>(values: impl IntoIterator<Item = T>) -> Self {
        Self(Kind::Swept(values.into_iter().map(|value| Value::from_serde(&value)).collect()))
    }

    /// Values drawn from a distribution, one for each set of a sample.
    pub fn drawn<T>(distribution: Distribution<T>) -> Self {
        Self(Kind::Drawn(distribution.draw))
    }

    /// What a registered function makes of the other arguments of each set.
    pub fn resolved<R: Resolver>(_resolver: R) -> Self {
        Self(Kind::Resolved(ResolverRef::of::<R>()))
    }
}

/// What the setter of an argument of type `T` takes: a `T` (fixed), an array, vector, or range of them (swept), a
/// distribution of them (in a sample), or a resolver (what `#[metalab::resolver]` makes of a function).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a value nor a collection of values of the argument's type `{T}`",
    label = "expected `{T}`, or an array, `Vec`, range or distribution of `{T}`"
)]
pub trait IntoAxis<T> {
    /// The values.
    fn into_axis(self) -> AxisValues;
}

impl<T: Serialize> IntoAxis<T> for T {
    fn into_axis(self) -> AxisValues {
        AxisValues::fixed(&self)
    }
}

impl<T> IntoAxis<T> for Distribution<T> {
    fn into_axis(self) -> AxisValues {
        AxisValues::drawn(self)
    }
}

impl<T> IntoAxis<Option<T>> for Distribution<T> {
    fn into_axis(self) -> AxisValues {
        AxisValues::drawn(self)
    }
}

impl IntoAxis<String> for Distribution<&str> {
    fn into_axis(self) -> AxisValues {
        AxisValues::drawn(self)
    }
}

impl<T: Serialize, const N: usize> IntoAxis<T> for [T; N] {
    fn into_axis(self) -> AxisValues {
        AxisValues::swept(self)
    }
}

impl<T: Serialize> IntoAxis<T> for Vec<T> {
    fn into_axis(self) -> AxisValues {
        AxisValues::swept(self)
    }
}

impl<T: Serialize> IntoAxis<T> for &[T] {
    fn into_axis(self) -> AxisValues {
        AxisValues::swept(self)
    }
}

impl IntoAxis<String> for &str {
    fn into_axis(self) -> AxisValues {
        AxisValues::fixed(&self)
    }
}

impl<const N: usize> IntoAxis<String> for [&str; N] {
    fn into_axis(self) -> AxisValues {
        AxisValues::swept(self)
    }
}

impl IntoAxis<String> for Vec<&str> {
    fn into_axis(self) -> AxisValues {
        AxisValues::swept(self)
    }
}

macro_rules! ranges {
    ($($integer:ty)*) => {$(
        impl IntoAxis<$integer> for Range<$integer> {
            fn into_axis(self) -> AxisValues {
                AxisValues::swept(self)
            }
        }

        impl IntoAxis<$integer> for RangeInclusive<$integer> {
            fn into_axis(self) -> AxisValues {
                AxisValues::swept(self)
            }
        }
    )*};
}

ranges!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

macro_rules! paths {
    ($($path:ty)*) => {$(
        impl IntoAxis<$path> for &str {
            fn into_axis(self) -> AxisValues {
                AxisValues::fixed(&<$path>::from(self))
            }
        }

        impl<const N: usize> IntoAxis<$path> for [&str; N] {
            fn into_axis(self) -> AxisValues {
                AxisValues::swept(self.map(<$path>::from))
            }
        }
    )*};
}

paths!(crate::context::FilePath crate::context::DirPath);
