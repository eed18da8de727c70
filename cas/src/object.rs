//! Any object store without append as a back end: buckets, memory.
//!
//! Objects are whole or absent and durable when they are acknowledged, so [`Backend::sync`] has
//! nothing left to do. Calls block: the requests run on a small runtime of their own, and the caller waits on a channel,
//! which works inside and outside of any other runtime.

use std::fs::File;
use std::future::Future;
use std::io::{Read, Seek, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::SystemTime;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Attributes, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode as ObjectPutMode,
    PutOptions, PutPayload, WriteMultipart,
};
use tokio::runtime::{Builder, Runtime};

use crate::backend::{Append, Backend, BackendError, Listed, Meta, PutMode, PutOutcome, Upload};
use crate::key::Key;

/// An upload is kept in memory up to this size, and in a temporary file beyond.
const IN_MEMORY: usize = 8 << 20;

/// Objects below a prefix of an object store.
#[derive(Clone, Debug)]
pub struct ObjectBackend(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: &'static str,
    store: Arc<dyn ObjectStore>,
    prefix: String,
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime dropped inside another one would panic if it waited.
            runtime.shutdown_background();
        }
    }
}

impl ObjectBackend {
    /// The objects of `store` below `prefix` (empty for all of them).
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, BackendError> {
        Self::named("object", store, prefix)
    }

    /// A store in memory, gone with the last clone of the handle.
    ///
    /// # Panics
    /// When the system has no thread to give.
    pub fn memory() -> Self {
        let store = Arc::new(object_store::memory::InMemory::new());
        Self::named("memory", store, "").expect("a thread is to be had")
    }

    fn named(name: &'static str, store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, BackendError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("metalab-objects").enable_all().build();
        let runtime = runtime.map_err(|error| BackendError::from_io("start", ".", error))?;
        Ok(Self(Arc::new(Inner {
            name,
            store,
            prefix: prefix.trim_matches('/').to_owned(),
            runtime: Some(runtime),
        })))
    }

    fn path(&self, key: &Key) -> Path {
        match self.0.prefix.as_str() {
            "" => Path::from(key.as_str()),
            prefix => Path::from(format!("{prefix}/{}", key.as_str())),
        }
    }

    /// Runs a request to its end.
    fn wait<T, F>(&self, what: &'static str, key: &str, request: F) -> Result<T, BackendError>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel();
        let runtime = self.0.runtime.as_ref().expect("the runtime lives as long as the handle");
        runtime.spawn(async move {
            // Nobody receives only if the caller's thread is gone.
            let _ = sender.send(request.await);
        });
        let lost = || BackendError::Unavailable {
            key: key.to_owned(),
            what,
            source: "the request was given up".to_owned().into(),
        };
        receiver.recv().map_err(|_| lost())?.map_err(|error| sort(what, key, error))
    }

    fn get_with(&self, key: &Key, options: GetOptions) -> Result<Bytes, BackendError> {
        let (store, path) = (self.0.store.clone(), self.path(key));
        self.wait("read", key.as_str(), async move { store.get_opts(&path, options).await?.bytes().await })
    }
}

fn sort(what: &'static str, key: &str, error: object_store::Error) -> BackendError {
    use object_store::Error as E;
    let key = key.to_owned();
    match error {
        E::NotFound { .. } => BackendError::NotFound { key },
        error @ (E::PermissionDenied { .. } | E::Unauthenticated { .. }) => {
            BackendError::Denied { key, source: error.into() }
        }
        error => BackendError::Other { key, what, source: error.into() },
    }
}

fn meta(found: &ObjectMeta) -> Meta {
    Meta { size: found.size, modified: SystemTime::from(found.last_modified) }
}

