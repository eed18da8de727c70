//! Files and folders by their metadata.

use std::fs;
use std::path::{Path, PathBuf};

use metalab_cas::value::STAT;
use metalab_cas::{Digest, Map, Value};

use super::cache::unreadable;
use super::content::ContentError;

/// What the metadata of a file or folder say.
pub(super) struct ByMetadata {
    /// What is hashed (**format**): `Variant("$metalab::stat", {...})`, for a file of `size` and `modified` (nanoseconds
    /// since 1970), for a folder of `size`, `files` and `entries`, the digest of the canonical list `[name, size,
    /// modified]` of its files (`[name, target]` of a link), sorted by name.
    pub(super) value: Value,
    pub(super) size: u64,
    pub(super) files: u64,
}

impl ByMetadata {
    /// What makes it comparable.
    pub(super) fn digest(&self) -> Digest {
        self.value.digest().expect("numbers and digests always encode")
    }

    fn new(entries: Vec<(&str, Value)>, size: u64, files: u64) -> Self {
        let mut map = Map::new();
        for (name, value) in entries {
            map.insert(name, value);
        }
        Self { value: Value::Variant(STAT.to_owned(), Box::new(Value::Map(map))), size, files }
    }
}

pub(super) fn file(path: &Path, shown: &str) -> Result<ByMetadata, ContentError> {
    let meta = fs::metadata(path).map_err(|source| unreadable(shown, source))?;
    let path = || shown.to_owned();
    if meta.is_dir() {
        return Err(ContentError::IsFolder { path: path() });
    }
    if !meta.is_file() {
        return Err(ContentError::Special { path: path() });
    }
    let entries = vec![("size", Value::from(meta.len())), ("modified", modified(&meta))];
    Ok(ByMetadata::new(entries, meta.len(), 1))
}

pub(super) fn folder(path: &Path, shown: &str) -> Result<ByMetadata, ContentError> {
    let failed = |source| unreadable(shown, source);
    let root = fs::metadata(path).map_err(failed)?;
    if !root.is_dir() {
        return Err(ContentError::IsFile { path: shown.to_owned() });
    }
    let (mut size, mut files) = (0, 0);
    let mut entries: Vec<(String, Value)> = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for inner in fs::read_dir(path.join(&folder)).map_err(failed)? {
            let inner = inner.map_err(failed)?;
            let name = folder.join(inner.file_name());
            let place = || Path::new(shown).join(&name).display().to_string();
            // Of a link its own metadata: where it leads is not followed.
            let meta = inner.metadata().map_err(|source| unreadable(&place(), source))?;
            let Some(text) = name.to_str() else { return Err(ContentError::NotUtf8 { path: place() }) };
            let named = Value::Text(text.to_owned());
            if meta.is_dir() {
                folders.push(name);
            } else if meta.is_file() {
                (size, files) = (size + meta.len(), files + 1);
                let entry = Value::List(vec![named, Value::from(meta.len()), modified(&meta)]);
                entries.push((text.to_owned(), entry));
            } else if meta.is_symlink() {
                let target = fs::read_link(inner.path()).map_err(failed)?;
                let Some(target) = target.to_str() else {
                    return Err(ContentError::NotUtf8 { path: place() });
                };
                entries.push((text.to_owned(), Value::List(vec![named, Value::Text(target.to_owned())])));
            } else {
                return Err(ContentError::Special { path: place() });
            }
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let list = Value::List(entries.into_iter().map(|(_, entry)| entry).collect());
    let digest = list.digest().expect("names and numbers always encode");
    let parts = vec![
        ("size", Value::from(size)),
        ("files", Value::from(files)),
        ("entries", Value::Bytes(digest.as_bytes().to_vec())),
    ];
    Ok(ByMetadata::new(parts, size, files))
}

fn modified(meta: &fs::Metadata) -> Value {
    // An i128 holds all times that a file can have.
    Value::from_serde(&super::Stamp::of(meta).modified).unwrap_or_default()
}
