//! What was named and is not known to be durable yet.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::backend::BackendError;
use crate::crash::step;

/// Above this many files one `syncfs` is cheaper than syncing them one by one.
const FEW: usize = 16;

/// The files and folders of a back end that the next sync makes durable.
#[derive(Debug)]
pub(super) struct Group {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Files whose bytes are not known to be on the disk.
    files: Vec<PathBuf>,
    /// Folders with new names in them.
    folders: BTreeSet<PathBuf>,
    /// More than it pays to list.
    many: bool,
    /// A sync failed.
    poisoned: bool,
}

impl State {
    fn is_empty(&self) -> bool {
        !self.many && self.files.is_empty() && self.folders.is_empty()
    }

    fn bound(&mut self) {
        if self.files.len() > FEW || self.folders.len() > FEW {
            self.many = true;
            self.files.clear();
            self.folders.clear();
        }
    }
}

impl Group {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole at every point where a panic could come from.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to write on after a sync that failed.
    pub(super) fn check(&self, key: &str) -> Result<(), BackendError> {
        if self.lock().poisoned { Err(BackendError::Poisoned { key: key.to_owned() }) } else { Ok(()) }
    }

    /// A file got its name; `bytes_too` when its bytes are still to be synced.
    pub(super) fn add(&self, file: PathBuf, bytes_too: bool) {
        let mut state = self.lock();
        if state.many {
            return;
        }
        if let Some(folder) = file.parent() {
            state.folders.insert(folder.to_owned());
        }
        if bytes_too {
            state.files.push(file);
        }
        state.bound();
    }

    /// Folders were made; each is a new name in the one above.
    pub(super) fn created(&self, folders: Vec<PathBuf>) {
        if folders.is_empty() {
            return;
        }
        let mut state = self.lock();
        if !state.many {
            state.folders.extend(folders.iter().filter_map(|folder| folder.parent().map(Path::to_owned)));
            state.bound();
        }
    }

    pub(super) fn sync(&self) -> Result<(), BackendError> {
        let mut state = self.lock();
        if state.poisoned {
            return Err(BackendError::Poisoned { key: ".".into() });
        }
        if state.is_empty() {
            return Ok(());
        }
        // Held while syncing: who puts meanwhile waits, and belongs to the next group.
        let result = if state.many { self.sync_all() } else { sync_few(&state) };
        match result {
            Ok(()) => {
                *state = State::default();
                Ok(())
            }
            Err(error) => {
                state.poisoned = true;
                Err(BackendError::from_io("sync", ".", error))
            }
        }
    }

    fn sync_all(&self) -> std::io::Result<()> {
        let root = File::open(&self.root)?;
        step("sync file system", || rustix::fs::syncfs(&root))?;
        Ok(())
    }
}

fn sync_few(state: &State) -> std::io::Result<()> {
    for file in &state.files {
        match File::open(file) {
            Ok(file) => step("sync file", || file.sync_data())?,
            // Deleted or replaced since: then there is nothing of it to keep.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for folder in &state.folders {
        step("sync folder", || File::open(folder)?.sync_all())?;
    }
    Ok(())
}
