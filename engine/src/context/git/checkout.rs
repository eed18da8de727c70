//! What is checked out, and what differs from it.

use std::fs;
use std::path::{Path, PathBuf};

use super::GitError;
use super::program::{ask, failed, given, head, id};
use crate::name::shown;

/// So many names of changed files are in an error.
const NAMED: usize = 3;

/// A repository as it is checked out.
pub(super) struct Checkout {
    /// As it was given, for errors.
    pub(super) folder: PathBuf,
    pub(super) commit: String,
    pub(super) changes: Vec<Change>,
}

/// A file that is not as the commit says.
pub(super) struct Change {
    /// From the root of the repository.
    pub(super) path: Vec<u8>,
    pub(super) kind: ChangeKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeKind {
    Tracked,
    New,
    Submodule {
        /// Something in it was changed and not committed.
        changed_inside: bool,
    },
}

/// Asks for the commit that is checked out around a folder, and for what differs from it.
pub(super) fn checkout(folder: &Path) -> Result<Checkout, GitError> {
    // Beside a missing folder a missing program could not be told apart.
    if !fs::metadata(folder).is_ok_and(|meta| meta.is_dir()) {
        return Err(GitError::Folder { folder: given(folder) });
    }
    let place = ask(folder, &["rev-parse", "--is-bare-repository", "--is-inside-work-tree"])?;
    match place.as_slice() {
        b"false\ntrue\n" => {}
        b"true\nfalse\n" => {
            return Ok(Checkout { folder: folder.into(), commit: head(folder)?, changes: Vec::new() });
        }
        _ => return Err(GitError::NoFiles { folder: given(folder) }),
    }
    // One question, so that commit and changes belong together.
    let asked = [
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=none",
        "--no-renames",
        "--no-ahead-behind",
    ];
    let status = ask(folder, &asked)?;
    let mut commit = None;
    let mut changes = Vec::new();
    for entry in status.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        match entry.strip_prefix(b"# ") {
            Some(header) => commit = commit.or(header.strip_prefix(b"branch.oid ")),
            None => changes.push(Change::read(entry).ok_or_else(|| failed(folder, &asked))?),
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let commit = match commit {
        Some(b"(initial)") => return Err(GitError::NoCommit { folder: given(folder) }),
        commit => commit.and_then(id).ok_or_else(|| failed(folder, &asked))?,
    };
    Ok(Checkout { folder: folder.into(), commit, changes })
}

impl Change {
    /// An entry of `git status --porcelain=v2 -z`; `None` for one of another form.
    fn read(entry: &[u8]) -> Option<Self> {
        // How many fields stand before the path; it may have spaces itself.
        let before = match entry.get(..2)? {
            b"1 " => 8,
            b"u " => 10,
            b"? " => 1,
            _ => return None,
        };
        let fields: Vec<&[u8]> = entry.splitn(before + 1, |byte| *byte == b' ').collect();
        let kind = match (before, *fields.get(2).unwrap_or(&&b""[..])) {
            (1, _) => ChangeKind::New,
            (_, [b'S', _, modified, untracked]) => {
                ChangeKind::Submodule { changed_inside: *modified != b'.' || *untracked != b'.' }
            }
            _ => ChangeKind::Tracked,
        };
        let path = fields.get(before)?.to_vec();
        (!path.is_empty()).then_some(Self { path, kind })
    }

    pub(super) fn shown(&self) -> String {
        shown(&String::from_utf8_lossy(&self.path))
    }
}

impl Checkout {
    /// The error that names what was changed.
    pub(super) fn refused(&self) -> GitError {
        let mut changes: Vec<String> =
            self.changes.iter().take(NAMED).map(|change| format!("`{}`", change.shown())).collect();
        if let Some(more @ 1..) = self.changes.len().checked_sub(NAMED) {
            changes.push(format!("and {more} more"));
        }
        GitError::Changed { folder: given(&self.folder), changes: changes.join(", ") }
    }
}
