//! What the runs of a step share, stored once and named by its digest.

use metalab_cas::Digest;
use minicbor::{Decode, Encode};

use super::cbor::{list, octets};
use crate::code::Grade;

/// The part of the recipe that all runs of a step have in common, with what explains it.
///
/// Fields 0 to 10 enter the run id (see [`crate::recipe`]), the others are for people and columns.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Template {
    /// Version of the recipe format.
    #[n(0)]
    pub recipe_version: u64,
    /// Kind of operation: `rust`.
    #[n(1)]
    pub kind: String,
    /// The package that defines the operation.
    #[n(2)]
    pub namespace: String,
    /// Its name.
    #[n(3)]
    pub name: String,
    /// Its version.
    #[n(4)]
    pub version: String,
    /// How its code enters the identity.
    #[n(5)]
    pub grade: Grade,
    /// Digest of its code, in grades that have one.
    #[n(6)]
    pub code: Option<Digest>,
    /// Arguments that are equal in all runs: a canonical map, without those equal to their default.
    #[cbor(n(7), with = "octets", has_nil)]
    pub fixed: Vec<u8>,
    /// The contexts the operation borrows.
    #[cbor(n(8), with = "list", has_nil)]
    pub contexts: Vec<ContextRecord>,
    /// The base seed, if the operation borrows seeds.
    #[n(9)]
    pub base_seed: Option<u64>,
    /// Metadata of the experiment that the operation declares to read: a canonical map.
    #[cbor(n(10), with = "octets", has_nil)]
    pub metadata: Vec<u8>,
    /// Defaults of arguments: a canonical map; what a run leaves out has this value.
    #[cbor(n(16), with = "octets", has_nil)]
    pub defaults: Vec<u8>,
    /// The items of code that were counted.
    #[cbor(n(17), with = "list", has_nil)]
    pub items: Vec<CodeItemRecord>,
    /// Names of all arguments in the order of the signature.
    #[cbor(n(18), with = "list", has_nil)]
    pub parameters: Vec<String>,
}

/// A context as it entered the identity.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct ContextRecord {
    /// Name of the context type.
    #[n(0)]
    pub name: String,
    /// Its digest.
    #[n(1)]
    pub digest: Digest,
    /// Its fields: a canonical map.
    #[cbor(n(2), with = "octets", has_nil)]
    pub fields: Vec<u8>,
}

/// An item of source code that an operation reaches.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CodeItemRecord {
    /// Such as `fn helper` or `crate smartcore 0.4.10`.
    #[n(0)]
    pub name: String,
    /// Digest of its tokens.
    #[n(1)]
    pub digest: String,
}
