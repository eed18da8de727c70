//! From a tree to a folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{Kind, TreeError, decode, target_ok};
use crate::blobs::Blobs;
use crate::digest::Digest;

/// Writes the folder with this tree to `path`, which must not be there. All blobs are verified; after an error what was
/// written is removed.
///
/// # Errors
/// When the tree is hostile, a blob is missing or damaged, or the folder cannot be written.
pub fn materialise_folder(blobs: &Blobs, digest: &Digest, path: &Path) -> Result<(), TreeError> {
    fs::create_dir(path).map_err(|source| TreeError::Io { path: ".".into(), source })?;
    write(blobs, digest, path).inspect_err(|_| {
        let _ = fs::remove_dir_all(path);
    })
}

fn write(blobs: &Blobs, digest: &Digest, path: &Path) -> Result<(), TreeError> {
    // Links come last: nothing is ever written through one.
    let mut links = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0, *digest)];
    while let Some((relative, depth, digest)) = folders.pop() {
        for entry in decode(&digest, &blobs.get(&digest)?)? {
            let inner = relative.join(&entry.name);
            let target = path.join(&inner);
            let failed = |source| TreeError::Io { path: inner.display().to_string(), source };
            match entry.kind {
                Kind::File(content) => blobs.materialise(&content, &target)?,
                Kind::Exec(content) => {
                    blobs.materialise(&content, &target)?;
                    fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).map_err(failed)?;
                }
                Kind::Folder(content) => {
                    fs::create_dir(&target).map_err(failed)?;
                    folders.push((inner, depth + 1, content));
                }
                Kind::Link(to) if target_ok(&to, depth) => links.push((inner, to)),
                Kind::Link(to) => {
                    let path = inner.display().to_string();
                    return Err(TreeError::LinkOutside {
                        path,
                        target: to.escape_debug().take(200).collect(),
                    });
                }
            }
        }
    }
    for (inner, to) in links {
        symlink(to, path.join(&inner))
            .map_err(|source| TreeError::Io { path: inner.display().to_string(), source })?;
    }
    Ok(())
}
