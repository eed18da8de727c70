//! What a scan could not read.

use std::fmt;

use crate::id::{RecordName, WriterId};

/// Something in the journal that is not as it should be. It hides only itself: everything else is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Bytes that are no sound frame.
    Frame {
        /// Whose.
        writer: WriterId,
        /// In which chunk.
        chunk: u32,
        /// Where.
        offset: u64,
        /// How many bytes.
        len: u64,
        /// Which record, where that can still be told.
        sequence: Option<u64>,
    },
    /// Records that should be there and are not.
    Lost {
        /// Whose.
        writer: WriterId,
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
    },
    /// A chunk is missing while later ones are there. The writer is read up to it.
    Gap {
        /// Whose.
        writer: WriterId,
        /// The number that is missing.
        chunk: u32,
    },
    /// Two records have one name; the first stands.
    Conflict {
        /// The name.
        name: RecordName,
        /// The chunk of the second.
        chunk: u32,
    },
    /// A chunk of a newer format. The writer is read up to it.
    Newer {
        /// Whose.
        writer: WriterId,
        /// The chunk.
        chunk: u32,
        /// Its format version.
        version: u32,
    },
    /// A sound frame whose content this metalab cannot read. It is passed over.
    Unreadable {
        /// The record.
        name: RecordName,
        /// Why.
        why: String,
    },
    /// A chunk whose first frame is missing or another's.
    Head {
        /// Whose chunk it should be.
        writer: WriterId,
        /// Its number.
        chunk: u32,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { writer, chunk, offset, len, sequence } => {
                write!(f, "chunk {chunk} of writer {writer}: {len} bytes at {offset} are damaged")?;
                match sequence {
                    Some(sequence) => write!(f, ", record {writer}-{sequence} is lost"),
                    None => Ok(()),
                }
            }
            Self::Lost { writer, from, to } => {
                write!(f, "records {from} to {to} of writer {writer} are missing")
            }
            Self::Gap { writer, chunk } => {
                write!(
                    f,
                    "chunk {chunk} of writer {writer} is not visible (yet): its records from there on are not read"
                )
            }
            Self::Conflict { name, chunk } => {
                write!(f, "record {name} is there twice, differently: the one in chunk {chunk} is ignored")
            }
            Self::Newer { writer, chunk, version } => write!(
                f,
                "chunk {chunk} of writer {writer} has format version {version}, this metalab reads up to {}: use a newer metalab",
                super::segment::VERSION
            ),
            Self::Unreadable { name, why } => write!(f, "record {name} cannot be read: {why}"),
            Self::Head { writer, chunk } => {
                write!(f, "chunk {chunk} of writer {writer} does not begin with its head")
            }
        }
    }
}
