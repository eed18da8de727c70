//! Folders as trees of blobs (**format**, version 1).
//!
//! A folder is a blob: `metalab tree 1`, a newline, and a canonical list of its entries, sorted by the bytes of their
//! names. An entry is a list: name (text), kind (text), content, size (integer).
//!
//! | kind | content | size |
//! | --- | --- | --- |
//! | `file`, `exec` | bytes: digest of the file; `exec` when its owner may execute it | bytes of the file |
//! | `folder` | bytes: digest of its tree | bytes of all files in it |
//! | `link` | text: the target, relative and not leading outside | 0 |
//!
//! Times, owners and other permissions do not count. Sockets, pipes, devices, links that lead outside, and names that
//! are not UTF-8 are refused by name.

mod error;
mod materialise;
mod walk;

pub use error::TreeError;
pub use materialise::materialise_folder;
pub use walk::{folder_digest, folder_digest_with, put_folder};

use crate::digest::Digest;
use crate::value::{Int, Value};

const MAGIC: &[u8] = b"metalab tree 1\n";

/// What an entry of a folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, by digest.
    File(Digest),
    /// A file that its owner may execute, by digest.
    Exec(Digest),
    /// A folder, by the digest of its tree.
    Folder(Digest),
    /// A symbolic link, by its target.
    Link(String),
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: one component.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of the file, or of all files in the folder.
    pub size: u64,
}

/// The bytes of a folder's tree; entries in any order.
pub(crate) fn encode(mut entries: Vec<Entry>) -> Vec<u8> {
    entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let entries = entries.into_iter().map(|entry| {
        let digest = |digest: Digest| Value::Bytes(digest.as_bytes().to_vec());
        let (kind, content) = match entry.kind {
            Kind::File(content) => ("file", digest(content)),
            Kind::Exec(content) => ("exec", digest(content)),
            Kind::Folder(content) => ("folder", digest(content)),
            Kind::Link(target) => ("link", Value::Text(target)),
        };
        Value::List(vec![
            Value::Text(entry.name),
            Value::Text(kind.to_owned()),
            content,
            Value::Int(Int::from(entry.size)),
        ])
    });
    let mut bytes = MAGIC.to_vec();
    Value::List(entries.collect()).encode(&mut bytes).expect("text, bytes and integers always encode");
    bytes
}

/// The entries of a tree. Names and targets are checked: a hostile tree cannot lead outside.
///
/// # Errors
/// When the bytes are no tree, or an entry is not allowed.
pub fn decode(digest: &Digest, bytes: &[u8]) -> Result<Vec<Entry>, TreeError> {
    let malformed = || TreeError::Malformed { digest: *digest };
    let Some(Ok(Value::List(values))) = bytes.strip_prefix(MAGIC).map(Value::decode) else {
        return Err(malformed());
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(values.len());
    for value in values {
        let Value::List(parts) = value else { return Err(malformed()) };
        let [Value::Text(name), Value::Text(kind), content, Value::Int(size)] = &parts[..] else {
            return Err(malformed());
        };
        let size = u64::try_from(*size).map_err(|_| malformed())?;
        let kind = match (kind.as_str(), content) {
            ("link", Value::Text(target)) => Kind::Link(target.clone()),
            (kind, Value::Bytes(bytes)) => {
                let content = Digest::from_bytes(bytes.as_slice().try_into().map_err(|_| malformed())?);
                match kind {
                    "file" => Kind::File(content),
                    "exec" => Kind::Exec(content),
                    "folder" => Kind::Folder(content),
                    _ => return Err(malformed()),
                }
            }
            _ => return Err(malformed()),
        };
        let sorted = entries.last().is_none_or(|last| last.name.as_bytes() < name.as_bytes());
        if !sorted || !name_ok(name) {
            return Err(TreeError::Name { name: name.escape_debug().take(80).collect() });
        }
        entries.push(Entry { name: name.clone(), kind, size });
    }
    Ok(entries)
}

fn name_ok(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && name.len() <= 255 && !name.contains(['/', '\0'])
}

/// Whether a link at `depth` folders below the root stays inside.
fn target_ok(target: &str, depth: usize) -> bool {
    let mut depth = depth;
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return false;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
