//! Why the commit of a repository cannot be known.

use std::io;

/// A repository whose commit cannot be known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The program is not there.
    #[error("the program `git` cannot be started to look at `{folder}`; install it, or put it on the `PATH`")]
    Program {
        /// The folder as it was given.
        folder: String,
        /// The cause.
        source: io::Error,
    },
    /// No folder of this name.
    #[error("`{folder}` is no folder that can be opened; name the folder of a git repository")]
    Folder {
        /// The folder as it was given.
        folder: String,
    },
    /// No repository.
    #[error("`{folder}` is in no git repository; name the folder of one")]
    NoRepository {
        /// The folder as it was given.
        folder: String,
    },
    /// Inside of the repository's own files.
    #[error("`{folder}` is the inside of a git repository (`.git`); name the folder with its files")]
    NoFiles {
        /// The folder as it was given.
        folder: String,
    },
    /// Somebody else's repository.
    #[error(
        "git does not trust the repository of `{folder}`, which belongs to another user; allow it by `git config --global --add safe.directory`"
    )]
    Foreign {
        /// The folder as it was given.
        folder: String,
    },
    /// Nothing was committed yet.
    #[error("the git repository of `{folder}` has no commit yet; make one")]
    NoCommit {
        /// The folder as it was given.
        folder: String,
    },
    /// Uncommitted changes.
    #[error(
        "the git repository of `{folder}` has changes that are not committed: {changes}; commit or ignore them, or take them in by `GitCommit::with_changes`"
    )]
    Changed {
        /// The folder as it was given.
        folder: String,
        /// The first changed files, and how many more there are.
        changes: String,
    },
    /// Changes in a submodule.
    #[error(
        "the submodule `{submodule}` of `{folder}` has changes that are not committed; commit them there"
    )]
    Submodule {
        /// The folder as it was given.
        folder: String,
        /// Its place in the repository.
        submodule: String,
    },
    /// A repository in the repository.
    #[error(
        "another git repository lies in that of `{folder}`: `{nested}`; ignore it there, or make it a submodule"
    )]
    Nested {
        /// The folder as it was given.
        folder: String,
        /// Its place in the outer repository.
        nested: String,
    },
    /// A changed file that cannot be read.
    #[error("the changed file `{file}` in the git repository of `{folder}` cannot be read")]
    Unreadable {
        /// The folder as it was given.
        folder: String,
        /// Its place in the repository.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// Anything else.
    #[error("git cannot tell the state of `{folder}`: `git {asked}` failed; run it there to see why")]
    Failed {
        /// The folder as it was given.
        folder: String,
        /// What git was asked.
        asked: String,
    },
}
