//! What is watched, on its way to a worker process.
//!
//! Between two processes of one program only, so bincode (standard configuration) of
//! `(path, shown, kind, digest, stamp, young)`; never stored.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use metalab_cas::Digest;

use super::glob::Glob;
use super::resolve::{Seen, Watched, WatchedKind};
use super::stamp::Stamp;

/// A number for the kind; of a glob its folder and pattern, and whether it may be empty.
type Kind = (u8, String, String, bool);

type Parts = (Vec<u8>, String, Kind, [u8; 32], Stamp, bool);

impl Watched {
    /// The bytes that [`Watched::receive`] takes in a worker.
    pub(crate) fn send(&self) -> Vec<u8> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: Parts = (
            self.path.as_os_str().as_bytes().to_vec(),
            self.shown.clone(),
            kind_sent(&self.kind),
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
        let (path, shown, kind, digest, stamp, young) = parts;
        let kind = kind_received(kind)?;
        (read == bytes.len()).then(|| Self {
            path: PathBuf::from(OsStr::from_bytes(&path)),
            shown,
            kind,
            digest: Digest::from_bytes(digest),
            size: 0,
            files: 0,
            listing: None,
            seen: Arc::new(Mutex::new(Seen { stamp, young })),
            clock: SystemTime::now,
        })
    }
}

fn kind_sent(kind: &WatchedKind) -> Kind {
    let plain = |number| (number, String::new(), String::new(), false);
    match kind {
        WatchedKind::File => plain(0),
        WatchedKind::Folder => plain(1),
        WatchedKind::FileMetadata => plain(2),
        WatchedKind::FolderMetadata => plain(3),
        WatchedKind::Glob(glob) => {
            let root = glob.root().to_string_lossy().into_owned();
            (4, root, glob.pattern().to_owned(), glob.is_allowed_empty())
        }
    }
}

fn kind_received((number, root, pattern, may_be_empty): Kind) -> Option<WatchedKind> {
    Some(match number {
        0 => WatchedKind::File,
        1 => WatchedKind::Folder,
        2 => WatchedKind::FileMetadata,
        3 => WatchedKind::FolderMetadata,
        4 if may_be_empty => WatchedKind::Glob(Glob::new(root, pattern).may_be_empty()),
        4 => WatchedKind::Glob(Glob::new(root, pattern)),
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use metalab_cas::Value;

    use super::*;
    use crate::context::{DirPath, FilePath, Stat, StatCache};

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
        let others = (
            Stat::<FilePath>::from(path.to_str().unwrap()),
            Stat::<DirPath>::from(folder.path().to_str().unwrap()),
            Glob::new(folder.path().to_str().unwrap(), "d*").may_be_empty(),
        );
        let (_, others) = StatCache::new().resolve(&Value::from_serde(&others).unwrap(), "data").unwrap();
        let others: Vec<_> = others.iter().map(|watched| (watched.kind.clone(), watched.send())).collect();
        assert_eq!(others.len(), 3);
        for (kind, bytes) in &others {
            let there = Watched::receive(bytes).unwrap();
            assert_eq!(there.kind, *kind);
            StatCache::check(&there).unwrap();
        }
        std::fs::write(&path, "after that").unwrap();
        assert!(others.iter().all(|(_, bytes)| StatCache::check(&Watched::receive(bytes).unwrap()).is_err()));
        std::fs::write(&path, "after!").unwrap();
        assert!(StatCache::check(&there).is_err());
        assert!(Watched::receive(&bytes[1..]).is_none());
    }
}
