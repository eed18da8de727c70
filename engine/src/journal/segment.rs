//! Names and heads of the journal's files.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use chrono::{Datelike, NaiveDate};
use metalab_cas::{Key, frame};
use minicbor::{Decode, Encode};

use crate::id::WriterId;

/// Version of the segment format; heads with a higher one are refused.
pub(crate) const VERSION: u32 = 1;

/// Frame kind of a head, the first frame of every file of the journal.
pub(crate) const HEAD: u8 = 0;

/// A UTC day: days since 1970-01-01. Names a folder of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Day(#[n(0)] pub i32);

/// 1970-01-01 as chrono counts days.
const EPOCH: i32 = 719_163;
const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Day {
    /// The day of a time in microseconds since 1970, UTC.
    pub fn of(micros: i64) -> Self {
        Self(i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap_or(0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.checked_add(EPOCH).and_then(NaiveDate::from_num_days_from_ce_opt) {
            Some(date) => write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
            None => f.write_str("0000-00-00"),
        }
    }
}

impl FromStr for Day {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(NaiveDate::parse_from_str(text, "%Y-%m-%d")?.num_days_from_ce() - EPOCH))
    }
}

/// What a file of the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Part {
    /// Records: a `.seg` file.
    #[n(0)]
    Records,
    /// Small values: a `.pack` file.
    #[n(1)]
    Values,
}

impl Part {
    const fn extension(self) -> &'static str {
        match self {
            Self::Records => "seg",
            Self::Values => "pack",
        }
    }
}

/// A file of the journal as a listing shows it.
///
/// Usually it is one chunk of its writer (`first == last`). In buckets a writer merges its own chunks: then the file
/// holds the chunks from `first` to `last`, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Records or values.
    pub part: Part,
    /// Who wrote it.
    pub writer: WriterId,
    /// Its first chunk.
    pub first: u32,
    /// Its last chunk.
    pub last: u32,
    /// The day of its folder.
    pub day: Day,
    /// Bytes, when it was listed.
    pub size: u64,
    /// When it was last written, as the back end tells.
    pub modified: SystemTime,
    /// Where it lies.
    pub key: Key,
}

impl Segment {
    /// Whether chunk `chunk` is in this file.
    pub fn covers(&self, chunk: u32) -> bool {
        self.first <= chunk && chunk <= self.last
    }

    /// Whether several chunks were merged into it.
    pub fn is_merged(&self) -> bool {
        self.first != self.last
    }

    /// Reads a file name; names that are not the journal's give `None`.
    pub(crate) fn parse(key: &Key, size: u64, modified: SystemTime) -> Option<Self> {
        let mut parts = key.as_str().split('/').rev();
        let (name, day) = (parts.next()?, parts.next()?.parse().ok()?);
        let (stem, extension) = name.rsplit_once('.')?;
        let part = match extension {
            "seg" => Part::Records,
            "pack" => Part::Values,
            _ => return None,
        };
        let mut fields = stem.split('-');
        let writer = fields.next()?.parse().ok()?;
        let first = chunk_number(fields.next()?)?;
        let last = fields.next().map_or(Some(first), chunk_number)?;
        let whole = fields.next().is_none() && first <= last && first > 0;
        whole.then(|| Self { part, writer, first, last, day, size, modified, key: key.clone() })
    }
}

fn chunk_number(text: &str) -> Option<u32> {
    let digits = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The key of one chunk.
pub(crate) fn chunk_key(part: Part, day: Day, writer: WriterId, chunk: u32) -> Key {
    let text = format!("journal/{day}/{writer}-{chunk:08}.{}", part.extension());
    Key::new(&text).expect("days, writer ids and numbers are legal in keys")
}

/// The key of merged chunks.
pub(crate) fn merged_key(part: Part, day: Day, writer: WriterId, first: u32, last: u32) -> Key {
    let text = format!("journal/{day}/{writer}-{first:08}-{last:08}.{}", part.extension());
    Key::new(&text).expect("days, writer ids and numbers are legal in keys")
}

/// The first frame of a file: whose chunk it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Head {
    /// Format version of the file.
    #[n(0)]
    pub(crate) version: u32,
    /// Who writes it.
    #[n(1)]
    pub(crate) writer: WriterId,
    /// Number of the chunk, from 1; of the first one in a merged file.
    #[n(2)]
    pub(crate) chunk: u32,
    /// Sequence number of the first record (or value) in it.
    #[n(3)]
    pub(crate) first: u64,
    /// When it was begun: microseconds since 1970, UTC. Its day names the folder.
    #[n(4)]
    pub(crate) time: i64,
    /// In a merged file: the sizes of its chunks in bytes, in order. They follow this frame verbatim.
    #[n(5)]
    pub(crate) parts: Option<Vec<u64>>,
}

impl Head {
    /// Appends the head's frame.
    pub(crate) fn append(&self, bytes: &mut Vec<u8>) {
        let payload = crate::record::to_cbor(self);
        frame::append(bytes, HEAD, 0, self.first, &payload).expect("a head is short");
    }

    /// Reads a head's payload.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_folders() {
        assert_eq!(Day::of(0).to_string(), "1970-01-01");
        assert_eq!(Day::of(-1).to_string(), "1969-12-31");
        assert_eq!(Day::of(1_793_000_000_000_000).to_string(), "2026-10-26");
        assert_eq!("2026-10-26".parse::<Day>().ok(), Some(Day::of(1_793_000_000_000_000)));
    }

    #[test]
    fn only_names_of_the_journal_are_read() {
        let writer = "00112233445566778899aabbccddeeff";
        let parse = |text: &str| {
            Segment::parse(&Key::new(text).expect("a legal key"), 7, SystemTime::UNIX_EPOCH)
                .map(|found| (found.part, found.first, found.last))
        };
        assert_eq!(parse(&format!("journal/2026-01-02/{writer}-00000003.seg")), Some((Part::Records, 3, 3)));
        assert_eq!(
            parse(&format!("journal/2026-01-02/{writer}-00000001-00000032.pack")),
            Some((Part::Values, 1, 32))
        );
        for wrong in [
            "2026-01-02/x-00000003.seg",
            "2026-13-02/W-00000003.seg",
            "2026-01-02/W-3.seg",
            "2026-01-02/W-00000000.seg",
            "2026-01-02/W-00000004-00000003.seg",
            "2026-01-02/W-00000003.tmp",
        ] {
            assert_eq!(parse(&format!("journal/{}", wrong.replace('W', writer))), None, "{wrong}");
        }
    }
}
