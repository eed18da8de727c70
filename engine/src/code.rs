//! How an operation's code enters the identity of its runs.

use minicbor::{Decode, Encode};

/// How much of the code counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Grade {
    /// The operation and every item of its crate that it reaches (the default).
    #[n(0)]
    Reach,
    /// The operation's own tokens only.
    #[n(1)]
    Body,
    /// The digest of the executable.
    #[n(2)]
    Binary,
    /// Nothing but the version given by hand.
    #[n(3)]
    Manual,
}

impl Grade {
    /// The word that is hashed and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Body => "body",
            Self::Binary => "binary",
            Self::Manual => "manual",
        }
    }
}

/// An item of source code that was counted.
#[derive(Clone, Copy, Debug)]
pub struct CodeItem {
    /// Such as `fn helper`, `impl Model for Tree` or `crate smartcore 0.4.10`.
    pub name: &'static str,
    /// Digest of its tokens, hexadecimal.
    pub digest: &'static str,
    /// Where it stands, relative to the package: `src/lib.rs:12`.
    pub place: &'static str,
}

/// What the code of an operation is, as known at compile time.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// How much of it counts.
    pub grade: Grade,
    /// The digest for the grades `reach` and `body`, hexadecimal.
    pub digest: Option<&'static str>,
    /// The items counted.
    pub items: &'static [CodeItem],
}

impl Code {
    /// Code that is known only by the version given by hand.
    pub const fn manual() -> Self {
        Self { grade: Grade::Manual, digest: None, items: &[] }
    }
}
