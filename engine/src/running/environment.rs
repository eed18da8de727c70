//! What runs here: host, process, executable, sources, git state.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use metalab_cas::{Digest, Hasher};

use crate::context::StatCache;
use crate::record::Environment;

/// The environment of this process. `files` remembers the executable's digest between processes.
pub fn current(files: &StatCache) -> Environment {
    let uname = rustix::system::uname();
    let (git_commit, git_dirty) = git();
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = package.clone().or_else(|| std::env::current_dir().ok());
    let hex = |digest: Digest| digest.to_string();
    Environment {
        host: uname.nodename().to_string_lossy().into_owned(),
        pid: std::process::id(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        metalab: env!("CARGO_PKG_VERSION").into(),
        executable: std::env::current_exe()
            .ok()
            .and_then(|path| files.file(&path).ok())
            .map(|content| hex(content.digest)),
        git_commit,
        git_dirty,
        lock_file: start
            .as_deref()
            .and_then(lock_file)
            .and_then(|path| std::fs::read(path).ok())
            .map(|bytes| hex(Digest::of(&bytes))),
        sources: package.as_deref().and_then(sources).map(hex),
    }
}

/// Commit and whether tracked files differ from it; nothing outside a repository or without git.
fn git() -> (Option<String>, Option<bool>) {
    let run = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("--no-optional-locks").args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let Some(commit) = run(&["rev-parse", "--verify", "HEAD"]) else { return (None, None) };
    let dirty = run(&["status", "--porcelain", "--untracked-files=no"]).map(|text| !text.trim().is_empty());
    (Some(commit.trim().to_owned()), dirty)
}

fn lock_file(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|folder| folder.join("Cargo.lock")).find(|path| path.is_file())
}

/// Digest of the names and contents of the package's Rust files.
fn sources(package: &Path) -> Option<Digest> {
    let mut files = Vec::new();
    for folder in ["src", "examples"] {
        collect(&package.join(folder), 0, &mut files);
    }
    files.sort();
    let mut hasher = Hasher::new();
    for path in &files {
        let name = path.strip_prefix(package).ok()?.to_str()?;
        let bytes = std::fs::read(path).ok()?;
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    }
    (!files.is_empty()).then(|| hasher.finish())
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() && depth < 16 {
            collect(&path, depth + 1, files);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
