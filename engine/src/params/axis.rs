//! What an argument may be set to: one value, or several.

use std::ops::{Range, RangeInclusive};

use metalab_cas::Value;
use metalab_cas::value::ValueError;
use serde::Serialize;

/// The values of one argument.
#[derive(Clone, Debug)]
pub struct AxisValues {
    pub(crate) values: Result<Vec<Value>, ValueError>,
    /// One value given as such: no coordinate.
    pub(crate) fixed: bool,
}

impl AxisValues {
    /// One value for all runs.
    pub fn fixed<T: Serialize>(value: &T) -> Self {
        Self { values: Value::from_serde(value).map(|value| vec![value]), fixed: true }
    }

    /// Several values: a coordinate.
    pub fn swept<T: Serialize>(values: impl IntoIterator<Item = T>) -> Self {
        Self { values: values.into_iter().map(|value| Value::from_serde(&value)).collect(), fixed: false }
    }
}

/// What the setter of an argument of type `T` takes: a `T` (fixed), or an array, vector, or range of them (swept).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a value nor a collection of values of the argument's type `{T}`",
    label = "expected `{T}`, or an array, `Vec` or range of `{T}`"
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
