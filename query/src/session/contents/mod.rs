//! `artifact_rows('predictions')`: what lies in artifacts and outputs, as rows.
//!
//! | | module |
//! | --- | --- |
//! | which artifacts of which runs, and their bytes | `holders` |
//! | bytes become columns: by format, from texts and JSON, from arrays | `decode`, `text`, `arrays` |
//! | the columns of all of them together | `types` |
//! | reading one after another while rows are asked for | `scan` |
//!
//! All are read twice: first for the columns they have together, then for the rows. At each moment one of them is in
//! memory.

mod arrays;
mod decode;
mod holders;
mod scan;
mod text;
mod types;

pub(crate) use holders::{Holder, Reader};
pub(crate) use scan::{look, plan};

/// The name of the function.
pub(crate) const FUNCTION: &str = "artifact_rows";

/// The name that stands for what runs return.
pub(crate) const OUTPUT: &str = "output";

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The name of the artifacts, or [`OUTPUT`].
    pub(crate) name: String,
    /// The experiment whose runs are meant; without it those of all.
    pub(crate) experiment: Option<String>,
}
