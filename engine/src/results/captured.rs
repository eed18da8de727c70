//! Artifacts and log streams of a run, read back.

use std::any::type_name;

use metalab_cas::Value;

use super::{ResultError, RunResult};
use crate::capture::ArtifactCodec;
use crate::codec::CodecError;
use crate::record::ArtifactRef;

impl RunResult {
    /// What is recorded of the artifact of this name: its kind, size and format.
    ///
    /// # Errors
    /// When there is none.
    pub fn artifact_ref(&self, name: &str) -> Result<&ArtifactRef, ResultError> {
        let found = self.artifacts().iter().find(|artifact| artifact.name == name);
        found.ok_or_else(|| self.absent(format!("artifact `{name}`")))
    }

    /// The Arrow batches of an artifact that was captured by `artifact_arrow` or `artifact_parquet`.
    ///
    /// # Errors
    /// When there is none of this name, its bytes are missing or damaged, or it is of another kind.
    #[cfg(feature = "arrow")]
    pub fn artifact_batches(&self, name: &str) -> Result<Vec<arrow_array::RecordBatch>, ResultError> {
        let artifact = self.artifact_ref(name)?;
        let bytes = self.bytes(&artifact.value)?;
        crate::capture::columnar::read(&artifact.kind, bytes).map_err(|source| ResultError::Content {
            run: self.id().short(),
            what: format!("the artifact `{name}`"),
            expected: type_name::<Vec<arrow_array::RecordBatch>>(),
            source: Box::new(source),
        })
    }

    /// What the codec of an artifact said about it; nothing for other artifacts.
    ///
    /// # Errors
    /// When there is no such artifact, or what was said is damaged.
    pub fn artifact_metadata(&self, name: &str) -> Result<Vec<(String, Value)>, ResultError> {
        let bytes = &self.artifact_ref(name)?.metadata;
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        match Value::decode(bytes) {
            Ok(Value::Map(map)) => Ok(map
                .iter()
                .filter_map(|(key, value)| Some((key.as_text()?.to_owned(), value.clone())))
                .collect()),
            _ => Err(self.absent(format!("readable metadata of artifact `{name}`"))),
        }
    }

    /// An artifact that was captured by a codec of the user's own, read back by it.
    ///
    /// # Errors
    /// When there is none of this name, it has another format than the codec's, its bytes are missing or damaged, or the
    /// codec refuses them.
    pub fn artifact_with<T, C: ArtifactCodec<T> + ?Sized>(
        &self,
        codec: &C,
        name: &str,
    ) -> Result<T, ResultError> {
        let wrong = |message: String| ResultError::Content {
            run: self.id().short(),
            what: format!("the artifact `{name}`"),
            expected: type_name::<T>(),
            source: Box::new(CodecError::Decode { codec: "artifact", message }),
        };
        let artifact = self.artifact_ref(name)?;
        let format = artifact.format.as_deref().unwrap_or(&artifact.kind);
        if format != codec.format() {
            return Err(wrong(format!("it has the format `{format}`, wanted `{}`", codec.format())));
        }
        let bytes = self.bytes(&artifact.value)?;
        codec.decode(&bytes).map_err(|failure| wrong(failure.chain().join(": ")))
    }

    /// The names of its log streams, in the order of their first line.
    pub fn streams(&self) -> impl Iterator<Item = &str> {
        self.attempt().into_iter().flat_map(|attempt| &attempt.streams).map(|stream| stream.name.as_str())
    }

    /// A log stream, such as the `stdout` of a program that the operation ran.
    ///
    /// # Errors
    /// When there is none of this name, or its bytes are missing or damaged.
    pub fn stream(&self, name: &str) -> Result<String, ResultError> {
        let mut all = self.attempt().into_iter().flat_map(|attempt| &attempt.streams);
        let found = all.find(|stream| stream.name == name);
        let found = found.ok_or_else(|| self.absent(format!("log stream `{name}`")))?;
        Ok(String::from_utf8_lossy(&self.bytes(&found.value)?).into_owned())
    }
}
