//! A digest of what was changed and not committed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use metalab_cas::{Digest, Hasher, Map, Value};

use super::GitError;
use super::checkout::{Change, ChangeKind, Checkout};
use super::program::{ask, failed, given, head};

impl Checkout {
    /// Digest of the contents of all changed files; nothing when there are none.
    ///
    /// Format: the canonical map from the path (bytes) to null for what is not there, `["file", executable, BLAKE3]`,
    /// `["link", target]`, or `["submodule", commit]`.
    pub(super) fn digest(&self) -> Result<Option<Digest>, GitError> {
        if self.changes.is_empty() {
            return Ok(None);
        }
        let asked = ["rev-parse", "--show-toplevel"];
        let root = ask(&self.folder, &asked)?;
        let root = Path::new(OsStr::from_bytes(root.strip_suffix(b"\n").unwrap_or(&root)));
        let contents = self.changes.iter().map(|change| {
            let content = self.content(root, change)?;
            Ok((Value::Bytes(change.path.clone()), content))
        });
        let contents = contents.collect::<Result<Vec<_>, GitError>>()?;
        let digest = Map::from_entries(contents).and_then(|map| Value::Map(map).digest());
        digest.map(Some).map_err(|_| failed(&self.folder, &["status"]))
    }

    fn content(&self, root: &Path, change: &Change) -> Result<Value, GitError> {
        let path = root.join(OsStr::from_bytes(&change.path));
        let unreadable =
            |source| GitError::Unreadable { folder: given(&self.folder), file: change.shown(), source };
        if change.kind == ChangeKind::New && change.path.ends_with(b"/") {
            return Err(GitError::Nested { folder: given(&self.folder), nested: change.shown() });
        }
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(error) if is_gone(&error) => return Ok(Value::Null),
            Err(error) => return Err(unreadable(error)),
        };
        if let ChangeKind::Submodule { changed_inside } = change.kind
            && meta.is_dir()
        {
            if changed_inside {
                return Err(GitError::Submodule { folder: given(&self.folder), submodule: change.shown() });
            }
            // Its own repository; otherwise the answer would be that of the outer one.
            return match path.join(".git").symlink_metadata() {
                Ok(_) => Ok(Value::List(vec!["submodule".into(), head(&path)?.as_str().into()])),
                Err(_) => Ok(Value::Null),
            };
        }
        if meta.is_symlink() {
            let target = fs::read_link(&path).map_err(unreadable)?;
            return Ok(Value::List(vec![
                "link".into(),
                Value::Bytes(target.as_os_str().as_bytes().to_vec()),
            ]));
        }
        if !meta.is_file() {
            // What took the place of a tracked file: the files in a folder are changes of their own.
            return Ok(Value::Null);
        }
        let mut hasher = Hasher::new();
        File::open(&path).and_then(|mut file| hasher.update_reader(&mut file)).map_err(unreadable)?;
        let is_executable = meta.permissions().mode() & 0o100 != 0;
        let digest = Value::Bytes(hasher.finish().as_bytes().to_vec());
        Ok(Value::List(vec!["file".into(), Value::Bool(is_executable), digest]))
    }
}

/// Also below what used to be a folder.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
