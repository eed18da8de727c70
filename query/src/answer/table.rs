//! Rows as a text table.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::error::QueryError;

/// No column is wider than this when the width is limited.
const WIDEST: usize = 48;
/// Texts are not cut further than this to make room for other columns.
const LEAST: usize = 12;

/// Between two columns.
const GAP: &str = "  ";

/// A head, a rule, the rows, and the number of rows.
///
/// Where the width is limited, texts are cut, the longest first, to 12 characters at the least; numbers are never cut.
/// If that is not enough, the last columns are left out, and the line below the rows names them.
pub(super) fn render(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    width: Option<usize>,
) -> Result<String, QueryError> {
    let Laid { names, right, rows, widths, shown } = Laid::out(schema, batches, width)?;
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
        let hidden = names.len() - shown;
        let plural = if hidden == 1 { "" } else { "s" };
        text.push_str(&format!("; no room for {hidden} column{plural}: {}", some(&names[shown..])));
    }
    text.push_str(")\n");
    Ok(text)
}

/// Names of the columns that a table of this width leaves out.
pub(super) fn without_room(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    width: usize,
) -> Result<Vec<String>, QueryError> {
    let laid = Laid::out(schema, batches, Some(width))?;
    Ok(laid.names[laid.shown..].to_vec())
}

struct Laid {
    names: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    /// How many columns there is room for.
    shown: usize,
}

impl Laid {
    fn out(schema: &SchemaRef, batches: &[RecordBatch], width: Option<usize>) -> Result<Self, QueryError> {
        let fail = |error: arrow::error::ArrowError| QueryError::Write {
            format: "table",
            message: error.to_string(),
        };
        let names: Vec<String> = schema.fields().iter().map(|field| one_line(field.name())).collect();
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
        let mut widths: Vec<usize> = names.iter().map(|name| count(name).min(widest)).collect();
        for row in &rows {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = (*width).max(count(text).min(widest));
            }
        }
        let mut shown = names.len();
        if let Some(room) = width {
            let least = |at: usize| if right[at] { widths[at] } else { widths[at].min(LEAST) };
            while shown > 1 && total((0..shown).map(least)) > room {
                shown -= 1;
            }
            while total(widths[..shown].iter().copied()) > room {
                let may = (0..shown).filter(|at| !right[*at] && widths[*at] > LEAST);
                let Some(at) = may.max_by_key(|at| widths[*at]) else { break };
                widths[at] -= 1;
            }
        }
        Ok(Self { names, right, rows, widths, shown })
    }
}

/// The width of columns with the gaps between them.
fn total(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    widths.sum::<usize>() + gaps
}

fn some(names: &[String]) -> String {
    let mut text = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        text.push_str(", ...");
    }
    text
}

/// What a terminal would act upon is shown as a blank.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn count(text: &str) -> usize {
    text.width()
}

/// The text in exactly `width` places.
fn fit(text: &str, width: usize, right: bool) -> String {
    let length = count(text);
    if length > width {
        let mut short = String::new();
        let mut used = 1;
        for c in text.chars() {
            used += c.width().unwrap_or(0);
            if used > width {
                break;
            }
            short.push(c);
        }
        let blank = " ".repeat(width.saturating_sub(count(&short) + 1));
        return short + "…" + &blank;
    }
    let blank = " ".repeat(width - length);
    if right { format!("{blank}{text}") } else { format!("{text}{blank}") }
}

/// The texts of a column: one line each, doubles with the digits that tell something.
pub(super) fn texts(array: &ArrayRef) -> Result<Vec<String>, arrow::error::ArrowError> {
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
            let text = |row| Ok(one_line(&formatter.value(row).try_to_string()?));
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
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn rows(columns: &[(&str, &str)]) -> (SchemaRef, Vec<RecordBatch>) {
        let number = |text: &str| text.parse::<i64>().ok();
        let kind = |text| if number(text).is_some() { DataType::Int64 } else { DataType::Utf8 };
        let fields: Vec<Field> =
            columns.iter().map(|(name, text)| Field::new(*name, kind(text), true)).collect();
        let array = |(_, text): &(&str, &str)| match number(text) {
            Some(number) => Arc::new(Int64Array::from(vec![number])) as ArrayRef,
            None => Arc::new(StringArray::from(vec![*text])),
        };
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), columns.iter().map(array).collect()).unwrap();
        (schema, vec![batch])
    }

    #[test]
    fn texts_are_cut_before_columns_are_left_out() {
        let long = "x".repeat(60);
        let (schema, batches) =
            rows(&[("a", &long), ("number", "1234567890"), ("b", &long), ("last", "yes")]);
        let table = |width| render(&schema, &batches, Some(width)).unwrap();
        let widest = |text: &str| text.lines().rev().skip(1).map(|line| line.chars().count()).max().unwrap();
        for width in [1, 12, 20, 43, 44, 60, 119, 300] {
            let text = table(width);
            assert!(widest(&text) <= width.max(12), "{width}: {text}");
            assert!(
                !text.contains("1234567890") || text.contains("number"),
                "numbers are whole or absent: {text}"
            );
            let hidden = without_room(&schema, &batches, width).unwrap();
            assert_eq!(text.contains("no room"), !hidden.is_empty(), "{text}");
        }
        assert!(
            table(44).contains("(1 row)") && table(44).contains("xxxxxxxxxxx…  1234567890  xxxxxxxxxxx…")
        );
        assert!(table(43).ends_with("(1 row; no room for 1 column: last)\n"), "{}", table(43));
        assert!(table(20).ends_with("(1 row; no room for 3 columns: number, b, last)\n"), "{}", table(20));
        assert!(render(&schema, &batches, None).unwrap().contains(&long));
    }

    #[test]
    fn wide_characters_take_two_places() {
        let (schema, batches) = rows(&[("名前", "日本語日本語日本語日本語日本語"), ("n", "1")]);
        let text = render(&schema, &batches, Some(20)).unwrap();
        assert!(text.lines().take(3).all(|line| line.width() <= 20), "{text}");
        assert!(text.contains("日本語日本語日本…  1"), "{text}");
    }

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
