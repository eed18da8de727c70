//! The commands on real stores, in this process.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod lab;
mod logs;
mod program;
mod transcripts;
