//! The cache between processes.
//!
//! One file under `live/` of the user's store: rebuildable, so bincode. Layout: `metalab statcache 1` and a line
//! feed, bincode 2 (standard configuration) of the list of (key, entry), BLAKE3 of all before. A file that is not
//! exactly so is ignored: the files are read again, that is all.

use std::collections::HashMap;

use metalab_cas::{BackendError, Digest, Key, PutMode};

use super::cache::{Entry, StatCache};
use crate::store::Store;

const MAGIC: &[u8] = b"metalab statcache 1\n";

/// The most entries that are kept (about 130 bytes each): those asked for last.
const KEPT: usize = 200_000;

fn key() -> Key {
    Key::new("live/statcache").expect("a legal key")
}

impl StatCache {
    /// The cache kept in a store; an empty one if there is none, or none that can be read.
    pub fn load(store: &Store) -> Self {
        let entries = store.backend().get(&key()).ok().and_then(|bytes| decode(&bytes));
        Self::with_entries(entries.unwrap_or_default())
    }

    /// Keeps the cache in a store, if there is something new and the store may be written.
    ///
    /// Of several processes the last one wins: the others' files are read again some day.
    ///
    /// # Errors
    /// When it cannot be written; that can be ignored.
    pub fn save(&self, store: &Store) -> Result<(), BackendError> {
        if store.is_read_only() || !self.take_changed() {
            return Ok(());
        }
        let put = store.backend().put(&key(), &encode(&self.entries()), PutMode::Replace);
        put.map(drop).inspect_err(|_| self.mark_changed())
    }
}

fn encode(entries: &HashMap<Digest, Entry>) -> Vec<u8> {
    let mut list: Vec<([u8; 32], Entry)> =
        entries.iter().map(|(key, entry)| (*key.as_bytes(), *entry)).collect();
    list.sort_unstable_by_key(|(key, entry)| (std::cmp::Reverse(entry.used), *key));
    list.truncate(KEPT);
    let mut bytes = MAGIC.to_vec();
    let body = bincode::serde::encode_to_vec(&list, bincode::config::standard());
    bytes.extend_from_slice(&body.expect("numbers and byte arrays can always be encoded"));
    let checksum = Digest::of(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<HashMap<Digest, Entry>> {
    let (content, checksum) = bytes.split_last_chunk::<32>()?;
    if Digest::of(content).as_bytes() != checksum {
        return None;
    }
    let body = content.strip_prefix(MAGIC)?;
    let config = bincode::config::standard();
    let (list, read): (Vec<([u8; 32], Entry)>, usize) =
        bincode::serde::decode_from_slice(body, config).ok()?;
    let entries = list.into_iter().map(|(key, entry)| (Digest::from_bytes(key), entry)).collect();
    (read == body.len()).then_some(entries)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::stamp::Stamp;
    use super::*;

    #[test]
    fn damage_means_empty() {
        let stamp = Stamp { size: 1, modified: -2, changed: 3, inode: 4, device: 5 };
        let entry = Entry { stamp, digest: [7; 32], used: 20_000 };
        let entries = HashMap::from([(Digest::of(b"a"), entry), (Digest::of(b"b"), entry)]);
        let bytes = encode(&entries);
        assert_eq!(decode(&bytes).unwrap().len(), 2);
        assert_eq!(decode(&bytes).unwrap()[&Digest::of(b"a")].stamp, stamp);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged).is_none(), "{at}");
            assert!(decode(&bytes[..at]).is_none(), "{at}");
        }
    }
}
