//! Rows as a text table.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::QueryError;

/// No column is wider than this when the width is limited.
const WIDEST: usize = 48;

/// Between two columns.
const GAP: &str = "  ";

/// A head, a rule, the rows, and the number of rows.
pub(super) fn render(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    width: Option<usize>,
) -> Result<String, QueryError> {
    let fail =
        |error: arrow::error::ArrowError| QueryError::Write { format: "table", message: error.to_string() };
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let right: Vec<bool> = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for batch in batches {
        let columns: Result<Vec<Vec<String>>, _> = batch.columns().iter().map(texts).collect();
        let columns = columns.map_err(fail)?;
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()),
        );
    }
    let widest = if width.is_some() { WIDEST } else { usize::MAX };
    let mut widths: Vec<usize> = names.iter().map(|name| count(name)).collect();
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(count(text)).min(widest);
        }
    }
    let shown = fitting(&widths, width);
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        let mut line = String::new();
        for at in 0..shown {
            if at > 0 {
                line.push_str(GAP);
            }
            line.push_str(&fit(&cells[at], widths[at], right[at]));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&names);
    line(&widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>());
    rows.iter().for_each(|row| line(row));
    let plural = if rows.len() == 1 { "" } else { "s" };
    text.push_str(&format!("({} row{plural}", rows.len()));
    if shown < names.len() {
        text.push_str(&format!("; {} more columns: {}", names.len() - shown, some(&names[shown..])));
    }
    text.push_str(")\n");
    Ok(text)
}

fn some(names: &[String]) -> String {
    let mut text = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        text.push_str(", ...");
    }
    text
}

/// How many columns fit; the first always does.
fn fitting(widths: &[usize], room: Option<usize>) -> usize {
    let Some(room) = room else { return widths.len() };
    let mut used = 0;
    for (at, width) in widths.iter().enumerate() {
        used += width + if at > 0 { GAP.len() } else { 0 };
        if at > 0 && used > room {
            return at;
        }
    }
    widths.len()
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// The text in exactly `width` places.
fn fit(text: &str, width: usize, right: bool) -> String {
    let length = count(text);
    if length > width {
        return text.chars().take(width.saturating_sub(1)).chain(['…']).collect();
    }
    let blank = " ".repeat(width - length);
    if right { format!("{blank}{text}") } else { format!("{text}{blank}") }
}

/// The texts of a column: one line each, doubles with the digits that tell something.
fn texts(array: &ArrayRef) -> Result<Vec<String>, arrow::error::ArrowError> {
    match array.data_type() {
        DataType::Float64 => {
            let numbers = array.as_primitive::<Float64Type>();
            Ok(numbers.iter().map(|number| number.map(float).unwrap_or_default()).collect())
        }
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            let text = |micros: i64| {
                chrono::DateTime::from_timestamp_micros(micros)
                    .map(|time| time.format("%Y-%m-%d %H:%M:%S%.3f").to_string())
                    .unwrap_or_default()
            };
            Ok(times.iter().map(|time| time.map(text).unwrap_or_default()).collect())
        }
        _ => {
            let options = FormatOptions::new().with_null("");
            let formatter = ArrayFormatter::try_new(array, &options)?;
            let text = |row| Ok(formatter.value(row).try_to_string()?.replace(['\n', '\r', '\t'], " "));
            (0..array.len()).map(text).collect()
        }
    }
}

/// Six significant digits, as people compare results; all digits are in the other formats.
fn float(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN".into()
        } else if number > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let size = number.abs();
    if number == 0.0 || (1e-4..1e15).contains(&size) {
        let digits = if size >= 1.0 { 5_usize.saturating_sub(size.log10() as usize) } else { 6 };
        let text = format!("{number:.digits$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    } else {
        let text = format!("{number:.5e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_short_and_true() {
        let cases = [
            (0.0, "0"),
            (0.974_121_9, "0.974122"),
            (123_456.789, "123457"),
            (3.0, "3"),
            (1e-7, "1e-7"),
            (1.234_567_89e20, "1.23457e20"),
            (f64::NAN, "NaN"),
        ];
        for (number, text) in cases {
            assert_eq!(float(number), text);
        }
    }
}
