//! One file after the other: where a writer's frames go, segments and packs alike.
//!
//! Where the back end can append, a lane is one growing file at a time. After any failure that file is abandoned:
//! what a failed write or sync left in it is unknown, and a second sync that succeeds proves nothing. The lane then
//! goes on in a file with the next number.
//!
//! In buckets every call writes one immutable object. There a failure leaves open whether the object landed, so the
//! very same bytes are put under the very same number until an answer comes: numbers have no gaps.

use std::sync::Arc;

use metalab_cas::{Append, Backend, Key, PutMode, PutOutcome};

use super::segment::{Day, HEAD, Head, Part, VERSION, chunk_key, merged_key};
use super::{Durability, JournalError};
use crate::id::WriterId;

/// A file is closed when it would grow beyond this.
const ROLL: u64 = 64 << 20;
/// Chunks a writer puts into a bucket before it merges them ...
const MERGE_COUNT: usize = 32;
/// ... or their bytes, since they are kept in memory until then.
const MERGE_BYTES: usize = 32 << 20;

/// Where a call's frames went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) chunk: u32,
    pub(super) day: Day,
    /// Offset of the first frame.
    pub(super) offset: u64,
}

pub(super) struct Lane {
    part: Part,
    backend: Arc<dyn Backend>,
    writer: WriterId,
    durability: Durability,
    /// Number of the last chunk that exists or may exist.
    chunk: u32,
    day: Day,
    target: Target,
}

enum Target {
    /// Nothing was written yet, or the last file was closed or abandoned.
    None,
    /// A growing file.
    File(Box<dyn Append>),
    /// Immutable objects; `waiting` is one whose fate is unknown.
    Objects { waiting: Option<Object>, merge: Vec<Object> },
}

#[derive(Clone)]
struct Object {
    key: Key,
    chunk: u32,
    day: Day,
    first: u64,
    time: i64,
    /// Length of the head, after which the frames begin.
    head: u64,
    bytes: Vec<u8>,
}

impl Lane {
    pub(super) fn new(
        part: Part,
        backend: Arc<dyn Backend>,
        writer: WriterId,
        durability: Durability,
    ) -> Self {
        Self { part, backend, writer, durability, chunk: 0, day: Day(0), target: Target::None }
    }

    /// Writes frames, durable if asked for. `first` is the number of the first of them, `now` the time in
    /// microseconds.
    ///
    /// After an error the call is repeated with *the same frames*; where they end up may differ.
    pub(super) fn write(&mut self, frames: &[u8], first: u64, now: i64) -> Result<Written, JournalError> {
        if let Target::File(file) = &self.target {
            let full = file.len() + frames.len() as u64 > ROLL;
            if full || Day::of(now) != self.day {
                self.target = Target::None;
            }
        }
        let opened = match &self.target {
            Target::None => self.open(now)?,
            _ => false,
        };
        match &mut self.target {
            Target::File(file) => {
                let done = write_file(
                    file.as_mut(),
                    frames,
                    opened.then(|| head(self.writer, self.chunk, first, now)),
                    self.durability,
                );
                if done.is_err() {
                    self.target = Target::None;
                }
                Ok(Written { chunk: self.chunk, day: self.day, offset: done? })
            }
            Target::Objects { .. } => self.write_object(frames, first, now),
            Target::None => unreachable!("open() has set the target"),
        }
    }

    /// Begins the next file. True if there is a new one, which needs a head.
    fn open(&mut self, now: i64) -> Result<bool, JournalError> {
        let (chunk, day) = (self.chunk + 1, Day::of(now));
        let key = chunk_key(self.part, day, self.writer, chunk);
        match self.backend.append(&key) {
            Ok(Some(file)) => {
                // A file that is there already was begun by an open that reported failure: leave it alone.
                let fresh = file.is_empty();
                (self.chunk, self.day) = (chunk, day);
                self.target = if fresh { Target::File(file) } else { Target::None };
                if fresh { Ok(true) } else { self.open(now) }
            }
            Ok(None) => {
                self.target = Target::Objects { waiting: None, merge: Vec::new() };
                Ok(false)
            }
            Err(error) => {
                // The number is used up if the file came to be nevertheless.
                if let Ok(Some(_)) = self.backend.head(&key) {
                    (self.chunk, self.day) = (chunk, day);
                }
                Err(error.into())
            }
        }
    }

