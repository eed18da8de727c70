//! Arrow batches as artifacts (feature `arrow`).

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::handle::Capture;
use super::misuse::Misuse;
use crate::codec::CodecError;

impl Capture {
    /// Captures Arrow batches of one schema as an Arrow file (IPC).
    pub fn artifact_arrow(&self, name: &str, batches: &[RecordBatch]) {
        self.batches(name, "arrow", batches, |first| {
            let mut writer = FileWriter::try_new(Vec::new(), &first.schema())?;
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()?;
            writer.into_inner()
        });
    }

    /// Captures Arrow batches of one schema as Parquet.
    ///
    /// `SELECT ... FROM artifact_rows('NAME')` reads such artifacts of all selected runs.
    pub fn artifact_parquet(&self, name: &str, batches: &[RecordBatch]) {
        self.batches(name, "parquet", batches, |first| {
            let written = || -> Result<Vec<u8>, ParquetError> {
                let mut writer = ArrowWriter::try_new(Vec::new(), first.schema(), None)?;
                batches.iter().try_for_each(|batch| writer.write(batch))?;
                writer.into_inner()
            };
            written().map_err(ArrowError::from)
        });
    }

    fn batches(
        &self,
        name: &str,
        kind: &'static str,
        batches: &[RecordBatch],
        write: impl FnOnce(&RecordBatch) -> Result<Vec<u8>, ArrowError>,
    ) {
        self.artifact(name, kind, Some(kind), || {
            let wrong = |reason: String| Misuse::Value { what: "artifact", name: name.to_owned(), reason };
            let first = batches.first().ok_or_else(|| {
                wrong("there is no batch, so nothing says which columns there are".to_owned())
            })?;
            if batches.iter().any(|batch| batch.schema() != first.schema()) {
                return Err(wrong("the batches differ in their schemas; give them all the same".to_owned()));
            }
            write(first).map_err(|error| wrong(error.to_string()))
        });
    }
}

/// The batches of an artifact of kind `arrow` or `parquet`.
pub(crate) fn read(kind: &str, bytes: Vec<u8>) -> Result<Vec<RecordBatch>, CodecError> {
    let wrong = |message: String| CodecError::Decode { codec: "arrow", message };
    let batches = || -> Result<Vec<RecordBatch>, ArrowError> {
        match kind {
            "parquet" => {
                ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))?.build()?.collect()
            }
            _ => FileReader::try_new(std::io::Cursor::new(bytes), None)?.collect(),
        }
    };
    match kind {
        "parquet" | "arrow" => batches().map_err(|error| wrong(error.to_string())),
        _ => {
            Err(wrong(format!("it is of the kind `{}`, not `arrow` or `parquet`", crate::name::shown(kind))))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    fn batch(names: &[&str]) -> RecordBatch {
        let scores: ArrayRef =
            Arc::new(Float64Array::from_iter((0..names.len()).map(|n| (n > 0).then_some(n as f64))));
        let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("name", names, false), ("score", scores, true)]).unwrap()
    }

    #[test]
    fn batches_come_back() {
        let capture = Capture::memory();
        let batches = [batch(&["a", "b"]), batch(&["c"])];
        capture.artifact_arrow("arrow", &batches);
        capture.artifact_parquet("parquet", &batches);
        capture.artifact_parquet("again", &batches);
        assert_eq!(capture.misuse(), None);
        assert_eq!(read("arrow", capture.get_artifact("arrow").unwrap()).unwrap(), batches);
        let back = read("parquet", capture.get_artifact("parquet").unwrap()).unwrap();
        assert_eq!(back.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
        assert_eq!(back[0].schema(), batches[0].schema());
        assert_eq!(capture.get_artifact("parquet"), capture.get_artifact("again"), "equal rows, equal bytes");
        assert!(read("npy", Vec::new()).unwrap_err().to_string().contains("of the kind `npy`"));
        assert!(read("parquet", b"garbage".to_vec()).is_err());
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let said = |batches: &[RecordBatch]| {
            let capture = Capture::memory();
            capture.artifact_parquet("table", batches);
            capture.misuse().unwrap()
        };
        assert!(said(&[]).contains("there is no batch"));
        let other = batch(&["a"]).project(&[0]).unwrap();
        assert!(said(&[batch(&["a"]), other]).contains("differ in their schemas"));
    }
}
