//! Read-only SQL over one store.

mod age;
mod catalog;
mod compare;
mod contents;
mod coordinates;
mod derived;
mod expressions;
mod foreign;
mod guard;
mod history;
mod limits;
mod lineage;
mod listing;
mod long;
mod lookup;
mod number;
mod overflow;
mod pivot;
mod query;
mod rewrite;
mod scan;
mod statistics;
mod stream;
mod suggest;
mod tags;
mod views;
mod walk;
mod world;

pub(crate) use catalog::Counted;
pub use listing::Listing;
pub use query::{Column, KnownTable, Options, Session, Vocabulary, query_blocking};
pub use stream::Rows;
