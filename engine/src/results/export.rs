//! Results as CSV and JSON.

use std::io::Write;

use serde_json::{Map, Number, Value as JsonValue};

use super::{ResultError, Results};
use crate::record::Scalar;

/// Results that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A record cannot be read.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// The CSV cannot be written.
    #[error("the CSV cannot be written")]
    Csv(#[from] csv::Error),
    /// The JSON cannot be written.
    #[error("the JSON cannot be written")]
    Json(#[from] serde_json::Error),
    /// The output does not take the bytes.
    #[error("the output does not take the results")]
    Io(#[from] std::io::Error),
}

impl Results {
    /// Writes one CSV row per cell: the columns of [`Results::rows`], with all digits.
    ///
    /// # Errors
    /// When a record cannot be read or the output does not take it.
    pub fn to_csv(&self, output: impl Write) -> Result<(), ExportError> {
        let axes = self.axes();
        let mut metrics: Vec<String> = Vec::new();
        for run in self.iter() {
            for (name, _) in run?.metrics() {
                if !metrics.contains(name) {
                    metrics.push(name.clone());
                }
            }
        }
        let mut csv = csv::Writer::from_writer(output);
        let fixed = ["run_id", "step", "replicate", "status", "output"].map(str::to_owned);
        csv.write_record(fixed.iter().chain(&axes).chain(&metrics))?;
        for run in self.iter() {
            let run = run?;
            let values = run.columns();
            let output = run.attempt().and_then(|attempt| attempt.output.as_ref());
            let output = output.filter(|output| output.codec == "json").map(|output| &output.inline[..]);
            let mut row = vec![
                run.id().to_string(),
                run.step().to_owned(),
                run.replicate_text(),
                run.outcome().map_or("not run", |outcome| outcome.as_str()).to_owned(),
                output.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default(),
            ];
            row.extend(axes.iter().map(|axis| values.get(axis).map(super::table::plain).unwrap_or_default()));
            row.extend(
                metrics.iter().map(|name| run.metric(name).map(Scalar::to_string).unwrap_or_default()),
            );
            csv.write_record(row)?;
        }
        csv.flush()?;
        Ok(())
    }

    /// Writes a JSON array with one object per cell: `run_id`, `step`, `replicate`, `status`, `params` (those of
    /// earlier steps as `step.argument`), `metrics`, `output`, `error`, `duration_s`. NaN and infinities are the texts `NaN`, `inf`, `-inf`.
    ///
    /// # Errors
    /// When a record cannot be read or the output does not take it.
    pub fn to_json(&self, mut output: impl Write) -> Result<(), ExportError> {
        output.write_all(b"[")?;
        for (number, run) in self.iter().enumerate() {
            let run = run?;
            let mut object = Map::new();
            object.insert("run_id".into(), run.id().to_string().into());
            object.insert("step".into(), run.step().into());
            object.insert("replicate".into(), run.replicate().into());
            object
                .insert("status".into(), run.outcome().map_or("not run", |outcome| outcome.as_str()).into());
            let params = run.columns().into_iter().map(|(name, value)| {
                let text = value.to_json_text();
                (name, serde_json::from_str(&text).unwrap_or(JsonValue::String(text)))
            });
            object.insert("params".into(), JsonValue::Object(params.collect()));
            let metrics = run.metrics().iter().map(|(name, value)| (name.clone(), json(value)));
            object.insert("metrics".into(), JsonValue::Object(metrics.collect()));
            if let Some(value) = run.output::<JsonValue>().ok().filter(|value| !value.is_null()) {
                object.insert("output".into(), value);
            }
            if let Some(error) = run.error() {
                object.insert("error".into(), error.chain.clone().into());
            }
            if let Some(duration) = run.duration() {
                object.insert("duration_s".into(), duration.as_secs_f64().into());
            }
            output.write_all(if number == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut output, &object)?;
        }
        output.write_all(b"\n]\n")?;
        Ok(())
    }
}

fn json(value: &Scalar) -> JsonValue {
    match value {
        Scalar::Float(x) => {
            Number::from_f64(*x).map_or_else(|| JsonValue::String(x.to_string()), JsonValue::Number)
        }
        Scalar::Int(x) => (*x).into(),
        Scalar::Bool(x) => (*x).into(),
        Scalar::Text(x) => x.as_str().into(),
    }
}
