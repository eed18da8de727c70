//! Results as files: CSV, JSON, Arrow, Parquet, and typed columns for other formats.
//!
//! | | module |
//! | --- | --- |
//! | [`Columns`]: which groups of columns | `columns` |
//! | what a run has, column by column | `cells` |
//! | [`Frame`]: typed columns, which every table format is made from | `frame` |
//! | CSV, JSON, NDJSON | `write` |
//! | Arrow batches, Arrow files, Parquet (feature `arrow`) | `columnar` |
//! | files that are whole or absent, and overwritten only on request | `file` |

mod cells;
#[cfg(feature = "arrow")]
mod columnar;
mod columns;
mod file;
mod frame;
mod write;

pub use columns::Columns;
pub use frame::{Column, Frame, Values};

use std::path::Path;

use super::{ResultError, Results};

/// Results that could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A record cannot be read.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// A file is there.
    #[error("`{path}` exists: choose another name, or say `.overwrite()`")]
    Exists {
        /// As the user named it.
        path: String,
    },
    /// A file cannot be written.
    #[error("`{path}` cannot be written")]
    File {
        /// As the user named it.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The CSV cannot be written.
    #[error("the CSV cannot be written")]
    Csv(#[from] csv::Error),
    /// The JSON cannot be written.
    #[error("the JSON cannot be written")]
    Json(#[from] serde_json::Error),
    /// The Arrow or Parquet cannot be written.
    #[cfg(feature = "arrow")]
    #[error("the Arrow or Parquet cannot be written")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// The output does not take the bytes.
    #[error("the output does not take the results")]
    Io(#[from] std::io::Error),
}

/// Results on their way into a file; see [`Results::export`].
#[derive(Clone, Debug)]
#[must_use = "nothing is written until a format is said: `.csv(path)`, `.json(path)`, `.ndjson(path)`, `.parquet(path)`, `.arrow(path)`"]
pub struct Export<'r> {
    results: &'r Results,
    columns: Columns,
    overwrite: bool,
}

impl Results {
    /// Writes results into a file: all columns, unless said otherwise, and never over a file that is there, unless said
    /// otherwise. The file is whole or not there.
    ///
    /// ```standalone_crate
    /// # extern crate metalab_engine as metalab;
    /// use metalab::results::Columns;
    /// # fn look(results: &metalab::results::Results) -> metalab::Result<()> {
    /// results.export().csv("runs.csv")?;
    /// results.export().columns(Columns::PARAMS | Columns::METRICS).overwrite().ndjson("runs.ndjson")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn export(&self) -> Export<'_> {
        Export { results: self, columns: Columns::all(), overwrite: false }
    }

    /// Writes a new CSV file: one row for each cell, with all digits.
    ///
    /// # Errors
    /// See [`ExportError`]; when a file is there, it is left as it is.
    pub fn to_csv(&self, path: impl AsRef<Path>, columns: Columns) -> Result<(), ExportError> {
        self.export().columns(columns).csv(path)
    }

    /// Writes a new JSON file: an array with an object for each cell (see [`Export::json`]).
    ///
    /// # Errors
    /// As [`Results::to_csv`].
    pub fn to_json(&self, path: impl AsRef<Path>, columns: Columns) -> Result<(), ExportError> {
        self.export().columns(columns).json(path)
    }

    /// Writes a new file with a line of JSON for each cell (see [`Export::json`]).
    ///
    /// # Errors
    /// As [`Results::to_csv`].
    pub fn to_ndjson(&self, path: impl AsRef<Path>, columns: Columns) -> Result<(), ExportError> {
        self.export().columns(columns).ndjson(path)
    }

    /// Typed columns, one row for each cell, all in memory.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn frame(&self, columns: Columns) -> Result<Frame, ResultError> {
        Frame::of(self, columns)
    }
}

impl Export<'_> {
    /// Which columns.
    pub fn columns(mut self, columns: Columns) -> Self {
        self.columns = columns;
        self
    }

    /// Takes the place of a file that is there.
    pub fn overwrite(mut self) -> Self {
        self.overwrite = true;
        self
    }

    /// Writes CSV: a header and one row for each cell, with all digits. What a run does not have is empty.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn csv(self, path: impl AsRef<Path>) -> Result<(), ExportError> {
        file::write(path.as_ref(), self.overwrite, |out| write::csv(self.results, self.columns, out))
    }

    /// Writes a JSON array with one object for each cell. What is a prefix in a table is an object of its own here:
    /// `{"run_id": ..., "params": {...}, "metrics": {...}, "derived": {...}, "data": {...}, "output": ...}`. NaN and
    /// infinities, which JSON has not, are the texts `NaN`, `inf`, `-inf`.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn json(self, path: impl AsRef<Path>) -> Result<(), ExportError> {
        file::write(path.as_ref(), self.overwrite, |out| write::json(self.results, self.columns, out))
    }

    /// Writes the same objects, one in each line.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn ndjson(self, path: impl AsRef<Path>) -> Result<(), ExportError> {
        file::write(path.as_ref(), self.overwrite, |out| write::ndjson(self.results, self.columns, out))
    }

    /// Writes CSV into anything that takes bytes.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn write_csv(self, mut out: impl std::io::Write) -> Result<(), ExportError> {
        write::csv(self.results, self.columns, &mut out)
    }

    /// Writes JSON into anything that takes bytes.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn write_json(self, mut out: impl std::io::Write) -> Result<(), ExportError> {
        write::json(self.results, self.columns, &mut out)
    }

    /// Writes lines of JSON into anything that takes bytes.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn write_ndjson(self, mut out: impl std::io::Write) -> Result<(), ExportError> {
        write::ndjson(self.results, self.columns, &mut out)
    }
}
