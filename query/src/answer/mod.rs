//! Answers, and the forms they are written in.

mod format;
mod json;
mod table;

pub use format::{Answer, Format, ParseFormatError};
