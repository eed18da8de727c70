//! From a folder to its tree, without recursion: folders may be deep.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Entry, Kind, TreeError, encode, target_ok};
use crate::blobs::Blobs;
use crate::digest::{Digest, Hasher};

/// Stores a folder with all that is in it: the digest of its tree, and the bytes of all its files.
///
/// # Errors
/// When something in it cannot be kept or read, or the store does not take it.
pub fn put_folder(blobs: &Blobs, path: &Path) -> Result<(Digest, u64), TreeError> {
    walk(
        path,
        &mut |file, shown| {
            let mut open =
                fs::File::open(file).map_err(|source| TreeError::Io { path: shown.to_owned(), source })?;
            Ok(blobs.put_reader(&mut open)?)
        },
        &mut |tree| Ok(blobs.put(tree)?),
    )
}

/// The digest of a folder's tree, and the bytes of all its files, without storing anything.
///
/// # Errors
/// When something in it cannot be kept or read.
pub fn folder_digest(path: &Path) -> Result<(Digest, u64), TreeError> {
    folder_digest_with(path, &mut |file| {
        let mut hasher = Hasher::new();
        let size = hasher.update_reader(&mut fs::File::open(file)?)?;
        Ok((hasher.finish(), size))
    })
}

/// As [`folder_digest`], with the digest and size of each file from `file` (a cache, say).
///
/// # Errors
/// As [`folder_digest`], and what `file` returns.
pub fn folder_digest_with(
    path: &Path,
    file: &mut dyn FnMut(&Path) -> io::Result<(Digest, u64)>,
) -> Result<(Digest, u64), TreeError> {
    walk(
        path,
        &mut |path, shown| file(path).map_err(|source| TreeError::Io { path: shown.to_owned(), source }),
        &mut |tree| Ok(Digest::of(tree)),
    )
}

/// A folder that is being read.
struct Open {
    /// Relative to the root; empty for the root.
    relative: PathBuf,
    name: String,
    rest: fs::ReadDir,
    entries: Vec<Entry>,
    size: u64,
}

type OnFile<'a> = &'a mut dyn FnMut(&Path, &str) -> Result<(Digest, u64), TreeError>;
type OnTree<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Digest, TreeError>;

fn walk(root: &Path, on_file: OnFile<'_>, on_tree: OnTree<'_>) -> Result<(Digest, u64), TreeError> {
    let open = |relative: PathBuf, name: String| {
        let failed = |source| TreeError::Io { path: relative.display().to_string(), source };
        let rest = fs::read_dir(root.join(&relative)).map_err(failed)?;
        Ok::<_, TreeError>(Open { relative, name, rest, entries: Vec::new(), size: 0 })
    };
    let mut stack = vec![open(PathBuf::new(), String::new())?];
    loop {
        let depth = stack.len() - 1;
        let top = stack.last_mut().expect("the root stays until it is returned");
        let Some(entry) = top.rest.next() else {
            let done = stack.pop().expect("it was there");
            let digest = on_tree(&encode(done.entries))?;
            let Some(above) = stack.last_mut() else { return Ok((digest, done.size)) };
            above.size += done.size;
            above.entries.push(Entry { name: done.name, kind: Kind::Folder(digest), size: done.size });
            continue;
        };
        let failed = |source| TreeError::Io { path: top.relative.display().to_string(), source };
        let entry = entry.map_err(failed)?;
        let relative = top.relative.join(entry.file_name());
        let shown = relative.display().to_string();
        let name = entry.file_name().into_string().map_err(|_| TreeError::NotUtf8 { path: shown.clone() })?;
        let failed = |source| TreeError::Io { path: shown.clone(), source };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            stack.push(open(relative, name)?);
        } else if kind.is_file() {
            let (digest, size) = on_file(&entry.path(), &shown)?;
            let executable = entry.metadata().map_err(failed)?.permissions().mode() & 0o100 != 0;
            let kind = if executable { Kind::Exec(digest) } else { Kind::File(digest) };
            top.size += size;
            top.entries.push(Entry { name, kind, size });
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).map_err(failed)?;
            let target = target
                .into_os_string()
                .into_string()
                .map_err(|_| TreeError::NotUtf8 { path: shown.clone() })?;
            if !target_ok(&target, depth) {
                return Err(TreeError::LinkOutside {
                    path: shown,
                    target: target.escape_debug().take(200).collect(),
                });
            }
            top.entries.push(Entry { name, kind: Kind::Link(target), size: 0 });
        } else {
            let what = if kind.is_socket() {
                "socket"
            } else if kind.is_fifo() {
                "named pipe"
            } else {
                "device"
            };
            return Err(TreeError::Special { path: shown, what });
        }
    }
}
