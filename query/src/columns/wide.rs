//! The columns that depend on what was run: one per (path, type).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field};

use super::flatten::Leaf;
use super::name::{Kind, Path, Root};

/// A table has at most this many columns of its own for paths; more go to the overflow.
pub(crate) const MAX_WIDE: usize = 400;

/// The stored column that takes what has no column: a JSON map from stored column name to value.
pub(crate) const OVERFLOW: &str = "overflow|json";

/// Decides which columns a table gets, for all threads that build its rows.
///
/// Which ones come first depends on arrival. What is read does not: a value in the overflow is found there.
#[derive(Debug, Default)]
pub(crate) struct Admission(Mutex<BTreeSet<String>>);

impl Admission {
    /// An admission for a table that has these columns already.
    pub(crate) fn new(known: impl IntoIterator<Item = String>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(known.into_iter().filter(|name| name != OVERFLOW).collect())))
    }

    fn admit(&self, name: &str) -> bool {
        let mut columns = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        let admitted = columns.contains(name);
        if !admitted && columns.len() < MAX_WIDE {
            columns.insert(name.to_owned());
            return true;
        }
        admitted
    }
}

/// Builders of the wide columns of one batch.
///
/// A value costs one look-up of a short key; columns are padded with nulls only when they are next written.
#[derive(Debug)]
pub(crate) struct Wide {
    lookup: HashMap<Box<[u8]>, usize>,
    columns: Vec<Column>,
    key: Vec<u8>,
    rows: usize,
    admission: Arc<Admission>,
    pending: serde_json::Map<String, serde_json::Value>,
    overflow: StringBuilder,
    overflowed: bool,
    counts: Vec<Vec<i64>>,
}

#[derive(Debug)]
struct Column {
    name: String,
    data: Data,
}

#[derive(Debug)]
enum Data {
    F64(Float64Builder),
    I64(Int64Builder),
    Bool(BooleanBuilder),
    Text(StringBuilder),
    Overflow,
}

/// What [`Wide::finish`] hands over.
pub(crate) struct Finished {
    /// The columns, the overflow last if there is one.
    pub(crate) columns: Vec<(Field, ArrayRef)>,
    /// (group, column, number of values).
    pub(crate) counts: Vec<(usize, String, i64)>,
}

impl Wide {
    /// Builders for a table that takes the columns that `admission` lets in.
    pub(crate) fn new(admission: Arc<Admission>) -> Self {
        Self {
            lookup: HashMap::new(),
            columns: Vec::new(),
            key: Vec::new(),
            rows: 0,
            admission,
            pending: serde_json::Map::new(),
            overflow: StringBuilder::new(),
            overflowed: false,
            counts: Vec::new(),
        }
    }

    /// Puts a value into the current row; `group` is what it is counted under, if at all. The first value of a column in a row wins.
    pub(crate) fn put(&mut self, root: Root, parts: &[&str], leaf: &Leaf, group: Option<usize>) {
        let at = self.column(root, parts, leaf.kind());
        let rows = self.rows;
        let column = &mut self.columns[at];
        let fresh = match (&mut column.data, leaf) {
            (Data::F64(b), Leaf::F64(x)) => {
                pad(b.len_(), rows, || b.append_null()) && {
                    b.append_value(*x);
                    true
                }
            }
            (Data::I64(b), Leaf::I64(x)) => {
                pad(b.len_(), rows, || b.append_null()) && {
                    b.append_value(*x);
                    true
                }
            }
            (Data::Bool(b), Leaf::Bool(x)) => {
                pad(b.len_(), rows, || b.append_null()) && {
                    b.append_value(*x);
                    true
                }
            }
            (Data::Text(b), Leaf::Text(x) | Leaf::Json(x) | Leaf::Content(x)) => {
                pad(b.len_(), rows, || b.append_null()) && {
                    b.append_value(x);
                    true
                }
            }
            _ => {
                let value = match leaf {
                    Leaf::F64(x) if x.is_finite() => serde_json::Value::from(*x),
                    Leaf::F64(x) => serde_json::Value::from(float_text(*x)),
                    Leaf::I64(x) => serde_json::Value::from(*x),
                    Leaf::Bool(x) => serde_json::Value::from(*x),
                    Leaf::Text(x) | Leaf::Json(x) | Leaf::Content(x) => serde_json::Value::from(x.as_str()),
                };
                let fresh = !self.pending.contains_key(&column.name);
                if fresh {
                    self.pending.insert(column.name.clone(), value);
                }
                fresh
            }
        };
        if let Some(group) = group.filter(|_| fresh) {
            if self.counts.len() <= group {
                self.counts.resize_with(group + 1, Vec::new);
            }
            let counts = &mut self.counts[group];
            if counts.len() <= at {
                counts.resize(at + 1, 0);
            }
            counts[at] += 1;
        }
    }

