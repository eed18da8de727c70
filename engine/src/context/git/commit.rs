//! A git repository at a commit, as a field of a context.

use std::fmt;
use std::path::Path;

use metalab_cas::{Digest, Map, Value};
use serde::{Deserialize, Serialize};

use super::GitError;
use super::checkout::checkout;
use crate::context::Fingerprint;
use crate::failure::Result;

/// A git repository at the commit that is checked out: for operations that use code, scripts or data of a repository.
///
/// As a field of a context it enters the identity of runs by the id of the commit, wherever the repository lies. It is read
/// once, when it is made; what is checked out later is not seen. By default changes that were not committed are refused,
/// because the commit does not say them.
///
/// | the repository | answer |
/// | --- | --- |
/// | on a branch, or with a detached head | the commit that is checked out |
/// | a folder below the root | the repository around it, with the changes of all of it |
/// | a linked worktree | that worktree's own commit and changes |
/// | bare | the commit of its `HEAD`; there is nothing that could differ from it |
/// | changes: edits, staged or not, deletions, new files that no `.gitignore` names | refused with the first names; [`GitCommit::with_changes`] takes them in |
/// | submodules | at the commits that the commit names; another commit or changes in one are changes |
/// | no commit yet, no repository, no program `git` | refused |
///
/// Files that git is told not to look at (ignored ones, `assume-unchanged`, `skip-worktree`) do not count.
///
/// ```no_run,standalone_crate
/// # extern crate metalab_engine as metalab;
/// use metalab::context::GitCommit;
///
/// #[derive(metalab::Context)]
/// # #[context(crate = "metalab")]
/// struct Lab {
///     scripts: GitCommit,
/// }
///
/// # fn main() -> metalab::Result<()> {
/// let lab = Lab { scripts: GitCommit::of("../scripts")? };
/// println!("at {}", lab.scripts);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GitCommit {
    commit: String,
    changes: Option<Digest>,
}

impl GitCommit {
    /// The commit of the repository that a folder is in.
    ///
    /// # Errors
    /// When something was changed and not committed, with the first names; when there is no repository or no commit, or
    /// `git` cannot be asked.
    pub fn of(folder: impl AsRef<Path>) -> Result<Self, GitError> {
        let checkout = checkout(folder.as_ref())?;
        match checkout.changes.is_empty() {
            true => Ok(Self { commit: checkout.commit, changes: None }),
            false => Err(checkout.refused()),
        }
    }

    /// The same with what was changed and not committed: a digest of the contents of changed files enters the identity
    /// beside the commit. Without changes it is what [`GitCommit::of`] gives.
    ///
    /// The contents themselves are kept nowhere: results of such runs say that there were changes, not which. Whether a
    /// change is staged does not count. Changed files are read whenever this is called.
    ///
    /// # Errors
    /// As [`GitCommit::of`], but for the changes; when a changed file cannot be read, when a submodule has changes that are
    /// not committed, and when another repository lies in this one without being a submodule or ignored.
    pub fn with_changes(folder: impl AsRef<Path>) -> Result<Self, GitError> {
        let checkout = checkout(folder.as_ref())?;
        let changes = checkout.digest()?;
        Ok(Self { commit: checkout.commit, changes })
    }

    /// The id of the commit: 40 hexadecimal digits, or 64 in a repository of SHA-256.
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// A digest of what was changed and not committed.
    pub fn changes(&self) -> Option<Digest> {
        self.changes
    }
}

/// The id of the commit as text; with changes `{"commit": id, "changes": digest}`, both texts of hexadecimal digits.
impl Fingerprint for GitCommit {
    fn fingerprint(&self) -> Result<Value> {
        let commit = Value::Text(self.commit.clone());
        Ok(match self.changes {
            None => commit,
            Some(changes) => {
                let changes = Value::Text(changes.to_hex());
                Value::Map(Map::from_entries([("commit", commit), ("changes", changes)])?)
            }
        })
    }
}

impl fmt::Display for GitCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.commit)?;
        match self.changes {
            Some(changes) => write!(f, " with changes {}", changes.short()),
            None => Ok(()),
        }
    }
}
