//! Delta tables folded from the journal of metalab, and SQL over them.

mod answer;
mod columns;
mod error;
mod fold;
mod session;
mod tables;

pub use answer::{Answer, Format, ParseFormatError};
pub use error::QueryError;
pub use fold::{FoldReport, fold, fold_blocking, rebuild, rebuild_blocking};
pub use session::{Column, Options, Session, query_blocking};
