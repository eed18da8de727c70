//! What a run has, column by column.

use metalab_cas::Value;
use metalab_cas::value::Int;

use super::Columns;
use crate::record::Place;
use crate::results::expression::Datum;
use crate::results::{RunResult, fields};

/// A value on its way into a column.
pub(super) enum Cell {
    /// What expressions see, too.
    Datum(Datum),
    /// A whole number that no `i64` can hold.
    Wide(Int),
}

/// What a column of the record holds, whether a run has it or not.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Int,
    Float,
    Text,
    Time,
}

/// The columns of the record.
pub(super) const RECORD: [(&str, Kind); 11] = [
    ("run_id", Kind::Text),
    ("step", Kind::Text),
    ("cell", Kind::Int),
    ("replicate", Kind::Int),
    ("status", Kind::Text),
    ("started", Kind::Time),
    ("duration_s", Kind::Float),
    ("cpu_s", Kind::Float),
    ("peak_memory_bytes", Kind::Int),
    ("tags", Kind::Text),
    ("error", Kind::Text),
];

impl Cell {
    pub(super) const NONE: Self = Self::Datum(Datum::Null);
}

impl From<Datum> for Cell {
    fn from(datum: Datum) -> Self {
        Self::Datum(datum)
    }
}

impl From<&Value> for Cell {
    fn from(value: &Value) -> Self {
        match value {
            Value::Int(x) if i64::try_from(*x).is_err() => Self::Wide(*x),
            other => Self::Datum(other.into()),
        }
    }
}

/// What a run has, with its column.
pub(super) fn cells(run: &RunResult, wanted: Columns) -> Vec<(Columns, String, Cell)> {
    let mut cells = Vec::with_capacity(24);
    if wanted.has(Columns::RECORD) {
        cells.extend(record(run).map(|(name, datum)| (Columns::RECORD, name.to_owned(), datum.into())));
    }
    let mut add = |group: Columns, prefix: &str, name: &str, cell: Cell| {
        if wanted.has(group) {
            cells.push((group, format!("{prefix}_{name}"), cell));
        }
    };
    if wanted.has(Columns::PARAMS) {
        for (name, value) in run.columns() {
            add(Columns::PARAMS, "param", &name, Cell::from(&value));
        }
    }
    for (name, value) in run.metrics() {
        add(Columns::METRICS, "metric", name, Datum::from(value.clone()).into());
    }
    for (name, value) in run.derived_metrics() {
        add(Columns::DERIVED, "derived", name, Datum::from(value.clone()).into());
    }
    for (name, value) in data(run) {
        add(Columns::DATA, "data", &name, Cell::from(&value));
    }
    if wanted.has(Columns::OUTPUT) {
        cells.push((Columns::OUTPUT, "output".into(), output(run)));
    }
    cells
}

/// What the record says, in the order of [`RECORD`].
pub(super) fn record(run: &RunResult) -> impl Iterator<Item = (&'static str, Datum)> + use<> {
    let attempt = run.attempt();
    let seconds =
        |micros: Option<u64>| micros.map_or(Datum::Null, |micros| Datum::Float(micros as f64 / 1e6));
    let whole = |x: Option<u64>| x.and_then(|x| i64::try_from(x).ok()).map_or(Datum::Null, Datum::Int);
    let text = |text: Option<String>| text.map_or(Datum::Null, Datum::Text);
    let data = [
        Datum::Text(run.id().to_string()),
        Datum::Text(run.step().to_owned()),
        whole(Some(run.index())),
        whole(run.replicate_number()),
        Datum::Text(fields::status(run).to_owned()),
        attempt.map_or(Datum::Null, |attempt| Datum::Int(attempt.started)),
        seconds(attempt.map(|attempt| attempt.duration)),
        seconds(attempt.and_then(|attempt| attempt.cpu)),
        whole(attempt.and_then(|attempt| attempt.peak_memory)),
        text((!run.tags().is_empty()).then(|| run.tags().join(","))),
        text(run.error().and_then(|error| error.chain.first()).cloned()),
    ];
    RECORD.iter().map(|(name, _)| *name).zip(data)
}

/// Captured data that lies in the record and is no array.
pub(super) fn data(run: &RunResult) -> impl Iterator<Item = (String, Value)> + '_ {
    let small =
        run.data_refs().iter().filter(|data| data.value.place == Place::Inline && data.dtype.is_none());
    small.filter_map(|data| Some((data.name.clone(), Value::decode(&data.inline).ok()?)))
}

/// The return value, if it lies in the record and is text or JSON.
pub(super) fn output(run: &RunResult) -> Cell {
    let output = run.attempt().and_then(|attempt| attempt.output.as_ref());
    let json = output.filter(|output| output.codec == "json" && !output.inline.is_empty());
    let json = json.map(|output| String::from_utf8_lossy(&output.inline));
    if let Some(text) = &json
        && let Ok(whole) = text.parse::<Int>()
        && i64::try_from(whole).is_err()
    {
        return Cell::Wide(whole);
    }
    if let Some(datum) = fields::output(run) {
        return datum.into();
    }
    match json {
        Some(text) if text != "null" => Datum::Text(text.into_owned()).into(),
        _ => Cell::NONE,
    }
}
