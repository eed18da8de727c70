//! A back end that breaks on purpose, hides what it can, and counts what it is asked.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use metalab_cas::{Append, Backend, BackendError, Key, Listed, Meta, PutMode, PutOutcome, Upload};

/// What to do at which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call does nothing and fails.
    Before,
    /// Half of it is done, then it fails.
    Half,
    /// It is done, and fails nevertheless.
    After,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<&'static str, usize>,
    /// (number of the changing call, fault).
    plan: Option<(usize, Fault)>,
    changes: usize,
    failures: usize,
    full: bool,
    read: Vec<String>,
    /// Every file as it was right after the last failure.
    after_failure: Vec<(Key, Bytes)>,
}

/// Wraps a back end.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    inner: Arc<dyn Backend>,
    appends: bool,
    state: Arc<Mutex<State>>,
}

fn failure(key: &str) -> BackendError {
    BackendError::from_io("test", key, std::io::Error::other("broken on purpose"))
}

impl Broken {
    /// Passes everything on; without `appends`, as a bucket does.
    pub(crate) fn new(inner: Arc<dyn Backend>, appends: bool) -> Self {
        Self { inner, appends, state: Arc::default() }
    }

    /// Lets the `number`-th changing call from now (from 1) fail.
    pub(crate) fn fail(&self, number: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.plan = Some((state.changes + number, fault));
    }

    /// How often something was called.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.state.lock().unwrap().calls.get(name).copied().unwrap_or(0)
    }

    /// Keys that were read since the last call of this.
    pub(crate) fn take_read(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().read)
    }

    /// Whether the disk is full: every changing call fails.
    pub(crate) fn fill(&self, full: bool) {
        self.state.lock().unwrap().full = full;
    }

    /// How many calls have failed as planned.
    pub(crate) fn failures(&self) -> usize {
        self.state.lock().unwrap().failures
    }

    /// Brings the store back to where it was when the planned call failed.
    pub(crate) fn undo(&self) {
        let then = self.state.lock().unwrap().after_failure.clone();
        for file in self.all() {
            if !then.iter().any(|(key, _)| *key == file) {
                self.inner.delete(&file).unwrap();
            }
        }
        for (key, bytes) in then {
            self.inner.put(&key, &bytes, PutMode::Replace).unwrap();
        }
    }

    fn all(&self) -> Vec<Key> {
        let folders = ["journal", "index", "cas"].map(|folder| Key::new(folder).unwrap());
        folders.iter().flat_map(|folder| self.inner.list(folder).unwrap()).map(|file| file.key).collect()
    }

    /// Notes how everything is after a planned failure, and makes the error.
    fn failure(&self, key: &str) -> BackendError {
        let files = self.all().into_iter().map(|key| (key.clone(), self.inner.get(&key).unwrap())).collect();
        let mut state = self.state.lock().unwrap();
        state.after_failure = files;
        if state.full {
            return BackendError::Full {
                key: key.to_owned(),
                source: std::io::ErrorKind::StorageFull.into(),
            };
        }
        failure(key)
    }

    fn change(&self, name: &'static str) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        *state.calls.entry(name).or_default() += 1;
        state.changes += 1;
        match state.plan {
            Some((number, fault)) if number == state.changes => {
                state.plan = None;
                state.failures += 1;
                Some(fault)
            }
            _ if state.full => Some(Fault::Before),
            _ => None,
        }
    }

    fn note(&self, key: &Key) {
        self.state.lock().unwrap().read.push(key.to_string());
    }
}

impl Backend for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn get(&self, key: &Key) -> Result<Bytes, BackendError> {
        self.note(key);
        self.inner.get(key)
    }

    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, BackendError> {
        self.note(key);
        self.inner.get_range(key, range)
    }

    fn head(&self, key: &Key) -> Result<Option<Meta>, BackendError> {
        self.inner.head(key)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Listed>, BackendError> {
        self.inner.list(folder)
    }

    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, BackendError> {
        match self.change("put") {
            None => self.inner.put(key, bytes, mode),
            // A put is whole or absent.
            Some(Fault::Before | Fault::Half) => Err(self.failure(key.as_str())),
            Some(Fault::After) => {
                self.inner.put(key, bytes, mode)?;
                Err(self.failure(key.as_str()))
            }
        }
    }

    fn upload(&self) -> Result<Box<dyn Upload>, BackendError> {
        self.inner.upload()
    }

    fn append(&self, key: &Key) -> Result<Option<Box<dyn Append>>, BackendError> {
        if !self.appends {
            return Ok(None);
        }
        let fault = self.change("append");
        if fault == Some(Fault::Before) {
            return Err(self.failure(key.as_str()));
        }
        let file = self.inner.append(key)?.expect("the back end below can append");
        match fault {
            Some(_) => Err(self.failure(key.as_str())),
            None => Ok(Some(Box::new(BrokenFile { backend: self.clone(), file, dead: false }))),
        }
    }

    fn touch(&self, key: &Key) -> Result<(), BackendError> {
        self.inner.touch(key)
    }

    fn delete(&self, key: &Key) -> Result<(), BackendError> {
        self.inner.delete(key)
    }

    fn sync(&self) -> Result<(), BackendError> {
        match self.change("sync") {
            Some(_) => Err(self.failure("sync")),
            // Nobody cuts the power in tests.
            None => Ok(()),
        }
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }

    fn read_only(&self) -> bool {
        self.inner.read_only()
    }
}

struct BrokenFile {
    backend: Broken,
    file: Box<dyn Append>,
    dead: bool,
}

impl Append for BrokenFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        assert!(!self.dead, "a file is not used after it has failed");
        let fault = self.backend.change("write");
        match fault {
            None | Some(Fault::After) => self.file.write(bytes)?,
            Some(Fault::Half) => self.file.write(&bytes[..bytes.len() / 2])?,
            Some(Fault::Before) => {}
        }
        self.dead = fault.is_some();
        if self.dead { Err(self.backend.failure("write")) } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), BackendError> {
        assert!(!self.dead, "a file is not used after it has failed");
        self.dead = self.backend.change("file sync").is_some();
        if self.dead { Err(self.backend.failure("sync")) } else { Ok(()) }
    }

    fn len(&self) -> u64 {
        self.file.len()
    }
}
