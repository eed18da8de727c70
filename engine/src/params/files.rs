//! Parameter sets from files: CSV, JSON, NDJSON.
//!
//! A CSV cell is read by what it looks like: `true` and `false`, integers (without leading zeros), finite numbers, and
//! text otherwise; an empty cell is an argument that the set lacks. A number in double quotes is read like one without;
//! an operation whose argument is text takes the text of it all the same (see the plan). JSON values are what they are.

use std::fs;
use std::path::Path;

use metalab_cas::Value;
use metalab_cas::value::Int;

use super::list::Table;
use super::{List, ParamsError, Source};

/// A file with more bytes is refused: parameter sets are held in memory.
const MOST: u64 = 4 << 30;

/// The sets in a CSV file whose first line names the arguments.
///
/// # Errors
/// When the file cannot be read, is no UTF-8, or a line has another number of fields; the error names the line.
pub fn csv(path: impl AsRef<Path>) -> Result<Source, ParamsError> {
    let (name, text) = read(path.as_ref())?;
    parse_csv(&text).map(source).map_err(|reason| ParamsError::File { file: name, reason })
}

/// The same, of a text.
///
/// ```
/// use metalab_engine::params::csv_text;
/// let sets = csv_text("lr,optimizer\n0.1,sgd\n0.01,adam\n")?.sets()?;
/// assert_eq!(sets.get(1).unwrap().to_string(), r#"{lr: 0.01, optimizer: "adam"}"#);
/// # Ok::<(), metalab_engine::params::ParamsError>(())
/// ```
///
/// # Errors
/// As [`csv`](fn@csv).
pub fn csv_text(text: &str) -> Result<Source, ParamsError> {
    parse_csv(text).map(source).map_err(|reason| ParamsError::File { file: "a text".into(), reason })
}

/// The sets in a JSON file: a list of objects.
///
/// # Errors
/// When the file cannot be read or is no list of objects; the error names the set.
pub fn json(path: impl AsRef<Path>) -> Result<Source, ParamsError> {
    let (name, text) = read(path.as_ref())?;
    parse_json(&text).map(source).map_err(|reason| ParamsError::File { file: name, reason })
}

/// The same, of a text.
///
/// # Errors
/// As [`json`].
pub fn json_text(text: &str) -> Result<Source, ParamsError> {
    parse_json(text).map(source).map_err(|reason| ParamsError::File { file: "a text".into(), reason })
}

/// The sets in a file of JSON objects, one per line; empty lines do not count.
///
/// # Errors
/// When the file cannot be read or a line is no object; the error names the line.
pub fn ndjson(path: impl AsRef<Path>) -> Result<Source, ParamsError> {
    let (name, text) = read(path.as_ref())?;
    parse_ndjson(&text).map(source).map_err(|reason| ParamsError::File { file: name, reason })
}

/// The same, of a text.
///
/// # Errors
/// As [`ndjson`].
pub fn ndjson_text(text: &str) -> Result<Source, ParamsError> {
    parse_ndjson(text).map(source).map_err(|reason| ParamsError::File { file: "a text".into(), reason })
}

pub(super) fn source(table: Table) -> Source {
    Source::List(List::of_table(Ok(table)))
}

/// Name of a file without its folder, if it is there and not too large.
pub(super) fn named(path: &Path) -> Result<String, ParamsError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    match fs::metadata(path) {
        Ok(meta) if meta.len() <= MOST => Ok(name),
        Ok(meta) => {
            let reason = format!("{} bytes are more than the {MOST} that are read", meta.len());
            Err(ParamsError::File { file: name, reason })
        }
        Err(error) => Err(ParamsError::File { file: name, reason: error.to_string() }),
    }
}

/// Name of a file without its folder, and what is in it.
fn read(path: &Path) -> Result<(String, String), ParamsError> {
    let name = named(path)?;
    let fault = |reason: String| ParamsError::File { file: name.clone(), reason };
    let bytes = fs::read(path).map_err(|error| fault(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n');
        fault(format!("line {} is not UTF-8", line.count() + 1))
    })?;
    Ok((name, text))
}

/// Some programs begin a text with a mark of the byte order.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn parse_csv(text: &str) -> Result<Table, String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(without_mark(text).as_bytes());
    let header = reader.headers().map_err(|error| words(&error))?.clone();
    let mut table = Table::default();
    for name in &header {
        let name = name.trim();
        if name.is_empty() {
            return Err("line 1: a column has no name".into());
        }
        if table.names.iter().any(|known| **known == *name) {
            return Err(format!("line 1: two columns are called `{name}`"));
        }
        table.names.push(name.into());
    }
    let mut record = csv::StringRecord::new();
    let mut at = 0;
    while reader.read_record(&mut record).map_err(|error| words(&error))? {
        let values = record.iter().map(|cell| Value::List(cell_value(cell).into_iter().collect()));
        table.push(at, values.collect()).map_err(|error| error.to_string())?;
        at += 1;
    }
    Ok(table)
}

