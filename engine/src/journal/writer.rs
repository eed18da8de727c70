//! The writing end of the journal.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use metalab_cas::{Digest, frame};

use super::announce;
use super::cursor::Position;
use super::lane::{Lane, Written};
use super::place::{PackPlace, RecordPlace};
use super::segment::{Day, Part};
use super::{Durability, JournalError};
use crate::id::{RecordName, WriterId};
use crate::store::Store;

/// Frame kind of a small value in a pack.
pub(crate) const VALUE: u8 = 16;
/// The most bytes of one group; offsets in a segment fit 32 bits.
const GROUP_LIMIT: usize = 1 << 30;

/// Appends records and small values to the journal, in groups.
///
/// [`append`](Self::append) and [`put_value`](Self::put_value) only fill buffers; [`commit`](Self::commit) writes
/// the group: first the values, then what other blobs the store has waiting, then the records, each durable before
/// the next. A record that can be read therefore finds its values. A writer that commits nothing leaves nothing in
/// the store. What was not committed when a writer is dropped is gone.
///
/// When a commit fails, everything it held stays in the writer, under the same record names; the next commit writes
/// it again, in a new file. So `commit` may be called again when the disk has space, and readers that saw part of
/// the first try take both for one.
///
/// ```
/// use metalab_engine::journal::{Cursor, Durability, Writer};
/// use metalab_engine::store::Store;
///
/// let store = Store::memory()?;
/// let mut writer = Writer::new(&store, Durability::Full)?;
/// let name = writer.append(1, 0, b"what happened");
/// writer.commit()?;
/// let first = store.journal().scan(&Cursor::default())?.next().expect("one record")?;
/// assert_eq!((first.name, &first.payload[..]), (name, &b"what happened"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer {
    store: Store,
    id: WriterId,
    durability: Durability,
    segments: Lane,
    packs: Lane,
    /// Number of the next record.
    next: u64,
    group: Group,
    /// A group whose commit failed; it is written before anything else.
    sealed: Option<Sealed>,
    values: ValueGroup,
    /// Values that are durable in a pack and not yet announced in a segment.
    placed: Vec<(Digest, PackPlace)>,
    /// Values this writer has written or will write.
    known: HashSet<Digest>,
    next_value: u64,
    reached: Position,
    /// What a failed commit did write, for the next one to report.
    carried: Option<Committed>,
}

/// Records waiting for a commit: their frames, and the length of each.
#[derive(Default)]
struct Group {
    first: u64,
    frames: Vec<u8>,
    lens: Vec<u32>,
}

/// A group as it will be written, however often.
struct Sealed {
    first: u64,
    bytes: Vec<u8>,
    /// Bytes of the announcement before the first record.
    before: u64,
    lens: Vec<u32>,
    values: Vec<(Digest, PackPlace)>,
}

#[derive(Default)]
struct ValueGroup {
    first: u64,
    frames: Vec<u8>,
    entries: Vec<(Digest, u32)>,
    /// The last write failed: the frames must not change until one succeeds.
    frozen: bool,
    waiting: Vec<(Digest, Vec<u8>)>,
}

/// What a commit made durable (or handed to the operating system, when relaxed).
#[derive(Clone, Debug)]
pub struct Committed {
    writer: WriterId,
    groups: Vec<Span>,
    values: Vec<(Digest, PackPlace)>,
    start: Position,
    end: Position,
}

#[derive(Clone, Debug)]
struct Span {
    first: u64,
    written: Written,
    lens: Vec<u32>,
}

impl Committed {
    /// Who wrote it.
    pub fn writer(&self) -> WriterId {
        self.writer
    }

