//! Artifacts in formats of the user's own.

use metalab_cas::{Map, Value};

use super::artifact::{Body, CapturedArtifact};
use super::handle::Capture;
use super::misuse::Misuse;
use crate::failure::Result;
use crate::name;

/// A format for artifacts, written by the user: how values of type `T` become bytes and come back.
///
/// ```
/// use metalab_engine::capture::{ArtifactCodec, Capture};
/// use metalab_cas::Value;
///
/// struct Csv;
///
/// impl ArtifactCodec<Vec<(f64, f64)>> for Csv {
///     fn kind(&self) -> &str {
///         "table"
///     }
///     fn format(&self) -> &str {
///         "points-csv-1"
///     }
///     fn extension(&self) -> Option<&str> {
///         Some("csv")
///     }
///     fn metadata(&self, points: &Vec<(f64, f64)>) -> Vec<(String, Value)> {
///         vec![("rows".into(), points.len().into())]
///     }
///     fn encode(&self, points: &Vec<(f64, f64)>, out: &mut Vec<u8>) -> metalab_engine::Result<()> {
///         points.iter().for_each(|(x, y)| out.extend(format!("{x},{y}\n").bytes()));
///         Ok(())
///     }
///     fn decode(&self, bytes: &[u8]) -> metalab_engine::Result<Vec<(f64, f64)>> {
///         let point = |line: &str| -> metalab_engine::Result<_> {
///             let (x, y) = line.split_once(',').ok_or("a line without a comma")?;
///             Ok((x.parse()?, y.parse()?))
///         };
///         std::str::from_utf8(bytes)?.lines().map(point).collect()
///     }
/// }
///
/// let capture = Capture::memory();
/// capture.artifact_with(&Csv, "points", &vec![(0.0, 1.0), (0.5, 2.0)]);
/// assert_eq!(capture.get_artifact("points").unwrap(), b"0,1\n0.5,2\n");
/// ```
///
/// [`RunResult::artifact_with`](crate::results::RunResult::artifact_with) reads it back.
pub trait ArtifactCodec<T: ?Sized> {
    /// What artifacts of this codec are, in a word, such as `model`; a column of the table `artifacts`.
    fn kind(&self) -> &str;

    /// The name of the format, such as `my-model-2`. A format that changes gets another name: what is read back must have
    /// been written under the same.
    fn format(&self) -> &str;

    /// The file name extension that suits the bytes, without the dot.
    fn extension(&self) -> Option<&str> {
        None
    }

    /// What is said about a value without reading its bytes.
    fn metadata(&self, value: &T) -> Vec<(String, Value)> {
        let _ = value;
        Vec::new()
    }

    /// Appends the bytes of a value to `out`.
    ///
    /// # Errors
    /// Whatever keeps it from being written; the run fails for it after the operation returned.
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<()>;

    /// Reads a value back from all of `bytes`.
    ///
    /// # Errors
    /// When they are not in this format.
    fn decode(&self, bytes: &[u8]) -> Result<T>
    where
        T: Sized;
}

impl Capture {
    /// Captures a value in a format of the user's own.
    pub fn artifact_with<T: ?Sized, C: ArtifactCodec<T> + ?Sized>(&self, codec: &C, name: &str, value: &T) {
        let Some(sink) = self.reserve(name, "artifact", |state| &mut state.artifacts) else { return };
        let artifact = || {
            let wrong = |reason| Misuse::Value { what: "artifact", name: name.to_owned(), reason };
            let word = |what: &str, word: &str| match name::check(word) {
                Ok(()) => Ok(word.to_owned()),
                Err(error) => Err(wrong(format!("the {what} of its codec: {error}"))),
            };
            let (kind, format) = (word("kind", codec.kind())?, word("format", codec.format())?);
            let extension = codec.extension().map(|extension| word("extension", extension)).transpose()?;
            let metadata =
                metadata(codec.metadata(value)).map_err(|why| wrong(format!("its metadata: {why}")))?;
            let mut bytes = Vec::new();
            codec.encode(value, &mut bytes).map_err(|failure| wrong(failure.chain().join(": ")))?;
            let body = Body::of("artifact", name, bytes, sink.as_deref())?;
            let name = name.to_owned();
            Ok(CapturedArtifact { name, kind: kind.into(), extension, format: Some(format), metadata, body })
        };
        self.fill(name, artifact(), |state| &mut state.artifacts);
    }
}

/// A canonical map; nothing for no entries.
fn metadata(entries: Vec<(String, Value)>) -> Result<Vec<u8>, metalab_cas::value::ValueError> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let entries: Vec<_> = entries.into_iter().map(|(key, value)| (Value::Text(key), value)).collect();
    Value::Map(Map::from_entries(entries)?).to_bytes()
}
