//! Typed columns.

use std::collections::HashMap;

use metalab_cas::value::Int;

use super::Columns;
use super::cells::{Cell, Kind, RECORD, cells};
use crate::results::expression::Datum;
use crate::results::{ResultError, Results};

/// Results as typed columns, one row for each cell.
///
/// A column of whole numbers and floats is one of floats, if no number loses digits by that; one of several kinds
/// otherwise is one of texts, and so is one without values. The columns of the record have the same kinds always, and
/// are there without rows, too. No two columns have one name.
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
    /// Whole numbers from zero, of which one at least is above all of [`Values::Int`].
    Unsigned(Vec<Option<u64>>),
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
            Self::Unsigned(all) => all[row].map(|x| x.to_string()),
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
    /// Of a column of the record.
    kind: Option<Kind>,
    cells: Vec<Cell>,
}

/// The groups in the order in which they stand.
const ORDER: [Columns; 6] =
    [Columns::RECORD, Columns::PARAMS, Columns::METRICS, Columns::DERIVED, Columns::DATA, Columns::OUTPUT];

impl Frame {
    pub(super) fn of(results: &Results, wanted: Columns) -> Result<Self, ResultError> {
        let mut columns: Vec<Building> = Vec::new();
        let mut numbers: HashMap<(Columns, String), usize> = HashMap::new();
        let mut rows = 0;
        let mut add = |group: Columns, name: String, cell: Cell, row: usize| {
            let number = *numbers.entry((group, name)).or_insert_with_key(|(group, name)| {
                let fixed = RECORD.iter().find(|(known, _)| *group == Columns::RECORD && known == name);
                columns.push(Building {
                    name: name.clone(),
                    group: *group,
                    kind: fixed.map(|(_, kind)| *kind),
                    cells: Vec::new(),
                });
                columns.len() - 1
            });
            let cells = &mut columns[number].cells;
            // What the rows before did not have.
            cells.resize_with(row, || Cell::NONE);
            cells.push(cell);
        };
        // A value for the row that is about to come is put in its place below.
        if wanted.has(Columns::RECORD) {
            for (name, _) in RECORD {
                add(Columns::RECORD, name.to_owned(), Cell::NONE, 0);
            }
        }
        if wanted.has(Columns::PARAMS) && !results.is_empty() {
            // The swept ones first.
            for axis in results.axes() {
                add(Columns::PARAMS, format!("param_{axis}"), Cell::NONE, 0);
            }
        }
        for run in results {
            let run = run?;
            for (group, name, cell) in cells(&run, wanted) {
                add(group, name, cell, rows);
            }
            rows += 1;
        }
        columns.sort_by_key(|column| ORDER.iter().position(|group| *group == column.group));
        Ok(Self { rows, columns: columns.into_iter().map(|column| column.finish(rows)).collect() })
    }
}

impl Building {
    fn finish(mut self, rows: usize) -> Column {
        self.cells.resize_with(rows, || Cell::NONE);
        let cells = self.cells;
        let values = match self.kind {
            Some(Kind::Int) => Values::Int(cells.iter().map(whole).collect()),
            Some(Kind::Time) => Values::Time(cells.iter().map(whole).collect()),
            Some(Kind::Float) => Values::Float(cells.iter().map(number).collect()),
            Some(Kind::Text) => Values::Text(cells.into_iter().map(text).collect()),
            None => narrowest(cells),
        };
        Column { name: self.name, group: self.group, values }
    }
}

/// The narrowest kind that has all values exactly.
fn narrowest(cells: Vec<Cell>) -> Values {
    let mut there = cells.iter().filter(|cell| !is_none(cell)).peekable();
    if there.peek().is_none() {
        return Values::Text(vec![None; cells.len()]);
    }
    let all = |fits: fn(&Cell) -> bool| cells.iter().all(|cell| is_none(cell) || fits(cell));
    if all(|cell| matches!(cell, Cell::Datum(Datum::Bool(_)))) {
        Values::Bool(cells.iter().map(truth).collect())
    } else if all(|cell| whole(cell).is_some()) {
        Values::Int(cells.iter().map(whole).collect())
    } else if all(|cell| unsigned(cell).is_some()) {
        Values::Unsigned(cells.iter().map(unsigned).collect())
    } else if there.any(|cell| matches!(cell, Cell::Datum(Datum::Float(_))))
        && all(|cell| number(cell).is_some())
    {
        Values::Float(cells.iter().map(number).collect())
    } else {
        Values::Text(cells.into_iter().map(text).collect())
    }
}

fn is_none(cell: &Cell) -> bool {
    matches!(cell, Cell::Datum(Datum::Null))
}

fn truth(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Datum(datum) => datum.truth(),
        Cell::Wide(_) => None,
    }
}

fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Datum(Datum::Int(x)) => Some(*x),
        _ => None,
    }
}

fn unsigned(cell: &Cell) -> Option<u64> {
    match cell {
        Cell::Datum(Datum::Int(x)) => u64::try_from(*x).ok(),
        Cell::Wide(x) => u64::try_from(*x).ok(),
        Cell::Datum(_) => None,
    }
}

/// A number as a float; of a whole number nothing, if the float is another one.
fn number(cell: &Cell) -> Option<f64> {
    let exact = |x: Int| Some(x.to_f64()).filter(|float| format!("{float:.0}") == x.to_string());
    match cell {
        // All whole numbers up to here are floats.
        Cell::Datum(Datum::Int(x)) if x.unsigned_abs() <= 1 << 53 => Some(*x as f64),
        Cell::Datum(Datum::Int(x)) => exact((*x).into()),
        Cell::Datum(datum) => datum.number(),
        Cell::Wide(x) => exact(*x),
    }
}

fn text(cell: Cell) -> Option<String> {
    match cell {
        Cell::Datum(datum) => datum.into_text(),
        Cell::Wide(x) => Some(x.to_string()),
    }
}
