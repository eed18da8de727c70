//! Metadata of an experiment that an operation reads.

use std::collections::BTreeMap;

use metalab_cas::{Map, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lent::{Lent, LentKind, Run};
use crate::failure::Result;

/// The metadata that an operation has declared, lent as `&Metadata`.
///
/// Metadata is free text and numbers for people, and no part of a run's identity. What changes a result must be one: so
/// an operation names the keys that it reads, and these, with their values, are hashed into its runs. Other keys it does
/// not see.
///
/// ```standalone_crate
/// use metalab_engine::{Experiment, Metadata};
/// # extern crate metalab_engine as metalab;
///
/// #[metalab::operation(metadata("cohort"))]
/// fn label(case: u64, metadata: &Metadata) -> metalab::Result<String> {
///     Ok(format!("{}-{case}", metadata.get::<String>("cohort")?))
/// }
///
/// // As a plain function, in a test:
/// assert_eq!(label(7, &Metadata::new().with("cohort", "north")).unwrap(), "north-7");
/// // In an experiment, whose `owner` does not count:
/// let experiment = Experiment::new("labels", "1").metadata("cohort", "north").metadata("owner", "me");
/// let experiment = experiment.sweep(Label::grid().case([1, 2]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Metadata(BTreeMap<String, Result<Value, String>>);

impl Metadata {
    /// None, to be filled by [`Metadata::with`] in tests of operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value; one that cannot be kept (NaN) is told when it is read.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = Value::from_serde(&value).map_err(|error| error.to_string());
        self.0.insert(key.into(), value);
        self
    }

    /// A value as a `T`.
    ///
    /// # Errors
    /// When the operation has not declared the key, or the value is of another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        match self.0.get(key) {
            Some(Ok(value)) => {
                let value = value.clone().into_serde();
                value.map_err(|error| format!("metadata `{key}`: {error}").into())
            }
            Some(Err(reason)) => Err(format!("metadata `{key}`: {reason}").into()),
            None => Err(format!(
                "the operation does not declare that it reads the metadata `{key}`: write `#[metalab::operation(metadata(\"{key}\"))]`"
            )
            .into()),
        }
    }

    /// The keys that were declared, in the order of their names.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The metadata that a canonical map holds; none for no bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let Ok(Value::Map(map)) = Value::decode(bytes) else { return Self::default() };
        let entries =
            map.iter().filter_map(|(key, value)| Some((key.as_text()?.to_owned(), Ok(value.clone()))));
        Self(entries.collect())
    }

    /// The canonical map of entries; nothing at all for none.
    pub(crate) fn encode(entries: Vec<(&str, Value)>) -> Result<Vec<u8>, metalab_cas::value::ValueError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let entries = entries.into_iter().map(|(key, value)| (Value::Text(key.to_owned()), value));
        Value::Map(Map::from_entries(entries)?).to_bytes()
    }
}

impl Lent for Metadata {
    const KIND: LentKind = LentKind::Metadata;

    fn lend<'r>(run: &'r Run<'_>) -> Result<&'r Self> {
        run.metadata.ok_or_else(|| "the run has no metadata: give it some by `Run::metadata`".into())
    }
}
