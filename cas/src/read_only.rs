//! A back end that changes nothing.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::backend::{Append, Backend, BackendError, Listed, Meta, PutMode, PutOutcome, Upload};
use crate::key::Key;

/// Another back end, for reading only.
#[derive(Clone, Debug)]
pub struct ReadOnly(Arc<dyn Backend>);

impl ReadOnly {
    /// `inner`, for reading only.
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self(inner)
    }
}

fn refuse<T>(key: &str) -> Result<T, BackendError> {
    Err(BackendError::ReadOnly { key: key.to_owned() })
}

impl Backend for ReadOnly {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn get(&self, key: &Key) -> Result<Bytes, BackendError> {
        self.0.get(key)
    }

    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, BackendError> {
        self.0.get_range(key, range)
    }

    fn head(&self, key: &Key) -> Result<Option<Meta>, BackendError> {
        self.0.head(key)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Listed>, BackendError> {
        self.0.list(folder)
    }

    fn put(&self, key: &Key, _: &[u8], _: PutMode) -> Result<PutOutcome, BackendError> {
        refuse(key.as_str())
    }

    fn upload(&self) -> Result<Box<dyn Upload>, BackendError> {
        refuse(".")
    }

    fn append(&self, key: &Key) -> Result<Option<Box<dyn Append>>, BackendError> {
        refuse(key.as_str())
    }

    fn touch(&self, key: &Key) -> Result<(), BackendError> {
        refuse(key.as_str())
    }

    fn delete(&self, key: &Key) -> Result<(), BackendError> {
        refuse(key.as_str())
    }

    fn sync(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.0.local_path(key)
    }

    fn read_only(&self) -> bool {
        true
    }
}
