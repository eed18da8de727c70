//! The reading end of the journal.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use metalab_cas::frame::{Frame, HEADER_LEN, Item, Scanner};
use metalab_cas::{Backend, Digest};

use super::announce::{self, ANNOUNCEMENT};
use super::cursor::{Cursor, Position};
use super::damage::Damage;
use super::place::{PackPlace, RecordPlace};
use super::segment::{Day, HEAD, Head, Segment, VERSION};
use super::writer::VALUE;
use super::{Journal, JournalError};
use crate::id::{RecordName, WriterId};

/// A slow reader may find files gone again and again while their writer merges them; not without an end.
const RELISTS: u32 = 8;

/// A record as it was met: not decoded yet.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// Its name.
    pub name: RecordName,
    /// Its kind, see [`crate::record::kind`].
    pub kind: u8,
    /// The level a reader needs.
    pub level: u8,
    /// Its bytes; a view into the segment.
    pub payload: Bytes,
    /// Where it lies.
    pub place: RecordPlace,
}

impl Scanned {
    /// Decodes the record.
    ///
    /// # Errors
    /// When the level is too new for this metalab or the payload is malformed.
    pub fn decode(&self) -> Result<crate::record::Record, crate::record::RecordError> {
        crate::record::Record::decode(self.name, self.kind, self.level, &self.payload)
    }
}

/// What the index learns from a segment.
pub(crate) enum Event {
    Record(Scanned),
    /// Small values lie there.
    Values(Vec<(Digest, PackPlace)>),
}

/// Walks over the records a cursor has not seen: writer by writer, each in order of its numbers.
///
/// One segment is in memory at a time. What cannot be read is collected in [`damages`](Self::damages) and passed
/// over; only a back end that fails is an error.
pub struct Scan {
    journal: Journal,
    writers: VecDeque<(WriterId, Vec<Segment>)>,
    current: Option<Reading>,
    /// Where every writer was read to, once its turn is over.
    reached: Cursor,
    damages: Vec<Damage>,
    /// How often files were gone since something was loaded last.
    relisted: u32,
}

/// One writer being read.
struct Reading {
    writer: WriterId,
    files: Vec<Segment>,
    position: Position,
    /// The chunk to load next.
    next: u32,
    /// Chunks that are in memory, in order, and wait to be walked.
    loaded: VecDeque<Chunk>,
    walking: Option<Walk>,
    /// The chunk before, to compare what is there twice.
    previous: Option<Bytes>,
    /// Numbers passed over as damaged in this scan.
    holes: Vec<u64>,
}

struct Chunk {
    number: u32,
    day: Day,
    /// Offset of `bytes` in the chunk.
    base: u64,
    bytes: Bytes,
    /// Nothing comes after it yet.
    last: bool,
}

struct Walk {
    chunk: Chunk,
    at: usize,
    /// Where the last sound frame began.
    sound: Option<usize>,
    pending: Vec<Damage>,
    /// Records of the chunk before, by number; made at the first one that is there twice.
    twice: Option<HashMap<u64, (u8, Bytes)>>,
}

impl Scan {
    pub(super) fn new(journal: Journal, from: &Cursor, files: Vec<Segment>) -> Self {
        let mut writers: BTreeMap<WriterId, Vec<Segment>> = BTreeMap::new();
        for file in files {
            writers.entry(file.writer).or_default().push(file);
        }
        for files in writers.values_mut() {
            files.sort_by_key(|file| (file.first, std::cmp::Reverse(file.last)));
        }
        let writers =
            writers.into_iter().filter(|(writer, files)| !all_read(&from.get(writer), files)).collect();
        Self { journal, writers, current: None, reached: from.clone(), damages: Vec::new(), relisted: 0 }
    }

    /// What could not be read so far.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// How far the scan has come: of the writer being read, up to the record given last.
    pub fn reached(&self) -> Cursor {
        let mut cursor = self.reached.clone();
        if let Some(reading) = &self.current {
            cursor.set(reading.writer, reading.position);
        }
        cursor
    }

    /// Takes what was reached and what could not be read.
    pub(crate) fn finish(mut self) -> (Cursor, Vec<Damage>) {
        if let Some(reading) = self.current.take() {
            self.reached.set(reading.writer, reading.position);
        }
        (self.reached, self.damages)
    }

