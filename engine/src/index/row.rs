//! Rows: entries in 64 bytes, with what they share kept once beside them.

use std::collections::HashMap;

use metalab_cas::Digest;
use minicbor::{Decode, Encode};

use super::entry::{Entry, Standing};
use crate::id::{RecordName, WriterId};
use crate::journal::{Day, PackPlace, Part, RecordPlace};
use crate::record::{Outcome, Place};

/// Bytes of a row.
pub(super) const ROW: usize = 64;
/// Bytes of the place of a small value.
pub(super) const PLACE: usize = 12;

const SEVERAL: u64 = 1 << 2;
const OUTPUT: u64 = 1 << 3;

/// A file of the journal that rows point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub(super) struct FileRef {
    #[n(0)]
    pub(super) part: Part,
    #[n(1)]
    pub(super) writer: WriterId,
    #[n(2)]
    pub(super) chunk: u32,
    #[n(3)]
    pub(super) day: Day,
}

/// What the rows of a level share: files and origins by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    pub(super) files: Vec<FileRef>,
    pub(super) origins: Vec<u64>,
    file_numbers: HashMap<FileRef, u32>,
    origin_numbers: HashMap<u64, u32>,
    /// What was asked for last is mostly asked for again.
    last_file: Option<(FileRef, u32)>,
    last_origin: Option<(u64, u32)>,
}

impl Shared {
    pub(super) fn new(files: Vec<FileRef>, origins: Vec<u64>) -> Self {
        // Levels that were loaded are only read by number.
        Self { files, origins, ..Self::default() }
    }

    pub(super) fn file(&mut self, file: FileRef) -> u32 {
        if let Some((last, number)) = self.last_file
            && last == file
        {
            return number;
        }
        let number = *self.file_numbers.entry(file).or_insert_with(|| {
            self.files.push(file);
            self.files.len() as u32 - 1
        });
        self.last_file = Some((file, number));
        number
    }

    pub(super) fn origin(&mut self, origin: u64) -> u32 {
        if let Some((last, number)) = self.last_origin
            && last == origin
        {
            return number;
        }
        let number = *self.origin_numbers.entry(origin).or_insert_with(|| {
            self.origins.push(origin);
            self.origins.len() as u32 - 1
        });
        self.last_origin = Some((origin, number));
        number
    }
}

/// One attempt in 64 bytes, numbers little-endian: output digest (32), file number (4), origin number (4), started
/// (8), offset (4), length (4), and 8 bytes of sequence number * 256 + flags: outcome (bits 0, 1), several (2), has
/// an output (3), place of the output (4, 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) output: [u8; 32],
    pub(super) file: u32,
    pub(super) origin: u32,
    pub(super) started: i64,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) packed: u64,
}

impl Row {
    pub(super) fn of(entry: &Entry, shared: &mut Shared) -> Self {
        let RecordPlace { writer, chunk, day, offset, len } = entry.place;
        let outcome = match entry.outcome {
            Outcome::Succeeded => 0,
            Outcome::Failed => 1,
            Outcome::Cancelled => 2,
            Outcome::TimedOut => 3,
        };
        let place = match entry.output_place {
            Place::Inline => 0,
            Place::Pack => 1,
            Place::Blob => 2,
        };
        let mut packed = entry.name.sequence << 8 | place << 4 | outcome;
        packed |= if entry.several { SEVERAL } else { 0 };
        packed |= if entry.output.is_some() { OUTPUT } else { 0 };
        Self {
            output: entry.output.map_or([0; 32], |digest| *digest.as_bytes()),
            file: shared.file(FileRef { part: Part::Records, writer, chunk, day }),
            origin: shared.origin(entry.origin),
            started: entry.started,
            // Segments are closed at 64 MiB and a group has at most 1 GiB.
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            len,
            packed,
        }
    }

    pub(super) fn entry(&self, shared: &Shared) -> Entry {
        let FileRef { writer, chunk, day, .. } = shared.files[self.file as usize];
        Entry {
            outcome: self.outcome(),
            name: RecordName { writer, sequence: self.packed >> 8 },
            place: RecordPlace { writer, chunk, day, offset: u64::from(self.offset), len: self.len },
            started: self.started,
            output: (self.packed & OUTPUT != 0).then(|| Digest::from_bytes(self.output)),
            output_place: match self.packed >> 4 & 3 {
                0 => Place::Inline,
                1 => Place::Pack,
                _ => Place::Blob,
            },
            several: self.several(),
            origin: shared.origins[self.origin as usize],
        }
    }

    fn outcome(&self) -> Outcome {
        match self.packed & 3 {
            0 => Outcome::Succeeded,
            1 => Outcome::Failed,
            2 => Outcome::Cancelled,
            _ => Outcome::TimedOut,
        }
    }

    pub(super) fn several(&self) -> bool {
        self.packed & SEVERAL != 0
    }

    pub(super) fn set_several(&mut self, several: bool) {
        self.packed = self.packed & !SEVERAL | if several { SEVERAL } else { 0 };
    }

    pub(super) fn name(&self, shared: &Shared) -> RecordName {
        RecordName { writer: shared.files[self.file as usize].writer, sequence: self.packed >> 8 }
    }

    pub(super) fn standing(&self, shared: &Shared) -> Standing {
        Standing::of(self.outcome(), self.started, self.name(shared))
    }

    pub(super) fn append(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.output);
        bytes.extend_from_slice(&self.file.to_le_bytes());
        bytes.extend_from_slice(&self.origin.to_le_bytes());
        bytes.extend_from_slice(&self.started.to_le_bytes());
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&self.len.to_le_bytes());
        bytes.extend_from_slice(&self.packed.to_le_bytes());
    }

    pub(super) fn read(bytes: &[u8; ROW]) -> Self {
        Self {
            output: array(bytes, 0),
            file: u32::from_le_bytes(array(bytes, 32)),
            origin: u32::from_le_bytes(array(bytes, 36)),
            started: i64::from_le_bytes(array(bytes, 40)),
            offset: u32::from_le_bytes(array(bytes, 48)),
            len: u32::from_le_bytes(array(bytes, 52)),
            packed: u64::from_le_bytes(array(bytes, 56)),
        }
    }
}

/// Where a small value lies, in 12 bytes: file number, offset, length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ValueRow {
    pub(super) file: u32,
    pub(super) offset: u32,
    pub(super) len: u32,
}

impl ValueRow {
    pub(super) fn of(place: &PackPlace, shared: &mut Shared) -> Self {
        let RecordPlace { writer, chunk, day, offset, len } = place.0;
        let file = shared.file(FileRef { part: Part::Values, writer, chunk, day });
        Self { file, offset: u32::try_from(offset).unwrap_or(u32::MAX), len }
    }

    pub(super) fn place(&self, shared: &Shared) -> PackPlace {
        let FileRef { writer, chunk, day, .. } = shared.files[self.file as usize];
        PackPlace(RecordPlace { writer, chunk, day, offset: u64::from(self.offset), len: self.len })
    }

    pub(super) fn append(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.file.to_le_bytes());
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&self.len.to_le_bytes());
    }

    pub(super) fn read(bytes: &[u8; PLACE]) -> Self {
        let number = |at| u32::from_le_bytes(array(bytes, at));
        Self { file: number(0), offset: number(4), len: number(8) }
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("rows have a fixed size")
}
