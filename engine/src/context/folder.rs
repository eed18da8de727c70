//! The content of folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use metalab_cas::tree::{self, TreeError};
use metalab_cas::{Digest, Hasher};

use super::cache::{Entry, StatCache, today, unreadable};
use super::content::{Content, ContentError};
use super::stamp::Stamp;

/// The content of the folder at an absolute path; `shown` is what the user called it.
pub(super) fn content(files: &StatCache, path: &Path, shown: &str) -> Result<Content, ContentError> {
    let now = (files.clock)();
    let (before, count) = stamp(path, shown)?;
    // A file and a folder that followed each other at one path have keys of their own.
    let key = files.key(&path.join("."));
    let key = Hasher::new().update(key.as_bytes()).update(b"folder").finish();
    if let Some(digest) = files.remembered(&key, &before) {
        return Ok(Content { digest, size: before.size, files: count, stamp: before });
    }
    let (digest, size) = digest(files, path, shown)?;
    if stamp(path, shown)?.0 != before {
        return Err(ContentError::Changing { path: shown.to_owned() });
    }
    if !before.is_young(now) {
        files.remember(key, Entry { stamp: before, digest: *digest.as_bytes(), used: today() });
    }
    Ok(Content { digest, size, files: count, stamp: before })
}

fn digest(files: &StatCache, path: &Path, shown: &str) -> Result<(Digest, u64), ContentError> {
    let mut failed = None;
    let mut file = |inner: &Path| {
        let name = Path::new(shown).join(inner.strip_prefix(path).unwrap_or(inner));
        match files.file_at(inner, &name.display().to_string()) {
            Ok(content) => Ok((content.digest, content.size)),
            Err(error) => {
                let message = error.to_string();
                failed = Some(error);
                Err(io::Error::other(message))
            }
        }
    };
    match tree::folder_digest_with(path, &mut file) {
        Ok(tree) => Ok(tree),
        Err(source) => Err(match failed {
            // Files that went while the folder was read.
            Some(ContentError::Missing { .. }) => ContentError::Changing { path: shown.to_owned() },
            Some(error) => error,
            None => refused(shown, source),
        }),
    }
}

fn refused(shown: &str, source: TreeError) -> ContentError {
    ContentError::Folder { path: shown.to_owned(), source }
}

/// One stamp for a folder and everything below: total size, latest times, and in place of inode and device a sum
/// over the stamps and names of all entries, which needs neither their order nor memory for them. Also the number of
/// files.
pub(super) fn stamp(path: &Path, shown: &str) -> Result<(Stamp, u64), ContentError> {
    let failed = |source| unreadable(shown, source);
    let root = fs::metadata(path).map_err(failed)?;
    if root.is_file() {
        return Err(ContentError::IsFile { path: shown.to_owned() });
    }
    if !root.is_dir() {
        return Err(ContentError::Special { path: shown.to_owned() });
    }
    let mut total = Stamp { size: 0, ..Stamp::of(&root) };
    let mut count = 0;
    let mut sum = entry(Path::new(""), &Stamp::of(&root));
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for inner in fs::read_dir(path.join(&folder)).map_err(failed)? {
            let inner = inner.map_err(failed)?;
            let name = folder.join(inner.file_name());
            // Of a link its own metadata: it is kept as a link.
            let meta = inner.metadata().map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => ContentError::Changing { path: shown.to_owned() },
                _ => failed(source),
            })?;
            let stamp = Stamp::of(&meta);
            total.modified = total.modified.max(stamp.modified);
            total.changed = total.changed.max(stamp.changed);
            sum = sum.wrapping_add(entry(&name, &stamp));
            if meta.is_dir() {
                folders.push(name);
            } else if meta.is_file() {
                total.size += stamp.size;
                count += 1;
            }
        }
    }
    (total.inode, total.device) = ((sum >> 64) as u64, sum as u64);
    Ok((total, count))
}

pub(super) fn entry(name: &Path, stamp: &Stamp) -> u128 {
    let digest = Hasher::new().update(&stamp.bytes()).update(name.as_os_str().as_encoded_bytes()).finish();
    let (half, _) = digest.as_bytes().split_first_chunk().expect("32 bytes hold 16");
    u128::from_le_bytes(*half)
}
