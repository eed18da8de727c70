//! How answers are written.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use metalab_engine::record::Outcome;
use metalab_query::Format;

/// Formats of answers.
pub(crate) fn answers() -> impl TypedValueParser<Value = Format> {
    among(Format::ALL)
}

/// Formats of lists that are made without SQL.
pub(crate) fn lists() -> impl TypedValueParser<Value = Format> {
    among([Format::Table, Format::Csv, Format::Json, Format::Ndjson])
}

/// Formats for other programs.
pub(crate) fn exports() -> impl TypedValueParser<Value = Format> {
    among(Format::ALL.into_iter().filter(|format| !format.is_for_people()))
}

fn among(formats: impl IntoIterator<Item = Format>) -> impl TypedValueParser<Value = Format> {
    let value = |format: Format| {
        let needs = if format.is_binary() { "; needs `-o`" } else { "" };
        PossibleValue::new(format.as_str()).help(format!("{}{needs}", format.about()))
    };
    PossibleValuesParser::new(formats.into_iter().map(value)).try_map(|word| word.parse::<Format>())
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