    /// Name and place of every record, in order.
    pub fn records(&self) -> impl Iterator<Item = (RecordName, RecordPlace)> + '_ {
        let writer = self.writer;
        self.groups.iter().flat_map(move |span| {
            let mut offset = span.written.offset;
            span.lens.iter().zip(span.first..).map(move |(&len, sequence)| {
                let (chunk, day) = (span.written.chunk, span.written.day);
                let place = RecordPlace { writer, chunk, day, offset, len };
                offset += u64::from(len);
                (RecordName { writer, sequence }, place)
            })
        })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|span| span.lens.len()).sum()
    }

    /// Whether there was nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.values.is_empty()
    }

    /// Where small values were put.
    pub fn values(&self) -> &[(Digest, PackPlace)] {
        &self.values
    }

    /// How far the writer's records reached before.
    pub(crate) fn start(&self) -> Position {
        self.start
    }

    /// How far they reach now.
    pub(crate) fn end(&self) -> Position {
        self.end
    }
}

impl Writer {
    /// A writer with a new id. Nothing is written to the store yet.
    ///
    /// # Errors
    /// When the store is read-only, or the system has no randomness.
    pub fn new(store: &Store, durability: Durability) -> Result<Self, JournalError> {
        let id = WriterId::random().map_err(|source| JournalError::Randomness { source })?;
        Self::with_id(store, durability, id)
    }

    pub(crate) fn with_id(store: &Store, durability: Durability, id: WriterId) -> Result<Self, JournalError> {
        if store.is_read_only() {
            return Err(JournalError::ReadOnly { store: store.describe().to_owned() });
        }
        let lane = |part| Lane::new(part, store.backend().clone(), id, durability);
        Ok(Self {
            store: store.clone(),
            id,
            durability,
            segments: lane(Part::Records),
            packs: lane(Part::Values),
            next: 1,
            group: Group { first: 1, ..Group::default() },
            sealed: None,
            values: ValueGroup { first: 1, ..ValueGroup::default() },
            placed: Vec::new(),
            known: HashSet::new(),
            next_value: 1,
            reached: Position::default(),
            carried: None,
        })
    }

    /// The writer's id.
    pub fn id(&self) -> WriterId {
        self.id
    }

    /// Adds a record to the group and names it.
    ///
    /// # Panics
    /// When the payload has 4 GiB or more; records are small by design.
    pub fn append(&mut self, kind: u8, level: u8, payload: &[u8]) -> RecordName {
        let sequence = self.next;
        frame::append(&mut self.group.frames, kind, level, sequence, payload)
            .expect("a record is far below 4 GiB");
        self.group.lens.push((frame::HEADER_LEN + payload.len()) as u32);
        self.next += 1;
        RecordName { writer: self.id, sequence }
    }

    /// Adds a small value to the group's pack, unless this writer has it already.
    pub fn put_value(&mut self, digest: Digest, bytes: &[u8]) {
        if !self.known.insert(digest) {
            return;
        }
        if self.values.frozen {
            self.values.waiting.push((digest, bytes.to_vec()));
        } else {
            self.add_value(digest, bytes);
        }
    }

    fn add_value(&mut self, digest: Digest, bytes: &[u8]) {
        let parts = [&digest.as_bytes()[..], bytes];
        frame::append_parts(&mut self.values.frames, VALUE, 0, self.next_value, &parts)
            .expect("a value in a pack is at most 256 KiB");
        self.values.entries.push((digest, (frame::HEADER_LEN + 32 + bytes.len()) as u32));
        self.next_value += 1;
    }

    /// Whether this writer has put the value, committed or not.
    pub fn has_value(&self, digest: &Digest) -> bool {
        self.known.contains(digest)
    }

    /// Bytes that wait for a commit.
    pub fn pending_bytes(&self) -> usize {
        let sealed = self.sealed.as_ref().map_or(0, |group| group.bytes.len());
        self.group.frames.len() + self.values.frames.len() + sealed
    }

    /// Number of records that wait for a commit.
    pub fn pending_records(&self) -> usize {
        self.group.lens.len() + self.sealed.as_ref().map_or(0, |group| group.lens.len())
    }

