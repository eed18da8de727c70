//! One sorted, immutable level: the bytes of its file, and how to look into them.

use std::ops::Range;

use bytes::Bytes;
use metalab_cas::Digest;
use minicbor::{Decode, Encode};

use super::derived::DerivedPlace;
use super::row::{FileRef, PLACE, ROW, Row, Shared, ValueRow};
use crate::id::{RecordName, WriterId};
use crate::journal::{Position, RecordPlace};
use crate::record::LEVEL;

const MAGIC: &[u8; 16] = b"metalab index 2\n";
/// Bytes before the description.
pub(super) const FRONT: usize = 32;
const ID: usize = 32;

/// Why a file is not used; it is made anew from the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    NotALevel,
    OtherVersion,
    Damaged,
    OtherStore,
    Stale,
}

impl Unusable {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NotALevel => "it is no index file",
            Self::OtherVersion => "another version of metalab wrote it",
            Self::Damaged => "it is damaged",
            Self::OtherStore => "it belongs to another store",
            Self::Stale => "it names parts of the journal that are not there",
        }
    }
}

/// The part of a writer's records that a level has: what lies after `from`, up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cover {
    pub(super) writer: WriterId,
    pub(super) from: Position,
    pub(super) to: Position,
}

/// A submission: where its record lies, and the origins of its steps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(super) struct Submission {
    /// `None` as long as it is known only to be in a commit.
    #[n(0)]
    pub(super) place: Option<RecordPlace>,
    #[n(1)]
    pub(super) origins: Vec<u64>,
}

/// What a level says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Description {
    #[n(0)]
    pub(super) store: String,
    #[n(1)]
    pub(super) runs: u64,
    #[n(2)]
    pub(super) extras: u64,
    #[n(3)]
    pub(super) values: u64,
    /// CRC-32C of everything after the description.
    #[n(4)]
    pub(super) body_crc: u32,
    #[n(5)]
    pub(super) files: Vec<FileRef>,
    #[n(6)]
    pub(super) origins: Vec<u64>,
    #[n(7)]
    pub(super) submissions: Vec<(RecordName, Submission)>,
    #[n(8)]
    pub(super) covers: Vec<Cover>,
    /// Absent when there are none.
    #[n(9)]
    pub(super) resolved: Option<Vec<Resolved>>,
    /// Absent when there are none.
    #[n(10)]
    pub(super) derived: Option<Vec<DerivedPlace>>,
    /// Absent when there are none.
    #[n(11)]
    pub(super) expressions: Option<Vec<(RecordName, RecordPlace)>>,
}

/// Where it is written which cells a step of a submission has. Of several, the last counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(super) struct Resolved {
    /// The record that opened the submission.
    #[n(0)]
    pub(super) submission: RecordName,
    /// Number of the step.
    #[n(1)]
    pub(super) step: u32,
    /// The record, and its place.
    #[n(2)]
    pub(super) record: RecordName,
    #[n(3)]
    pub(super) place: RecordPlace,
}

impl<C> Encode<C> for Cover {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(8)?;
        self.writer.encode(e, ctx)?;
        e.u64(self.from.sequence)?.u32(self.from.chunk)?.u64(self.from.offset)?;
        e.u64(self.to.sequence)?.u32(self.to.chunk)?.u64(self.to.offset)?.u64(self.to.rest)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Cover {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        if d.array()? != Some(8) {
            return Err(minicbor::decode::Error::message("a cover has 8 parts"));
        }
        let writer = WriterId::decode(d, ctx)?;
        let from = Position { sequence: d.u64()?, chunk: d.u32()?, offset: d.u64()?, rest: 0 };
        let to = Position { sequence: d.u64()?, chunk: d.u32()?, offset: d.u64()?, rest: d.u64()? };
        Ok(Self { writer, from, to })
    }
}

/// Sections of a level in the making, each sorted by id.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) ids: Vec<u8>,
    pub(super) rows: Vec<u8>,
    pub(super) extra_ids: Vec<u8>,
    pub(super) extra_rows: Vec<u8>,
    pub(super) value_ids: Vec<u8>,
    pub(super) value_rows: Vec<u8>,
}

pub(super) struct Level {
    /// Name of its file.
    pub(super) name: String,
    pub(super) description: Description,
    pub(super) shared: Shared,
    image: Bytes,
    starts: [usize; 7],
    runs: Directory,
    values: Directory,
}

