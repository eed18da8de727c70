//! Results as rows and columns of text.

use std::fmt;

use comfy_table::{ContentArrangement, presets};
use metalab_cas::Value;

use super::{ResultError, Results, RunResult};
use crate::record::Scalar;

/// The most rows that are printed; [`Table::rows`] has all.
const PRINTED: usize = 60;

/// Rows and columns of text: parameters, replicate, status, output, metrics, derived metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// One row per cell.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn of(results: &Results) -> Result<Self, ResultError> {
        let axes = results.axes();
        let mut metrics: Vec<String> = Vec::new();
        let mut derived: Vec<String> = Vec::new();
        let mut has_output = false;
        let mut rows = Vec::new();
        for run in results.iter() {
            let run = run?;
            for (name, _) in run.metrics() {
                if !metrics.contains(name) {
                    metrics.push(name.clone());
                }
            }
            for (name, _) in run.derived_metrics() {
                if !derived.iter().any(|known| known == name) {
                    derived.push(name.to_owned());
                }
            }
            let output = scalar_output(&run);
            has_output |= output.is_some();
            rows.push((run, output));
        }
        let mut columns = Vec::new();
        columns.extend(results.has_steps().then(|| "step".to_owned()));
        columns.extend(axes.iter().cloned());
        columns.extend(results.has_replicates().then(|| "replicate".to_owned()));
        columns.push("status".to_owned());
        columns.extend(has_output.then(|| "output".to_owned()));
        columns.extend(metrics.iter().cloned());
        columns.extend(derived.iter().map(|name| format!("derived.{name}")));
        let rows = rows.into_iter().map(|(run, output)| {
            let values = run.columns();
            let mut row = Vec::with_capacity(columns.len());
            row.extend(results.has_steps().then(|| run.step().to_owned()));
            row.extend(axes.iter().map(|axis| values.get(axis).map(plain).unwrap_or_default()));
            row.extend(results.has_replicates().then(|| run.replicate_text()));
            row.push(run.outcome().map_or("not run", |outcome| outcome.as_str()).to_owned());
            row.extend(has_output.then(|| output.unwrap_or_default()));
            row.extend(metrics.iter().map(|name| run.metric(name).map(short).unwrap_or_default()));
            row.extend(derived.iter().map(|name| run.derived(name).map(short).unwrap_or_default()));
            row
        });
        Ok(Self { rows: rows.collect(), columns: columns.clone() })
    }
}

/// A value without quotes around text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Variant(name, inner) if **inner == Value::Null => name.clone(),
        other => other.to_string(),
    }
}

/// A number short enough for a table; files and SQL have all digits.
pub(super) fn short(value: &Scalar) -> String {
    match value {
        Scalar::Float(x) => short_float(*x),
        other => other.to_string(),
    }
}

pub(super) fn short_float(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 || !x.is_finite() || (1e-3..1e6).contains(&size) {
        let text = format!("{x:.5}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    } else {
        format!("{x:.4e}")
    }
}

fn scalar_output(run: &RunResult) -> Option<String> {
    let output = run.attempt()?.output.as_ref()?;
    if output.codec != "json" || output.inline.is_empty() || output.inline.len() > 100 {
        return None;
    }
    let text = std::str::from_utf8(&output.inline).ok()?;
    match text.parse::<f64>() {
        Ok(x) if text.contains(['.', 'e']) => Some(short_float(x)),
        _ if text == "null" => None,
        _ => Some(text.trim_matches('"').to_owned()),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(&self.columns);
        for row in self.rows.iter().take(PRINTED) {
            table.add_row(row);
        }
        write!(f, "{table}")?;
        match self.rows.len().checked_sub(PRINTED) {
            Some(more) if more > 0 => write!(f, "\n... and {more} more rows"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        for (x, text) in [
            (0.1 + 0.2, "0.3"),
            (1e-9, "1.0000e-9"),
            (0.0, "0"),
            (123_456.0, "123456"),
            (f64::NAN, "NaN"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(short_float(x), text);
        }
    }
}
