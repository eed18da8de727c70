//! Typed columns.

use std::collections::HashMap;

use metalab_cas::Value;

use super::Columns;
use crate::record::Place;
use crate::results::expression::Datum;
use crate::results::{ResultError, Results, RunResult, fields};

/// Results as typed columns, one row for each cell.
///
/// A column of whole numbers and floats is one of floats; one of several kinds otherwise is one of texts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// The number of rows.
    pub rows: usize,
    /// The columns: by group, and in a group by the first row that has them.
    pub columns: Vec<Column>,
}

/// A column of a [`Frame`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// Its name, with the prefix of its group.
    pub name: String,
    /// Its group.
    pub group: Columns,
    /// Its values: as many as there are rows.
    pub values: Values,
}

/// The values of a [`Column`]; `None` where a run has none.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Truth values.
    Bool(Vec<Option<bool>>),
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Numbers.
    Float(Vec<Option<f64>>),
    /// Texts.
    Text(Vec<Option<String>>),
    /// Times: microseconds since 1970, UTC.
    Time(Vec<Option<i64>>),
}

impl Values {
    /// A value as text; nothing for none.
    pub(super) fn text(&self, row: usize) -> Option<String> {
        match self {
            Self::Bool(all) => all[row].map(|x| x.to_string()),
            Self::Int(all) => all[row].map(|x| x.to_string()),
            // The shortest text that gives the same number again.
            Self::Float(all) => all[row].map(|x| format!("{x:?}")),
            Self::Text(all) => all[row].clone(),
            Self::Time(all) => all[row].and_then(time),
        }
    }
}

/// RFC 3339 with microseconds.
pub(super) fn time(micros: i64) -> Option<String> {
    let time = chrono::DateTime::from_timestamp_micros(micros)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
}

/// A column in the making.
struct Building {
    name: String,
    group: Columns,
    is_time: bool,
    data: Vec<Datum>,
}

/// The groups in the order in which they stand.
const ORDER: [Columns; 6] =
    [Columns::RECORD, Columns::PARAMS, Columns::METRICS, Columns::DERIVED, Columns::DATA, Columns::OUTPUT];

impl Frame {
    pub(super) fn of(results: &Results, wanted: Columns) -> Result<Self, ResultError> {
        let mut columns: Vec<Building> = Vec::new();
        let mut numbers: HashMap<(Columns, String), usize> = HashMap::new();
        let mut rows = 0;
        let mut add = |group: Columns, name: String, datum: Datum, row: usize| {
            let number = *numbers.entry((group, name)).or_insert_with_key(|(group, name)| {
                columns.push(Building {
                    name: name.clone(),
                    group: *group,
                    is_time: *group == Columns::RECORD && name == "started",
                    data: Vec::new(),
                });
                columns.len() - 1
            });
            let data = &mut columns[number].data;
            // What the rows before did not have.
            data.resize(row, Datum::Null);
            data.push(datum);
        };
        if wanted.has(Columns::PARAMS) && !results.is_empty() {
            // The swept ones first; a value for the row that is about to come is put in its place below.
            for axis in results.axes() {
                add(Columns::PARAMS, format!("param_{axis}"), Datum::Null, 0);
            }
        }
        for run in results {
            let run = run?;
            for (group, name, datum) in cells(&run, wanted) {
                add(group, name, datum, rows);
            }
            rows += 1;
        }
        columns.sort_by_key(|column| ORDER.iter().position(|group| *group == column.group));
        Ok(Self { rows, columns: columns.into_iter().map(|column| column.finish(rows)).collect() })
    }
}

