//! Frames: self-checking units of journal segments and packs (format version 1).
//!
//! A frame is a header of 28 bytes and a payload:
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `F1 4D 4C 46` |
//! | 4 | 1 | kind |
//! | 5 | 1 | level: a reader that knows only lower levels must refuse the frame |
//! | 6 | 2 | reserved, 0 |
//! | 8 | 8 | sequence number, little-endian |
//! | 16 | 4 | length of the payload, little-endian |
//! | 20 | 4 | CRC-32C of the payload, little-endian |
//! | 24 | 4 | CRC-32C of the 24 bytes before, little-endian |
//!
//! Header and payload are checked apart, so that damage hides only itself: with a sound header a
//! bad payload is skipped by its length; after a bad header the next magic with a sound header is
//! searched. Payloads may hold frames themselves (a journal kept as an artifact), therefore a
//! frame found by searching must also have a sequence number that fits: numbers in one file never
//! fall, and between two neighbours they grow by at most one.

use std::ops::Range;

/// The four bytes every frame begins with.
pub const MAGIC: [u8; 4] = [0xf1, 0x4d, 0x4c, 0x46];
/// The size of a header in bytes.
pub const HEADER_LEN: usize = 28;
/// The most bytes a payload may have.
pub const MAX_PAYLOAD: usize = u32::MAX as usize;

/// Why a frame cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Longer than a frame can say.
    #[error("a frame holds at most {MAX_PAYLOAD} bytes, {len} were given; store them as a blob")]
    TooLong {
        /// Bytes given.
        len: usize,
    },
}

/// Appends one frame to `out` and returns where its payload lies in `out`.
///
/// # Errors
/// [`FrameError::TooLong`] for payloads of 4 GiB and more; `out` is unchanged then.
///
/// ```
/// use metalab_cas::frame::{self, Item, Scanner};
/// let mut file = Vec::new();
/// frame::append(&mut file, 1, 0, 1, b"hello").unwrap();
/// let Some(Item::Frame(f)) = Scanner::new(&file).next() else { panic!() };
/// assert_eq!((f.kind, f.seq, &file[f.payload.clone()]), (1, 1, &b"hello"[..]));
/// ```
pub fn append(
    out: &mut Vec<u8>,
    kind: u8,
    level: u8,
    seq: u64,
    payload: &[u8],
) -> Result<Range<usize>, FrameError> {
    append_parts(out, kind, level, seq, &[payload])
}

/// Appends one frame whose payload is given in parts, without joining them first.
///
/// # Errors
/// As [`append`].
pub fn append_parts(
    out: &mut Vec<u8>,
    kind: u8,
    level: u8,
    seq: u64,
    parts: &[&[u8]],
) -> Result<Range<usize>, FrameError> {
    let len: usize = parts.iter().map(|p| p.len()).sum();
    let short = u32::try_from(len).map_err(|_| FrameError::TooLong { len })?;
    let crc = parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part));
    let start = out.len();
    out.reserve(HEADER_LEN + len);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[kind, level, 0, 0]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&short.to_le_bytes());
    out.extend_from_slice(&crc.to_le_bytes());
    let header = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&header.to_le_bytes());
    let payload = out.len();
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(payload..out.len())
}

/// A sound frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where its header begins in the file.
    pub offset: u64,
    /// Its kind.
    pub kind: u8,
    /// The level a reader needs.
    pub level: u8,
    /// Its sequence number.
    pub seq: u64,
    /// Where its payload lies in the scanned bytes.
    pub payload: Range<usize>,
}

/// What a scan met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A sound frame.
    Frame(Frame),
    /// Bytes that are no sound frame, with sound frames or nothing at all behind them.
    Damaged {
        /// Where they begin in the file.
        offset: u64,
        /// How many they are.
        len: u64,
        /// The sequence number of the frame that was hit, where its header is sound.
        seq: Option<u64>,
    },
    /// The rest of the file is no whole frame: a write that was cut off, or is still under way.
    /// It is the last item.
    Torn {
        /// Where it begins in the file.
        offset: u64,
    },
}

struct Header {
    kind: u8,
    level: u8,
    seq: u64,
    len: usize,
    crc: u32,
}

impl Header {
    /// The header at the start of `bytes`, if there is a sound one.
    fn read(bytes: &[u8]) -> Option<Header> {
        let head: &[u8; HEADER_LEN] = bytes.first_chunk()?;
        let u32_at = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
        if head[..4] != MAGIC || u32_at(24) != crc32c::crc32c(&head[..24]) {
            return None;
        }
        let mut seq = [0; 8];
        seq.copy_from_slice(&head[8..16]);
        Some(Header {
            kind: head[4],
            level: head[5],
            seq: u64::from_le_bytes(seq),
            len: u32_at(16) as usize,
            crc: u32_at(20),
        })
    }
}

