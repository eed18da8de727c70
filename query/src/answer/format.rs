//! The answer to a question and its formats.

use std::io::Write;
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{RowWriter, line, table};
use crate::error::QueryError;

/// The rows that answer a question.
#[derive(Clone, Debug)]
pub struct Answer {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// A text table for people.
    #[default]
    Table,
    /// A line for each value, row below row, for people: nothing is cut or left out.
    Line,
    /// Comma-separated values with a head line.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// A Parquet file.
    Parquet,
    /// A file of Arrow's interprocess format (Feather version 2).
    Arrow,
}

/// A text that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no format: use {}", Format::ALL.map(Format::as_str).join(", "))]
pub struct ParseFormatError {
    /// What was given.
    pub text: String,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Table, Self::Line, Self::Csv, Self::Json, Self::Ndjson, Self::Parquet, Self::Arrow];

    /// What it is, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Table => "For people",
            Self::Line => "For people, a line for each value: nothing is left out",
            Self::Csv => "Comma-separated values with a head line",
            Self::Json => "One array of objects",
            Self::Ndjson => "One object per line",
            Self::Parquet => "A Parquet file",
            Self::Arrow => "A file of Arrow's interprocess format",
        }
    }

    /// Whether it is for files, not for a screen.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }

    /// Whether it needs all rows at once, so that people can read them; the others are written row by row.
    pub const fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Line)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Line => "line",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "table" | "text" | "txt" => Ok(Self::Table),
            "line" => Ok(Self::Line),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            "parquet" => Ok(Self::Parquet),
            "arrow" | "feather" | "ipc" => Ok(Self::Arrow),
            _ => Err(ParseFormatError { text: text.to_owned() }),
        }
    }
}

impl Answer {
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches: batches.into_iter().filter(|batch| batch.num_rows() > 0).collect() }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows, as Arrow has them.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// A text table; with a width, columns that do not fit are shortened or left out, and a last line says so.
    ///
    /// # Errors
    /// When a value has no text form.
    pub fn to_table(&self, width: Option<usize>) -> Result<String, QueryError> {
        table::render(&self.schema, &self.batches, width)
    }

    /// CSV with a head line; null is empty.
    ///
    /// # Errors
    /// When a value has no text form.
    pub fn to_csv(&self) -> Result<String, QueryError> {
        self.text(Format::Csv)
    }

    /// One JSON array of objects.
    ///
    /// # Errors
    /// When a value has no text form.
    pub fn to_json(&self) -> Result<String, QueryError> {
        self.text(Format::Json)
    }

    /// One JSON object per line.
    ///
    /// # Errors
    /// When a value has no text form.
    pub fn to_ndjson(&self) -> Result<String, QueryError> {
        self.text(Format::Ndjson)
    }

    /// The bytes of a Parquet file.
    ///
    /// # Errors
    /// When a column has a type that Parquet does not know.
    pub fn to_parquet(&self) -> Result<Vec<u8>, QueryError> {
        let mut bytes = Vec::new();
        self.write(Format::Parquet, None, &mut bytes)?;
        Ok(bytes)
    }

    fn text(&self, format: Format) -> Result<String, QueryError> {
        let mut bytes = Vec::new();
        self.write(format, None, &mut bytes)?;
        String::from_utf8(bytes).map_err(|error| failed(format)(error.to_string()))
    }

    /// Columns that a table of this width has no room for.
    ///
    /// # Errors
    /// When a value has no text form.
    pub fn without_room(&self, width: usize) -> Result<Vec<String>, QueryError> {
        table::without_room(&self.schema, &self.batches, width)
    }

    /// Writes the answer; `width` is the room a table has.
    ///
    /// # Errors
    /// When a value cannot be written so, or the writer fails.
    pub fn write(&self, format: Format, width: Option<usize>, to: &mut dyn Write) -> Result<(), QueryError> {
        let fail = failed(format);
        match format {
            Format::Table => to.write_all(self.to_table(width)?.as_bytes()).map_err(|e| fail(e.to_string())),
            Format::Line => {
                let text = line::render(&self.schema, &self.batches)?;
                to.write_all(text.as_bytes()).map_err(|e| fail(e.to_string()))
            }
            _ => {
                // Such a writer may go to another thread, which `to` may not.
                let mut bytes = Vec::new();
                let mut writer = RowWriter::new(format, self.schema.clone(), &mut bytes)?;
                for batch in &self.batches {
                    writer.write(batch)?;
                }
                writer.finish()?;
                to.write_all(&bytes).map_err(|e| fail(e.to_string()))
            }
        }
    }
}

fn failed(format: Format) -> impl Fn(String) -> QueryError + Copy {
    move |message| QueryError::Write { format: format.as_str(), message }
}