impl Backend for ObjectBackend {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn get(&self, key: &Key) -> Result<Bytes, BackendError> {
        self.get_with(key, GetOptions::default())
    }

    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, BackendError> {
        // Object stores refuse a range that begins at the end or behind it.
        let Some(meta) = self.head(key)? else {
            return Err(BackendError::NotFound { key: key.as_str().to_owned() });
        };
        let range = range.start..range.end.min(meta.size);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.get_with(key, GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() })
    }

    fn head(&self, key: &Key) -> Result<Option<Meta>, BackendError> {
        let (store, path) = (self.0.store.clone(), self.path(key));
        match self.wait("look at", key.as_str(), async move { store.head(&path).await }) {
            Ok(found) => Ok(Some(meta(&found))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &Key) -> Result<Vec<Listed>, BackendError> {
        let (store, path) = (self.0.store.clone(), self.path(folder));
        let found: Vec<ObjectMeta> =
            self.wait("list", folder.as_str(), async move { store.list(Some(&path)).try_collect().await })?;
        let skip = if self.0.prefix.is_empty() { 0 } else { self.0.prefix.len() + 1 };
        let listed = found.iter().filter_map(|object| {
            let key = Key::new(object.location.as_ref().get(skip..)?).ok()?;
            Some(Listed { key, meta: meta(object) })
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(listed)
    }

    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, BackendError> {
        let (store, path) = (self.0.store.clone(), self.path(key));
        let payload = PutPayload::from(bytes.to_vec());
        let mode = match mode {
            PutMode::Create => ObjectPutMode::Create,
            PutMode::Replace => ObjectPutMode::Overwrite,
        };
        let options = PutOptions { mode, attributes: Attributes::default(), ..PutOptions::default() };
        let put = self.wait("write", key.as_str(), async move {
            match store.put_opts(&path, payload, options).await {
                Ok(_) => Ok(PutOutcome::Written),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(PutOutcome::Existed),
                Err(error) => Err(error),
            }
        })?;
        if put == PutOutcome::Existed && self.get(key)? == bytes {
            // A lost answer is asked for again inside the library, which then finds its own object.
            return Ok(PutOutcome::Existed);
        }
        Ok(put)
    }

    fn upload(&self) -> Result<Box<dyn Upload>, BackendError> {
        Ok(Box::new(Spool { backend: self.clone(), memory: Vec::new(), file: None }))
    }

    fn append(&self, _: &Key) -> Result<Option<Box<dyn Append>>, BackendError> {
        Ok(None)
    }

    fn touch(&self, key: &Key) -> Result<(), BackendError> {
        // An object's age is that of its last copy.
        let (store, path) = (self.0.store.clone(), self.path(key));
        self.wait("touch", key.as_str(), async move {
            let bytes = store.get(&path).await?.bytes().await?;
            store.put(&path, PutPayload::from(bytes)).await.map(drop)
        })
    }

    fn delete(&self, key: &Key) -> Result<(), BackendError> {
        let (store, path) = (self.0.store.clone(), self.path(key));
        match self.wait("delete", key.as_str(), async move { store.delete(&path).await }) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
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

/// An upload that waits for its name: in memory while small, else in a temporary file.
struct Spool {
    backend: ObjectBackend,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Upload for Spool {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        let failed = |error| BackendError::from_io("spool", "live", error);
        if let Some(file) = &mut self.file {
            return file.write_all(bytes).map_err(failed);
        }
        self.memory.extend_from_slice(bytes);
        if self.memory.len() > IN_MEMORY {
            let mut file = tempfile::tempfile().map_err(failed)?;
            file.write_all(&std::mem::take(&mut self.memory)).map_err(failed)?;
            self.file = Some(file);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, key: &Key, mode: PutMode) -> Result<PutOutcome, BackendError> {
        let Some(mut file) = self.file else { return self.backend.put(key, &self.memory, mode) };
        if mode == PutMode::Create && self.backend.head(key)?.is_some() {
            return Ok(PutOutcome::Existed);
        }
        let failed = |error| BackendError::from_io("read the spool of", key.as_str(), error);
        file.rewind().map_err(failed)?;
        let (store, path) = (self.backend.0.store.clone(), self.backend.path(key));
        self.backend.wait("write", key.as_str(), async move {
            let mut upload = WriteMultipart::new(store.put_multipart(&path).await?);
            let mut piece = vec![0; IN_MEMORY];
            loop {
                let count = file.read(&mut piece).map_err(|source| object_store::Error::Generic {
                    store: "spool",
                    source: source.into(),
                })?;
                if count == 0 {
                    break;
                }
                upload.wait_for_capacity(4).await?;
                upload.write(&piece[..count]);
            }
            upload.finish().await.map(|_| PutOutcome::Written)
        })
    }
}
