//! Read-only SQL over one store.

mod catalog;
mod compare;
mod coordinates;
mod foreign;
mod guard;
mod limits;
mod lineage;
mod lookup;
mod overflow;
mod query;
mod rewrite;
mod scan;
mod suggest;
mod views;
mod walk;
mod world;

pub(crate) use catalog::Counted;
pub use query::{Column, Options, Session, query_blocking};
