//! How answers are written.

use clap::ValueEnum;
use metalab_engine::record::Outcome;
use metalab_query::Format;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// Comma-separated values with a head line
    Csv,
    /// One array of objects
    Json,
    /// One object per line
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerFormat {
    /// For people
    Table,
    /// For people, a line for each value: nothing is left out
    Line,
    /// Comma-separated values with a head line
    Csv,
    /// One array of objects
    Json,
    /// One object per line
    Ndjson,
    /// A Parquet file; needs `-o`
    Parquet,
    /// A file of Arrow's interprocess format; needs `-o`
    Arrow,
}

/// When colours are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal
    Auto,
    /// Also to files and pipes
    Always,
    /// Not at all
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextFormat {
    /// For people
    #[value(alias = "table")]
    Text,
    /// One object
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// The language of Graphviz
    Dot,
    /// The language of Mermaid, which Markdown pages show
    Mermaid,
    /// A picture
    Svg,
    /// One object
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    Succeeded,
    Failed,
    Cancelled,
    #[value(name = "timed_out", alias = "timed-out")]
    TimedOut,
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        match status {
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
            Status::TimedOut => Self::TimedOut,
        }
    }
}

impl From<AnswerFormat> for Format {
    fn from(format: AnswerFormat) -> Self {
        match format {
            AnswerFormat::Table => Self::Table,
            AnswerFormat::Csv => Self::Csv,
            AnswerFormat::Json => Self::Json,
            AnswerFormat::Ndjson => Self::Ndjson,
            AnswerFormat::Parquet => Self::Parquet,
            AnswerFormat::Line => Self::Line,
            AnswerFormat::Arrow => Self::Arrow,
        }
    }
}

impl From<ListFormat> for Format {
    fn from(format: ListFormat) -> Self {
        match format {
            ListFormat::Table => Self::Table,
            ListFormat::Csv => Self::Csv,
            ListFormat::Json => Self::Json,
            ListFormat::Ndjson => Self::Ndjson,
        }
    }
}
