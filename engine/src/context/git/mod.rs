//! Git repositories in the identity of runs.
//!
//! | | module |
//! | --- | --- |
//! | [`GitCommit`]: a repository at a commit, as a field of a context | `commit` |
//! | what is checked out, and what differs from it | `checkout` |
//! | a digest of what differs | `changes` |
//! | asking the program `git` | `program` |

mod changes;
mod checkout;
mod commit;
mod error;
mod program;

pub use commit::GitCommit;
pub use error::GitError;