/// Reads the front of a file: where the description ends, and the description if `bytes` reach that far.
pub(super) fn read_front(bytes: &[u8]) -> Result<(usize, Option<Description>), Unusable> {
    let front: &[u8; FRONT] = bytes.first_chunk().ok_or(Unusable::NotALevel)?;
    let number = |at: usize| u32::from_le_bytes([front[at], front[at + 1], front[at + 2], front[at + 3]]);
    if !front.starts_with(b"metalab index ") {
        return Err(Unusable::NotALevel);
    }
    if number(28) != crc32c::crc32c(&front[..28]) {
        return Err(Unusable::Damaged);
    }
    if !front.starts_with(MAGIC) || front[16] != LEVEL {
        return Err(Unusable::OtherVersion);
    }
    let end = FRONT + number(20) as usize;
    let Some(text) = bytes.get(FRONT..end) else { return Ok((end, None)) };
    if crc32c::crc32c(text) != number(24) {
        return Err(Unusable::Damaged);
    }
    minicbor::decode(text).map(|description| (end, Some(description))).map_err(|_| Unusable::Damaged)
}

/// Where the sections begin, and where the last one ends, given where the description ends.
pub(super) fn starts(end: usize, description: &Description) -> Option<[usize; 7]> {
    let Description { runs, extras, values, .. } = *description;
    let sizes = [(runs, ID), (runs, ROW), (extras, ID), (extras, ROW), (values, ID), (values, PLACE)];
    let mut starts = [end.next_multiple_of(ROW); 7];
    for (section, (count, size)) in sizes.into_iter().enumerate() {
        let bytes = usize::try_from(count).ok()?.checked_mul(size)?;
        starts[section + 1] = starts[section].checked_add(bytes)?;
    }
    Some(starts)
}

impl Level {
    /// Takes the bytes of a file.
    pub(super) fn read(name: &str, image: Bytes) -> Result<Self, Unusable> {
        let (end, description) = read_front(&image)?;
        let description = description.ok_or(Unusable::Damaged)?;
        let starts = starts(end, &description).ok_or(Unusable::Damaged)?;
        if starts[6] != image.len() || crc32c::crc32c(&image[starts[0]..]) != description.body_crc {
            return Err(Unusable::Damaged);
        }
        let run_ids = &image[starts[0]..starts[1]];
        let value_ids = &image[starts[4]..starts[5]];
        let (runs, values) = (Directory::of(run_ids), Directory::of(value_ids));
        let shared = Shared::new(description.files.clone(), description.origins.clone());
        let level = Self { name: name.to_owned(), description, shared, image, starts, runs, values };
        if level.is_sound() { Ok(level) } else { Err(Unusable::Damaged) }
    }

    /// Whether all numbers of files and origins exist, so that no look-up can go astray.
    fn is_sound(&self) -> bool {
        let (files, origins) = (self.shared.files.len() as u32, self.shared.origins.len() as u32);
        let right = |row: Row| row.file < files && row.origin < origins;
        (0..self.len()).all(|at| right(self.row(at)))
            && (0..self.extras()).all(|at| right(self.extra_row(at)))
            && (0..self.value_count()).all(|at| self.value_row(at).file < files)
    }

