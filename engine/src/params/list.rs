//! Explicit parameter sets.

use std::collections::HashMap;

use metalab_cas::Value;
use metalab_cas::value::ValueError;
use serde::Serialize;

use super::{MAX_SETS, ParamsError};

/// An explicit list of parameter sets.
#[derive(Clone, Debug)]
pub struct List {
    rows: Result<Vec<Value>, (usize, ValueError)>,
    /// A list that a step returned may have nothing in it: then nothing runs.
    may_be_empty: bool,
}

impl List {
    /// The list of these parameter sets, each a struct or map of arguments.
    pub fn new<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Self {
        let rows = rows.into_iter().enumerate();
        let rows = rows.map(|(at, row)| Value::from_serde(&row).map_err(|error| (at, error)));
        Self { rows: rows.collect(), may_be_empty: false }
    }

    /// The list of these sets, which are values already.
    pub(crate) fn of_values(rows: Vec<Value>) -> Self {
        Self { rows: Ok(rows), may_be_empty: true }
    }

    /// The number of parameter sets, after checking them.
    ///
    /// # Errors
    /// An empty list, a set twice, a value that cannot be hashed, or more than [`MAX_SETS`].
    pub fn check(&self) -> Result<u64, ParamsError> {
        let rows =
            self.rows.as_ref().map_err(|(at, error)| ParamsError::value(&format!("set {at}"), error))?;
        if rows.is_empty() && !self.may_be_empty {
            return Err(ParamsError::EmptyList);
        }
        if rows.len() as u64 > MAX_SETS {
            return Err(ParamsError::TooMany { sets: rows.len() as u128, axes: "list".into() });
        }
        let mut seen = HashMap::with_capacity(rows.len());
        for (position, row) in rows.iter().enumerate() {
            let digest =
                row.digest().map_err(|error| ParamsError::value(&format!("set {position}"), &error))?;
            if let Some(first) = seen.insert(digest, position) {
                let (axis, value) = ("list".to_owned(), row.to_string());
                return Err(ParamsError::Repeated { axis, value, first, second: position });
            }
        }
        Ok(rows.len() as u64)
    }

    pub(crate) fn rows(&self) -> &[Value] {
        self.rows.as_deref().unwrap_or_default()
    }

    /// The list by value, as a submission keeps it.
    pub(crate) fn describe(&self) -> Value {
        Value::Variant("list".into(), Box::new(Value::List(self.rows().to_vec())))
    }
}
