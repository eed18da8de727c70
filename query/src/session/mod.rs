//! Read-only SQL over one store.

mod catalog;
mod foreign;
mod guard;
mod limits;
mod outdated;
mod overflow;
mod query;
mod rewrite;
mod scan;
mod suggest;
mod views;
mod world;

pub(crate) use catalog::Counted;
pub use query::{Column, Options, Session, query_blocking};
