//! Bytes and values of inputs, for runs that need them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use metalab_cas::{Digest, Value};

use crate::codec::{Codec, CodecError};
use crate::journal::{JournalError, PackPlace, RecordPlace};
use crate::record::Record;
use crate::store::Store;
use crate::values::ValueError;

/// Where the bytes of a value lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Where {
    /// In the record of the attempt that made it.
    Record(RecordPlace),
    /// In a pack.
    Pack(PackPlace),
    /// In a blob of its own.
    Blob,
    /// On the [`Shelf`].
    Shelf,
}

/// A value by digest, with the place where it should be found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    pub(crate) digest: Digest,
    pub(crate) at: Where,
}

/// What one input of a run is given.
#[derive(Clone, Debug)]
pub(crate) enum Supplied {
    One(Located),
    /// With coordinates, in the order of those.
    Many(Arc<Vec<(Value, Located)>>),
}

/// Outputs of this submission that later steps need: their bytes until they are durable, then their place.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<HashMap<Digest, Held>>);

#[derive(Clone, Debug)]
enum Held {
    Bytes(Bytes),
    At(Where),
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps bytes that are not durable yet.
    pub(crate) fn keep(&self, digest: Digest, bytes: Bytes) {
        self.lock().insert(digest, Held::Bytes(bytes));
    }

    /// Notes where a value is now durable; its bytes are let go.
    pub(crate) fn durable(&self, digest: &Digest, at: Where) {
        if let Some(held) = self.lock().get_mut(digest) {
            *held = Held::At(at);
        }
    }

    fn get(&self, digest: &Digest) -> Option<Held> {
        self.lock().get(digest).cloned()
    }

    /// Lets everything go.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }
}

/// An input that cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SupplyError {
    /// Its bytes are not there, or are others.
    #[error("input `{input}`: {source}")]
    Bytes { input: String, source: Arc<ValueError> },
    /// Its bytes are not of the type.
    #[error("input `{input}` (value {digest}) is no `{expected}`")]
    Decode { input: String, digest: Digest, expected: &'static str, source: Arc<CodecError> },
    /// The copy cannot be written.
    #[error("input `{input}` (value {digest}) cannot be copied into the scratch folder: {reason}")]
    Copy { input: String, digest: Digest, reason: String },
}

impl SupplyError {
    /// Whether making the value anew may help.
    pub(crate) fn may_be_repaired(&self) -> bool {
        match self {
            Self::Bytes { source, .. } => {
                matches!(&**source, ValueError::Missing { .. } | ValueError::Damaged { .. })
            }
            Self::Decode { .. } => true,
            Self::Copy { .. } => false,
        }
    }
}

/// Gives runs their inputs: bytes from the store or the shelf, decoded values shared between runs.
#[derive(Debug)]
pub(crate) struct Supply {
    store: Store,
    pub(crate) shelf: Shelf,
    decoded: DecodedCache,
}

impl Supply {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, shelf: Shelf::default(), decoded: DecodedCache::default() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The bytes of a value that only this process has, or else where everybody finds it.
    pub(crate) fn find(&self, wanted: &Located) -> Result<Bytes, Where> {
        match self.shelf.get(&wanted.digest) {
            Some(Held::Bytes(bytes)) => Ok(bytes),
            Some(Held::At(at)) => Err(at),
            None => Err(wanted.at),
        }
    }

    /// The bytes of a value, verified.
    pub(crate) fn bytes(&self, wanted: &Located) -> Result<Bytes, ValueError> {
        let digest = &wanted.digest;
        let at = match (wanted.at, self.shelf.get(digest)) {
            (_, Some(Held::Bytes(bytes))) => return Ok(bytes),
            // What was made in this submission is the newest there is.
            (_, Some(Held::At(at))) | (at, None) => at,
        };
        match at {
            Where::Record(place) => match self.store.journal().read(&place) {
                Ok(Record::Attempt(attempt)) => match attempt.output {
                    Some(output) if Digest::of(&output.inline) == *digest => Ok(output.inline.into()),
                    _ => Err(ValueError::Damaged { digest: *digest }),
                },
                Ok(_) | Err(JournalError::Damaged { .. }) => Err(ValueError::Damaged { digest: *digest }),
                Err(error) if error.is_not_found() => Err(ValueError::Missing { digest: *digest }),
                Err(error) => Err(ValueError::Journal(error)),
            },
            Where::Pack(place) => self.store.values().get_from(digest, std::iter::once(place)),
            Where::Blob | Where::Shelf => self.store.values().get_from(digest, std::iter::empty()),
        }
    }

