//! Where a frame lies.

use std::fmt;

use minicbor::{Decode, Encode};

use super::segment::{Day, Part, chunk_key};
use crate::id::WriterId;
use metalab_cas::Key;

/// Where a record lies: enough to fetch its frame with one ranged read.
///
/// It names the chunk the record was written to; when its writer has merged that chunk with others since, the journal
/// finds it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct RecordPlace {
    /// Who wrote it.
    #[n(0)]
    pub writer: WriterId,
    /// The writer's chunk.
    #[n(1)]
    pub chunk: u32,
    /// The day of the chunk's folder.
    #[n(2)]
    pub day: Day,
    /// Where the frame begins in the chunk.
    #[n(3)]
    pub offset: u64,
    /// Bytes of the whole frame, header included.
    #[n(4)]
    pub len: u32,
}

/// Where a small value lies in a pack: the same, in the writer's packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackPlace(pub RecordPlace);

impl RecordPlace {
    pub(crate) fn key(&self, part: Part) -> Key {
        chunk_key(part, self.day, self.writer, self.chunk)
    }
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chunk {} of writer {}, byte {}", self.chunk, self.writer, self.offset)
    }
}

impl fmt::Display for PackPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pack {}", self.0)
    }
}