    /// The next record or announcement.
    pub(crate) fn next_event(&mut self) -> Option<Result<Event, JournalError>> {
        loop {
            if self.current.is_none() {
                let (writer, files) = self.writers.pop_front()?;
                let position = self.reached.get(&writer);
                self.current = Some(Reading {
                    writer,
                    files,
                    position,
                    next: position.chunk.max(1),
                    loaded: VecDeque::new(),
                    walking: None,
                    previous: None,
                    holes: Vec::new(),
                });
            }
            let reading = self.current.as_mut().expect("it was just set");
            if let Some(event) = reading.walk(&mut self.damages) {
                return Some(Ok(event));
            }
            match reading.load(&self.journal, &mut self.damages) {
                Ok(true) => self.relisted = 0,
                Ok(false) => self.end_of_writer(),
                Err(error) if error.is_not_found() && self.relisted < RELISTS => {
                    // Its writer merged it with others, or somebody collected it, since it was listed.
                    self.relisted += 1;
                    if let Err(error) = self.list_again() {
                        return Some(Err(error));
                    }
                }
                Err(error) => {
                    self.end_of_writer();
                    return Some(Err(error));
                }
            }
        }
    }

    fn end_of_writer(&mut self) {
        if let Some(reading) = self.current.take() {
            self.reached.set(reading.writer, reading.position);
        }
        self.relisted = 0;
    }

    fn list_again(&mut self) -> Result<(), JournalError> {
        let reading = self.current.as_mut().expect("a writer is being read");
        let mut files = self.journal.list()?;
        files.retain(|file| file.writer == reading.writer && file.part == super::Part::Records);
        files.sort_by_key(|file| (file.first, std::cmp::Reverse(file.last)));
        reading.files = files;
        Ok(())
    }
}

