//! A back end in memory that can append: quick, and strict about what the port promises.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use bytes::Bytes;
use metalab_cas::{Append, Backend, BackendError, Key, Listed, Meta, PutMode, PutOutcome, Upload};

type Files = BTreeMap<Key, (Vec<u8>, SystemTime)>;

/// Files in a map.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Files>>);

impl Memory {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap()
    }
}

impl Backend for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn get(&self, key: &Key) -> Result<Bytes, BackendError> {
        self.get_range(key, 0..u64::MAX)
    }

    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, BackendError> {
        let files = self.files();
        let (bytes, _) = files.get(key).ok_or_else(|| BackendError::NotFound { key: key.to_string() })?;
        let end = range.end.min(bytes.len() as u64) as usize;
        Ok(Bytes::copy_from_slice(&bytes[end.min(range.start as usize)..end]))
    }

    fn head(&self, key: &Key) -> Result<Option<Meta>, BackendError> {
        Ok(self
            .files()
            .get(key)
            .map(|(bytes, modified)| Meta { size: bytes.len() as u64, modified: *modified }))
    }

    fn list(&self, folder: &Key) -> Result<Vec<Listed>, BackendError> {
        let files = self.files();
        let below = files.iter().filter(|(key, _)| key.is_below(folder));
        let listed = below.map(|(key, (bytes, modified))| Listed {
            key: key.clone(),
            meta: Meta { size: bytes.len() as u64, modified: *modified },
        });
        Ok(listed.collect())
    }

    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, BackendError> {
        let mut files = self.files();
        if mode == PutMode::Create && files.contains_key(key) {
            return Ok(PutOutcome::Existed);
        }
        files.insert(key.clone(), (bytes.to_vec(), SystemTime::now()));
        Ok(PutOutcome::Written)
    }

    fn upload(&self) -> Result<Box<dyn Upload>, BackendError> {
        Ok(Box::new(Spool { memory: self.clone(), bytes: Vec::new() }))
    }

    fn append(&self, key: &Key) -> Result<Option<Box<dyn Append>>, BackendError> {
        self.files().entry(key.clone()).or_insert_with(|| (Vec::new(), SystemTime::now()));
        Ok(Some(Box::new(Growing { memory: self.clone(), key: key.clone() })))
    }

    fn touch(&self, key: &Key) -> Result<(), BackendError> {
        match self.files().get_mut(key) {
            Some((_, modified)) => *modified = SystemTime::now(),
            None => return Err(BackendError::NotFound { key: key.to_string() }),
        }
        Ok(())
    }

    fn delete(&self, key: &Key) -> Result<(), BackendError> {
        self.files().remove(key);
        Ok(())
    }

    fn sync(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn local_path(&self, _: &Key) -> Option<PathBuf> {
        None
    }

    fn read_only(&self) -> bool {
        false
    }
}

struct Spool {
    memory: Memory,
    bytes: Vec<u8>,
}

impl Upload for Spool {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, key: &Key, mode: PutMode) -> Result<PutOutcome, BackendError> {
        self.memory.put(key, &self.bytes, mode)
    }
}

struct Growing {
    memory: Memory,
    key: Key,
}

impl Append for Growing {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        let mut files = self.memory.files();
        let (file, _) = files.get_mut(&self.key).expect("nobody deletes a file that grows");
        file.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), BackendError> {
        Ok(())
    }

    fn len(&self) -> u64 {
        self.memory.files()[&self.key].0.len() as u64
    }
}
