//! Announcements: frames of segments that say where the group's small values lie in packs.
//!
//! They spare readers the packs. Like heads they carry the number of the next record and do not use one up. The
//! payload is a CBOR map; field 0 is an array of packs, each an array of the pack's chunk number, its day and a byte
//! string: per value the 32-byte digest, the offset of the frame in the pack and its length (u32, little-endian).

use metalab_cas::{Digest, frame};
use minicbor::{Decode, Encode};

use super::place::{PackPlace, RecordPlace};
use super::segment::Day;
use crate::id::WriterId;

/// Frame kind of an announcement.
pub(crate) const ANNOUNCEMENT: u8 = 4;
const ENTRY: usize = 40;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Announcement {
    #[n(0)]
    packs: Vec<Pack>,
}

#[derive(Encode, Decode)]
struct Pack {
    #[n(0)]
    chunk: u32,
    #[n(1)]
    day: Day,
    #[cbor(n(2), with = "minicbor::bytes")]
    entries: Vec<u8>,
}

/// Appends the announcement of `values`; `next` is the number of the next record.
pub(super) fn append(bytes: &mut Vec<u8>, next: u64, values: &[(Digest, PackPlace)]) {
    let mut packs: Vec<Pack> = Vec::new();
    for (digest, PackPlace(place)) in values {
        if packs.last().is_none_or(|pack| pack.chunk != place.chunk) {
            packs.push(Pack { chunk: place.chunk, day: place.day, entries: Vec::new() });
        }
        let pack = packs.last_mut().expect("one was pushed if there was none");
        pack.entries.extend_from_slice(digest.as_bytes());
        let offset = u32::try_from(place.offset).expect("packs are closed long before 4 GiB");
        pack.entries.extend_from_slice(&offset.to_le_bytes());
        pack.entries.extend_from_slice(&place.len.to_le_bytes());
    }
    let payload = crate::record::to_cbor(&Announcement { packs });
    frame::append(bytes, ANNOUNCEMENT, 0, next, &payload).expect("a group is below 4 GiB");
}

/// Reads an announcement of `writer`.
pub(super) fn decode(
    writer: WriterId,
    payload: &[u8],
) -> Result<Vec<(Digest, PackPlace)>, minicbor::decode::Error> {
    let announcement: Announcement = minicbor::decode(payload)?;
    let mut values = Vec::new();
    for pack in announcement.packs {
        for entry in pack.entries.chunks_exact(ENTRY) {
            let (digest, rest) = entry.split_first_chunk().expect("40 bytes have 32");
            let number = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
            let (offset, len) = (u64::from(number(0)), number(4));
            let place = RecordPlace { writer, chunk: pack.chunk, day: pack.day, offset, len };
            values.push((Digest::from_bytes(*digest), PackPlace(place)));
        }
    }
    Ok(values)
}
