//! What can go wrong between the journal and an answer.

use std::time::Duration;

/// A fold or a question that failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store, its journal, index or values could not be read or written.
    #[error("the store did not answer while {doing}: {source}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Folding writes, and this store was opened for reading.
    #[error("the store is opened read-only and cannot be folded: open it for writing")]
    ReadOnly,
    /// A table could not be read or written.
    #[error("table `{table}` failed while {doing}: {source}; `metalab store rebuild` writes it anew")]
    Table {
        /// The table.
        table: &'static str,
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process folded at the same time, again and again.
    #[error("table `{table}` was written by others {tries} times in a row: try again")]
    Busy {
        /// The table.
        table: &'static str,
        /// How often it was tried.
        tries: u32,
    },
    /// The text is not SQL.
    #[error("the query is not valid SQL: {message}")]
    Syntax {
        /// What the parser says, with line and column.
        message: String,
    },
    /// The text is SQL that this session does not run.
    #[error(
        "{what} is refused: a query only reads ({allowed})",
        allowed = "SELECT, WITH, VALUES, EXPLAIN, SHOW, DESCRIBE"
    )]
    Refused {
        /// The statement by name.
        what: String,
    },
    /// More than one statement in one text, or none.
    #[error("the text holds {found} statements: ask one question at a time")]
    NotOne {
        /// How many there are.
        found: usize,
    },
    /// A column that is not there.
    #[error("no column `{column}`{}{}", in_table(.table), did_you_mean(.nearest))]
    NoColumn {
        /// The column as written.
        column: String,
        /// The table it was looked for in, if that is known.
        table: Option<String>,
        /// The nearest known name.
        nearest: Option<String>,
    },
    /// A name that could mean several columns.
    #[error("`{column}` could be {}: write one of them exactly", .candidates.join(" or "))]
    Ambiguous {
        /// The column as written.
        column: String,
        /// What it could be.
        candidates: Vec<String>,
    },
    /// A table that is not there.
    #[error("no table `{table}`{}", did_you_mean(.nearest))]
    NoTable {
        /// The table as written.
        table: String,
        /// The nearest known name.
        nearest: Option<String>,
    },
    /// A run that is not there.
    #[error("no run of the store begins with `{prefix}`; `SELECT id, experiment, step FROM runs` lists them")]
    NoRun {
        /// The run as written.
        prefix: String,
    },
    /// The beginning of several run ids.
    #[error("several runs begin with `{prefix}`: {}; write more digits", .candidates.join(", "))]
    SeveralRuns {
        /// The beginning as written.
        prefix: String,
        /// Some of them, short.
        candidates: Vec<String>,
    },
    /// A function of the tables' own that was called in another way than it can be.
    #[error("`{function}` is called as `{function}({arguments})`: {reason}")]
    Call {
        /// The function.
        function: &'static str,
        /// What it takes.
        arguments: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Contents of artifacts that nobody has.
    #[error("`artifact_rows` has nothing to read: {reason}")]
    Contents {
        /// What is missing.
        reason: String,
    },
    /// A moment that cannot be looked at.
    #[error("`{written}` is no moment of this store: {reason}")]
    AsOf {
        /// The moment as written.
        written: String,
        /// What is wrong.
        reason: String,
    },
    /// A store that cannot be asked along.
    #[error("a store cannot be called `{name}` in a question: {reason}")]
    StoreName {
        /// The name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A store that is not asked along, of which a table at a moment was named.
    #[error("no store `{name}` is attached{}; `AS OF` stands after a table of one store", did_you_mean(.nearest))]
    NoStore {
        /// The store as written.
        name: String,
        /// The nearest known name.
        nearest: Option<String>,
    },
    /// A derived metric that is an expression, and cannot be computed.
    #[error("the expression of `derived.{name}` cannot be used: {reason}")]
    Expression {
        /// The metric.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A function that is not there.
    #[error("no function `{function}`{}", did_you_mean(.nearest))]
    NoFunction {
        /// The function as written.
        function: String,
        /// The nearest known name.
        nearest: Option<String>,
    },
    /// The query took longer than it may.
    #[error("the query was stopped after {} s: narrow it with WHERE or LIMIT, or allow more time", .limit.as_secs_f64())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The query needs more memory than it may use.
    #[error("the query needs more than its {} MiB of memory: narrow it, or allow more memory", .limit / (1 << 20))]
    OutOfMemory {
        /// The limit in bytes.
        limit: u64,
    },
    /// The query cannot be planned or executed.
    #[error("the query failed: {message}")]
    Sql {
        /// Why, in one line.
        message: String,
    },
    /// The thread or runtime of the session could not be started.
    #[error("the query could not start its threads: {0}")]
    Runtime(std::io::Error),
    /// An answer whose rows are no parameter sets.
    #[error("parameter sets from the answer: {reason}")]
    Params {
        /// What is wrong.
        reason: String,
    },
    /// The answer could not be written.
    #[error("the answer could not be written as {format}: {message}")]
    Write {
        /// The format.
        format: &'static str,
        /// Why.
        message: String,
    },
}

fn in_table(table: &Option<String>) -> String {
    table.as_ref().map(|table| format!(" in `{table}`")).unwrap_or_default()
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

impl QueryError {
    /// A call of one of the tables' own functions that cannot be understood.
    pub(crate) fn call(function: &'static str, reason: String) -> Self {
        let arguments = match function {
            "run" => "'<run id, or 4 digits or more of its beginning>'",
            "artifact_rows" => "'<artifact, or output>'[, '<experiment>']",
            _ => "'<run id, or 4 digits or more of its beginning>'[, <depth>]",
        };
        Self::Call { function, arguments, reason }
    }

    /// A failure of the store while doing something.
    pub(crate) fn store<E>(doing: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Store { doing, source: source.into() }
    }

    /// A failure of a table while doing something.
    pub(crate) fn table<E>(table: &'static str, doing: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Table { table, doing, source: source.into() }
    }
}
