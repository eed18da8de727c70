//! The run ids of a step's cells, in content-addressed chunks.
//!
//! A chunk ends after an id whose last two bytes, as a big-endian number, are 0 modulo 4096, and after 16,384 ids at
//! the latest. Where it ends depends on the ids alone: a step that is asked for again has the same chunks, and one
//! that got more cells has all the old ones but the last. A chunk's bytes are `metalab cells 1\n` and the ids, 32
//! bytes each; it is stored like any value. Zeros stand for a run that is not known yet; no chunk ends after them.

use metalab_cas::Digest;

use crate::id::RunId;
use crate::index::Index;
use crate::journal::Writer;
use crate::record::StepRecord;
use crate::store::Store;
use crate::values::{PACK_MAX, ValueError};

const MAGIC: &[u8; 16] = b"metalab cells 1\n";
const MOST: usize = 16_384;
const MASK: u8 = 0x0f;

/// Cuts the ids of a step's cells, in index order, into chunks.
pub fn chunks(ids: &[RunId]) -> impl Iterator<Item = &[RunId]> {
    let mut rest = ids;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let limit = rest.len().min(MOST);
        let end = rest[..limit].iter().position(ends).map_or(limit, |at| at + 1);
        let (chunk, after) = rest.split_at(end);
        rest = after;
        Some(chunk)
    })
}

fn ends(id: &RunId) -> bool {
    let [.., before, last] = id.as_bytes();
    before & MASK == 0 && *last == 0 && *id != RunId::UNKNOWN
}

/// Stores the chunks that are not there yet, with the writer's next commit; gives the digests of all.
///
/// # Errors
/// When a large chunk cannot be written.
pub fn write(
    store: &Store,
    writer: &mut Writer,
    index: &Index,
    ids: &[RunId],
) -> Result<Vec<Digest>, ValueError> {
    let mut digests = Vec::new();
    let mut bytes = Vec::new();
    for chunk in chunks(ids) {
        bytes.clear();
        bytes.extend_from_slice(MAGIC);
        chunk.iter().for_each(|id| bytes.extend_from_slice(id.as_bytes()));
        let digest = Digest::of(&bytes);
        let there = match bytes.len() <= PACK_MAX {
            true => index.place_of(&digest).is_some(),
            false => store.blobs().has(&digest).map_err(ValueError::Blob)?,
        };
        if !there {
            store.values().put(writer, &bytes)?;
        }
        digests.push(digest);
    }
    Ok(digests)
}

/// The run ids of a step's cells, in index order. One chunk is in memory at a time.
pub fn read<'a>(
    store: &'a Store,
    index: &'a Index,
    step: &'a StepRecord,
) -> impl Iterator<Item = Result<RunId, ValueError>> + 'a {
    step.chunks.iter().flat_map(move |digest| match read_chunk(store, index, digest) {
        Ok(ids) => ids.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    })
}

/// The run ids of one chunk.
///
/// # Errors
/// When the chunk is missing, damaged or no chunk at all.
pub fn read_chunk(store: &Store, index: &Index, digest: &Digest) -> Result<Vec<RunId>, ValueError> {
    let bytes = store.values().get(digest, index)?;
    let malformed = || ValueError::NotCells { digest: *digest };
    let ids = bytes.strip_prefix(MAGIC).ok_or_else(malformed)?;
    let (ids, rest) = ids.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(malformed());
    }
    Ok(ids.iter().map(|id| RunId(Digest::from_bytes(*id))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<u64>) -> Vec<RunId> {
        range.map(|number| RunId(Digest::of(&number.to_le_bytes()))).collect()
    }

    #[test]
    fn chunks_hold_all_ids_in_order() {
        let all = ids(0..60_000);
        let parts: Vec<_> = chunks(&all).collect();
        assert_eq!(parts.concat(), all);
        assert!(parts.len() > 5 && parts.iter().all(|part| part.len() <= MOST));
        assert_eq!(chunks(&[]).count(), 0);
    }

    #[test]
    fn more_cells_change_only_the_last_chunk() {
        let (few, many) = (ids(0..30_000), ids(0..31_000));
        let (few, many): (Vec<_>, Vec<_>) = (chunks(&few).collect(), chunks(&many).collect());
        assert_eq!(few[..few.len() - 1], many[..few.len() - 1]);
    }

    #[test]
    fn without_ends_chunks_have_a_most() {
        let all = vec![RunId(Digest::from_bytes([1; 32])); MOST + 1];
        assert_eq!(chunks(&all).map(<[_]>::len).collect::<Vec<_>>(), [MOST, 1]);
    }
}
