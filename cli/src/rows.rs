//! Lists: as a table for people, as CSV and JSON for programs.

use std::io::Write;

use metalab_query::Format;
use serde_json::{Map, Value};

use crate::console::{Console, Paint};
use crate::error::CliError;
use crate::words;

/// Between two columns.
const GAP: &str = "  ";
/// A column that may be cut keeps so many characters.
const LEAST: usize = 12;

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
    /// Left out where the room is short: 1 first, then 2, ...; 0 never.
    spare: u8,
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
        self.columns.push(Column { name, key: name, right: false, cut: false, spare: 0 });
        self
    }

    /// Adds a column of numbers.
    pub(crate) fn numbers(mut self, name: &'static str) -> Self {
        self.columns.push(Column { name, key: name, right: true, cut: false, spare: 0 });
        self
    }

    /// Adds a column of texts that may be cut.
    pub(crate) fn long(mut self, name: &'static str) -> Self {
        self.columns.push(Column { name, key: name, right: false, cut: true, spare: 0 });
        self
    }

    /// Gives the last column another name for programs.
    pub(crate) fn key(mut self, key: &'static str) -> Self {
        if let Some(column) = self.columns.last_mut() {
            column.key = key;
        }
        self
    }

    /// Lets the last column be left out where the room is short: those with 1 first.
    pub(crate) fn spare(mut self, order: u8) -> Self {
        if let Some(column) = self.columns.last_mut() {
            column.spare = order;
        }
        self
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Writes the list to the console.
    pub(crate) fn print(&self, format: Format, console: &mut Console<'_>) -> Result<(), CliError> {
        let (width, paint) = (console.width(), console.paint());
        match format {
            // A list is asked for in no other format than those named here: see `args::formats::lists`.
            Format::Table | Format::Line | Format::Parquet | Format::Arrow => {
                let (text, left_out) = self.table(width, paint);
                console.out.write_all(text.as_bytes())?;
                if !left_out.is_empty() {
                    console.tell("note", &format!("no room for {}", left_out.join(", ")));
                }
            }
            Format::Csv => self.csv(&mut console.out)?,
            Format::Json => {
                console.out.write_all(b"[")?;
                for (number, row) in self.rows.iter().enumerate() {
                    write!(console.out, "{}\n  {}", if number == 0 { "" } else { "," }, self.object(row))?;
                }
                console.out.write_all(if self.rows.is_empty() { b"]\n" } else { b"\n]\n" })?;
            }
            Format::Ndjson => {
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

    /// The table, and the columns there was no room for.
    fn table(&self, room: Option<usize>, paint: Paint) -> (String, Vec<&'static str>) {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| length(column.name)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = length(&cell.text).max(*width);
            }
        }
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        if let Some(room) = room {
            self.choose(&mut shown, &widths, room);
            self.shrink(&shown, &mut widths, room);
        }
        let mut text = String::new();
        let mut line = |cell: &dyn Fn(usize) -> String| {
            let cells: Vec<String> = shown.iter().map(|at| cell(*at)).collect();
            text.push_str(cells.join(GAP).trim_end());
            text.push('\n');
        };
        let fit = |text: &str, at: usize| fit(text, widths[at], self.columns[at].right);
        line(&|at| paint.bold(&fit(self.columns[at].name, at)));
        line(&|at| "─".repeat(widths[at]));
        for row in &self.rows {
            line(&|at| {
                let cell = fit(&row[at].text, at);
                if self.columns[at].name == "status" { paint.status(&cell) } else { cell }
            });
        }
        let columns = self.columns.iter().enumerate().filter(|(at, _)| !shown.contains(at));
        (text, columns.map(|(_, column)| column.name).collect())
    }

    /// Leaves out columns until the others fit when they are cut as far as they may.
    fn choose(&self, shown: &mut Vec<usize>, widths: &[usize], room: usize) {
        let least = |at: usize| if self.columns[at].cut { widths[at].min(LEAST) } else { widths[at] };
        while total(shown.iter().map(|at| least(*at))) > room {
            let spare = shown.iter().filter(|at| self.columns[**at].spare > 0);
            let Some(next) = spare.copied().min_by_key(|at| self.columns[*at].spare) else { return };
            shown.retain(|at| *at != next);
        }
    }

    /// Cuts the widest of the columns that may be cut until all fit, or no more can be cut.
    fn shrink(&self, shown: &[usize], widths: &mut [usize], room: usize) {
        while total(shown.iter().map(|at| widths[*at])) > room {
            let may = shown.iter().filter(|at| self.columns[**at].cut && widths[**at] > LEAST);
            let Some(widest) = may.copied().max_by_key(|at| widths[*at]) else { return };
            widths[widest] -= 1;
        }
    }
}

/// The width of columns with the gaps between them.
fn total(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    widths.sum::<usize>() + gaps
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

    fn printed(format: Format) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        rows().print(format, &mut Console::new(&mut out, &mut err).terminal(20)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let expected = "id   n  params\n──  ──  ────────────\na    7  k=3 text=a …\nb   12  k=5\n";
        assert_eq!(printed(Format::Table), expected);
    }

    #[test]
    fn columns_without_room_are_named() {
        let mut rows =
            Rows::new().column("id").column("started").spare(2).numbers("took").spare(1).long("params");
        rows.push(vec![Cell::text("a"), Cell::time(0), Cell::number(1), Cell::text("a text of some length")]);
        let columns = |room| rows.table(Some(room), Paint(false)).1;
        assert_eq!(columns(60), [""; 0]);
        assert_eq!(columns(43), [""; 0]);
        assert_eq!(columns(42), ["took"]);
        assert_eq!(columns(20), ["started", "took"]);
        assert!(rows.table(Some(42), Paint(false)).0.lines().all(|line| length(line) <= 42));
    }

    #[test]
    fn programs_get_the_values() {
        assert_eq!(printed(Format::Csv), "id,n,params.k,params.text\na,7,3,\"x,y\"\nb,12,5,\n");
        assert_eq!(printed(Format::Ndjson).lines().last(), Some(r#"{"id":"b","n":12,"params":{"k":5}}"#));
        let json: Value = serde_json::from_str(&printed(Format::Json)).unwrap();
        assert_eq!(json[0]["params"]["text"], "x,y");
    }
}
