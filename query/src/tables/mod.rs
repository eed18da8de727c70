//! The Delta tables below `tables/`: their columns, files and commits.

mod delta;
mod files;
mod open;
mod read;
mod schema;
mod status;
mod write;

pub(crate) use delta::{Conflict, LiveFile};
pub(crate) use files::Files;
pub(crate) use open::{Tables, merge};
pub(crate) use schema::{Table, Type};
pub use status::{Status, TableStatus, status_blocking};
pub(crate) use write::{Part, conform, write_part};