    fn write_object(&mut self, frames: &[u8], first: u64, now: i64) -> Result<Written, JournalError> {
        let Target::Objects { waiting, merge } = &mut self.target else {
            unreachable!("the caller has looked")
        };
        let object = waiting.get_or_insert_with(|| {
            self.chunk += 1;
            let day = Day::of(now);
            let mut bytes = head(self.writer, self.chunk, first, now);
            let head = bytes.len() as u64;
            bytes.extend_from_slice(frames);
            let key = chunk_key(self.part, day, self.writer, self.chunk);
            Object { key, chunk: self.chunk, day, first, time: now, head, bytes }
        });
        debug_assert_eq!(
            &object.bytes[object.head as usize..],
            frames,
            "a repeated call brings the same frames"
        );
        if self.backend.put(&object.key, &object.bytes, PutMode::Create)? == PutOutcome::Existed
            && self.backend.get(&object.key)? != object.bytes
        {
            return Err(JournalError::Foreign { key: object.key.to_string() });
        }
        if self.durability == Durability::Full {
            self.backend.sync()?;
        }
        let written = Written { chunk: object.chunk, day: object.day, offset: object.head };
        merge.extend(waiting.take());
        if merge.len() >= MERGE_COUNT
            || merge.iter().map(|object| object.bytes.len()).sum::<usize>() >= MERGE_BYTES
        {
            self.merge();
        }
        Ok(written)
    }

    /// Joins the chunks of a bucket into one object. What fails here costs only tidiness.
    pub(super) fn merge(&mut self) {
        let Target::Objects { merge, .. } = &mut self.target else { return };
        let objects = std::mem::take(merge);
        if objects.len() < 2 {
            *merge = objects;
            return;
        }
        let (first, last) = (&objects[0], &objects[objects.len() - 1]);
        let mut bytes = Vec::new();
        Head {
            version: VERSION,
            writer: self.writer,
            chunk: first.chunk,
            first: first.first,
            time: first.time,
            parts: Some(objects.iter().map(|object| object.bytes.len() as u64).collect()),
        }
        .append(&mut bytes);
        objects.iter().for_each(|object| bytes.extend_from_slice(&object.bytes));
        let key = merged_key(self.part, first.day, self.writer, first.chunk, last.chunk);
        let put = self.backend.put(&key, &bytes, PutMode::Replace).and_then(|_| self.backend.sync());
        let tidied =
            put.and_then(|()| objects.iter().try_for_each(|object| self.backend.delete(&object.key)));
        if let Err(error) = tidied {
            tracing::warn!(%key, %error, "chunks of the journal were not merged; they are read one by one");
        }
    }

    /// The end of what was written, if a file is open.
    pub(super) fn chunk(&self) -> u32 {
        self.chunk
    }
}

fn head(writer: WriterId, chunk: u32, first: u64, time: i64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(96);
    Head { version: VERSION, writer, chunk, first, time, parts: None }.append(&mut bytes);
    debug_assert_eq!(bytes[4], HEAD);
    bytes
}

/// One `write` for head and frames, then the sync. Gives the offset of the first frame.
fn write_file(
    file: &mut dyn Append,
    frames: &[u8],
    head: Option<Vec<u8>>,
    durability: Durability,
) -> Result<u64, JournalError> {
    let mut offset = file.len();
    match head {
        Some(mut bytes) => {
            offset += bytes.len() as u64;
            bytes.extend_from_slice(frames);
            file.write(&bytes)?;
        }
        None => file.write(frames)?,
    }
    if durability == Durability::Full {
        file.sync()?;
    }
    Ok(offset)
}
