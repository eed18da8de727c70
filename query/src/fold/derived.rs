//! Derived metrics as rows: what each function gave for each run, and when.
//!
//! A row is one value. A function that failed, or gave no value, has one row without a name: it, too, takes the place
//! of what the function gave before.

use metalab_engine::id::{RecordName, RunId};
use metalab_engine::record::{Attempt, DerivedBatch, DerivedRecord, KeptExpression, Scalar};

use super::rows::{Item, Rows};
use crate::columns::{float_text, small};

/// Appends what was derived right after an attempt; that is as old as the attempt's end.
pub(super) fn push_of_attempt(rows: &mut Rows, name: &RecordName, attempt: &Attempt) {
    let time = attempt.started.saturating_add(small(attempt.duration));
    let record = Record::of(name);
    for derived in &attempt.derived {
        push(rows, &record, time, &attempt.run, derived);
    }
}

/// Appends what was derived later.
pub(super) fn push_batch(rows: &mut Rows, name: &RecordName, batch: &DerivedBatch) {
    let record = Record::of(name);
    for (run, derived) in &batch.rows {
        push(rows, &record, batch.time, run, derived);
    }
}

/// Appends an expression that was kept, or given up.
pub(super) fn push_expression(rows: &mut Rows, name: &RecordName, kept: &KeptExpression) {
    let record = Record::of(name);
    rows.push(&[
        Item::Text(&kept.name),
        kept.experiment.as_deref().into(),
        kept.expression.as_deref().into(),
        Item::Time(kept.time),
        Item::Text(&record.writer),
        Item::Int(record.sequence),
    ]);
}

struct Record {
    writer: String,
    sequence: i64,
}

impl Record {
    fn of(name: &RecordName) -> Self {
        Self { writer: name.writer.to_string(), sequence: small(name.sequence) }
    }
}

fn push(rows: &mut Rows, record: &Record, time: i64, run: &RunId, derived: &DerivedRecord) {
    let code = derived.code.to_hex();
    let error = derived.error.as_ref().map(|error| error.chain.join(": "));
    let mut row = |name: Item<'_>, kind, number, text, value: Option<&str>| {
        rows.push(&[
            Item::Bytes(run.as_bytes()),
            Item::Text(&derived.function),
            name,
            kind,
            number,
            text,
            value.into(),
            Item::Text(&code),
            Item::Time(time),
            error.as_deref().into(),
            Item::Text(&record.writer),
            Item::Int(record.sequence),
        ]);
    };
    if derived.values.is_empty() {
        row(Item::Null, Item::Null, Item::Null, Item::Null, None);
    }
    for (name, value) in &derived.values {
        let json = json(value);
        let (kind, number, text) = match value {
            Scalar::Float(x) => ("double", Item::Float(*x), Item::Null),
            Scalar::Int(x) => ("double", Item::Float(*x as f64), Item::Null),
            Scalar::Bool(x) => ("boolean", Item::Float(f64::from(u8::from(*x))), Item::Null),
            Scalar::Text(x) => ("text", Item::Null, Item::Text(x)),
        };
        row(Item::Text(name), Item::Text(kind), number, text, Some(&json));
    }
}

fn json(value: &Scalar) -> String {
    match value {
        Scalar::Float(x) if x.is_finite() => serde_json::Value::from(*x).to_string(),
        Scalar::Float(x) => serde_json::Value::from(float_text(*x)).to_string(),
        Scalar::Int(x) => x.to_string(),
        Scalar::Bool(x) => x.to_string(),
        Scalar::Text(x) => serde_json::Value::from(x.as_str()).to_string(),
    }
}
