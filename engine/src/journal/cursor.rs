//! How far a reader has come.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::place::RecordPlace;
use crate::id::{RecordName, WriterId};

/// How far one writer's records were read.
///
/// `sequence` is what counts; the other fields only spare reading again what was read. All of them may be zero but
/// `sequence`: then the writer's segments are read from the start and the records up to `sequence` are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Every record up to this number was seen (or is known to be damaged).
    pub sequence: u64,
    /// The chunk that was read last; 0 for none.
    pub chunk: u32,
    /// Bytes of that chunk that were whole frames.
    pub offset: u64,
    /// Bytes after `offset` that were there and were not (yet) a whole frame.
    pub rest: u64,
}

impl Position {
    /// Whether this position lies at or behind `other` in the writer's chunks.
    pub(crate) fn reaches(&self, other: &Self) -> bool {
        (self.chunk, self.offset) >= (other.chunk, other.offset)
    }
}

/// The records a reader has seen: per writer the highest number with nothing missing before it.
///
/// Tables keep one inside their commits. The byte form is, after `mlcur1\n`: the number of writers, then for each, in
/// order of its id, the 16 bytes of the id and the four numbers of its [`Position`]; numbers are unsigned LEB128.
///
/// ```
/// use metalab_engine::id::{RecordName, WriterId};
/// use metalab_engine::journal::{Cursor, Position};
///
/// let writer = WriterId::from_bytes([7; 16]);
/// let mut cursor = Cursor::default();
/// cursor.set(writer, Position { sequence: 3, ..Position::default() });
/// assert!(cursor.contains(&RecordName { writer, sequence: 3 }));
/// assert_eq!(Cursor::from_bytes(&cursor.to_bytes()).as_ref(), Ok(&cursor));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(BTreeMap<WriterId, Position>);

/// Bytes or text that are not a cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of metalab ({why}): rebuild what was kept with it")]
pub struct CursorError {
    why: &'static str,
}

const MAGIC: &[u8] = b"mlcur1\n";

impl Cursor {
    /// Whether the record was seen.
    pub fn contains(&self, name: &RecordName) -> bool {
        self.sequence(&name.writer) >= name.sequence
    }

    /// The highest number seen of a writer; 0 for none.
    pub fn sequence(&self, writer: &WriterId) -> u64 {
        self.get(writer).sequence
    }

    /// How far a writer was read.
    pub fn get(&self, writer: &WriterId) -> Position {
        self.0.get(writer).copied().unwrap_or_default()
    }

    /// Sets how far a writer was read.
    pub fn set(&mut self, writer: WriterId, position: Position) {
        self.0.insert(writer, position);
    }

    /// Notes that a record was seen, and with it all before it of the same writer.
    pub fn advance(&mut self, name: &RecordName, place: &RecordPlace) {
        let position = self.0.entry(name.writer).or_default();
        position.sequence = position.sequence.max(name.sequence);
        let end = place.offset + u64::from(place.len);
        if (place.chunk, end) > (position.chunk, position.offset) {
            (position.chunk, position.offset, position.rest) = (place.chunk, end, 0);
        }
    }

    /// Whether everything `other` has seen was seen here too.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(writer, position)| self.sequence(writer) >= position.sequence)
    }

    /// The writers and how far they were read, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&WriterId, &Position)> {
        self.0.iter()
    }

    /// Number of writers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The byte form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + self.0.len() * 26);
        bytes.extend_from_slice(MAGIC);
        put(&mut bytes, self.0.len() as u64);
        for (writer, position) in &self.0 {
            bytes.extend_from_slice(writer.as_bytes());
            put(&mut bytes, position.sequence);
            put(&mut bytes, u64::from(position.chunk));
            put(&mut bytes, position.offset);
            put(&mut bytes, position.rest);
        }
        bytes
    }

    /// Reads the byte form.
    ///
    /// # Errors
    /// When these are not the bytes of a cursor.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CursorError> {
        let mut rest =
            bytes.strip_prefix(MAGIC).ok_or(CursorError { why: "it does not begin with `mlcur1`" })?;
        let count = take(&mut rest)?;
        let mut writers = BTreeMap::new();
        for _ in 0..count {
            let (id, after) = rest.split_first_chunk().ok_or(CursorError { why: "it is too short" })?;
            rest = after;
            let sequence = take(&mut rest)?;
            let chunk = u32::try_from(take(&mut rest)?)
                .map_err(|_| CursorError { why: "a chunk number is too large" })?;
            let position = Position { sequence, chunk, offset: take(&mut rest)?, rest: take(&mut rest)? };
            if writers.insert(WriterId::from_bytes(*id), position).is_some() {
                return Err(CursorError { why: "it names a writer twice" });
            }
        }
        if rest.is_empty() { Ok(Self(writers)) } else { Err(CursorError { why: "something follows it" }) }
    }

    /// The byte form in hexadecimal digits, for places that take text only.
    pub fn to_text(&self) -> String {
        let bytes = self.to_bytes();
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        text
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// When this is not the text of a cursor.
    pub fn from_text(text: &str) -> Result<Self, CursorError> {
        let wrong = CursorError { why: "it is not hexadecimal" };
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(wrong.clone());
        if !text.len().is_multiple_of(2) {
            return Err(wrong);
        }
        let pairs = text.as_bytes().chunks_exact(2);
        let bytes: Result<Vec<u8>, _> =
            pairs.map(|pair| Ok(((digit(pair[0])? << 4) | digit(pair[1])?) as u8)).collect();
        Self::from_bytes(&bytes?)
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(rest: &mut &[u8]) -> Result<u64, CursorError> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(CursorError { why: "it is too short" })?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(CursorError { why: "a number is too large" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Cursor {
        let mut cursor = Cursor::default();
        let far = Position { sequence: 70_000, chunk: 2, offset: 1 << 33, rest: 5 };
        cursor.set(WriterId::from_bytes([0xab; 16]), far);
        cursor.set(WriterId::from_bytes([1; 16]), Position { sequence: 1, chunk: 1, offset: 127, rest: 0 });
        cursor
    }

    #[test]
    fn bytes_and_text_are_golden() {
        let text = "6d6c637572310a02\
                    01010101010101010101010101010101\
                    01017f00\
                    abababababababababababababababab\
                    f0a20402808080802005";
        assert_eq!(sample().to_text(), text);
        assert_eq!(Cursor::from_text(text), Ok(sample()));
    }

    #[test]
    fn garbage_is_refused() {
        let bytes = sample().to_bytes();
        for cut in 0..bytes.len() {
            assert!(Cursor::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(Cursor::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Cursor::from_text("zz").is_err());
        assert!(Cursor::from_text("6").is_err());
    }

    #[test]
    fn advancing_never_goes_back() {
        let writer = WriterId::from_bytes([3; 16]);
        let place = |offset| RecordPlace { writer, chunk: 1, day: super::super::Day(1), offset, len: 10 };
        let mut cursor = Cursor::default();
        cursor.advance(&RecordName { writer, sequence: 2 }, &place(50));
        cursor.advance(&RecordName { writer, sequence: 1 }, &place(40));
        assert_eq!(cursor.get(&writer), Position { sequence: 2, chunk: 1, offset: 60, rest: 0 });
        assert!(!cursor.contains(&RecordName { writer, sequence: 3 }));
    }
}
