//! What lies in one chunk of a segment, and where the chunks lie in a merged file.

use std::collections::HashMap;

use bytes::Bytes;
use metalab_cas::Digest;
use metalab_cas::frame::{HEADER_LEN, Item, Scanner};

use crate::journal::announce::ANNOUNCEMENT;
use crate::journal::place::{PackPlace, RecordPlace};
use crate::journal::segment::{Day, HEAD, Head, Segment, VERSION};
use crate::journal::writer::VALUE;

/// A chunk in memory, or what of it was not read before.
pub(super) struct Chunk {
    pub(super) number: u32,
    pub(super) day: Day,
    /// Offset of `bytes` in the chunk.
    pub(super) base: u64,
    pub(super) bytes: Bytes,
    /// Nothing comes after it yet.
    pub(super) last: bool,
}

/// What lies at `at`, and where it ends.
pub(super) fn next_item(chunk: &Chunk, sound: Option<usize>, at: usize) -> (Option<Item>, usize) {
    let scan = |from: usize| Scanner::from_offset(&chunk.bytes[from..], chunk.base + from as u64);
    let mut scanner = scan(at);
    let mut item = scanner.next();
    if let (Some(Item::Damaged { seq: None, .. } | Item::Torn { .. }), Some(sound)) = (&item, sound) {
        // What follows is searched for, and the frame before says which numbers would fit.
        scanner = scan(sound);
        scanner.next();
        if scanner.resume_at() == chunk.base + at as u64 {
            item = scanner.next();
        }
    }
    let end = usize::try_from(scanner.resume_at() - chunk.base).unwrap_or(usize::MAX);
    (item, end)
}

/// The values in a pack file, found by walking over it: for when an announcement is damaged.
pub(in crate::journal) fn values(file: &Segment, bytes: &Bytes) -> Vec<(Digest, PackPlace)> {
    let parts = match file.is_merged() {
        true => merged_parts(bytes, file).unwrap_or_default(),
        false => std::iter::once(0..bytes.len()).collect(),
    };
    let mut values = Vec::new();
    for (chunk, range) in (file.first..).zip(parts) {
        let Some(bytes) = bytes.get(range) else { continue };
        let mut day = file.day;
        for item in Scanner::new(bytes) {
            let Item::Frame(frame) = item else { continue };
            let (kind, offset, payload) = (frame.kind, frame.offset, &bytes[frame.payload]);
            if kind == HEAD {
                day = Head::decode(payload).map_or(day, |head| Day::of(head.time));
            } else if let (VALUE, Some(digest)) = (kind, payload.first_chunk()) {
                let len = (HEADER_LEN + payload.len()) as u32;
                let place = RecordPlace { writer: file.writer, chunk, day, offset, len };
                values.push((Digest::from_bytes(*digest), PackPlace(place)));
            }
        }
    }
    values
}

/// The records of a chunk by number.
pub(super) fn by_number(bytes: &Bytes) -> HashMap<u64, (u8, Bytes)> {
    let records = Scanner::new(bytes).filter_map(|item| match item {
        Item::Frame(frame) if frame.kind != HEAD && frame.kind != ANNOUNCEMENT => {
            Some((frame.seq, (frame.kind, bytes.slice(frame.payload))))
        }
        _ => None,
    });
    records.collect()
}

/// Where the chunks lie in a merged file; `None` if its head does not say.
pub(in crate::journal) fn merged_parts(bytes: &[u8], file: &Segment) -> Option<Vec<std::ops::Range<usize>>> {
    let mut scanner = Scanner::new(bytes);
    let Some(Item::Frame(frame)) = scanner.next() else { return None };
    let mut at = usize::try_from(scanner.resume_at()).ok()?;
    let head = (frame.kind == HEAD).then(|| Head::decode(&bytes[frame.payload]).ok()).flatten()?;
    let sizes = head.parts?;
    let right = head.version <= VERSION && head.writer == file.writer && head.chunk == file.first;
    if !right || sizes.len() as u64 != u64::from(file.last - file.first) + 1 {
        return None;
    }
    let mut parts = Vec::with_capacity(sizes.len());
    for size in sizes {
        let end = at.checked_add(usize::try_from(size).ok()?)?;
        parts.push(at..end);
        at = end;
    }
    Some(parts)
}