/// Walks over the frames in some bytes.
///
/// Never panics and never fails, whatever the bytes are; what is not sound is reported as
/// [`Item::Damaged`] or [`Item::Torn`]. A file that grows is read on from
/// [`Scanner::resume_at`].
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    base: u64,
    at: usize,
    last: Option<u64>,
    done: bool,
}

impl<'a> Scanner<'a> {
    /// Scans a whole file.
    pub fn new(bytes: &'a [u8]) -> Scanner<'a> {
        Scanner::from_offset(bytes, 0)
    }

    /// Scans bytes that begin `base` bytes into a file, at the start of a frame.
    pub fn from_offset(bytes: &'a [u8], base: u64) -> Scanner<'a> {
        Scanner { bytes, base, at: 0, last: None, done: false }
    }

    /// The offset in the file up to which everything was reported, a torn end left out: where to
    /// read on when the file has grown.
    pub fn resume_at(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The distance from the start of `rest` to the next sound header that fits, beyond byte 0.
    fn search(&self, rest: &[u8]) -> Option<usize> {
        let mut from = 1;
        while from + HEADER_LEN <= rest.len() {
            // The first byte of the magic is rare in text and numbers; look for it alone first.
            let found = from + rest[from..].iter().position(|b| *b == MAGIC[0])?;
            if let Some(header) = Header::read(&rest[found..]) {
                let most = (found / HEADER_LEN) as u64 + 1;
                if self.last.is_none_or(|last| header.seq >= last && header.seq - last <= most) {
                    return Some(found);
                }
            }
            from = found + 1;
        }
        None
    }
}

impl Iterator for Scanner<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if self.done || self.at == self.bytes.len() {
            return None;
        }
        let rest = &self.bytes[self.at..];
        let offset = self.resume_at();
        if let Some(header) = Header::read(rest) {
            let total = HEADER_LEN + header.len;
            if rest.len() < total {
                self.done = true;
                return Some(Item::Torn { offset });
            }
            let payload = self.at + HEADER_LEN..self.at + total;
            self.at += total;
            self.last = Some(header.seq);
            if crc32c::crc32c(&self.bytes[payload.clone()]) != header.crc {
                return Some(Item::Damaged { offset, len: total as u64, seq: Some(header.seq) });
            }
            let Header { kind, level, seq, .. } = header;
            return Some(Item::Frame(Frame { offset, kind, level, seq, payload }));
        }
        match self.search(rest) {
            Some(len) => {
                self.at += len;
                Some(Item::Damaged { offset, len: len as u64, seq: None })
            }
            None => {
                self.done = true;
                Some(Item::Torn { offset })
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, p) in payloads.iter().enumerate() {
            append(&mut out, 1, 0, i as u64 + 1, p).unwrap();
        }
        out
    }

    fn seqs(bytes: &[u8]) -> Vec<u64> {
        Scanner::new(bytes)
            .filter_map(|i| match i {
                Item::Frame(f) => Some(f.seq),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_bad_payload_hides_only_itself() {
        let mut bytes = file(&[b"one", b"two", b"three"]);
        bytes[31 + HEADER_LEN] ^= 1;
        assert_eq!(seqs(&bytes), [1, 3]);
        let items: Vec<Item> = Scanner::new(&bytes).collect();
        assert_eq!(items[1], Item::Damaged { offset: 31, len: 31, seq: Some(2) });
    }

    #[test]
    fn a_bad_header_hides_only_itself() {
        for byte in 31..31 + HEADER_LEN {
            let mut bytes = file(&[b"one", b"two", b"three"]);
            bytes[byte] ^= 0x10;
            assert_eq!(seqs(&bytes), [1, 3], "byte {byte}");
        }
    }

    #[test]
    fn every_torn_tail_keeps_what_is_before() {
        let bytes = file(&[b"one", b"two"]);
        for cut in 0..bytes.len() {
            let items: Vec<Item> = Scanner::new(&bytes[..cut]).collect();
            let whole = usize::from(cut >= 31);
            assert_eq!(seqs(&bytes[..cut]).len(), whole);
            assert_eq!(items.len(), whole + usize::from(cut % 31 != 0), "cut {cut}");
        }
    }

    #[test]
    fn frames_inside_a_payload_are_not_taken_for_records() {
        let mut inner = Vec::new();
        append(&mut inner, 1, 0, 900, b"an artifact that is a journal").unwrap();
        let mut bytes = file(&[b"one", &inner, b"three"]);
        bytes[31] ^= 1;
        assert_eq!(seqs(&bytes), [1, 3]);
    }

    #[test]
    fn a_growing_file_is_read_on() {
        let bytes = file(&[b"one", b"two"]);
        let mut first = Scanner::new(&bytes[..40]);
        assert_eq!(first.by_ref().count(), 2);
        let at = first.resume_at();
        assert_eq!(at, 31);
        let mut second = Scanner::from_offset(&bytes[31..], at);
        assert!(matches!(second.next(), Some(Item::Frame(Frame { offset: 31, seq: 2, .. }))));
    }
}