    /// Ends the current row.
    pub(crate) fn end_row(&mut self) {
        if self.pending.is_empty() {
            if self.overflowed {
                self.overflow.append_null();
            }
        } else {
            if !self.overflowed {
                (0..self.rows).for_each(|_| self.overflow.append_null());
                self.overflowed = true;
            }
            let map = std::mem::take(&mut self.pending);
            self.overflow.append_value(serde_json::Value::Object(map).to_string());
        }
        self.rows += 1;
    }

    /// The arrays of all rows.
    pub(crate) fn finish(mut self) -> Finished {
        let rows = self.rows;
        let mut columns = Vec::with_capacity(self.columns.len() + 1);
        for column in &mut self.columns {
            let name = column.name.as_str();
            let (kind, array): (_, ArrayRef) = match &mut column.data {
                Data::F64(b) => {
                    pad(b.len_(), rows, || b.append_null());
                    (DataType::Float64, Arc::new(b.finish()))
                }
                Data::I64(b) => {
                    pad(b.len_(), rows, || b.append_null());
                    (DataType::Int64, Arc::new(b.finish()))
                }
                Data::Bool(b) => {
                    pad(b.len_(), rows, || b.append_null());
                    (DataType::Boolean, Arc::new(b.finish()))
                }
                Data::Text(b) => {
                    pad(b.len_(), rows, || b.append_null());
                    (DataType::Utf8, Arc::new(b.finish()))
                }
                Data::Overflow => continue,
            };
            columns.push((Field::new(name, kind, true), array));
        }
        if self.overflowed {
            columns.push((Field::new(OVERFLOW, DataType::Utf8, true), Arc::new(self.overflow.finish())));
        }
        let mut counts = Vec::new();
        for (group, numbers) in self.counts.iter().enumerate() {
            for (at, &count) in numbers.iter().enumerate().filter(|(_, count)| **count > 0) {
                counts.push((group, self.columns[at].name.clone(), count));
            }
        }
        Finished { columns, counts }
    }

    fn column(&mut self, root: Root, parts: &[&str], kind: Kind) -> usize {
        self.key.clear();
        self.key.extend([root as u8, kind as u8]);
        for part in parts {
            self.key.extend((part.len() as u32).to_le_bytes());
            self.key.extend_from_slice(part.as_bytes());
        }
        if let Some(&at) = self.lookup.get(self.key.as_slice()) {
            return at;
        }
        let path = Path { root, parts: parts.iter().map(|part| (*part).to_owned()).collect() };
        let name = path.stored(kind);
        let data = if !self.admission.admit(&name) {
            Data::Overflow
        } else {
            match kind {
                Kind::F64 => Data::F64(Float64Builder::new()),
                Kind::I64 => Data::I64(Int64Builder::new()),
                Kind::Bool => Data::Bool(BooleanBuilder::new()),
                Kind::Text | Kind::Json => Data::Text(StringBuilder::new()),
            }
        };
        self.columns.push(Column { name, data });
        self.lookup.insert(self.key.as_slice().into(), self.columns.len() - 1);
        self.columns.len() - 1
    }
}

/// A double as text where JSON has no word for it.
pub(crate) fn float_text(x: f64) -> &'static str {
    if x.is_nan() {
        "NaN"
    } else if x > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// Pads up to `rows`; false if the row is already there.
fn pad(len: usize, rows: usize, mut null: impl FnMut()) -> bool {
    (len..rows).for_each(|_| null());
    len <= rows
}

/// The number of rows of a builder, under a name that all builders share.
trait Len {
    fn len_(&self) -> usize;
}

macro_rules! len {
    ($($builder:ty),*) => { $(impl Len for $builder {
        fn len_(&self) -> usize {
            arrow::array::ArrayBuilder::len(self)
        }
    })* };
}

len!(Float64Builder, Int64Builder, BooleanBuilder, StringBuilder);
