//! Fields of runs by name, for expressions, groups and columns.

use super::RunResult;
use super::expression::{Datum, Field};
use crate::codec::{Codec, Json};

/// A field of a run; null if it does not have it.
pub(super) fn value(field: &Field, run: &RunResult) -> Datum {
    let param = |name: &str| run.param_value(name).map(|value| Datum::from(&value));
    let metric = |name: &str| run.metric(name).cloned().map(Datum::from);
    let derived = |name: &str| run.derived(name).cloned().map(Datum::from);
    let found = match field {
        Field::RunId => Some(Datum::Text(run.id().to_string())),
        Field::Step => Some(Datum::Text(run.step().to_owned())),
        Field::Replicate => run.replicate_number().map(|replicate| Datum::Int(replicate as i64)),
        Field::Status => Some(Datum::Text(status(run).to_owned())),
        Field::Tag => (!run.tags().is_empty()).then(|| Datum::Text(run.tags().join(", "))),
        Field::Duration => run.duration().map(|duration| Datum::Float(duration.as_secs_f64())),
        Field::Started => run.attempt().map(|attempt| Datum::Float(attempt.started as f64 / 1e6)),
        Field::Output => output(run),
        Field::Error => run.error().and_then(|error| error.chain.first()).cloned().map(Datum::Text),
        Field::Param(name) => param(name),
        Field::Metric(name) => metric(name),
        Field::Derived(name) => derived(name),
        Field::Any(name) => param(name).or_else(|| metric(name)).or_else(|| derived(name)),
    };
    found.unwrap_or(Datum::Null)
}

/// How a run ended, in a word.
pub(super) fn status(run: &RunResult) -> &'static str {
    run.outcome().map_or("not run", |outcome| outcome.as_str())
}

/// The output, if it is a number, a truth value or a text.
pub(super) fn output(run: &RunResult) -> Option<Datum> {
    let output = run.attempt()?.output.as_ref()?;
    if output.inline.is_empty() {
        return None;
    }
    match output.codec.as_str() {
        "json" => {
            let bytes = &output.inline;
            let float = || <Json as Codec<f64>>::decode(bytes).ok().map(Datum::Float);
            let int = || <Json as Codec<i64>>::decode(bytes).ok().map(Datum::Int);
            let truth = || <Json as Codec<bool>>::decode(bytes).ok().map(Datum::Bool);
            let text = || <Json as Codec<String>>::decode(bytes).ok().map(Datum::Text);
            // A text may stand for a float that JSON has not: NaN.
            match bytes[0] {
                b'[' => None,
                b'{' => float(),
                b'"' => text(),
                _ => int().or_else(float).or_else(truth),
            }
        }
        "text" => String::from_utf8(output.inline.clone()).ok().map(Datum::Text),
        _ => None,
    }
}

/// The names that stand beside a field: all parameters, or metrics, or derived metrics of a run.
pub(super) fn of(field: &Field, run: &RunResult) -> Vec<String> {
    let params = || run.columns().into_keys().map(|name| format!("params.{name}"));
    let metrics = || run.metrics().iter().map(|(name, _)| format!("metrics.{name}"));
    let derived = || run.derived_metrics().map(|(name, _)| format!("derived.{name}"));
    match field {
        Field::Param(_) => params().collect(),
        Field::Metric(_) => metrics().collect(),
        Field::Derived(_) => derived().collect(),
        _ => params().chain(metrics()).chain(derived()).collect(),
    }
}
