//! What a session is told, and how it lists what there is.

use std::time::Duration;

use crate::past::AsOf;

/// What a session may take, and whether it may fold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Bytes of memory all queries of the session may use; without it half of the machine's, 2 GiB at most.
    pub memory: Option<u64>,
    /// How long one query may take; without it as long as it takes.
    pub time: Option<Duration>,
    /// Fold first when many records are not in the tables yet and the store is writable. Answers are the same either way.
    pub fold: bool,
    /// Look at the store as it was; nothing is folded then, and the journal is read as a whole.
    pub as_of: Option<AsOf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory: None, time: None, fold: true, as_of: None }
    }
}

/// A column of a table, as [`Session::columns`](crate::Session::columns) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// The name as it is written in SQL.
    pub name: String,
    /// Its type in SQL words.
    pub kind: String,
}

/// A table, as [`Session::vocabulary`](crate::Session::vocabulary) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownTable {
    /// The name; in SQL it stands in double quotes unless it is a plain word.
    pub name: String,
    /// The experiment whose runs it shows, for the view of an experiment.
    pub experiment: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// All names that can be written in a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vocabulary {
    /// The tables.
    pub tables: Vec<KnownTable>,
    /// The functions, sorted.
    pub functions: Vec<String>,
}
