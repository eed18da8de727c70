//! The reading end of the journal: all writers, one after the other.

mod chunk;
mod reading;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use metalab_cas::Digest;

pub(super) use self::chunk::{merged_parts, values};
use self::reading::Reading;
use super::cursor::{Cursor, Position};
use super::damage::Damage;
use super::place::{PackPlace, RecordPlace};
use super::segment::Segment;
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
                self.current = Some(Reading::new(writer, files, position));
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
