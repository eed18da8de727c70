//! Growing files.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::create_folders;
use crate::backend::{Append, BackendError};
use crate::crash::step;
use crate::key::Key;

/// A growing file with one writer.
pub(super) struct Growing {
    file: File,
    key: String,
    length: u64,
    /// Folders with new names, to be synced with the first bytes.
    folders: Vec<PathBuf>,
    dead: bool,
}

impl Growing {
    pub(super) fn open(root: &Path, key: &Key) -> Result<Self, BackendError> {
        let failed = |error| BackendError::from_io("open", key.as_str(), error);
        let new = create_folders(root, key)?;
        let path = root.join(key.as_str());
        let file =
            step("create", || File::options().append(true).create(true).open(&path)).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let named = new.iter().chain(std::iter::once(&path));
        let folders = named.filter_map(|path| path.parent().map(Path::to_owned)).collect();
        Ok(Self { file, key: key.as_str().to_owned(), length, folders, dead: false })
    }

    fn alive(&self) -> Result<(), BackendError> {
        if self.dead { Err(BackendError::Poisoned { key: self.key.clone() }) } else { Ok(()) }
    }
}

impl Append for Growing {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        self.alive()?;
        step("append", || self.file.write_all(bytes)).map_err(|error| {
            self.dead = true;
            BackendError::from_io("append to", &self.key, error)
        })?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), BackendError> {
        self.alive()?;
        let sync = || {
            self.file.sync_data()?;
            for folder in self.folders.drain(..) {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        };
        step("sync appended", sync).map_err(|error| {
            self.dead = true;
            BackendError::from_io("sync", &self.key, error)
        })
    }

    fn len(&self) -> u64 {
        self.length
    }
}