impl Iterator for Scan {
    type Item = Result<Scanned, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_event()? {
                Ok(Event::Record(record)) => return Some(Ok(record)),
                Ok(Event::Values(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Whether a listing shows nothing that `position` has not seen.
fn all_read(position: &Position, files: &[Segment]) -> bool {
    let Some(last) = files.iter().map(|file| file.last).max() else { return true };
    if last != position.chunk {
        return last < position.chunk;
    }
    let whole = |file: &&Segment| file.covers(last) && !file.is_merged();
    match files.iter().find(whole) {
        Some(file) => file.size == position.offset + position.rest,
        // Merged chunks never change.
        None => position.rest == 0,
    }
}

impl Reading {
    /// Loads the next file. False if there is none.
    fn load(&mut self, journal: &Journal, damages: &mut Vec<Damage>) -> Result<bool, JournalError> {
        let backend = journal.backend();
        let widest = |chunk| self.files.iter().filter(|file| file.covers(chunk)).max_by_key(|file| file.last);
        let mut found = widest(self.next);
        if found.is_none() && self.next == self.position.chunk {
            // Read before and gone since.
            self.next += 1;
            found = widest(self.next);
        }
        let Some(file) = found.cloned() else {
            if self.files.iter().any(|file| file.last >= self.next) {
                damages.push(Damage::Gap { writer: self.writer, chunk: self.next });
            }
            return Ok(false);
        };
        let is_last = self.files.iter().all(|other| other.last <= file.last);
        if file.is_merged() {
            return self.load_merged(backend, &file, is_last, damages);
        }
        let base = if file.first == self.position.chunk { self.position.offset } else { 0 };
        // A chunk with another after it does not grow any more, but may have grown since it was listed.
        let size =
            if is_last { file.size } else { backend.head(&file.key)?.map_or(file.size, |meta| meta.size) };
        let bytes = if size > base { backend.get_range(&file.key, base..size)? } else { Bytes::new() };
        self.loaded.push_back(Chunk { number: file.first, day: file.day, base, bytes, last: is_last });
        self.next_chunk(damages);
        Ok(true)
    }

    /// Loads the chunks of a merged file that were not read yet.
    fn load_merged(
        &mut self,
        backend: &Arc<dyn Backend>,
        file: &Segment,
        is_last: bool,
        damages: &mut Vec<Damage>,
    ) -> Result<bool, JournalError> {
        let bytes = backend.get(&file.key)?;
        let Some(parts) = merged_parts(&bytes, file) else {
            damages.push(Damage::Head { writer: self.writer, chunk: file.first });
            return Ok(false);
        };
        for (number, range) in (file.first..).zip(parts) {
            let from = if number == self.position.chunk { self.position.offset } else { 0 };
            if number < self.next || range.end > bytes.len() {
                continue;
            }
            let start = range.end.min(range.start + from as usize);
            let last = is_last && number == file.last;
            self.loaded.push_back(Chunk {
                number,
                day: file.day,
                base: from,
                bytes: bytes.slice(start..range.end),
                last,
            });
        }
        Ok(self.next_chunk(damages))
    }

    /// Goes on to the next chunk that is in memory.
    fn next_chunk(&mut self, damages: &mut Vec<Damage>) -> bool {
        let Some(mut chunk) = self.loaded.pop_front() else { return false };
        if chunk.base == 0 {
            match self.check_head(&chunk) {
                Ok(Some(head)) => chunk.day = Day::of(head.time),
                Ok(None) => {}
                Err(damage) => {
                    let newer = matches!(damage, Damage::Newer { .. });
                    damages.push(damage);
                    if newer {
                        // Whoever understands it must find it unread.
                        self.files.clear();
                        self.loaded.clear();
                        return false;
                    }
                }
            }
        }
        if chunk.number != self.position.chunk {
            (self.position.chunk, self.position.offset, self.position.rest) = (chunk.number, 0, 0);
        }
        self.walking = Some(Walk { chunk, at: 0, sound: None, pending: Vec::new(), twice: None });
        true
    }

    fn check_head(&self, chunk: &Chunk) -> Result<Option<Head>, Damage> {
        let bad = Damage::Head { writer: self.writer, chunk: chunk.number };
        match Scanner::new(&chunk.bytes).next() {
            Some(Item::Frame(frame)) if frame.kind == HEAD => {
                let head = Head::decode(&chunk.bytes[frame.payload]).map_err(|_| bad.clone())?;
                if head.version > VERSION {
                    return Err(Damage::Newer {
                        writer: self.writer,
                        chunk: chunk.number,
                        version: head.version,
                    });
                }
                if (head.writer, head.chunk) != (self.writer, chunk.number) {
                    return Err(bad);
                }
                Ok(Some(head))
            }
            // A file whose first write was cut off or is under way.
            None | Some(Item::Torn { .. }) => Ok(None),
            Some(_) => Err(bad),
        }
    }

    /// The next event of the chunk at hand; `None` at its end.
    fn walk(&mut self, damages: &mut Vec<Damage>) -> Option<Event> {
        loop {
            let Some(walk) = &mut self.walking else {
                if self.next_chunk(damages) {
                    continue;
                }
                return None;
            };
            let chunk = &walk.chunk;
            let (item, end) = next_item(chunk, walk.sound, walk.at);
            walk.at = end;
            match item {
                Some(Item::Frame(frame)) => {
                    let start = (frame.offset - chunk.base) as usize + HEADER_LEN;
                    let payload = chunk.bytes.slice(start..walk.at);
                    walk.sound = Some(start - HEADER_LEN);
                    self.position.offset = chunk.base + walk.at as u64;
                    // Damage is passed only when something sound comes after it; at the end it may be a write that
                    // its writer repeats in the next chunk.
                    for mut damage in walk.pending.drain(..) {
                        if let Damage::Frame { sequence, .. } = &mut damage
                            && *sequence == Some(frame.seq)
                        {
                            // A head or an announcement was hit; they carry the number of the record after them.
                            *sequence = None;
                        }
                        damages.push(damage);
                    }
                    if let Some(event) = self.take(frame, payload, damages) {
                        return Some(event);
                    }
                }
                Some(Item::Damaged { offset, len, seq }) => {
                    let (writer, chunk) = (self.writer, chunk.number);
                    walk.pending.push(Damage::Frame { writer, chunk, offset, len, sequence: seq });
                }
                Some(Item::Torn { .. }) | None => {
                    let walk = self.walking.take().expect("it is being walked");
                    let end = walk.chunk.base + walk.chunk.bytes.len() as u64;
                    self.position.rest = end - self.position.offset;
                    if !walk.chunk.last {
                        damages.extend(walk.pending);
                    }
                    self.next = walk.chunk.number + 1;
                    self.previous = Some(walk.chunk.bytes);
                }
            }
        }
    }

    fn take(&mut self, frame: Frame, payload: Bytes, damages: &mut Vec<Damage>) -> Option<Event> {
        let writer = self.writer;
        match frame.kind {
            HEAD => return None,
            ANNOUNCEMENT => return announce::decode(writer, &payload).ok().map(Event::Values),
            _ => {}
        }
        let walk = self.walking.as_mut().expect("it is being walked");
        let name = RecordName { writer, sequence: frame.seq };
        if frame.seq <= self.position.sequence {
            match self.holes.iter().position(|&hole| hole == frame.seq) {
                Some(at) => drop(self.holes.swap_remove(at)),
                None => {
                    let previous = self.previous.as_ref();
                    let twice = walk.twice.get_or_insert_with(|| previous.map(by_number).unwrap_or_default());
                    if twice.get(&frame.seq).is_some_and(|first| *first != (frame.kind, payload)) {
                        damages.push(Damage::Conflict { name, chunk: walk.chunk.number });
                    }
                    return None;
                }
            }
        } else {
            let expected = self.position.sequence + 1;
            if frame.seq > expected {
                let (from, to) = (expected, frame.seq - 1);
                damages.push(Damage::Lost { writer, from, to });
                self.holes.extend((from..=to).take(1 << 16));
            }
            self.position.sequence = frame.seq;
        }
        let len = (HEADER_LEN + payload.len()) as u32;
        let (chunk, day) = (walk.chunk.number, walk.chunk.day);
        let place = RecordPlace { writer, chunk, day, offset: frame.offset, len };
        Some(Event::Record(Scanned { name, kind: frame.kind, level: frame.level, payload, place }))
    }
}

/// What lies at `at`, and where it ends.
fn next_item(chunk: &Chunk, sound: Option<usize>, at: usize) -> (Option<Item>, usize) {
    let scan = |from: usize| Scanner::from_offset(&chunk.bytes[from..], chunk.base + from as u64);
    let mut scanner = scan(at);
    let mut item = scanner.next();
    if let (Some(Item::Damaged { seq: None, .. } | Item::Torn { .. }), Some(sound)) = (&item, sound) {
        // What follows is searched for, and the frame before says which numbers would fit.
        scanner = scan(sound);
        scanner.next();
        if scanner.resume_at() == chunk.base + at as u64 {
            item = scanner.next();
        }
    }
    let end = usize::try_from(scanner.resume_at() - chunk.base).unwrap_or(usize::MAX);
    (item, end)
}

/// The values in a pack file, found by walking over it: for when an announcement is damaged.
pub(super) fn values(file: &Segment, bytes: &Bytes) -> Vec<(Digest, PackPlace)> {
    let parts = match file.is_merged() {
        true => merged_parts(bytes, file).unwrap_or_default(),
        false => std::iter::once(0..bytes.len()).collect(),
    };
    let mut values = Vec::new();
    for (chunk, range) in (file.first..).zip(parts) {
        let Some(bytes) = bytes.get(range) else { continue };
        let mut day = file.day;
        for item in Scanner::new(bytes) {
            let Item::Frame(frame) = item else { continue };
            let (kind, offset, payload) = (frame.kind, frame.offset, &bytes[frame.payload]);
            if kind == HEAD {
                day = Head::decode(payload).map_or(day, |head| Day::of(head.time));
            } else if let (VALUE, Some(digest)) = (kind, payload.first_chunk()) {
                let len = (HEADER_LEN + payload.len()) as u32;
                let place = RecordPlace { writer: file.writer, chunk, day, offset, len };
                values.push((Digest::from_bytes(*digest), PackPlace(place)));
            }
        }
    }
    values
}

/// The records of a chunk by number.
fn by_number(bytes: &Bytes) -> HashMap<u64, (u8, Bytes)> {
    let records = Scanner::new(bytes).filter_map(|item| match item {
        Item::Frame(frame) if frame.kind != HEAD && frame.kind != ANNOUNCEMENT => {
            Some((frame.seq, (frame.kind, bytes.slice(frame.payload))))
        }
        _ => None,
    });
    records.collect()
}

/// Where the chunks lie in a merged file; `None` if its head does not say.
pub(super) fn merged_parts(bytes: &[u8], file: &Segment) -> Option<Vec<std::ops::Range<usize>>> {
    let mut scanner = Scanner::new(bytes);
    let Some(Item::Frame(frame)) = scanner.next() else { return None };
    let mut at = usize::try_from(scanner.resume_at()).ok()?;
    let head = (frame.kind == HEAD).then(|| Head::decode(&bytes[frame.payload]).ok()).flatten()?;
    let sizes = head.parts?;
    let right = head.version <= VERSION && head.writer == file.writer && head.chunk == file.first;
    if !right || sizes.len() as u64 != u64::from(file.last - file.first) + 1 {
        return None;
    }
    let mut parts = Vec::with_capacity(sizes.len());
    for size in sizes {
        let end = at.checked_add(usize::try_from(size).ok()?)?;
        parts.push(at..end);
        at = end;
    }
    Some(parts)
}
