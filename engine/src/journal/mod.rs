//! The journal: append-only records of all writers, the truth of a store.
//!
//! Each [`Writer`] has files of its own, so any number of processes write at once, without locks. Its *segments* are
//! numbered chunks from 1 without gaps: growing files on disks, one immutable object per commit in buckets. Beside
//! them lie its *packs* of small values. [`Scan`] walks over what a [`Cursor`] has not seen; [`Journal::read`]
//! fetches one record by its [`RecordPlace`].
//!
//! # Format, version 1
//!
//! `journal/<YYYY-MM-DD>/<writer, 32 hex>-<chunk, 8 digits>.seg` (records) and `.pack` (values); merged chunks of a
//! bucket are `<writer>-<first>-<last>.seg`. All are sequences of frames ([`metalab_cas::frame`]).
//!
//! | kind | where | payload |
//! | --- | --- | --- |
//! | 0 head | first in every file | CBOR map: 0 format version (1), 1 writer id (16 bytes), 2 chunk, 3 number of the first record or value, 4 microseconds since 1970; in merged files 5 sizes of the chunks, which follow verbatim |
//! | 1, 2, 3 | segments | records, see [`crate::record`] |
//! | 4 announcement | segments | where the small values of the group lie: CBOR map, 0 array of [pack chunk, day, byte string of (digest 32, offset u32 LE, length u32 LE)] |
//! | 16 value | packs | digest (32 bytes), then the bytes |
//!
//! The number in a frame counts records from 1 over all segments of a writer, and values over all its packs. Heads and
//! announcements carry the number of the next record and do not use it up.
//!
//! # What readers may rely on
//!
//! * Values are durable before the records that name them.
//! * After a failed write or sync a writer goes on in its next chunk and repeats what was not acknowledged, with the
//!   same numbers and bytes. A record that is there twice is one.
//! * A torn end is normal. A damaged frame hides only itself. A missing chunk number means "not visible yet".

mod announce;
mod cursor;
mod damage;
#[cfg(test)]
mod golden;
mod lane;
mod place;
mod scan;
mod segment;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use metalab_cas::frame::{Item, Scanner};
use metalab_cas::{Backend, BackendError, Digest, Key};

pub use cursor::{Cursor, CursorError, Position};
pub use damage::Damage;
pub use place::{PackPlace, RecordPlace};
pub(crate) use scan::Event;
pub use scan::{Scan, Scanned};
pub use segment::{Day, Part, Segment};
pub use writer::{Committed, Writer};
pub(crate) use writer::{VALUE, now_micros};

use crate::id::{RecordName, WriterId};
use crate::record::{Record, RecordError};

/// How much a commit guarantees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What was committed survives a power cut.
    #[default]
    Full,
    /// What was committed survives a killed process, not a power cut: nothing waits for the disk.
    Relaxed,
}

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The store's files could not be reached.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The record does not decode.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No sound frame lies where a record or value should be.
    #[error("the journal is damaged at {place}: run the steps that need it again, they are recorded anew")]
    Damaged {
        /// Where.
        place: String,
    },
    /// The file is not there any more.
    #[error("the journal has no {place} (any more): refresh the index, or bring the file back")]
    Gone {
        /// What was looked for.
        place: String,
    },
    /// Another's file has this writer's name.
    #[error("`{key}` is there and was not written by this process: start it again, it gets a new writer id")]
    Foreign {
        /// The file.
        key: String,
    },
    /// Too much for one commit.
    #[error("{bytes} bytes are too much for one commit: commit more often")]
    GroupTooLarge {
        /// What waits.
        bytes: usize,
    },
    /// The store was opened for reading.
    #[error("store {store} is read-only: open it for writing to record anything")]
    ReadOnly {
        /// The store, as the user named it.
        store: String,
    },
    /// No writer id can be made.
    #[error("the system gave no randomness for a writer id")]
    Randomness {
        /// The cause.
        source: std::io::Error,
    },
}

impl JournalError {
    /// Whether a file is not there.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Backend(error) => error.is_not_found(),
            Self::Gone { .. } => true,
            _ => false,
        }
    }

    /// Whether the same may succeed when tried at once in a new file.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Backend(BackendError::Other { .. } | BackendError::Unavailable { .. }))
    }
}

/// The journal of one store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    /// Chunks that were found inside merged files: where they begin.
    merged: Mutex<Merged>,
}

/// Chunks by part, writer and number: the file that has them, and where in it they begin.
type Merged = HashMap<(Part, WriterId, u32), (Key, u64)>;