    /// Writes everything that waits.
    ///
    /// A failure that may pass is met with one more try in a new file before it is reported.
    ///
    /// # Errors
    /// When the store cannot take it. Everything stays in the writer, and a later commit writes it again.
    pub fn commit(&mut self) -> Result<Committed, JournalError> {
        let mut committed = self.carried.take().unwrap_or_else(|| Committed {
            writer: self.id,
            groups: Vec::new(),
            values: Vec::new(),
            start: self.reached,
            end: self.reached,
        });
        let now = now_micros();
        let done = match self.write_all(now, &mut committed) {
            Err(error) if error.may_pass() => {
                tracing::debug!(%error, "a commit failed and is tried again in a new file");
                self.write_all(now, &mut committed)
            }
            done => done,
        };
        if let Err(error) = done {
            self.carried = Some(committed);
            return Err(error);
        }
        self.reached = committed.end;
        Ok(committed)
    }

    fn write_all(&mut self, now: i64, committed: &mut Committed) -> Result<(), JournalError> {
        if self.group.frames.len() > GROUP_LIMIT || self.values.frames.len() > GROUP_LIMIT {
            return Err(JournalError::GroupTooLarge { bytes: self.pending_bytes() });
        }
        self.write_values(now)?;
        if self.durability == Durability::Full && (self.sealed.is_some() || !self.group.lens.is_empty()) {
            self.store.backend().sync()?;
        }
        loop {
            if self.sealed.is_none() {
                self.sealed = self.seal();
            }
            let Some(group) = &self.sealed else { return Ok(()) };
            let mut written = self.segments.write(&group.bytes, group.first, now)?;
            let end = written.offset + group.bytes.len() as u64;
            written.offset += group.before;
            let group = self.sealed.take().expect("it was there two lines ago");
            let sequence = group.first + group.lens.len() as u64 - 1;
            committed.end = Position { sequence, chunk: written.chunk, offset: end, rest: 0 };
            committed.values.extend(group.values);
            if !group.lens.is_empty() {
                committed.groups.push(Span { first: group.first, written, lens: group.lens });
            }
        }
    }

    fn write_values(&mut self, now: i64) -> Result<(), JournalError> {
        if self.values.entries.is_empty() {
            return Ok(());
        }
        self.values.frozen = true;
        let written = self.packs.write(&self.values.frames, self.values.first, now)?;
        let group = std::mem::take(&mut self.values);
        self.values.first = self.next_value;
        let mut offset = written.offset;
        for (digest, len) in group.entries {
            let place = RecordPlace { writer: self.id, chunk: written.chunk, day: written.day, offset, len };
            self.placed.push((digest, PackPlace(place)));
            offset += u64::from(len);
        }
        for (digest, bytes) in group.waiting {
            self.add_value(digest, &bytes);
        }
        if self.values.entries.is_empty() { Ok(()) } else { self.write_values(now) }
    }

    fn seal(&mut self) -> Option<Sealed> {
        if self.group.lens.is_empty() && self.placed.is_empty() {
            return None;
        }
        let group = std::mem::replace(&mut self.group, Group { first: self.next, ..Group::default() });
        let values = std::mem::take(&mut self.placed);
        let (mut bytes, mut before) = (Vec::new(), 0);
        if values.is_empty() {
            // The next group will likely be as large as this one.
            self.group.frames.reserve(group.frames.len());
            self.group.lens.reserve(group.lens.len());
            bytes = group.frames;
        } else {
            announce::append(&mut bytes, group.first, &values);
            before = bytes.len() as u64;
            bytes.extend_from_slice(&group.frames);
        }
        Some(Sealed { first: group.first, bytes, before, lens: group.lens, values })
    }

    /// Tidies up: in buckets, merges this writer's chunks. What waits for a commit is dropped.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.segments.merge();
        self.packs.merge();
    }
}

/// Microseconds since 1970, UTC.
pub(crate) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let day = Day::of(now_micros());
        write!(f, "Writer({}, next {}, chunk {}, {day})", self.id, self.next, self.segments.chunk())
    }
}
