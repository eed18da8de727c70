//! How arguments, metrics and outputs become flat, typed columns.

mod builder;
mod flatten;
mod name;
mod ordinals;
mod wide;

pub(crate) use builder::{AttemptsBuilder, Shared, small};
pub(crate) use name::{Kind, Path, Root};
pub(crate) use wide::{Admission, OVERFLOW, float_text};