impl Journal {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self(Arc::new(Inner { backend, merged: Mutex::default() }))
    }

    fn backend(&self) -> &Arc<dyn Backend> {
        &self.0.backend
    }

    /// All files of the journal, records and values, sorted by key: one listing.
    ///
    /// # Errors
    /// When the listing fails; it is never taken for "nothing there".
    pub fn list(&self) -> Result<Vec<Segment>, JournalError> {
        let files = self.0.backend.list(&folder())?;
        let parse = |file: metalab_cas::Listed| Segment::parse(&file.key, file.meta.size, file.meta.modified);
        Ok(files.into_iter().filter_map(parse).collect())
    }

    /// Walks over the records `from` has not seen. Files with nothing new are not opened.
    ///
    /// # Errors
    /// When the listing fails.
    pub fn scan(&self, from: &Cursor) -> Result<Scan, JournalError> {
        Ok(self.scan_listed(from, &self.list()?))
    }

    /// The same with a listing at hand.
    pub(crate) fn scan_listed(&self, from: &Cursor, files: &[Segment]) -> Scan {
        let records = files.iter().filter(|file| file.part == Part::Records).cloned().collect();
        Scan::new(self.clone(), from, records)
    }

    /// All values in the packs of a writer, by reading them whole.
    pub(crate) fn packed(
        &self,
        writer: &WriterId,
        files: &[Segment],
    ) -> Result<Vec<(Digest, PackPlace)>, JournalError> {
        let mut values = Vec::new();
        for file in files.iter().filter(|file| file.part == Part::Values && file.writer == *writer) {
            match self.0.backend.get(&file.key) {
                Ok(bytes) => values.extend(scan::values(file, &bytes)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(values)
    }

    /// Fetches and decodes one record.
    ///
    /// # Errors
    /// When it is gone or damaged, or this metalab is too old for it.
    pub fn read(&self, place: &RecordPlace) -> Result<Record, JournalError> {
        Ok(self.read_named(place)?.1)
    }

    /// The same, with the name of the record.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_named(&self, place: &RecordPlace) -> Result<(RecordName, Record), JournalError> {
        let (bytes, frame) = self.frame(Part::Records, place)?;
        let name = RecordName { writer: place.writer, sequence: frame.seq };
        Ok((name, Record::decode(name, frame.kind, frame.level, &bytes[frame.payload])?))
    }

    /// Fetches a small value and compares it with its digest.
    ///
    /// # Errors
    /// When it is gone or damaged.
    pub fn read_value(&self, place: &PackPlace, digest: &Digest) -> Result<Bytes, JournalError> {
        let (bytes, frame) = self.frame(Part::Values, &place.0)?;
        let damaged = || JournalError::Damaged { place: place.to_string() };
        let payload = bytes.slice(frame.payload);
        let (found, value) = payload.split_first_chunk::<32>().ok_or_else(damaged)?;
        if frame.kind != VALUE || found != digest.as_bytes() || Digest::of(value) != *digest {
            return Err(damaged());
        }
        Ok(payload.slice(32..))
    }

    fn frame(
        &self,
        part: Part,
        place: &RecordPlace,
    ) -> Result<(Bytes, metalab_cas::frame::Frame), JournalError> {
        let range = |base: u64| base + place.offset..base + place.offset + u64::from(place.len);
        let known = self.merged().get(&(part, place.writer, place.chunk)).cloned();
        let fetched = match known {
            Some((key, base)) => self.0.backend.get_range(&key, range(base)),
            None => self.0.backend.get_range(&place.key(part), range(0)),
        };
        let bytes = match fetched {
            Err(error) if error.is_not_found() => {
                let (key, base) = self.find_merged(part, place)?;
                self.0.backend.get_range(&key, range(base))?
            }
            fetched => fetched?,
        };
        match Scanner::new(&bytes).next() {
            Some(Item::Frame(frame)) if frame.payload.end == bytes.len() => Ok((bytes, frame)),
            _ => Err(JournalError::Damaged { place: place.to_string() }),
        }
    }

    /// Looks for the merged file that holds a chunk.
    fn find_merged(&self, part: Part, place: &RecordPlace) -> Result<(Key, u64), JournalError> {
        let gone = || JournalError::Gone { place: place.to_string() };
        let files = self.list()?.into_iter();
        let mut files = files.filter(|file| {
            file.part == part && file.writer == place.writer && file.is_merged() && file.covers(place.chunk)
        });
        let file = files.next().ok_or_else(gone)?;
        let bytes = self.0.backend.get(&file.key)?;
        let parts = scan::merged_parts(&bytes, &file).ok_or_else(gone)?;
        let mut merged = self.merged();
        for (chunk, range) in (file.first..).zip(parts) {
            merged.insert((part, file.writer, chunk), (file.key.clone(), range.start as u64));
        }
        merged.get(&(part, place.writer, place.chunk)).cloned().ok_or_else(gone)
    }

    fn merged(&self) -> std::sync::MutexGuard<'_, Merged> {
        self.0.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn folder() -> Key {
    Key::new("journal").expect("a legal key")
}
