//! What a command can end with, and what to do then.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use metalab_cas::BackendError;
use metalab_cas::tree::TreeError;
use metalab_engine::index::IndexError;
use metalab_engine::inspect::{FindError, ForecastError, WhyError};
use metalab_engine::journal::JournalError;
use metalab_engine::results::ResultError;
use metalab_engine::running::RunError;
use metalab_engine::store::StoreError;
use metalab_engine::values::ValueError;
use metalab_query::QueryError;

use crate::console::Paint;

/// A command that did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The command line is wrong in a way its parser cannot see.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A store that was to be asked along cannot be opened.
    #[error("the store to be called `{name}` cannot be attached: {source}")]
    Attach {
        /// What it was to be called.
        name: String,
        /// The cause.
        source: StoreError,
    },
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The files of the store cannot be reached.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// No run, or several, begin so.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A record cannot be read, or has not what was asked for.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// Stored bytes are missing or damaged.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A folder cannot be brought back.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// SQL that has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A plan cannot be made.
    #[error(transparent)]
    Forecast(Box<ForecastError>),
    /// A run cannot be explained.
    #[error(transparent)]
    Why(#[from] WhyError),
    /// An experiment could not be carried out, or runs of it failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Runs that were executed again did not give what they gave.
    #[error("{count} of {all} runs did not come out as they did")]
    Differs {
        /// How many.
        count: u64,
        /// Of how many.
        all: u64,
    },
    /// No run to execute again.
    #[error("nothing was executed again: {reason}")]
    NothingToVerify {
        /// Why not.
        reason: String,
    },
    /// Nobody works on an experiment that was to be cancelled.
    #[error("nothing works on `{experiment}` now: there is nothing to cancel")]
    NothingWorks {
        /// The experiment.
        experiment: String,
    },
    /// A question about submissions to a store without any.
    #[error("nothing was ever asked for in this store")]
    EmptyStore,
    /// Manifests cannot be listed.
    #[error(transparent)]
    Manifests(#[from] metalab_engine::manifest::ManifestError),
    /// An expression was not kept, or not found.
    #[error(transparent)]
    Expressions(#[from] metalab_engine::derived::expressions::ExpressionsError),
    /// Nothing (more) was derived.
    #[error(transparent)]
    Derive(Box<metalab_engine::derived::DeriveError>),
    /// Two derived functions of the program have one name.
    #[error(transparent)]
    Functions(Box<metalab_engine::derived::RegistryError>),
    /// Nothing that could be drawn.
    #[error("no run has a number for `{what}`{}: there is nothing to draw", if *.log { " above zero" } else { "" })]
    NothingToDraw {
        /// What was to be drawn.
        what: String,
        /// Whether it was to be drawn by its logarithm.
        log: bool,
    },
    /// A driver cannot be asked to stop.
    #[error(transparent)]
    Stop(#[from] metalab_engine::running::StopError),
    /// Something is where the output should go.
    #[error("{} `{}` is already there", if *.folder { "folder" } else { "file" }, .path.display())]
    Exists {
        /// The path as given.
        path: PathBuf,
        /// Whether it is a folder.
        folder: bool,
    },
    /// A file cannot be written.
    #[error("`{}` cannot be written", .path.display())]
    Write {
        /// The path as given.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("{what} cannot be read")]
    Read {
        /// What it is.
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// No log stream of that name.
    #[error("run {run} has no log stream `{name}`")]
    NoStream {
        /// The run, short.
        run: String,
        /// What was asked for.
        name: String,
        /// The streams it has.
        streams: Vec<String>,
    },
    /// Bytes that a terminal would not bear.
    #[error("artifact `{name}` is {kind}, which a terminal does not show")]
    Binary {
        /// The artifact.
        name: String,
        /// What it is.
        kind: String,
        /// A file name for it.
        file: String,
    },
    /// Standard output does not take it.
    #[error("standard output does not take the text")]
    Output(#[from] io::Error),
    /// Somebody asked to stop.
    #[error("interrupted; what was reported done is kept")]
    Interrupted,
}

impl From<ForecastError> for CliError {
    fn from(error: ForecastError) -> Self {
        Self::Forecast(Box::new(error))
    }
}

impl From<metalab_engine::derived::DeriveError> for CliError {
    fn from(error: metalab_engine::derived::DeriveError) -> Self {
        Self::Derive(Box::new(error))
    }
}

impl From<metalab_engine::derived::RegistryError> for CliError {
    fn from(error: metalab_engine::derived::RegistryError) -> Self {
        Self::Functions(Box::new(error))
    }
}

impl From<csv::Error> for CliError {
    fn from(error: csv::Error) -> Self {
        Self::Output(error.into())
    }
}

impl CliError {
    /// The exit code of the program: see `metalab --help`.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage { .. }
            | Self::Query(QueryError::StoreName { .. })
            | Self::Run(RunError::Progress { .. }) => 2,
            Self::Store(_)
            | Self::Attach { .. }
            | Self::Index(_)
            | Self::Find(FindError::Index(_))
            | Self::Journal(_)
            | Self::Backend(_) => 3,
            Self::Query(QueryError::TimedOut { .. }) | Self::Interrupted => 4,
            Self::Query(
                QueryError::Store { .. }
                | QueryError::Table { .. }
                | QueryError::ReadOnly
                | QueryError::Busy { .. },
            ) => 3,
            Self::Result(error) | Self::Why(WhyError::Result(error)) => result_code(error),
            Self::Forecast(error) => match &**error {
                ForecastError::Result(error) => result_code(error),
                ForecastError::Store(_) | ForecastError::Index(_) | ForecastError::Journal(_) => 3,
                _ => 1,
            },
            Self::Run(
                RunError::Store(_) | RunError::Journal(_) | RunError::Index(_) | RunError::ReadOnly { .. },
            ) => 3,
            Self::Run(RunError::Defect { .. }) => 5,
            _ => 1,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let store = match self {
            Self::Store(error) => Some(error),
            Self::Forecast(error) => match &**error {
                ForecastError::Store(error) => Some(error),
                _ => None,
            },
            Self::Run(RunError::Store(error)) => Some(&**error),
            _ => None,
        };
        if let Some(error) = store {
            return store_hint(error);
        }
        let text = match self {
            Self::Usage { hint, .. } => return hint.clone(),
            Self::Find(FindError::NotAPrefix { .. }) => {
                "`metalab runs` lists the newest runs with their ids".into()
            }
            Self::Find(FindError::Ambiguous { candidates, .. }) => {
                let first = candidates.first()?;
                format!("for the first of them: `metalab show {}`", first.short())
            }
            Self::Query(error) => query_hint(error)?,
            Self::Exists { folder: true, .. } => "name a path that is not there yet".into(),
            Self::Exists { folder: false, .. } => "name another path, or replace it with `--force`".into(),
            Self::Attach { .. } => "write `--attach NAME=PATH` with the folder of a store".into(),
            Self::NoStream { streams, .. } if streams.is_empty() => {
                "it has none; without `--stream` its log is printed".into()
            }
            Self::NoStream { streams, .. } => format!("it has: {}", streams.join(", ")),
            Self::Binary { file, .. } => format!("write it to a file: `-o {file}`"),
            Self::Run(RunError::Runs { run, .. }) => {
                format!("`metalab show {run}` tells more, `metalab logs {run}` what it logged")
            }
            Self::Differs { .. } => {
                "what stands is kept; give an operation all it depends on as arguments, inputs, contexts or seeds".into()
            }
            Self::NothingWorks { experiment } => format!("`metalab status {experiment}` tells how it ended"),
            Self::NothingToDraw { .. } => "`metalab query \"SELECT * FROM columns\"` lists what runs have".into(),
            Self::EmptyStore => "`metalab::run(experiment)` in a program asks for one".into(),
            Self::Index(_) | Self::Journal(_) => "`metalab store info` lists what is damaged".into(),
            Self::Forecast(error) if !matches!(**error, ForecastError::Plan(_)) => return None,
            Self::Forecast(_) | Self::Run(RunError::Plan(_)) => {
                "nothing was run or written; correct the experiment and ask again".into()
            }
            _ => return None,
        };
        Some(text)
    }

    /// Whether nobody reads the output any more, as with `| head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The error as the program prints it: a sentence, its causes, and what to do.
    pub fn report(&self) -> String {
        self.render(Paint(false))
    }

    /// The same, in colours if they are allowed.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let mut last = self.to_string();
        let mut text = format!("{} {last}\n", paint.red("error:"));
        let mut next = self.source();
        while let Some(cause) = next {
            let words = cause.to_string();
            // Errors whose sentence ends with their cause tell it once.
            if !last.contains(&words) {
                text.push_str(&format!("  caused by: {words}\n"));
            }
            last = words;
            next = cause.source();
        }
        if let Some(hint) = self.hint() {
            text.push_str(&format!("{} {hint}\n", paint.cyan("hint:")));
        }
        text
    }
}

fn result_code(error: &ResultError) -> u8 {
    match error {
        ResultError::Journal(_) | ResultError::Index(_) => 3,
        _ => 1,
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::Missing { .. }
        | StoreError::NotAFolder { .. }
        | StoreError::NotAStore { .. }
        | StoreError::Locator(_) => "name the store with `--store PATH` or the variable METALAB_STORE".into(),
        StoreError::NewerFormat { .. } => {
            format!("this is metalab {}; nothing in the store was changed", env!("CARGO_PKG_VERSION"))
        }
        StoreError::Garbage { .. } => "nothing in the store was changed".into(),
        _ => return None,
    })
}

fn query_hint(error: &QueryError) -> Option<String> {
    Some(match error {
        QueryError::NoColumn { table, .. } => {
            let table = table.as_deref().unwrap_or("runs");
            format!("`metalab query \"DESCRIBE {table}\"` lists the columns")
        }
        QueryError::NoTable { .. } => "`metalab query \"SHOW TABLES\"` lists the tables".into(),
        QueryError::TimedOut { .. } => {
            "`--timeout SECONDS` allows more, `--timeout 0` as much as it takes".into()
        }
        QueryError::OutOfMemory { .. } => "`--memory 4G` allows more".into(),
        _ => return None,
    })
}