/// What a run has, with its column.
fn cells(run: &RunResult, wanted: Columns) -> Vec<(Columns, String, Datum)> {
    let mut cells = Vec::with_capacity(24);
    if wanted.has(Columns::RECORD) {
        cells.extend(record(run).map(|(name, datum)| (Columns::RECORD, name.to_owned(), datum)));
    }
    let mut add = |group: Columns, prefix: &str, name: &str, datum: Datum| {
        if wanted.has(group) {
            cells.push((group, format!("{prefix}_{name}"), datum));
        }
    };
    if wanted.has(Columns::PARAMS) {
        for (name, value) in run.columns() {
            add(Columns::PARAMS, "param", &name, Datum::from(&value));
        }
    }
    for (name, value) in run.metrics() {
        add(Columns::METRICS, "metric", name, value.clone().into());
    }
    for (name, value) in run.derived_metrics() {
        add(Columns::DERIVED, "derived", name, value.clone().into());
    }
    for (name, value) in data(run) {
        add(Columns::DATA, "data", &name, Datum::from(&value));
    }
    if wanted.has(Columns::OUTPUT) {
        cells.push((Columns::OUTPUT, "output".into(), output(run)));
    }
    cells
}

/// What the record says.
pub(super) fn record(run: &RunResult) -> impl Iterator<Item = (&'static str, Datum)> + use<> {
    let attempt = run.attempt();
    let seconds =
        |micros: Option<u64>| micros.map_or(Datum::Null, |micros| Datum::Float(micros as f64 / 1e6));
    let whole = |x: Option<u64>| x.and_then(|x| i64::try_from(x).ok()).map_or(Datum::Null, Datum::Int);
    let text = |text: Option<String>| text.map_or(Datum::Null, Datum::Text);
    [
        ("run_id", Datum::Text(run.id().to_string())),
        ("step", Datum::Text(run.step().to_owned())),
        ("cell", whole(Some(run.index()))),
        ("replicate", whole(run.replicate_number())),
        ("status", Datum::Text(fields::status(run).to_owned())),
        ("started", attempt.map_or(Datum::Null, |attempt| Datum::Int(attempt.started))),
        ("duration_s", seconds(attempt.map(|attempt| attempt.duration))),
        ("cpu_s", seconds(attempt.and_then(|attempt| attempt.cpu))),
        ("peak_memory_bytes", whole(attempt.and_then(|attempt| attempt.peak_memory))),
        ("tags", text((!run.tags().is_empty()).then(|| run.tags().join(",")))),
        ("error", text(run.error().and_then(|error| error.chain.first()).cloned())),
    ]
    .into_iter()
}

/// Captured data that lies in the record and is no array.
pub(super) fn data(run: &RunResult) -> impl Iterator<Item = (String, Value)> + '_ {
    let small =
        run.data_refs().iter().filter(|data| data.value.place == Place::Inline && data.dtype.is_none());
    small.filter_map(|data| Some((data.name.clone(), Value::decode(&data.inline).ok()?)))
}

/// The return value, if it lies in the record and is text or JSON.
pub(super) fn output(run: &RunResult) -> Datum {
    if let Some(datum) = fields::output(run) {
        return datum;
    }
    let output = run.attempt().and_then(|attempt| attempt.output.as_ref());
    let json = output.filter(|output| output.codec == "json" && !output.inline.is_empty());
    match json.map(|output| String::from_utf8_lossy(&output.inline).into_owned()) {
        Some(text) if text != "null" => Datum::Text(text),
        _ => Datum::Null,
    }
}

impl Building {
    /// The narrowest kind that has all its values.
    fn finish(mut self, rows: usize) -> Column {
        self.data.resize(rows, Datum::Null);
        let all = |fits: fn(&Datum) -> bool| self.data.iter().all(|datum| datum.is_null() || fits(datum));
        let any = self.data.iter().any(|datum| !datum.is_null());
        let values = if any && all(|datum| matches!(datum, Datum::Bool(_))) {
            Values::Bool(self.data.iter().map(|datum| datum.truth()).collect())
        } else if any && all(|datum| matches!(datum, Datum::Int(_))) {
            let whole = self.data.iter().map(|datum| match datum {
                Datum::Int(x) => Some(*x),
                _ => None,
            });
            if self.is_time { Values::Time(whole.collect()) } else { Values::Int(whole.collect()) }
        } else if any && all(|datum| datum.number().is_some()) {
            Values::Float(self.data.iter().map(Datum::number).collect())
        } else {
            Values::Text(self.data.into_iter().map(Datum::into_text).collect())
        };
        Column { name: self.name, group: self.group, values }
    }
}
