//! The fields of a context as they enter the identity.

use metalab_cas::Value;
use metalab_cas::value::ValueError;

use crate::failure::{Failure, Result};

/// A field of a context that enters the identity of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// How it enters.
    pub kind: FieldKind,
    /// What is hashed; paths in it are replaced by what they stand for when the experiment is planned.
    pub value: Value,
}

/// How a field of a context enters the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldKind {
    /// By its value, as serde writes it.
    Value,
    /// By what [`Fingerprint::fingerprint`] says of it.
    Fingerprint,
}

impl Field {
    /// A field that enters by its value.
    pub fn new(name: &'static str, value: Value) -> Self {
        Self { name, kind: FieldKind::Value, value }
    }

    /// A field that enters by a fingerprint.
    pub fn fingerprint(name: &'static str, value: Value) -> Self {
        Self { name, kind: FieldKind::Fingerprint, value }
    }
}

/// A field that cannot enter the identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {reason}")]
pub struct FieldError {
    /// Its name; `?` where it is not known.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl FieldError {
    /// An error of this field.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// What a fingerprint said when it failed: the whole chain of causes.
    pub(super) fn failed(field: &str, failure: &Failure) -> Self {
        Self::new(field, failure.chain().join(": "))
    }
}

impl From<ValueError> for FieldError {
    fn from(error: ValueError) -> Self {
        Self::new("?", error.to_string())
    }
}

/// Something that says itself what it is for the identity of runs: a database at a version, a repository at a commit,
/// a service with a model behind it.
///
/// A field of this type in a context is asked when an experiment is planned, once. The answer is hashed and recorded in
/// place of the field's own value; it must not depend on where the program runs, and must be equal when results may be
/// reused. Paths in it ([`FilePath`](super::FilePath), [`DirPath`](super::DirPath)) count by content, and are watched.
///
/// Nothing is asked again while runs execute: what may change under them should be read at the version that the
/// fingerprint names.
///
/// ```standalone_crate
/// use metalab_engine::context::Fingerprint;
/// use metalab_cas::Value;
/// # extern crate metalab_engine as metalab;
///
/// /// A table of the laboratory's database; what counts is its revision, not where the server is.
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Measurements {
///     server: String,
///     table: String,
/// }
///
/// # fn revision_of(_: &str, _: &str) -> metalab::Result<u64> { Ok(7) }
/// impl Fingerprint for Measurements {
///     fn fingerprint(&self) -> metalab::Result<Value> {
///         Ok(Value::from_serde(&(&self.table, revision_of(&self.server, &self.table)?))?)
///     }
/// }
///
/// #[derive(metalab::Context)]
/// # #[context(crate = "metalab")]
/// struct Data {
///     measurements: Measurements,
/// }
/// ```
pub trait Fingerprint {
    /// What is hashed and recorded.
    ///
    /// # Errors
    /// When it cannot be known; the experiment is then not planned.
    fn fingerprint(&self) -> Result<Value>;
}

/// A type whose values are neither hashed nor kept anywhere, such as a password: a field of it in a context is left out
/// as if it were written `#[context(skip)]`.
pub trait Hidden {}
