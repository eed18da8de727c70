//! Answers, and the forms they are written in.

mod format;
mod json;
mod line;
mod params;
mod table;
mod writer;

pub use format::{Answer, Format, ParseFormatError};
pub use params::params;
pub use writer::RowWriter;
