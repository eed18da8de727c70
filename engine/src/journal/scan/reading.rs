//! Reading what one writer wrote: its files in order of their chunks, each walked over frame by frame.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use metalab_cas::Backend;
use metalab_cas::frame::{Frame, HEADER_LEN, Item, Scanner};

use super::chunk::{Chunk, by_number, merged_parts, next_item};
use super::{Event, Scanned};
use crate::id::{RecordName, WriterId};
use crate::journal::announce::{self, ANNOUNCEMENT};
use crate::journal::cursor::Position;
use crate::journal::damage::Damage;
use crate::journal::place::RecordPlace;
use crate::journal::segment::{Day, HEAD, Head, Segment, VERSION};
use crate::journal::{Journal, JournalError};

/// One writer being read.
pub(super) struct Reading {
    pub(super) writer: WriterId,
    pub(super) files: Vec<Segment>,
    pub(super) position: Position,
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

/// A chunk being walked over.
struct Walk {
    chunk: Chunk,
    at: usize,
    /// Where the last sound frame began.
    sound: Option<usize>,
    pending: Vec<Damage>,
    /// Records of the chunk before, by number; made at the first one that is there twice.
    twice: Option<HashMap<u64, (u8, Bytes)>>,
}

impl Reading {
    /// Goes on where a cursor stands.
    pub(super) fn new(writer: WriterId, files: Vec<Segment>, position: Position) -> Self {
        Self {
            writer,
            files,
            position,
            next: position.chunk.max(1),
            loaded: VecDeque::new(),
            walking: None,
            previous: None,
            holes: Vec::new(),
        }
    }

    /// Loads the next file. False if there is none.
    pub(super) fn load(
        &mut self,
        journal: &Journal,
        damages: &mut Vec<Damage>,
    ) -> Result<bool, JournalError> {
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
    pub(super) fn walk(&mut self, damages: &mut Vec<Damage>) -> Option<Event> {
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
