//! Explicit parameter sets.

use std::collections::HashMap;
use std::sync::Arc;

use metalab_cas::{Map, Value};
use serde::Serialize;

use super::{MAX_SETS, ParamsError};

/// An explicit list of parameter sets.
#[derive(Clone, Debug)]
pub struct List {
    table: Result<Arc<Table>, ParamsError>,
    /// Written by the operation's own types.
    pub(crate) is_typed: bool,
    /// A list that a step returned may have nothing in it: then nothing runs.
    may_be_empty: bool,
}

impl List {
    /// The list of these parameter sets, each a struct or map of arguments.
    pub fn new<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Self {
        let mut table = Table::default();
        let add = |table: &mut Table, at: usize, row: &T| match Value::from_serde(row) {
            Ok(value) => table.push_value(at, &value),
            Err(error) => Err(ParamsError::value(&format!("set {at}"), &error)),
        };
        let added = rows.into_iter().enumerate().try_for_each(|(at, row)| add(&mut table, at, &row));
        Self { table: added.map(|()| Arc::new(table)), is_typed: false, may_be_empty: false }
    }

    /// The same, of the parameter sets of an operation.
    pub(super) fn typed<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Self {
        Self { is_typed: true, ..Self::new(rows) }
    }

    /// The list of these sets, which are values already and may be none.
    pub(super) fn of_rows(rows: &[Value]) -> Self {
        let mut table = Table::default();
        let added = rows.iter().enumerate().try_for_each(|(at, row)| table.push_value(at, row));
        Self { may_be_empty: true, ..Self::of_table(added.map(|()| table)) }
    }

    /// The same, of sets that the operation's own types have written.
    pub(crate) fn of_values(rows: &[Value]) -> Self {
        Self { is_typed: true, ..Self::of_rows(rows) }
    }

    pub(super) fn of_table(table: Result<Table, ParamsError>) -> Self {
        Self { table: table.map(Arc::new), is_typed: false, may_be_empty: false }
    }

    /// The number of parameter sets, after checking them.
    ///
    /// # Errors
    /// An empty list, a set twice, a value that cannot be hashed, or more than [`MAX_SETS`].
    pub fn check(&self) -> Result<u64, ParamsError> {
        let table = self.table()?;
        let sets = table.len();
        if sets == 0 && !self.may_be_empty {
            return Err(ParamsError::EmptyList);
        }
        if sets > MAX_SETS {
            return Err(ParamsError::TooMany { sets: sets.into(), axes: "list".into() });
        }
        let mut seen = HashMap::with_capacity(table.ends.len());
        for position in 0..table.ends.len() {
            if let Some(first) = seen.insert(table.row(position), position) {
                let (axis, value) = ("list".to_owned(), table.value(position as u64).to_string());
                return Err(ParamsError::Repeated { axis, value, first, second: position });
            }
        }
        Ok(sets)
    }

    pub(super) fn table(&self) -> Result<&Arc<Table>, ParamsError> {
        self.table.as_ref().map_err(Clone::clone)
    }

    /// The list by value, as a submission keeps it.
    pub(crate) fn describe(&self) -> Value {
        let rows = self.table.iter().flat_map(|table| (0..table.len()).map(|set| table.value(set)));
        Value::Variant("list".into(), Box::new(Value::List(rows.collect())))
    }
}

/// Parameter sets in little space: the canonical encodings of their values, one after another.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) names: Vec<Arc<str>>,
    /// Per set: the list of its values in the order of the names, each in a list of one, or an empty one where the set
    /// lacks the argument; nothing after the last that it has.
    bytes: Vec<u8>,
    /// Where each set ends.
    ends: Vec<usize>,
}

impl Table {
    /// Adds a set that is a map of arguments.
    pub(super) fn push_value(&mut self, at: usize, row: &Value) -> Result<(), ParamsError> {
        let Value::Map(row) = row else {
            let reason = format!("a parameter set must be a struct or map of arguments, not {}", row.kind());
            return Err(ParamsError::Value { argument: format!("set {at}"), reason });
        };
        let mut values = vec![Value::List(Vec::new()); self.names.len()];
        for (key, value) in row.iter() {
            let Some(name) = key.as_text() else {
                let reason = format!("the name of an argument must be text, not {key}");
                return Err(ParamsError::Value { argument: format!("set {at}"), reason });
            };
            let value = Value::List(vec![value.clone()]);
            match self.names.iter().position(|known| **known == *name) {
                Some(place) => values[place] = value,
                None => {
                    self.names.push(name.into());
                    values.push(value);
                }
            }
        }
        self.push(at, values)
    }

    /// Adds a set: its values in the order of the names, each in a list.
    pub(super) fn push(&mut self, at: usize, mut values: Vec<Value>) -> Result<(), ParamsError> {
        while values.last().is_some_and(|value| *value == Value::List(Vec::new())) {
            values.pop();
        }
        let before = self.bytes.len();
        if let Err(error) = Value::List(values).encode(&mut self.bytes) {
            self.bytes.truncate(before);
            return Err(ParamsError::value(&format!("set {at}"), &error));
        }
        self.ends.push(self.bytes.len());
        Ok(())
    }

    pub(super) fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    fn row(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    /// Adds the arguments of a set to `out`.
    pub(super) fn fill(&self, set: u64, out: &mut Vec<(Arc<str>, Value)>) {
        let Ok(Value::List(values)) = Value::decode(self.row(set as usize)) else { return };
        for (name, value) in self.names.iter().zip(values) {
            if let Value::List(mut value) = value
                && let Some(value) = value.pop()
            {
                out.push((name.clone(), value));
            }
        }
    }

    /// Whether a condition holds for any value.
    pub(super) fn any(&self, condition: fn(&Value) -> bool) -> bool {
        let mut set = Vec::new();
        (0..self.len()).any(|at| {
            set.clear();
            self.fill(at, &mut set);
            set.iter().any(|(_, value)| condition(value))
        })
    }

    /// A set as a map.
    fn value(&self, set: u64) -> Value {
        let mut entries = Vec::with_capacity(self.names.len());
        self.fill(set, &mut entries);
        let mut map = Map::new();
        entries.into_iter().for_each(|(name, value)| drop(map.insert(&*name, value)));
        Value::Map(map)
    }
}