    /// A value of type `T`, which runs share if it is large.
    pub(crate) fn value<T, C>(&self, input: &str, wanted: &Located) -> Result<Arc<T>, SupplyError>
    where
        T: Send + Sync + 'static,
        C: Codec<T>,
    {
        let key = (wanted.digest, TypeId::of::<T>(), C::NAME);
        if let Some(found) = self.decoded.get(&key) {
            return Ok(found);
        }
        let bytes = self
            .bytes(wanted)
            .map_err(|error| SupplyError::Bytes { input: input.to_owned(), source: Arc::new(error) })?;
        let value = C::decode(&bytes).map_err(|error| SupplyError::Decode {
            input: input.to_owned(),
            digest: wanted.digest,
            expected: std::any::type_name::<T>(),
            source: Arc::new(error),
        })?;
        let value = Arc::new(value);
        self.decoded.put(key, value.clone(), bytes.len());
        Ok(value)
    }
}

type Key = (Digest, TypeId, &'static str);

/// Decoded values of some size: a thousand cells do not decode one dataset a thousand times.
#[derive(Debug, Default)]
pub(crate) struct DecodedCache(Mutex<Decoded>);

#[derive(Debug, Default)]
struct Decoded {
    values: HashMap<Key, Kept>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    value: Arc<dyn Any + Send + Sync>,
    bytes: usize,
    used: u64,
}

/// Smaller values are decoded faster than they are looked up by many threads.
const LEAST: usize = 4 << 10;
/// The most encoded bytes whose values are kept.
const MOST: usize = 256 << 20;

impl DecodedCache {
    fn lock(&self) -> MutexGuard<'_, Decoded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get<T: Send + Sync + 'static>(&self, key: &Key) -> Option<Arc<T>> {
        let mut decoded = self.lock();
        decoded.clock += 1;
        let now = decoded.clock;
        let kept = decoded.values.get_mut(key)?;
        kept.used = now;
        kept.value.clone().downcast().ok()
    }

    fn put(&self, key: Key, value: Arc<dyn Any + Send + Sync>, bytes: usize) {
        if !(LEAST..=MOST).contains(&bytes) {
            return;
        }
        let mut decoded = self.lock();
        let used = decoded.clock;
        if decoded.values.insert(key, Kept { value, bytes, used }).is_none() {
            decoded.bytes += bytes;
        }
        if decoded.bytes > MOST {
            decoded.forget();
        }
    }
}

impl Decoded {
    /// Forgets the values used longest ago, down to half of what may be kept.
    fn forget(&mut self) {
        let mut ages: Vec<(u64, Key)> = self.values.iter().map(|(key, kept)| (kept.used, *key)).collect();
        ages.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in ages {
            if self.bytes <= MOST / 2 {
                break;
            }
            if let Some(kept) = self.values.remove(&key) {
                self.bytes -= kept.bytes;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_forgets_the_oldest() {
        let cache = DecodedCache::default();
        let key = |number: u64| (Digest::of(&number.to_le_bytes()), TypeId::of::<u64>(), "json");
        let part = MOST / 4;
        for number in 0..4 {
            cache.put(key(number), Arc::new(number), part);
        }
        assert_eq!(cache.get::<u64>(&key(0)).as_deref(), Some(&0));
        cache.put(key(4), Arc::new(4_u64), part);
        let left: Vec<u64> = (0..5).filter(|number| cache.get::<u64>(&key(*number)).is_some()).collect();
        assert!(left.contains(&0) && !left.contains(&1), "{left:?}");
        assert!(cache.lock().bytes <= MOST / 2);
        cache.put(key(9), Arc::new(9_u64), MOST + 1);
        assert!(cache.get::<u64>(&key(9)).is_none());
    }

    #[test]
    fn a_shelf_gives_bytes_until_they_are_durable() {
        let shelf = Shelf::default();
        let digest = Digest::of(b"x");
        shelf.keep(digest, Bytes::from_static(b"x"));
        assert!(matches!(shelf.get(&digest).unwrap(), Held::Bytes(_)));
        shelf.durable(&digest, Where::Blob);
        assert!(matches!(shelf.get(&digest).unwrap(), Held::At(Where::Blob)));
    }
}