    /// Puts a level together.
    pub(super) fn build(name: &str, mut description: Description, sections: Sections) -> Self {
        let Sections { ids, rows, extra_ids, extra_rows, value_ids, value_rows } = sections;
        let parts = [ids, rows, extra_ids, extra_rows, value_ids, value_rows];
        description.runs = (parts[0].len() / ID) as u64;
        description.extras = (parts[2].len() / ID) as u64;
        description.values = (parts[4].len() / ID) as u64;
        description.body_crc = parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part));
        let text = crate::record::to_cbor(&description);
        let start = (FRONT + text.len()).next_multiple_of(ROW);
        let mut image = Vec::with_capacity(start + parts.iter().map(Vec::len).sum::<usize>());
        image.extend_from_slice(MAGIC);
        image.extend_from_slice(&[LEVEL, 0, 0, 0]);
        image.extend_from_slice(&(text.len() as u32).to_le_bytes());
        image.extend_from_slice(&crc32c::crc32c(&text).to_le_bytes());
        let crc = crc32c::crc32c(&image);
        image.extend_from_slice(&crc.to_le_bytes());
        image.extend_from_slice(&text);
        image.resize(start, 0);
        parts.iter().for_each(|part| image.extend_from_slice(part));
        let starts = starts(FRONT + text.len(), &description).expect("what is in memory has a size");
        let runs = Directory::of(&image[starts[0]..starts[1]]);
        let values = Directory::of(&image[starts[4]..starts[5]]);
        let shared = Shared::new(description.files.clone(), description.origins.clone());
        Self { name: name.to_owned(), description, shared, image: image.into(), starts, runs, values }
    }

    pub(super) fn image(&self) -> &Bytes {
        &self.image
    }

    /// How much work it is to merge it.
    pub(super) fn weight(&self) -> usize {
        self.len() + self.extras() + self.value_count() + self.description.covers.len()
    }

    /// Number of runs.
    pub(super) fn len(&self) -> usize {
        self.description.runs as usize
    }

    pub(super) fn extras(&self) -> usize {
        self.description.extras as usize
    }

    pub(super) fn value_count(&self) -> usize {
        self.description.values as usize
    }

    fn bytes<const N: usize>(&self, section: usize, at: usize) -> &[u8; N] {
        let start = self.starts[section] + at * N;
        self.image[start..].first_chunk().expect("the sizes were checked when it was read")
    }

    pub(super) fn id(&self, at: usize) -> &[u8; ID] {
        self.bytes(0, at)
    }

    pub(super) fn row(&self, at: usize) -> Row {
        Row::read(self.bytes(1, at))
    }

    pub(super) fn extra_id(&self, at: usize) -> &[u8; ID] {
        self.bytes(2, at)
    }

    pub(super) fn extra_row(&self, at: usize) -> Row {
        Row::read(self.bytes(3, at))
    }

    pub(super) fn value_id(&self, at: usize) -> &[u8; ID] {
        self.bytes(4, at)
    }

    pub(super) fn value_row(&self, at: usize) -> ValueRow {
        ValueRow::read(self.bytes(5, at))
    }

    /// The number of a run.
    pub(super) fn find(&self, id: &[u8; ID]) -> Option<usize> {
        self.runs.around(id).find(|&at| self.id(at) == id)
    }

    /// The numbers of all places of a small value.
    pub(super) fn find_value<'a>(&'a self, id: &'a [u8; ID]) -> impl Iterator<Item = usize> + 'a {
        self.values.around(id).filter(move |&at| self.value_id(at) == id)
    }

    /// The other attempts of a run.
    pub(super) fn extras_of(&self, id: &[u8; ID]) -> Range<usize> {
        let first = partition(self.extras(), |at| self.extra_id(at) < id);
        let count = (first..self.extras()).take_while(|&at| self.extra_id(at) == id).count();
        first..first + count
    }

    /// The runs from one id to another, both included.
    pub(super) fn between(&self, low: &Digest, high: &Digest) -> Range<usize> {
        let first = partition(self.len(), |at| self.id(at) < low.as_bytes());
        first..partition(self.len(), |at| self.id(at) <= high.as_bytes()).max(first)
    }
}

fn partition(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// Where ids with the same first bits begin. Ids are uniform, so each stretch has a handful: a look-up touches this
/// table once and then one or two cache lines of ids.
struct Directory {
    shift: u32,
    starts: Vec<u32>,
}

impl Directory {
    fn of(ids: &[u8]) -> Self {
        let count = ids.len() / ID;
        let bits = (count / 4).max(1).ilog2();
        let shift = 63 - bits;
        let mut starts = Vec::with_capacity((2 << bits) + 1);
        for (at, id) in ids.chunks_exact(ID).enumerate() {
            let slot = slot(id, shift);
            while starts.len() <= slot {
                starts.push(at as u32);
            }
        }
        starts.resize((2 << bits) + 1, count as u32);
        Self { shift, starts }
    }

    fn around(&self, id: &[u8; ID]) -> Range<usize> {
        let slot = slot(id, self.shift);
        self.starts[slot] as usize..self.starts[slot + 1] as usize
    }
}

fn slot(id: &[u8], shift: u32) -> usize {
    let first: &[u8; 8] = id.first_chunk().expect("an id has 32 bytes");
    (u64::from_be_bytes(*first) >> shift) as usize
}
