//! How a metric is written: `loss:.4f`.

use metalab_engine::record::{Attempt, Scalar};
use metalab_engine::running::RunError;

/// A metric and its format.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    name: String,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// As it is, four significant digits for floats.
    Short,
    /// Decimals.
    Fixed(usize),
    /// Decimals of the mantissa.
    Exponent(usize),
    /// Significant digits.
    General(usize),
    /// Decimals of the percentage.
    Percent(usize),
    /// A whole number.
    Whole,
}

/// More digits than this no float has.
const MOST_DIGITS: usize = 17;

impl Shown {
    /// Reads `name` or `name:format`.
    pub(super) fn parse(text: &str) -> Result<Self, RunError> {
        let wrong = |reason: &str| RunError::Progress { metric: text.into(), reason: reason.into() };
        let (name, format) = match text.rsplit_once(':') {
            None => (text, Some(Format::Short)),
            Some((name, format)) => (name, Format::parse(format)),
        };
        if name.is_empty() {
            return Err(wrong("the name is missing in front of the colon"));
        }
        let format = format.ok_or_else(|| {
            wrong("write `.3f` for decimals, `.2e` for an exponent, `.4g` for significant digits, `.1%` for a percentage, or `d`")
        })?;
        Ok(Self { name: name.into(), format })
    }

    /// What is shown of a run; `None` if it does not have the metric.
    pub(super) fn of(&self, run: &Attempt) -> Option<String> {
        let derived = run.derived.iter().flat_map(|derived| &derived.values);
        let mut named = run.metrics.iter().chain(derived);
        let value = match named.find(|(name, _)| *name == self.name) {
            Some((_, value)) => value.clone(),
            None => output(run, &self.name)?,
        };
        Some(format!("{} {}", self.name, self.format.write(&value)))
    }
}

/// The part of the return value that `output.slope` names, if it is small and a single value.
fn output(run: &Attempt, name: &str) -> Option<Scalar> {
    let path = name.strip_prefix("output")?;
    let output = run.output.as_ref().filter(|output| output.codec == "json" && !output.inline.is_empty())?;
    let mut value: &serde_json::Value = &serde_json::from_slice(&output.inline).ok()?;
    for part in path.split('.').skip(1) {
        value = value.get(part)?;
    }
    match value {
        serde_json::Value::Bool(x) => Some(Scalar::Bool(*x)),
        serde_json::Value::String(x) => Some(Scalar::Text(x.clone())),
        serde_json::Value::Number(x) => x.as_i64().map(Scalar::Int).or_else(|| x.as_f64().map(Scalar::Float)),
        _ => None,
    }
}

impl Format {
    fn parse(text: &str) -> Option<Self> {
        if text == "d" {
            return Some(Self::Whole);
        }
        let kind = text.chars().last()?;
        let digits = text.strip_suffix(kind)?;
        let digits = match digits.strip_prefix('.') {
            Some(digits) => digits.parse().ok().filter(|digits| *digits <= MOST_DIGITS)?,
            None if digits.is_empty() => 6,
            None => return None,
        };
        match kind {
            'f' => Some(Self::Fixed(digits)),
            'e' => Some(Self::Exponent(digits)),
            'g' => Some(Self::General(digits.max(1))),
            '%' => Some(Self::Percent(digits)),
            _ => None,
        }
    }

    fn write(self, value: &Scalar) -> String {
        let number = match value {
            Scalar::Float(x) => *x,
            Scalar::Int(x) if matches!(self, Self::Short | Self::Whole) => return x.to_string(),
            Scalar::Int(x) => *x as f64,
            other => return other.to_string(),
        };
        if !number.is_finite() {
            return number.to_string();
        }
        match self {
            Self::Short => general(number, 4),
            Self::Fixed(digits) => format!("{number:.digits$}"),
            Self::Exponent(digits) => format!("{number:.digits$e}"),
            Self::General(digits) => general(number, digits),
            Self::Percent(digits) => format!("{:.digits$}%", number * 100.0),
            Self::Whole => format!("{number:.0}"),
        }
    }
}

/// So many significant digits, without zeros at the end; with an exponent where it is shorter (the rule of C's `%g`).
fn general(number: f64, digits: usize) -> String {
    let rounded = format!("{number:.*e}", digits - 1);
    let Some((mantissa, exponent)) = rounded.split_once('e') else { return rounded };
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= digits as i64 {
        return format!("{}e{exponent}", trim(mantissa));
    }
    let decimals = (digits as i64 - 1 - exponent).max(0) as usize;
    trim(&format!("{number:.decimals$}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn formats_write_what_they_say() {
        for (format, value, text) in [
            (".4f", 0.031_25, "0.0312"),
            (".2%", 0.9131, "91.31%"),
            (".0%", 1.0, "100%"),
            (".2e", 12_345.0, "1.23e4"),
            (".3g", 12_345.0, "1.23e4"),
            (".3g", 0.000_123_4, "0.000123"),
            (".3g", 0.000_012_34, "1.23e-5"),
            ("g", 2.5, "2.5"),
            (".3g", 999.9, "1e3"),
            ("d", 2.6, "3"),
            (".2f", f64::NAN, "NaN"),
            (".1f", f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(Format::parse(format).unwrap().write(&Scalar::Float(value)), text, "{format}");
        }
        assert_eq!(Format::Short.write(&Scalar::Float(1.0 / 3.0)), "0.3333");
        assert_eq!(Format::Short.write(&Scalar::Int(1 << 40)), (1_u64 << 40).to_string());
        assert_eq!(Format::Fixed(1).write(&Scalar::Int(3)), "3.0");
        assert_eq!(Format::Fixed(1).write(&Scalar::Text("adam".into())), "adam");
        assert_eq!(general(0.0, 4), "0");
    }

    #[test]
    fn other_formats_are_refused_with_what_is_there() {
        for text in ["loss:", "loss:.f", "loss:4f", "loss:.99f", "loss:.2x", ":.2f", "", "loss:%d"] {
            let error = Shown::parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        assert_eq!(Shown::parse("output.slope:.1f").unwrap().name, "output.slope");
        assert_eq!(Shown::parse("a:b:.1f").unwrap().name, "a:b");
    }
}
