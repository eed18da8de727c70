//! The recipe of a run and its digest, the run id (**format**, version 1).
//!
//! The pre-image is the text `metalab run`, a zero byte, and then numbered fields in ascending order, each as
//! `uvar(number) | uvar(length) | bytes` (`uvar` is unsigned LEB128). A field that is not used is absent.
//!
//! | no. | field | bytes |
//! | --- | --- | --- |
//! | 1 | recipe version | `uvar`, now 1 |
//! | 2 | operation kind | text: `rust` |
//! | 3 | namespace | text: the package that defines the operation |
//! | 4 | name | text |
//! | 5 | version | text |
//! | 6 | code grade | text: `reach`, `body`, `binary`, `manual` |
//! | 7 | code digest | 32 bytes; absent for `manual` |
//! | 8 | arguments | canonical map name → value, without arguments equal to their declared default; absent when empty |
//! | 9 | contexts | canonical map context name → bytes(digest), those the operation borrows; absent when none |
//! | 10 | seed | canonical list `[base, replicate]`; absent when the operation borrows no seeds |
//! | 11 | inputs | canonical map name → input (see [`Input`]); absent when none |
//! | 12 | experiment metadata | canonical map, for operations that declare that they read it; absent otherwise |
//!
//! Not in it: experiment name and version, tags, metadata nobody reads, host, paths, times, resources, executor.

use metalab_cas::{Digest, Value};

use crate::code::Grade;
use crate::id::RunId;

/// The version of the recipe format that this metalab writes.
pub const VERSION: u64 = 1;

const MAGIC: &[u8] = b"metalab run\0";

/// An input of a run as it enters the recipe: always by content.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// One artifact: `Variant("artifact", bytes(digest))`.
    Artifact(Digest),
    /// A gather: `Variant("gather", [[coordinates, bytes(digest)], ...])`, sorted by the encoded coordinates.
    Gather(Vec<(Value, Digest)>),
}

impl Input {
    /// The canonical value that is hashed.
    pub fn to_value(&self) -> Value {
        let bytes = |digest: &Digest| Value::Bytes(digest.as_bytes().to_vec());
        match self {
            Self::Artifact(digest) => Value::Variant("artifact".into(), Box::new(bytes(digest))),
            Self::Gather(parts) => {
                let mut parts: Vec<_> =
                    parts.iter().map(|(at, digest)| (at.to_bytes().ok(), at, digest)).collect();
                parts.sort_by(|a, b| (&a.0, a.2).cmp(&(&b.0, b.2)));
                let parts =
                    parts.into_iter().map(|(_, at, digest)| Value::List(vec![at.clone(), bytes(digest)]));
                Value::Variant("gather".into(), Box::new(Value::List(parts.collect())))
            }
        }
    }
}

/// What all runs of a step share of the recipe: everything but arguments, replicate and inputs.
#[derive(Clone, Debug)]
pub struct RecipeHead {
    /// Magic and fields 1 to 7, encoded.
    head: Vec<u8>,
    /// Field 9, encoded with number and length.
    contexts: Vec<u8>,
    base_seed: Option<u64>,
    /// Field 12, encoded with number and length.
    metadata: Vec<u8>,
}

/// The parts of a [`RecipeHead`].
#[derive(Clone, Debug)]
pub struct HeadParts<'a> {
    /// Operation kind: `rust`.
    pub kind: &'a str,
    /// The package that defines the operation.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// How its code counts.
    pub grade: Grade,
    /// Digest of its code, in grades that have one.
    pub code: Option<Digest>,
    /// Name and digest of each context it borrows.
    pub contexts: &'a [(&'a str, Digest)],
    /// The base seed, if it borrows seeds.
    pub base_seed: Option<u64>,
    /// The experiment metadata that it declares to read: a canonical map; empty when it declares none.
    pub metadata: &'a [u8],
}

