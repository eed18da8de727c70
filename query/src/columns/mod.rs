//! How arguments, metrics and outputs become flat, typed columns.

mod builder;
mod flatten;
mod name;
mod ordinals;
mod shared;
mod submissions;
mod wide;

pub(crate) use builder::{AttemptsBuilder, scalar_leaf, small};
pub(crate) use flatten::{Leaf, value_leaves};
pub(crate) use name::{Kind, Path, Root};
pub(crate) use shared::Shared;
pub(crate) use submissions::Submissions;
pub(crate) use wide::{Admission, OVERFLOW, float_text};
