//! Contexts, and files and folders as arguments: how what lies on disk enters the identity of runs.
//!
//! A path is never part of an identity; the content is. [`StatCache`] turns paths into digests and remembers
//! them by path, size, times and inode, so that a large data set is read once and not at each start.

mod cache;
mod content;
mod folder;
mod path;
mod persist;
mod resolve;
mod stamp;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::any::Any;

use metalab_cas::Value;
use metalab_cas::value::ValueError;

pub use cache::StatCache;
pub use content::{Content, ContentError};
pub use path::{DirPath, FilePath, PathError};
pub use resolve::{Changed, Watched, WatchedKind};
pub use stamp::Stamp;

/// A small set of settings and paths shared by the runs of an experiment, lent to operations as `&Self`.
///
/// Usually derived: `#[derive(metalab::Context)]`. It enters the identity of exactly the runs whose operation
/// borrows it.
pub trait Context: Any + Send + Sync {
    /// The name it is hashed and shown under.
    const NAME: &'static str;

    /// The fields that enter the identity, with their values.
    ///
    /// # Errors
    /// When a field cannot be hashed, such as NaN.
    fn fields(&self) -> Result<Vec<(&'static str, Value)>, ValueError>;
}

/// Takes the context of type `C` from a run; what `#[derive(Context)]` calls.
///
/// # Errors
/// When the experiment has none; the plan refuses such experiments before anything runs.
pub fn lend<'r, C: Context>(run: &'r crate::operation::Run<'_>) -> crate::failure::Result<&'r C> {
    run.context()
}
