//! A folder of this machine as a back end, with a durable writer of its own.
//!
//! # How a file gets its name
//!
//! Bytes go to a temporary file in the folder where the file will lie (its name has a `~`, which no key has), which
//! is then renamed: whole or absent, also when the process is killed. Names of files that already have a name are
//! taken with `RENAME_NOREPLACE`, so of two creators one wins.
//!
//! # How it becomes durable
//!
//! Syncing every file by itself costs 280 us each and more. Files are therefore renamed at once and made durable as a
//! group by [`Backend::sync`]: few files one by one (`fdatasync`, then their folders), many by a
//! single `syncfs`. A power cut before that may leave a renamed file torn. Blobs are verified when they are used, so
//! for them that is a miss and not a lie; all other files (outside `cas/`) are `fdatasync`ed *before* they are renamed.
//!
//! A file that was there already may be one that its writer has not synced yet, so it joins the group as well
//! ([`Backend::adopt`]): "existed" is durable after a sync like "written".
//!
//! After a failed sync nobody knows what reached the disk (the kernel reports such an error once and then takes the
//! lost pages for clean). The blobs that may be lost are removed, lest they pass for stored ones (few: those whose own
//! sync or whose folder's failed; many: all that this handle wrote since the last sync), and the handle refuses all
//! further writing: open the store again and repeat what was not reported done.
//!
//! # What killed processes leave
//!
//! Temporary files older than a day, noticed by a listing, are removed by the next sync.

mod append;
mod group;
mod stage;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::backend::{Append, Backend, BackendError, Listed, Meta, PutMode, PutOutcome, Upload};
use crate::crash::step;
use crate::key::Key;
use group::Group;
use stage::Stage;

/// In the name of every temporary file; no key has it.
const TEMPORARY: char = '~';
/// A temporary file that was not written to for this long was left by a process that was killed.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// Files of a folder of this machine.
#[derive(Debug)]
pub struct LocalBackend {
    root: PathBuf,
    group: Arc<Group>,
}

impl LocalBackend {
    /// The back end of a folder that is there.
    ///
    /// # Errors
    /// When it is not there or is no folder.
    pub fn open(root: &Path) -> Result<Self, BackendError> {
        let root = fs::canonicalize(root).map_err(|error| BackendError::from_io("open", ".", error))?;
        if !root.is_dir() {
            return Err(BackendError::Conflict {
                key: ".".into(),
                what: "a file is where the folder should be",
            });
        }
        let group = Group::new(&root).map_err(|error| BackendError::from_io("open", ".", error))?;
        Ok(Self { group: Arc::new(group), root })
    }

    /// The back end of a folder, which is created if it is not there.
    ///
    /// # Errors
    /// When it cannot be created or is no folder.
    pub fn create(root: &Path) -> Result<Self, BackendError> {
        fs::create_dir_all(root).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                BackendError::Conflict { key: ".".into(), what: "a file is where the folder should be" }
            }
            _ => BackendError::from_io("create", ".", error),
        })?;
        Self::open(root)
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Remembers a temporary file that is so old that nobody can be writing it. Listing itself
    /// changes nothing: a store that is only read stays as it is.
    fn notice(&self, entry: &fs::DirEntry) {
        let modified = entry.metadata().and_then(|found| found.modified());
        let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if age.is_some_and(|age| age > STALE) {
            self.group.stale(entry.path());
        }
    }

    fn open_file(&self, key: &Key) -> Result<File, BackendError> {
        let file =
            File::open(self.path(key)).map_err(|error| BackendError::from_io("open", key.as_str(), error))?;
        Ok(file)
    }
}

