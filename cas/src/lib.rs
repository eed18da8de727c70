//! Digests, canonical values, blobs, folders and packs of metalab; knows no runs.
//!
//! This is the lowest floor: it says how bytes are named, checked and kept, and nothing about
//! what they mean. Five nouns carry it:
//!
//! * [`Digest`]: the BLAKE3 name of some bytes.
//! * [`Value`]: the canonical form in which arguments are compared and hashed.
//! * [`Backend`]: the port to a place that keeps files, a disk or a bucket.
//! * [`Blobs`]: immutable bytes by digest on a back end; [`tree`] keeps folders as blobs.
//! * [`frame`]: the self-checking unit of journals and packs.

pub mod backend;
pub mod blobs;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod crash;
pub mod digest;
pub mod frame;
pub mod key;
pub mod local;
pub mod locator;
pub mod object;
pub mod read_only;
pub mod tree;
pub mod value;

pub use backend::{Append, Backend, BackendError, Bytes, Listed, Meta, PutMode, PutOutcome, Upload};
pub use blobs::{BlobError, Blobs, Presence};
pub use digest::{Digest, DigestError, DigestPrefix, Hasher};
pub use key::{Key, KeyError};
pub use local::LocalBackend;
pub use locator::{Access, Locator, LocatorError};
pub use object::ObjectBackend;
pub use read_only::ReadOnly;
pub use value::{Int, Map, Value, ValueError};
