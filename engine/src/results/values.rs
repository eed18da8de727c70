//! What a run left, read back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ResultError, RunResult};
use crate::capture::series;
use crate::codec::{Codec, CodecError, Json};
use crate::operation::Operation;
use crate::record::{Place, Scalar, ValueRef};

impl RunResult {
    pub(super) fn absent(&self, what: impl Into<String>) -> ResultError {
        ResultError::Absent { run: self.id.short(), what: what.into() }
    }

    /// The bytes of a value of this run, verified.
    ///
    /// # Errors
    /// When they are missing or damaged.
    pub fn bytes(&self, value: &ValueRef) -> Result<Vec<u8>, ResultError> {
        let Some(record) = &self.record else { return Err(self.absent("record")) };
        if let Some((_, bytes)) = record.fresh.iter().find(|(digest, _)| *digest == value.digest) {
            return Ok(bytes.clone());
        }
        let pack = record.packs.iter().find(|(digest, _)| *digest == value.digest).map(|(_, place)| place);
        Ok(crate::values::read(&self.store, &value.digest, pack)?.to_vec())
    }

    /// One argument as `T`, of this step or of one before it (`prepare.threshold`).
    ///
    /// # Errors
    /// When there is none of this name, or it is of another type.
    pub fn param<T: DeserializeOwned>(&self, name: &str) -> Result<T, ResultError> {
        let value = self.param_value(name).ok_or_else(|| {
            let known: Vec<String> = self.columns().into_keys().map(|name| format!("`{name}`")).collect();
            self.absent(format!("parameter `{name}`; it has {}", known.join(", ")))
        })?;
        let found = value.to_string();
        value.into_serde().map_err(|_| self.wrong_type::<T>(format!("parameter `{name}`"), found))
    }

    /// One metric as a number.
    ///
    /// # Errors
    /// When there is none of this name, or it is no number.
    pub fn metric_f64(&self, name: &str) -> Result<f64, ResultError> {
        let value = self.metric(name).ok_or_else(|| self.absent(format!("metric `{name}`")))?;
        number(value).ok_or_else(|| self.wrong_type::<f64>(format!("metric `{name}`"), value.to_string()))
    }

    /// One derived metric as a number.
    ///
    /// # Errors
    /// When there is none of this name, or it is no number.
    pub fn derived_f64(&self, name: &str) -> Result<f64, ResultError> {
        let value = self.derived(name).ok_or_else(|| self.absent(format!("derived metric `{name}`")))?;
        number(value)
            .ok_or_else(|| self.wrong_type::<f64>(format!("derived metric `{name}`"), value.to_string()))
    }

    fn wrong_type<T>(&self, what: String, found: String) -> ResultError {
        let (found, expected) = (format!("`{found}`"), std::any::type_name::<T>());
        ResultError::Type { run: self.id.short(), what, found, expected }
    }

    /// The encoded output.
    ///
    /// # Errors
    /// When there is none or its bytes are missing or damaged.
    pub fn output_bytes(&self) -> Result<Vec<u8>, ResultError> {
        let output = self.attempt().and_then(|attempt| attempt.output.as_ref());
        let output = output.ok_or_else(|| self.absent("output"))?;
        if output.value.place == Place::Inline {
            Ok(output.inline.clone())
        } else {
            self.bytes(&output.value)
        }
    }

    /// The output as `T`, for outputs encoded as JSON (all but numeric vectors and bytes).
    ///
    /// # Errors
    /// When there is none, its bytes are missing or damaged, or it is of another type.
    pub fn output<T: DeserializeOwned + Serialize>(&self) -> Result<T, ResultError> {
        let bytes = self.output_bytes()?;
        Json::decode(&bytes).map_err(|source| self.undecodable::<T>(source))
    }

    /// The output as the type of operation `O`.
    ///
    /// # Errors
    /// As [`RunResult::output`].
    pub fn output_of<O: Operation>(&self) -> Result<O::Output, ResultError> {
        let bytes = self.output_bytes()?;
        O::Codec::decode(&bytes).map_err(|source| self.undecodable::<O::Output>(source))
    }

    fn undecodable<T>(&self, source: CodecError) -> ResultError {
        ResultError::Decode { run: self.id.short(), expected: std::any::type_name::<T>(), source }
    }

    /// The bytes of a captured artifact (of its tree, for a folder).
    ///
    /// # Errors
    /// When there is none of this name or its bytes are missing or damaged.
    pub fn artifact(&self, name: &str) -> Result<Vec<u8>, ResultError> {
        let artifact = self.artifacts().iter().find(|artifact| artifact.name == name);
        self.bytes(&artifact.ok_or_else(|| self.absent(format!("artifact `{name}`")))?.value)
    }

    /// A captured artifact, decoded by a codec: `run.artifact_as::<Json, Report>("report")`.
    ///
    /// # Errors
    /// When there is none of this name, its bytes are missing or damaged, or they are no such value.
    pub fn artifact_as<C: Codec<T>, T>(&self, name: &str) -> Result<T, ResultError> {
        C::decode(&self.artifact(name)?).map_err(|source| {
            let (run, what) = (self.id.short(), format!("the artifact `{name}`"));
            ResultError::Content { run, what, expected: std::any::type_name::<T>(), source: Box::new(source) }
        })
    }

    /// The points (step, value) of a stepped metric.
    ///
    /// # Errors
    /// When there is none of this name or its bytes are missing or damaged.
    pub fn series(&self, name: &str) -> Result<Vec<(u64, f64)>, ResultError> {
        let all = self.attempt().map_or(&[][..], |attempt| &attempt.series);
        let found = all.iter().find(|series| series.name == name);
        let found = found.ok_or_else(|| self.absent(format!("stepped metric `{name}`")))?;
        let bytes = self.bytes(&found.value)?;
        series::decode(&bytes).map_err(|_| self.absent(format!("readable stepped metric `{name}`")))
    }

    /// What the operation logged; empty when it logged nothing.
    ///
    /// # Errors
    /// When the bytes are missing or damaged.
    pub fn log(&self) -> Result<String, ResultError> {
        match self.attempt().and_then(|attempt| attempt.log.as_ref()) {
            Some(log) => Ok(String::from_utf8_lossy(&self.bytes(log)?).into_owned()),
            None => Ok(String::new()),
        }
    }
}

/// A number as a float; `None` for truth values and texts.
pub(crate) fn number(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Float(x) => Some(*x),
        Scalar::Int(x) => Some(*x as f64),
        Scalar::Bool(_) | Scalar::Text(_) => None,
    }
}
