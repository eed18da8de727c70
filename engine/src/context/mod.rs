//! Contexts, and files and folders as arguments: how what lies on disk enters the identity of runs.
//!
//! A path is never part of an identity, unless that is asked for ([`Named`]); the content is, or the metadata where that
//! is asked for ([`Stat`]). [`Glob`] means some of the files of a folder. [`StatCache`] turns paths into digests and remembers
//! them by path, size, times and inode, so that a large data set is read once and not at each start. [`GitCommit`] is a
//! repository at a commit.

mod cache;
mod content;
mod declared;
mod field;
mod folder;
mod git;
mod glob;
mod matching;
mod path;
mod persist;
mod registry;
mod resolve;
mod sent;
mod stamp;
mod stat;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
#[doc(hidden)]
pub mod travel;

use std::any::Any;

use metalab_cas::Value;

pub use cache::StatCache;
pub use content::{Content, ContentError};
pub use declared::{ContentPath, Named, PathArgument, Stat};
pub use field::{Field, FieldError, FieldKind, Fingerprint, Hidden};
pub use git::{GitCommit, GitError};
pub use glob::Glob;
pub use path::{DirPath, FilePath, PathError};
pub use registry::ContextRegistration;
pub(crate) use registry::insert_by_name;
pub use resolve::{Changed, Watched, WatchedKind};
pub use stamp::Stamp;

/// A small set of settings and paths shared by the runs of an experiment, lent to operations as `&Self`.
///
/// Usually derived: `#[derive(metalab::Context)]`. It enters the identity of exactly the runs whose operation
/// borrows it.
pub trait Context: Any + Send + Sync {
    /// The name it is hashed and shown under.
    const NAME: &'static str;

    /// The fields that enter the identity, with their values; asked once for each plan of an experiment.
    ///
    /// # Errors
    /// When a field cannot be hashed, such as NaN; which one, and why.
    fn fields(&self) -> Result<Vec<Field>, FieldError>;

    /// Names of the fields that do not enter it. They are kept nowhere.
    fn skipped() -> &'static [&'static str]
    where
        Self: Sized,
    {
        &[]
    }

    /// All of it by value, for runs in another process: what [`Context::from_value`] takes there.
    ///
    /// The derive writes it field by field. Written by hand it may be left out; then experiments with the context run
    /// in threads only.
    ///
    /// # Errors
    /// When it cannot leave this process; the message says why.
    fn to_value(&self) -> crate::failure::Result<Value> {
        Err(stays(Self::NAME))
    }

    /// The context that [`Context::to_value`] wrote in another process.
    ///
    /// # Errors
    /// When the value is not one of it.
    fn from_value(value: &Value) -> crate::failure::Result<Self>
    where
        Self: Sized,
    {
        let _ = value;
        Err(stays(Self::NAME))
    }
}

fn stays(context: &str) -> crate::Failure {
    format!(
        "context `{context}` cannot be sent to another process: derive `Context` for it, or write `to_value` and `from_value`, or run in threads"
    )
    .into()
}

/// Takes the context of type `C` from a run; what `#[derive(Context)]` calls.
///
/// # Errors
/// When the experiment has none; the plan refuses such experiments before anything runs.
pub fn lend<'r, C: Context>(run: &'r crate::operation::Run<'_>) -> crate::failure::Result<&'r C> {
    run.context()
}
