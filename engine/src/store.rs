//! Stores: one place with blobs, journal, index and tables.

use std::path::Path;
use std::sync::Arc;

use metalab_cas::{Access as Opening, Backend, BackendError, Blobs, Key, Locator, LocatorError, PutMode};
use serde::{Deserialize, Serialize};

use crate::journal::Journal;

/// The format of stores this metalab reads and writes.
pub const FORMAT: u64 = 1;

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing in the store is changed, not a byte.
    ReadOnly,
    /// Runs may be recorded.
    ReadWrite,
}

/// Why a store could not be opened. It is left as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file is where the store should be.
    #[error("`{store}` is a file: name a folder for the store")]
    NotAFolder {
        /// As the user named it.
        store: String,
    },
    /// Nothing is there.
    #[error("there is no store at `{store}`: check the path, or run an experiment with it to create it")]
    Missing {
        /// As the user named it.
        store: String,
    },
    /// Something else is there.
    #[error(
        "`{store}` holds files but no `metalab.json`, so it is not a store: name an empty or a new folder"
    )]
    NotAStore {
        /// As the user named it.
        store: String,
    },
    /// Written by a newer metalab.
    #[error("store `{store}` has format {found}, this metalab knows up to {FORMAT}: use a newer metalab")]
    NewerFormat {
        /// As the user named it.
        store: String,
        /// Its format.
        found: u64,
    },
    /// `metalab.json` is not what it should be.
    #[error(
        "`metalab.json` of store `{store}` cannot be read ({why}): bring it back from a copy of the store, or move it away if this is no store"
    )]
    Garbage {
        /// As the user named it.
        store: String,
        /// What is wrong.
        why: String,
    },
    /// The store cannot be written.
    #[error("store `{store}` is read-only: allow writing to it, or choose another store")]
    ReadOnly {
        /// As the user named it.
        store: String,
    },
    /// No space is left.
    #[error("no space is left for store `{store}`: free some, or choose another place")]
    Full {
        /// As the user named it.
        store: String,
        /// The cause.
        source: BackendError,
    },
    /// The locator names no store.
    #[error(transparent)]
    Locator(#[from] LocatorError),
    /// Its files cannot be reached.
    #[error("store `{store}` cannot be used")]
    Backend {
        /// As the user named it.
        store: String,
        /// The cause.
        source: BackendError,
    },
    /// Its files cannot be reached, and it is clear which store is meant.
    #[error(transparent)]
    Files(#[from] BackendError),
    /// No store id can be made.
    #[error("the system gave no randomness for a store id")]
    Randomness {
        /// The cause.
        source: std::io::Error,
    },
}

impl StoreError {
    /// What a back end's error means for a store.
    pub fn backend(store: &Store, source: BackendError) -> Self {
        sort(source, store.describe())
    }
}

/// A place that keeps experiments. Cheap to clone.
///
/// ```
/// use metalab_engine::store::{Access, Store};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("runs");
/// let path = path.to_str().expect("a plain path");
/// let store = Store::create(path)?;
/// assert_eq!(Store::open(path, Access::ReadOnly)?.id(), store.id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    blobs: Blobs,
    journal: Journal,
    id: String,
    described: String,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u64,
    store_id: String,
    created: String,
}

impl Store {
    /// Opens a store that exists.
    ///
    /// # Errors
    /// When there is none, or it cannot be used; see [`StoreError`].
    pub fn open(locator: &str, access: Access) -> Result<Self, StoreError> {
        let opening = match access {
            Access::ReadOnly => Opening::ReadOnly,
            Access::ReadWrite => Opening::ReadWrite,
        };
        let backend = locate(locator, opening)?;
        let found = read_manifest(&*backend, locator)?;
        match found {
            Some(manifest) => Ok(Self::with(backend, manifest, locator)),
            None if is_empty(&*backend, locator)? => Err(StoreError::Missing { store: locator.to_owned() }),
            None => Err(StoreError::NotAStore { store: locator.to_owned() }),
        }
    }

    /// Opens a store, or creates it where nothing is yet. Two that create it at once agree.
    ///
    /// # Errors
    /// When something else is there, or the place cannot be used; see [`StoreError`].
    pub fn create(locator: &str) -> Result<Self, StoreError> {
        Self::on_named(locate(locator, Opening::Create)?, Access::ReadWrite, locator)
    }

    /// A new store in memory, for tests and trials.
    ///
    /// # Errors
    /// When the system has no randomness for a store id.
    pub fn memory() -> Result<Self, StoreError> {
        Self::create("memory://")
    }

    /// The store on a back end; created when it is missing and `access` allows it.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::create`].
    pub fn on(backend: Arc<dyn Backend>, access: Access) -> Result<Self, StoreError> {
        let name = backend.name();
        Self::on_named(backend, access, name)
    }

    fn on_named(backend: Arc<dyn Backend>, access: Access, name: &str) -> Result<Self, StoreError> {
        if let Some(manifest) = read_manifest(&*backend, name)? {
            return Ok(Self::with(read_only_if(backend, access), manifest, name));
        }
        if !is_empty(&*backend, name)? {
            // Perhaps another process has just created it.
            return match read_manifest(&*backend, name)? {
                Some(manifest) => Ok(Self::with(read_only_if(backend, access), manifest, name)),
                None => Err(StoreError::NotAStore { store: name.to_owned() }),
            };
        }
        if access == Access::ReadOnly {
            return Err(StoreError::Missing { store: name.to_owned() });
        }
        let created = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let manifest = Manifest { format: FORMAT, store_id: random_id()?, created };
        let text = serde_json::to_string(&manifest).expect("three plain fields are JSON") + "\n";
        let put = backend.put(&manifest_key(), text.as_bytes(), PutMode::Create);
        put.and_then(|_| backend.sync()).map_err(|source| sort(source, name))?;
        // Whoever came first has named it.
        match read_manifest(&*backend, name)? {
            Some(manifest) => Ok(Self::with(backend, manifest, name)),
            None => Err(StoreError::Missing { store: name.to_owned() }),
        }
    }

