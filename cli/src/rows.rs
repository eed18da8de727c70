//! Lists: as a table for people, as CSV and JSON for programs.

use std::io::Write;

use serde_json::{Map, Value};

use crate::args::ListFormat;
use crate::console::{Console, Paint};
use crate::error::CliError;
use crate::words;

/// Between two columns.
const GAP: &str = "  ";
/// A column that may be cut keeps so many characters.
const LEAST: usize = 8;

/// Rows with named columns.
pub(crate) struct Rows {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

struct Column {
    name: &'static str,
    /// What programs call it.
    key: &'static str,
    right: bool,
    /// Cut first when the terminal is narrow.
    cut: bool,
}

/// A cell: its text for people, its value for programs.
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) value: Value,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { text: text.into(), value: value.into() }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { value: Value::String(text.clone()), text }
    }

    pub(crate) fn number(number: u64) -> Self {
        Self::new(number.to_string(), number)
    }

    pub(crate) fn optional<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or_else(|| Self::new("", Value::Null), cell)
    }

    /// A time in microseconds since 1970.
    pub(crate) fn time(micros: i64) -> Self {
        Self::new(words::time(micros), words::time_exact(micros))
    }
}

impl Rows {
    pub(crate) fn new() -> Self {
        Self { columns: Vec::new(), rows: Vec::new() }
    }

    /// Adds a column of texts that are shown whole.
    pub(crate) fn column(mut self, name: &'static str) -> Self {
        self.columns.push(Column { name, key: name, right: false, cut: false });
        self
    }

    /// Adds a column of numbers.
    pub(crate) fn numbers(mut self, name: &'static str) -> Self {
        self.columns.push(Column { name, key: name, right: true, cut: false });
        self
    }

    /// Adds a column of texts that may be cut.
    pub(crate) fn long(mut self, name: &'static str) -> Self {
        self.columns.push(Column { name, key: name, right: false, cut: true });
        self
    }

    /// Gives the last column another name for programs.
    pub(crate) fn key(mut self, key: &'static str) -> Self {
        if let Some(column) = self.columns.last_mut() {
            column.key = key;
        }
        self
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Writes the list to the console.
    pub(crate) fn print(&self, format: ListFormat, console: &mut Console<'_>) -> Result<(), CliError> {
        let (width, paint) = (console.width(), console.paint());
        match format {
            ListFormat::Table => console.out.write_all(self.table(width, paint).as_bytes())?,
            ListFormat::Csv => self.csv(&mut console.out)?,
            ListFormat::Json => {
                console.out.write_all(b"[")?;
                for (number, row) in self.rows.iter().enumerate() {
                    write!(console.out, "{}\n  {}", if number == 0 { "" } else { "," }, self.object(row))?;
                }
                console.out.write_all(if self.rows.is_empty() { b"]\n" } else { b"\n]\n" })?;
            }
            ListFormat::Ndjson => {
                for row in &self.rows {
                    writeln!(console.out, "{}", self.object(row))?;
                }
            }
        }
        Ok(())
    }

    /// Keys stay in the order of the columns.
    fn object(&self, row: &[Cell]) -> String {
        let entries = self.columns.iter().zip(row);
        let entries = entries.map(|(column, cell)| format!("{}:{}", Value::from(column.key), cell.value));
        format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
    }

    /// Objects become columns `params.k`, in the order in which they are first seen.
    fn csv(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let inner: Vec<Vec<String>> = (0..self.columns.len()).map(|at| self.keys(at)).collect();
        let mut writer = csv::Writer::from_writer(out);
        let names = self.columns.iter().zip(&inner).flat_map(|(column, keys)| match keys.is_empty() {
            true => vec![column.key.to_owned()],
            false => keys.iter().map(|key| format!("{}.{key}", column.key)).collect(),
        });
        writer.write_record(names)?;
        for row in &self.rows {
            let fields = row.iter().zip(&inner).flat_map(|(cell, keys)| match keys.is_empty() {
                true => vec![plain(&cell.value)],
                false => keys.iter().map(|key| cell.value.get(key).map(plain).unwrap_or_default()).collect(),
            });
            writer.write_record(fields)?;
        }
        Ok(writer.flush()?)
    }

    fn keys(&self, at: usize) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for key in self.rows.iter().filter_map(|row| row[at].value.as_object()).flat_map(Map::keys) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }

    fn table(&self, room: Option<usize>, paint: Paint) -> String {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| length(column.name)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = length(&cell.text).max(*width);
            }
        }
        if let Some(room) = room {
            self.shrink(&mut widths, room);
        }
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            text.push_str(cells.join(GAP).trim_end());
            text.push('\n');
        };
        let columns = || self.columns.iter().zip(&widths);
        line(columns().map(|(column, width)| paint.bold(&fit(column.name, *width, column.right))).collect());
        line(widths.iter().map(|width| "─".repeat(*width)).collect());
        for row in &self.rows {
            let cells = columns().zip(row).map(|((column, width), cell)| {
                let cell = fit(&cell.text, *width, column.right);
                if column.name == "status" { paint.status(&cell) } else { cell }
            });
            line(cells.collect());
        }
        text
    }

    /// Cuts the widest of the columns that may be cut until all fit, or no more can be cut.
    fn shrink(&self, widths: &mut [usize], room: usize) {
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > room {
            let may = |(at, width): &(usize, &usize)| self.columns[*at].cut && **width > LEAST;
            let Some((widest, _)) = widths.iter().enumerate().filter(may).max_by_key(|(_, width)| **width)
            else {
                return;
            };
            widths[widest] -= 1;
        }
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The text in exactly `width` places.
fn fit(text: &str, width: usize, right: bool) -> String {
    let text = words::line(text, width);
    let blank = " ".repeat(width.saturating_sub(length(&text)));
    if right { blank + &text } else { text + &blank }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Rows {
        let mut rows = Rows::new().column("id").numbers("n").long("params");
        rows.push(vec![
            Cell::text("a"),
            Cell::number(7),
            Cell::new("k=3 text=a long one", json!({"k": 3, "text": "x,y"})),
        ]);
        rows.push(vec![Cell::text("b"), Cell::number(12), Cell::new("k=5", json!({"k": 5}))]);
        rows
    }

    fn printed(format: ListFormat) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        rows().print(format, &mut Console::new(&mut out, &mut err).terminal(20)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let expected = "id   n  params\n──  ──  ────────────\na    7  k=3 text=a …\nb   12  k=5\n";
        assert_eq!(printed(ListFormat::Table), expected);
    }

    #[test]
    fn programs_get_the_values() {
        assert_eq!(printed(ListFormat::Csv), "id,n,params.k,params.text\na,7,3,\"x,y\"\nb,12,5,\n");
        assert_eq!(printed(ListFormat::Ndjson).lines().last(), Some(r#"{"id":"b","n":12,"params":{"k":5}}"#));
        let json: Value = serde_json::from_str(&printed(ListFormat::Json)).unwrap();
        assert_eq!(json[0]["params"]["text"], "x,y");
    }
}
