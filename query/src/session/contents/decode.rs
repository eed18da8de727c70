//! Bytes become batches of rows.

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::ipc::reader::{FileReader, StreamReader};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{arrays, text, types};

/// A format that has rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Comma-separated values, or with another byte between them.
    Csv(u8),
    /// One JSON value.
    Json,
    /// A JSON value per line.
    Ndjson,
    /// An array of NumPy.
    Npy,
    /// Several of them, by name.
    Npz,
    /// A Parquet file.
    Parquet,
    /// A file or stream of Arrow's interprocess format.
    Arrow,
}

impl Form {
    /// The format by what it was captured as, or else by its file's extension, or else by that in its name.
    pub(crate) fn of(kind: &str, extension: &str, name: &str) -> Option<Self> {
        let in_name = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        [kind, extension, in_name].into_iter().find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "csv" => Self::Csv(b','),
            "tsv" => Self::Csv(b'\t'),
            "json" => Self::Json,
            "ndjson" | "jsonl" => Self::Ndjson,
            "npy" => Self::Npy,
            "npz" => Self::Npz,
            "parquet" => Self::Parquet,
            "arrow" | "feather" | "ipc" => Self::Arrow,
            _ => return None,
        })
    }

    /// The rows of bytes in this format, with columns of the types that all formats have in common.
    pub(super) fn decode(self, bytes: Bytes) -> Result<Vec<RecordBatch>, String> {
        let batches = match self {
            Self::Csv(between) => vec![text::csv(&bytes, between)?],
            Self::Json => vec![text::json(&bytes)?],
            Self::Ndjson => vec![text::ndjson(&bytes)?],
            Self::Npy => vec![arrays::npy(&bytes)?],
            Self::Npz => vec![arrays::npz(&bytes)?],
            Self::Parquet => {
                let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| e.to_string())?;
                collect(builder.build().map_err(|e| e.to_string())?)?
            }
            Self::Arrow if bytes.starts_with(b"ARROW1") => {
                collect(FileReader::try_new(Cursor::new(bytes), None).map_err(|e| e.to_string())?)?
            }
            Self::Arrow => {
                collect(StreamReader::try_new(Cursor::new(bytes), None).map_err(|e| e.to_string())?)?
            }
        };
        batches.iter().map(|batch| types::plain(batch).map_err(|error| error.to_string())).collect()
    }
}

fn collect<E: std::fmt::Display>(
    batches: impl Iterator<Item = Result<RecordBatch, E>>,
) -> Result<Vec<RecordBatch>, String> {
    batches.collect::<Result<_, E>>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_kind_extension_or_name() {
        assert_eq!(Form::of("file", "CSV", "predictions"), Some(Form::Csv(b',')));
        assert_eq!(Form::of("text", "txt", "predictions.tsv"), Some(Form::Csv(b'\t')));
        assert_eq!(Form::of("json", "txt", "predictions.csv"), Some(Form::Json));
        assert_eq!(Form::of("figure", "svg", "curve"), None);
    }

    #[test]
    fn what_is_torn_is_refused_in_words() {
        for form in [Form::Json, Form::Ndjson, Form::Npy, Form::Npz, Form::Parquet, Form::Arrow] {
            for bytes in [&b"["[..], b"PAR1", b"ARROW1\0\0", b"\x93NUMPY\x01", b"PK\x05\x06"] {
                assert!(form.decode(Bytes::from_static(bytes)).is_err(), "{form:?} {bytes:?}");
            }
        }
        assert!(Form::Csv(b',').decode(Bytes::from_static(b"a,b\n1\n")).is_err());
    }
}