    fn with(backend: Arc<dyn Backend>, manifest: Manifest, described: &str) -> Self {
        let blobs = Blobs::new(backend.clone());
        let journal = Journal::new(backend.clone());
        Self(Arc::new(Inner {
            backend,
            blobs,
            journal,
            id: manifest.store_id,
            described: described.to_owned(),
        }))
    }

    /// The store's id: 32 hexadecimal digits, kept when it is copied.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Where its files lie.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.0.backend
    }

    /// Its large values.
    pub fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    /// Its small and large values, wherever they lie.
    pub fn values(&self) -> crate::values::Values {
        crate::values::Values::new(self)
    }

    /// Its records.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Whether nothing may be written.
    pub fn is_read_only(&self) -> bool {
        self.0.backend.read_only()
    }

    /// The store as the user named it, for messages.
    pub fn describe(&self) -> &str {
        &self.0.described
    }
}

fn read_only_if(backend: Arc<dyn Backend>, access: Access) -> Arc<dyn Backend> {
    match access {
        Access::ReadOnly if !backend.read_only() => Arc::new(metalab_cas::ReadOnly::new(backend)),
        _ => backend,
    }
}

fn manifest_key() -> Key {
    Key::new("metalab.json").expect("a legal key")
}

fn locate(text: &str, opening: Opening) -> Result<Arc<dyn Backend>, StoreError> {
    let locator = Locator::parse(text)?;
    if let Some(path) = locator.local_path() {
        let store = || text.to_owned();
        match std::fs::metadata(path) {
            Ok(found) if !found.is_dir() => return Err(StoreError::NotAFolder { store: store() }),
            Ok(_) => match is_foreign(path) {
                Ok(false) => {}
                Ok(true) => return Err(StoreError::NotAStore { store: store() }),
                Err(error) => return Err(sort(BackendError::from_io("open", text, error), text)),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if opening != Opening::Create {
                    return Err(StoreError::Missing { store: store() });
                }
            }
            Err(error) => return Err(sort(BackendError::from_io("open", text, error), text)),
        }
    }
    locator.open(opening).map_err(|error| match error {
        LocatorError::Backend(source) => sort(source, text),
        error => StoreError::Locator(error),
    })
}

fn read_manifest(backend: &dyn Backend, store: &str) -> Result<Option<Manifest>, StoreError> {
    let bytes = match backend.get(&manifest_key()) {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(sort(error, store)),
    };
    let garbage = |why: String| StoreError::Garbage { store: store.to_owned(), why };
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| garbage(error.to_string()))?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    match format.ok_or_else(|| garbage("it has no number `format`".to_owned()))? {
        // The other fields of a newer format may mean anything.
        found if found > FORMAT => return Err(StoreError::NewerFormat { store: store.to_owned(), found }),
        0 => return Err(garbage("there is no format 0".to_owned())),
        _ => {}
    }
    let manifest: Manifest = serde_json::from_value(value).map_err(|error| garbage(error.to_string()))?;
    let hexadecimal = manifest.store_id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if manifest.store_id.len() != 32 || !hexadecimal {
        return Err(garbage("`store_id` is not 32 hexadecimal digits".to_owned()));
    }
    Ok(Some(manifest))
}

/// Whether none of a store's folders is there. (In local folders no other file may be there either, see [`locate`].)
fn is_empty(backend: &dyn Backend, store: &str) -> Result<bool, StoreError> {
    for folder in ["journal", "index", "tables", "cas"] {
        let folder = Key::new(folder).expect("a legal key");
        if !backend.list(&folder).map_err(|source| sort(source, store))?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a local folder holds files and is no store.
fn is_foreign(folder: &Path) -> std::io::Result<bool> {
    let manifest = || folder.join("metalab.json").try_exists();
    if manifest()? {
        return Ok(false);
    }
    for entry in std::fs::read_dir(folder)? {
        // Another process may be creating it this moment, and this is its manifest on the way to its name.
        if !is_temporary(entry?.file_name().as_encoded_bytes()) {
            // Or it was created meanwhile: the manifest has its name before anything else is there.
            return manifest().map(|there| !there);
        }
    }
    Ok(false)
}

/// Whether a name is one that the local back end gives to files without a name: `~`, then hexadecimal digits
/// and `-` to the end.
fn is_temporary(name: &[u8]) -> bool {
    let mut parts = name.rsplitn(2, |byte| *byte == b'~');
    let digits = parts.next().unwrap_or_default();
    parts.next().is_some()
        && digits.len() >= 8
        && digits.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

fn random_id() -> Result<String, StoreError> {
    let id = crate::id::WriterId::random().map_err(|source| StoreError::Randomness { source })?;
    Ok(id.to_string())
}

fn sort(source: BackendError, store: &str) -> StoreError {
    let store = store.to_owned();
    match source {
        BackendError::ReadOnly { .. } => StoreError::ReadOnly { store },
        BackendError::Full { .. } => StoreError::Full { store, source },
        source => StoreError::Backend { store, source },
    }
}