impl Backend for LocalBackend {
    fn name(&self) -> &'static str {
        "local"
    }

    fn get(&self, key: &Key) -> Result<Bytes, BackendError> {
        let bytes =
            fs::read(self.path(key)).map_err(|error| BackendError::from_io("read", key.as_str(), error))?;
        Ok(bytes.into())
    }

    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, BackendError> {
        let failed = |error| BackendError::from_io("read", key.as_str(), error);
        let file = self.open_file(key)?;
        let size = file.metadata().map_err(failed)?.len();
        let end = range.end.min(size);
        let length = usize::try_from(end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match file.read_at(&mut bytes[filled..], range.start + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes.into())
    }

    fn head(&self, key: &Key) -> Result<Option<Meta>, BackendError> {
        match fs::metadata(self.path(key)) {
            Ok(found) if found.is_file() => Ok(Some(meta(&found))),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackendError::from_io("look at", key.as_str(), error)),
        }
    }

    fn list(&self, folder: &Key) -> Result<Vec<Listed>, BackendError> {
        let mut found = Vec::new();
        let mut folders = vec![folder.as_str().to_owned()];
        while let Some(folder) = folders.pop() {
            let failed = |error| BackendError::from_io("list", &folder, error);
            let entries = match fs::read_dir(self.root.join(&folder)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else { continue };
                if name.contains(TEMPORARY) {
                    self.notice(&entry);
                    continue;
                }
                let inner = format!("{folder}/{name}");
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    folders.push(inner);
                } else if let (true, Ok(key)) = (kind.is_file(), Key::new(&inner)) {
                    match entry.metadata() {
                        Ok(found_meta) => found.push(Listed { key, meta: meta(&found_meta) }),
                        // It went since the folder was read.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(failed(error)),
                    }
                }
            }
        }
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, BackendError> {
        let mut stage = Stage::beside(&self.root, key, self.group.clone())?;
        stage.write(bytes)?;
        stage.name(key, mode)
    }

    fn upload(&self) -> Result<Box<dyn Upload>, BackendError> {
        let unnamed = Key::new("live/upload").expect("a legal key");
        Ok(Box::new(Stage::beside(&self.root, &unnamed, self.group.clone())?))
    }

    fn append(&self, key: &Key) -> Result<Option<Box<dyn Append>>, BackendError> {
        self.group.check(key.as_str())?;
        Ok(Some(Box::new(append::Growing::open(&self.root, key)?)))
    }

    fn touch(&self, key: &Key) -> Result<(), BackendError> {
        let failed = |error| BackendError::from_io("touch", key.as_str(), error);
        self.group.check(key.as_str())?;
        let file = File::options().append(true).open(self.path(key)).map_err(failed)?;
        step("touch", || file.set_modified(SystemTime::now())).map_err(failed)
    }

    fn delete(&self, key: &Key) -> Result<(), BackendError> {
        match step("delete", || fs::remove_file(self.path(key))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(BackendError::from_io("delete", key.as_str(), error))
            }
            _ => Ok(()),
        }
    }

    fn adopt(&self, key: &Key) -> Result<(), BackendError> {
        self.group.check(key.as_str())?;
        stage::adopt(&self.group, self.path(key), key)
    }

    fn sync(&self) -> Result<(), BackendError> {
        self.group.sync()
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key))
    }

    fn read_only(&self) -> bool {
        false
    }
}

fn meta(found: &fs::Metadata) -> Meta {
    Meta { size: found.len(), modified: found.modified().unwrap_or(SystemTime::UNIX_EPOCH) }
}

/// Creates the folder of `key`, and says which folders were new (the topmost first).
fn create_folders(root: &Path, key: &Key) -> Result<Vec<PathBuf>, BackendError> {
    let mut new = Vec::new();
    let Some(parent) = key.parent() else { return Ok(new) };
    let mut folder = root.join(parent.as_str());
    if folder.is_dir() {
        return Ok(new);
    }
    while folder != root && !folder.is_dir() {
        new.push(folder.clone());
        if !folder.pop() {
            break;
        }
    }
    new.reverse();
    let failed = |error| BackendError::from_io("create the folder of", key.as_str(), error);
    step("create folder", || fs::create_dir_all(root.join(parent.as_str()))).map_err(failed)?;
    Ok(new)
}
