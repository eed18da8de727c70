//! Delta tables folded from the journal of metalab, and SQL over them.
//!
//! The journal is the truth; what this crate writes below `tables/` can be deleted at any time and is made again. It
//! knows records and stores, and refuses to know how runs are executed: it only reads what was recorded.
//!
//! | noun | meaning |
//! | --- | --- |
//! | [`fold`] | appends what is new in the journal to the tables; [`rebuild`] begins at nothing |
//! | [`Session`] | read-only SQL over one store: the tables, and what the journal has beyond them |
//! | [`Options`] | how much memory and time a session may take |
//! | [`Answer`] | the rows of a question, written as table, CSV, JSON, NDJSON or Parquet ([`Format`]) |
//! | [`params()`] | the rows of a question as parameter sets of the next experiment |
//!
//! `runs` has one row per cell, with the columns `params.*`, `metrics.*` and `output.*` beside those all runs have:
//!
//! ```
//! use metalab_engine::store::Store;
//! use metalab_query::{Options, fold_blocking, query_blocking};
//!
//! let store = Store::memory()?;
//! fold_blocking(&store)?;
//! let answer = query_blocking(&store, "SELECT experiment, runs FROM experiments", Options::default())?;
//! assert_eq!(answer.num_rows(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How the tables are laid out, and why, is told in `docs/decisions/0005-tables.md`.

mod answer;
mod columns;
mod error;
mod fold;
mod past;
mod session;
mod tables;

pub use answer::{Answer, Format, ParseFormatError, RowWriter, params};
pub use error::QueryError;
pub use fold::{FoldReport, fold, fold_blocking, rebuild, rebuild_blocking};
pub use past::AsOf;
pub use session::{Column, KnownTable, Listing, Options, Rows, Session, Vocabulary, query_blocking};
pub use tables::{Status, TableStatus, status_blocking};
