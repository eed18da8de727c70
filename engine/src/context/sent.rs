//! What is watched, on its way to a worker process.
//!
//! Between two processes of one program only, so bincode (standard configuration) of
//! `(path, shown, is folder, digest, stamp, young)`; never stored.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use metalab_cas::Digest;

use super::resolve::{Seen, Watched, WatchedKind};
use super::stamp::Stamp;

type Parts = (Vec<u8>, String, bool, [u8; 32], Stamp, bool);

impl Watched {
    /// The bytes that [`Watched::receive`] takes in a worker.
    pub(crate) fn send(&self) -> Vec<u8> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: Parts = (
            self.path.as_os_str().as_bytes().to_vec(),
            self.shown.clone(),
            self.kind == WatchedKind::Folder,
            *self.digest.as_bytes(),
            seen.stamp,
            seen.young,
        );
        bincode::serde::encode_to_vec(parts, bincode::config::standard()).expect("plain parts always encode")
    }

    /// What another process sent; `None` for other bytes.
    pub(crate) fn receive(bytes: &[u8]) -> Option<Self> {
        let config = bincode::config::standard();
        let (parts, read): (Parts, usize) = bincode::serde::decode_from_slice(bytes, config).ok()?;
        let (path, shown, is_folder, digest, stamp, young) = parts;
        (read == bytes.len()).then(|| Self {
            path: PathBuf::from(OsStr::from_bytes(&path)),
            shown,
            kind: if is_folder { WatchedKind::Folder } else { WatchedKind::File },
            digest: Digest::from_bytes(digest),
            size: 0,
            files: 0,
            seen: Arc::new(Mutex::new(Seen { stamp, young })),
            clock: SystemTime::now,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use metalab_cas::Value;

    use super::*;
    use crate::context::{FilePath, StatCache};

    #[test]
    fn a_watched_file_is_still_watched_after_its_journey() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        std::fs::write(&path, "before").unwrap();
        let value = Value::from_serde(&FilePath::from(path.to_str().unwrap().to_owned())).unwrap();
        let (_, watched) = StatCache::new().resolve(&value, "data").unwrap();
        let bytes = watched[0].send();
        let there = Watched::receive(&bytes).unwrap();
        assert_eq!((&there.path, there.digest), (&watched[0].path, watched[0].digest));
        StatCache::check(&there).unwrap();
        std::fs::write(&path, "after!").unwrap();
        assert!(StatCache::check(&there).is_err());
        assert!(Watched::receive(&bytes[1..]).is_none());
    }
}