fn words(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} fields, and the first line has {expected_len}")
        }
        _ => error.to_string(),
    }
}

/// What a cell looks like; nothing for an empty one.
fn cell_value(cell: &str) -> Option<Value> {
    let cell = cell.trim();
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let is_padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    Some(match cell {
        "" => return None,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || is_padded => cell.into(),
        _ => match (cell.parse::<Int>(), cell.parse::<f64>()) {
            (Ok(whole), _) => Value::Int(whole),
            (_, Ok(real)) if real.is_finite() => Value::Float(real),
            _ => cell.into(),
        },
    })
}

fn parse_json(text: &str) -> Result<Table, String> {
    match Value::from_json_text(without_mark(text)).map_err(|error| error.to_string())? {
        Value::List(rows) => {
            let mut table = Table::default();
            for (at, row) in rows.iter().enumerate() {
                table.push_value(at, row).map_err(|error| error.to_string())?;
            }
            Ok(table)
        }
        other => Err(format!("it is a {}, not a list of objects", other.kind())),
    }
}

fn parse_ndjson(text: &str) -> Result<Table, String> {
    let mut table = Table::default();
    let lines = without_mark(text).lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (at, (line, text)) in lines.enumerate() {
        let row = Value::from_json_text(text).map_err(|error| format!("line {}: {error}", line + 1))?;
        table.push_value(at, &row).map_err(|error| format!("line {}: {error}", line + 1))?;
    }
    Ok(table)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn sets(source: Result<Source, ParamsError>) -> Vec<String> {
        source.unwrap().sets().unwrap().iter().map(|set| set.to_string()).collect()
    }

    fn error(source: Result<Source, ParamsError>) -> String {
        match source {
            Ok(source) => source.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn cells_are_what_they_look_like() {
        let text = "\u{feff}a, b ,c\r\n1,2.5,x\r\n-3,1e3,true\r\n007,\"4\",\"a,b\"\r\n,-0,nan\r\n";
        assert_eq!(
            sets(csv_text(text)),
            [
                r#"{a: 1, b: 2.5, c: "x"}"#,
                "{a: -3, b: 1000.0, c: true}",
                r#"{a: "007", b: 4, c: "a,b"}"#,
                r#"{b: 0, c: "nan"}"#,
            ]
        );
        let wide = "id\n99999999999999999999999999999999999999\n1e999\n.5\n-\n";
        assert_eq!(
            sets(csv_text(wide)),
            ["{id: 99999999999999999999999999999999999999}", r#"{id: "1e999"}"#, "{id: 0.5}", r#"{id: "-"}"#]
        );
    }

    #[test]
    fn hostile_files_are_explained() {
        let cases = [
            (csv_text("a,b\n1,2\n3\n"), "line 3 has 1 fields, and the first line has 2"),
            (csv_text("a,a\n1,2\n"), "two columns are called `a`"),
            (csv_text("a,,c\n1,2,3\n"), "a column has no name"),
            (csv_text(""), "is empty"),
            (csv_text("a,b\n"), "is empty"),
            (csv_text("a\n1\n2\n1\n"), "positions 0 and 2"),
            (json_text("{\"a\": 1}"), "not a list of objects"),
            (json_text("[{\"a\": 1}, 7]"), "set 1"),
            (json_text("[{\"a\": 1, \"a\": 2}]"), "a"),
            (json_text("[{\"a\": 1}"), "a text"),
            (json_text("[]"), "is empty"),
            (ndjson_text("{\"a\": 1}\n\n{\"a\": }\n"), "line 3"),
            (ndjson_text("[1]\n"), "line 1"),
            (csv("no-such-file.csv"), "no-such-file.csv"),
        ];
        for (source, part) in cases {
            let error = error(source);
            assert!(error.contains(part), "{error} lacks {part}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sets.csv");
        fs::write(&path, b"a,b\n1,\xff\n").unwrap();
        let error = csv(&path).unwrap_err().to_string();
        assert!(error.contains("sets.csv: line 2 is not UTF-8"), "{error}");
        assert!(!error.contains(&*folder.path().to_string_lossy()), "{error}");
    }

    #[test]
    fn objects_may_lack_arguments() {
        let expected = ["{a: 1}", r#"{a: 1, b: "x"}"#, "{b: 2.0, c: [1, null]}"];
        let json = r#"[{"a": 1}, {"b": "x", "a": 1}, {"c": [1, null], "b": 2.0}]"#;
        assert_eq!(sets(json_text(json)), expected);
        let lines = "{\"a\": 1}\n{\"b\": \"x\", \"a\": 1}\n\n{\"c\": [1, null], \"b\": 2.0}\n";
        assert_eq!(sets(ndjson_text(lines)), expected);
    }
}
