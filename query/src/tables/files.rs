//! The files below `tables/` as Delta and DataFusion want to see them.
//!
//! On a local disk that is `object_store`'s own local back end (the tables are rebuildable, so it need not sync). On
//! any other [`Backend`] it is a thin adapter, so that tables work wherever blobs and journal do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use metalab_cas::{Backend, BackendError, Key, Meta};
use metalab_engine::store::Store;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};

use crate::error::QueryError;

/// The folder of a store's tables.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    store: Arc<dyn ObjectStore>,
    writable: bool,
}

impl Files {
    /// The tables of `store`; `None` when it has none yet and shall not get any.
    pub(crate) fn of(store: &Store, create: bool) -> std::result::Result<Option<Self>, QueryError> {
        let doing = "opening its tables";
        let folder = Key::new("tables").map_err(QueryError::store(doing))?;
        let backend = store.backend();
        let writable = !store.is_read_only();
        let Some(path) = backend.local_path(&folder) else {
            let store = Arc::new(Adapter { backend: Arc::clone(backend), folder });
            return Ok(Some(Self { store, writable }));
        };
        if writable && create {
            std::fs::create_dir_all(&path).map_err(QueryError::store(doing))?;
        } else if !path.is_dir() {
            return Ok(None);
        }
        let local = LocalFileSystem::new_with_prefix(&path).map_err(QueryError::store(doing))?;
        Ok(Some(Self { store: Arc::new(local), writable }))
    }

    /// The object store whose root is `tables/`.
    pub(crate) fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// Whether tables may be written.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }
}

/// A [`Backend`] as an object store. Its calls block for one request, as those of `LocalFileSystem` do.
#[derive(Debug)]
struct Adapter {
    backend: Arc<dyn Backend>,
    folder: Key,
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tables on {}", self.backend.name())
    }
}

fn failed(location: &Path, error: BackendError) -> Error {
    let path = location.to_string();
    if error.is_not_found() {
        Error::NotFound { path, source: error.into() }
    } else {
        Error::Generic { store: "tables", source: error.into() }
    }
}

impl Adapter {
    fn key(&self, location: &Path) -> Result<Key> {
        let odd = |error: metalab_cas::KeyError| Error::Generic { store: "tables", source: error.into() };
        if location.as_ref().is_empty() {
            Ok(self.folder.clone())
        } else {
            self.folder.join(location.as_ref()).map_err(odd)
        }
    }

    fn meta(&self, location: &Path, meta: &Meta) -> ObjectMeta {
        ObjectMeta {
            location: location.clone(),
            last_modified: meta.modified.into(),
            size: meta.size,
            e_tag: None,
            version: None,
        }
    }

    fn below(&self, prefix: Option<&Path>) -> Result<Vec<ObjectMeta>> {
        let prefix = prefix.cloned().unwrap_or_default();
        let listed = self.backend.list(&self.key(&prefix)?).map_err(|error| failed(&prefix, error))?;
        let skip = self.folder.as_str().len() + 1;
        let location = |key: &Key| Path::parse(&key.as_str()[skip..]).map_err(Error::from);
        listed.iter().map(|file| Ok(self.meta(&location(&file.key)?, &file.meta))).collect()
    }
}

#[async_trait::async_trait]
impl ObjectStore for Adapter {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mode = match options.mode {
            PutMode::Overwrite => metalab_cas::PutMode::Replace,
            PutMode::Create => metalab_cas::PutMode::Create,
            PutMode::Update(_) => return Err(unsupported("updating by version")),
        };
        let bytes = bytes::Bytes::from(payload);
        match self.backend.put(&self.key(location)?, &bytes, mode).map_err(|error| failed(location, error))? {
            metalab_cas::PutOutcome::Written => Ok(PutResult { e_tag: None, version: None }),
            metalab_cas::PutOutcome::Existed => {
                let source = "a file of this name is there".into();
                Err(Error::AlreadyExists { path: location.to_string(), source })
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Parts {
            backend: Arc::clone(&self.backend),
            key: self.key(location)?,
            bytes: Vec::new(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let key = self.key(location)?;
        let Some(meta) = self.backend.head(&key).map_err(|error| failed(location, error))? else {
            return Err(Error::NotFound { path: location.to_string(), source: "it is not there".into() });
        };
        let object = self.meta(location, &meta);
        options.check_preconditions(&object)?;
        let range: Range<u64> = match options.range {
            None => 0..meta.size,
            Some(GetRange::Bounded(range)) => range.start..range.end.min(meta.size),
            Some(GetRange::Offset(start)) => start..meta.size,
            Some(GetRange::Suffix(count)) => meta.size.saturating_sub(count)..meta.size,
        };
        let bytes = if options.head {
            bytes::Bytes::new()
        } else {
            self.backend.get_range(&key, range.clone()).map_err(|error| failed(location, error))?
        };
        let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta: object, range, attributes: Attributes::default() })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let this = Self { backend: Arc::clone(&self.backend), folder: self.folder.clone() };
        let delete = move |location: Result<Path>| {
            let location = location?;
            this.backend.delete(&this.key(&location)?).map_err(|error| failed(&location, error))?;
            Ok(location)
        };
        locations.map(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.below(prefix) {
            Ok(files) => stream::iter(files.into_iter().map(Ok)).boxed(),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let root = prefix.cloned().unwrap_or_default();
        let mut result = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
        for object in self.below(prefix)? {
            let parts: Vec<_> =
                object.location.prefix_match(&root).map(Iterator::collect).unwrap_or_default();
            match parts.as_slice() {
                [] => {}
                [_] => result.objects.push(object.clone()),
                [first, ..] => {
                    let folder = root.clone().join(first.clone());
                    if result.common_prefixes.last() != Some(&folder) {
                        result.common_prefixes.push(folder);
                    }
                }
            }
        }
        Ok(result)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let bytes = self.backend.get(&self.key(from)?).map_err(|error| failed(from, error))?;
        let mode = match options.mode {
            CopyMode::Overwrite => PutMode::Overwrite,
            CopyMode::Create => PutMode::Create,
        };
        self.put_opts(to, bytes.into(), mode.into()).await.map(drop)
    }
}

fn unsupported(what: &str) -> Error {
    Error::NotSupported { source: what.to_owned().into() }
}

/// A multipart upload that is put as a whole.
#[derive(Debug)]
struct Parts {
    backend: Arc<dyn Backend>,
    key: Key,
    bytes: Vec<u8>,
}

#[async_trait::async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        data.iter().for_each(|bytes| self.bytes.extend_from_slice(bytes));
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.backend.put(&self.key, &self.bytes, metalab_cas::PutMode::Replace);
        put.map_err(|error| Error::Generic { store: "tables", source: error.into() })?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.bytes.clear();
        Ok(())
    }
}
