//! Pins: names for values that must be kept, and that inputs may ask for.
//!
//! A pin is the file `pins/<name>` of a store: the line `metalab pin 1` and the digest in hexadecimal (**format**).

use metalab_cas::{Digest, Key, KeyError, PutMode};

use crate::store::{Store, StoreError};

const FIRST_LINE: &str = "metalab pin 1";

/// A pin that cannot be read or set.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// It cannot be called so.
    #[error("the pin cannot be called so")]
    Name(#[from] KeyError),
    /// The store cannot be reached or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its file is not what it should be.
    #[error("the pin `{name}` is damaged; set it anew")]
    Damaged {
        /// Its name.
        name: String,
    },
}

impl Store {
    /// Gives a value of the store a name under which it is kept, and under which inputs find it
    /// (`Upstream::pinned(name)`). A pin of that name is replaced.
    ///
    /// ```
    /// use metalab_engine::store::Store;
    /// let store = Store::memory()?;
    /// let digest = store.blobs().put(b"weights")?;
    /// store.pin("best-model", digest)?;
    /// assert_eq!(store.pinned("best-model")?, Some(digest));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the name breaks a rule or the store cannot be written.
    pub fn pin(&self, name: &str, digest: Digest) -> Result<(), PinError> {
        let text = format!("{FIRST_LINE}\n{digest}\n");
        let backend = self.backend();
        let put = backend.put(&key(name)?, text.as_bytes(), PutMode::Replace);
        put.and_then(|_| backend.sync()).map_err(|error| StoreError::backend(self, error))?;
        Ok(())
    }

    /// The value that is pinned under a name.
    ///
    /// # Errors
    /// When the name breaks a rule, or the store cannot be read.
    pub fn pinned(&self, name: &str) -> Result<Option<Digest>, PinError> {
        let bytes = match self.backend().get(&key(name)?) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(StoreError::backend(self, error).into()),
        };
        let text = std::str::from_utf8(&bytes).ok();
        let digest = text.and_then(|text| text.strip_prefix(FIRST_LINE)?.trim().parse().ok());
        digest.map(Some).ok_or_else(|| PinError::Damaged { name: name.to_owned() })
    }

    /// Takes a pin away; the value itself stays until it is collected.
    ///
    /// # Errors
    /// When the name breaks a rule or the store cannot be written.
    pub fn unpin(&self, name: &str) -> Result<(), PinError> {
        match self.backend().delete(&key(name)?) {
            Err(error) if !error.is_not_found() => Err(StoreError::backend(self, error).into()),
            _ => Ok(()),
        }
    }
}

fn key(name: &str) -> Result<Key, PinError> {
    // One component: a pin is a file of the folder itself.
    Ok(Key::new("pins")?.join(name)?)
}
