//! Asking the program `git`.
//!
//! It is started with fixed arguments in the folder, without a shell. Variables of the environment that lead it to other
//! repositories, indexes or objects are taken away. It writes nothing, and no program of the repository's configuration
//! watches the files for it.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::GitError;

/// What `git` was told by its user, and is not about one repository.
const KEPT: [&str; 4] = ["GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];

/// What git answers.
pub(super) fn ask(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
    let output = output(folder, arguments)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(match () {
        // Its words name folders of this machine, so they are not repeated.
        () if said.contains("not a git repository") => GitError::NoRepository { folder: given(folder) },
        () if said.contains("dubious ownership") => GitError::Foreign { folder: given(folder) },
        () => failed(folder, arguments),
    })
}

fn output(folder: &Path, arguments: &[&str]) -> Result<Output, GitError> {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"GIT_") && !KEPT.iter().any(|kept| name == *kept) {
            command.env_remove(name);
        }
    }
    command.args(["--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false"]).args(arguments);
    command.env("LC_ALL", "C").env_remove("LANGUAGE").current_dir(folder).stdin(Stdio::null());
    command.output().map_err(|source| GitError::Program { folder: given(folder), source })
}

pub(super) fn given(folder: &Path) -> String {
    folder.display().to_string()
}

pub(super) fn failed(folder: &Path, arguments: &[&str]) -> GitError {
    GitError::Failed { folder: given(folder), asked: arguments.join(" ") }
}

/// The commit of `HEAD`.
pub(super) fn head(folder: &Path) -> Result<String, GitError> {
    let asked = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
    let output = output(folder, &asked)?;
    match output.status.code() {
        Some(0) => id(output.stdout.trim_ascii_end()).ok_or_else(|| failed(folder, &asked)),
        Some(1) => Err(GitError::NoCommit { folder: given(folder) }),
        _ => Err(failed(folder, &asked)),
    }
}

/// The id of a commit.
pub(super) fn id(text: &[u8]) -> Option<String> {
    let is_id = matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit);
    String::from_utf8(text.to_vec()).ok().filter(|_| is_id)
}
