//! Answers, and the forms they are written in.

mod format;
mod json;
mod line;
mod table;
mod writer;

pub use format::{Answer, Format, ParseFormatError};
pub use writer::RowWriter;