impl RecipeHead {
    /// Encodes the shared fields once, so that a run costs little more than one hash.
    pub fn new(parts: &HeadParts<'_>) -> Self {
        let mut head = MAGIC.to_vec();
        let mut version = Vec::new();
        uvar(VERSION, &mut version);
        field(1, &version, &mut head);
        field(2, parts.kind.as_bytes(), &mut head);
        field(3, parts.namespace.as_bytes(), &mut head);
        field(4, parts.name.as_bytes(), &mut head);
        field(5, parts.version.as_bytes(), &mut head);
        field(6, parts.grade.as_str().as_bytes(), &mut head);
        if let Some(code) = &parts.code {
            field(7, code.as_bytes(), &mut head);
        }
        let mut contexts = Vec::new();
        if !parts.contexts.is_empty() {
            let entries = parts.contexts.iter().map(|(name, digest)| {
                (Value::Text((*name).to_owned()), Value::Bytes(digest.as_bytes().to_vec()))
            });
            let map =
                metalab_cas::Map::from_entries(entries).expect("an operation borrows each context once");
            let bytes = Value::Map(map).to_bytes().expect("text and bytes always encode");
            field(9, &bytes, &mut contexts);
        }
        let mut metadata = Vec::new();
        if !parts.metadata.is_empty() {
            field(12, parts.metadata, &mut metadata);
        }
        Self { head, contexts, base_seed: parts.base_seed, metadata }
    }

    /// Writes the complete pre-image of a run into `preimage`, which is cleared first.
    ///
    /// `arguments` and `inputs` are canonical maps, empty slices when there are none; `replicate` counts only
    /// where the operation borrows seeds.
    pub fn preimage(&self, arguments: &[u8], replicate: u64, inputs: &[u8], preimage: &mut Vec<u8>) {
        preimage.clear();
        preimage.extend_from_slice(&self.head);
        if !arguments.is_empty() {
            field(8, arguments, preimage);
        }
        preimage.extend_from_slice(&self.contexts);
        if let Some(base) = self.base_seed {
            let mut seed = [0; 40];
            let mut length = 2;
            seed[0] = 0x08;
            seed[1] = 2;
            length += integer(base, &mut seed[length..]);
            length += integer(replicate, &mut seed[length..]);
            field(10, &seed[..length], preimage);
        }
        if !inputs.is_empty() {
            field(11, inputs, preimage);
        }
        preimage.extend_from_slice(&self.metadata);
    }

    /// The id of a run; `scratch` holds its pre-image afterwards.
    pub fn run_id(&self, arguments: &[u8], replicate: u64, inputs: &[u8], scratch: &mut Vec<u8>) -> RunId {
        self.preimage(arguments, replicate, inputs, scratch);
        RunId(Digest::of(scratch))
    }
}

/// The canonical encoding of a non-negative integer (tag 03), without allocation.
fn integer(x: u64, out: &mut [u8]) -> usize {
    let bytes = x.to_be_bytes();
    let skip = x.leading_zeros() as usize / 8;
    out[0] = 0x03;
    out[1] = (8 - skip) as u8;
    out[2..10 - skip].copy_from_slice(&bytes[skip..]);
    10 - skip
}

fn field(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    uvar(number, out);
    uvar(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends unsigned LEB128.
pub(crate) fn uvar(mut x: u64, out: &mut Vec<u8>) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

/// The fields of a pre-image by number, for explaining it; `None` when it is not one.
pub fn fields(preimage: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut rest = preimage.strip_prefix(MAGIC)?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let number = take_uvar(&mut rest)?;
        let length = usize::try_from(take_uvar(&mut rest)?).ok()?;
        let bytes = rest.get(..length)?;
        rest = &rest[length..];
        fields.push((number, bytes.to_vec()));
    }
    Some(fields)
}

fn take_uvar(rest: &mut &[u8]) -> Option<u64> {
    let mut x = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        x |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(x);
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn integers_agree_with_the_canonical_encoding() {
        for x in [0, 1, 255, 256, 65_535, 1 << 40, u64::MAX] {
            let mut buffer = [0; 16];
            let length = integer(x, &mut buffer);
            assert_eq!(buffer[..length], Value::from_serde(&x).unwrap().to_bytes().unwrap()[..], "{x}");
        }
    }

    #[test]
    fn a_preimage_takes_itself_apart() {
        let head = RecipeHead::new(&HeadParts {
            kind: "rust",
            namespace: "lab",
            name: "train",
            version: "1",
            grade: Grade::Manual,
            code: None,
            contexts: &[],
            base_seed: Some(42),
            metadata: b"",
        });
        let mut preimage = Vec::new();
        let id = head.run_id(b"\x09\x00", 3, b"", &mut preimage);
        assert_eq!(id.0, Digest::of(&preimage));
        let fields = fields(&preimage).unwrap();
        assert_eq!(fields.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 8, 10]);
    }
}
