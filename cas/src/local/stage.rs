//! Files that have no name yet.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::group::Group;
use super::{TEMPORARY, create_folders};
use crate::backend::{BackendError, PutMode, PutOutcome, Upload};
use crate::crash::step;
use crate::key::Key;

/// A temporary file on its way to its name; removed when dropped without one.
pub(super) struct Stage {
    root: PathBuf,
    path: PathBuf,
    file: File,
    key: String,
    group: Arc<Group>,
    named: bool,
}

impl Stage {
    /// A temporary file in the folder of `key`.
    pub(super) fn beside(root: &Path, key: &Key, group: Arc<Group>) -> Result<Self, BackendError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        group.check(key.as_str())?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("{}{TEMPORARY}{}-{number}", key.as_str(), std::process::id()));
        let open = || File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let file = match step("create", open) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                group.created(create_folders(root, key)?);
                step("create", open)
            }
            other => other,
        };
        let file = file.map_err(|error| BackendError::from_io("create", key.as_str(), error))?;
        Ok(Self { root: root.to_owned(), path, file, key: key.as_str().to_owned(), group, named: false })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        step("write", || self.file.write_all(bytes)).map_err(|error| BackendError::from_io("write", &self.key, error))
    }

    /// Gives the file its name.
    pub(super) fn name(mut self, key: &Key, mode: PutMode) -> Result<PutOutcome, BackendError> {
        let failed = |error| BackendError::from_io("name", key.as_str(), error);
        let verified_when_used = key.as_str().starts_with("cas/");
        if !verified_when_used {
            step("sync file", || self.file.sync_data()).map_err(failed)?;
        }
        let target = self.root.join(key.as_str());
        self.group.created(create_folders(&self.root, key)?);
        let outcome = match mode {
            PutMode::Replace => {
                step("rename", || fs::rename(&self.path, &target)).map_err(failed)?;
                PutOutcome::Written
            }
            PutMode::Create => step("rename", || create_named(&self.path, &target)).map_err(failed)?,
        };
        if outcome == PutOutcome::Written {
            self.named = true;
            self.group.add(target, verified_when_used);
        }
        Ok(outcome)
    }
}

/// Renames unless the name is taken; where the file system cannot, by a second name that is then the only one.
fn create_named(from: &Path, to: &Path) -> std::io::Result<PutOutcome> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(PutOutcome::Written),
        Err(Errno::EXIST) => Ok(PutOutcome::Existed),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::hard_link(from, to) {
            Ok(()) => fs::remove_file(from).map(|()| PutOutcome::Written),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(PutOutcome::Existed),
            Err(error) => Err(error),
        },
        Err(error) => Err(error.into()),
    }
}

impl Upload for Stage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        Stage::write(self, bytes)
    }

    fn finish(self: Box<Self>, key: &Key, mode: PutMode) -> Result<PutOutcome, BackendError> {
        self.name(key, mode)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.named {
            // What cannot be removed is taken for stale later.
            let _ = fs::remove_file(&self.path);
        }
    }
}
