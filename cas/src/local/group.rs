//! What was named and is not known to be durable yet.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::backend::BackendError;
use crate::crash::step;

/// Above this many files one `syncfs` is cheaper than syncing them one by one.
const FEW: usize = 16;

/// The files and folders of a back end that the next sync makes durable.
#[derive(Debug)]
pub(super) struct Group {
    /// Open since the beginning: `syncfs` reports the write-back errors since a file was opened.
    root: File,
    state: Mutex<State>,
    /// Held while syncing, apart from `state`, so that who puts meanwhile does not wait.
    syncing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    batch: Batch,
    /// A sync failed.
    poisoned: bool,
}

/// What one sync makes durable.
#[derive(Debug, Default)]
struct Batch {
    /// Files that we wrote and whose bytes are not known to be on the disk.
    written: Vec<PathBuf>,
    /// The same files and those of others, open since they were written: a write-back error that
    /// came before a file was opened might have been reported to somebody else.
    open: Vec<(PathBuf, File)>,
    /// More files than it pays to keep open.
    many: bool,
    /// Folders with new names in them.
    folders: BTreeSet<PathBuf>,
    /// Names that a killed process left long ago.
    stale: BTreeSet<PathBuf>,
}

/// A sync that failed.
struct Failure {
    /// The first error.
    error: io::Error,
    /// Files whose bytes or names may not have reached the disk.
    lost: Vec<PathBuf>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The state is whole at every point where a panic could come from.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        Ok(Self { root: File::open(root)?, state: Mutex::default(), syncing: Mutex::default() })
    }

    /// Refuses to write on after a sync that failed.
    pub(super) fn check(&self, key: &str) -> Result<(), BackendError> {
        if lock(&self.state).poisoned { Err(BackendError::Poisoned { key: key.to_owned() }) } else { Ok(()) }
    }

    /// A file got its name at `path`; `bytes` is the file when its bytes are still to be synced.
    pub(super) fn add(&self, path: PathBuf, bytes: Option<File>) {
        let mut state = lock(&self.state);
        state.batch.named_in(&path);
        if let Some(file) = bytes {
            state.batch.keep(&path, file);
            state.batch.written.push(path);
        }
    }

    /// A file of somebody else is at `path`; whether it is durable is not known.
    pub(super) fn adopt(&self, path: &Path, file: File) {
        let mut state = lock(&self.state);
        state.batch.named_in(path);
        state.batch.keep(path, file);
    }

    /// Folders were made; each is a new name in the one above.
    pub(super) fn created(&self, folders: &[PathBuf]) {
        if !folders.is_empty() {
            let above = folders.iter().filter_map(|folder| folder.parent().map(Path::to_owned));
            lock(&self.state).batch.folders.extend(above);
        }
    }

    /// A temporary file that nobody can be writing any more; the next sync removes it.
    pub(super) fn stale(&self, path: PathBuf) {
        lock(&self.state).batch.stale.insert(path);
    }

    pub(super) fn sync(&self) -> Result<(), BackendError> {
        // Who comes second waits, also for files that are in the batch of who came first.
        let _turn = lock(&self.syncing);
        self.check(".")?;
        let batch = std::mem::take(&mut lock(&self.state).batch);
        if let Err(failure) = batch.sync(&self.root) {
            lock(&self.state).poisoned = true;
            // The kernel now takes the lost pages for clean. Left there, these files would pass
            // for stored ones; removed, they are written anew by who repeats the work.
            for path in &failure.lost {
                let _ = fs::remove_file(path);
            }
            return Err(BackendError::from_io("sync", ".", failure.error));
        }
        for path in &batch.stale {
            // Worthless anyway; who lists next tries again.
            let _ = step("remove stale", || fs::remove_file(path));
        }
        Ok(())
    }
}

impl Batch {
    fn named_in(&mut self, path: &Path) {
        if let Some(folder) = path.parent()
            && !self.folders.contains(folder)
        {
            self.folders.insert(folder.to_owned());
        }
    }

    fn keep(&mut self, path: &Path, file: File) {
        self.many |= self.open.len() == FEW;
        if self.many {
            self.open.clear();
        } else {
            self.open.push((path.to_owned(), file));
        }
    }

    fn sync(&self, root: &File) -> Result<(), Failure> {
        if !self.many && self.folders.len() <= FEW {
            return self.sync_few();
        }
        // Which of the files an error is about is not said.
        step("sync file system", || Ok(rustix::fs::syncfs(root)?))
            .map_err(|error| Failure { error, lost: self.written.clone() })
    }

    /// Goes on after an error, to learn which files are whole: somebody else may already rely on them.
    fn sync_few(&self) -> Result<(), Failure> {
        let (mut first, mut lost) = (None, Vec::new());
        for (path, file) in &self.open {
            if let Err(error) = step("sync file", || file.sync_data()) {
                // Also when somebody else wrote it: with bytes left to lose, it was durable for nobody.
                lost.extend(is_at(file, path).then(|| path.clone()));
                first.get_or_insert(error);
            }
        }
        for folder in &self.folders {
            match step("sync folder", || File::open(folder)?.sync_all()) {
                // Removed since, and with it all that was in it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    // A folder that loses its name takes all below with it.
                    lost.extend(self.written.iter().filter(|path| path.starts_with(folder)).cloned());
                    first.get_or_insert(error);
                }
                Ok(()) => {}
            }
        }
        first.map_or(Ok(()), |error| Err(Failure { error, lost }))
    }
}

/// Whether the name is still that of this file: somebody may have written it anew.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    file.metadata().ok().map(id) == fs::metadata(path).ok().map(id)
}
