//! The commands on real stores, in this process.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate metalab_engine as metalab;

mod analysis;
mod bad_input;
mod lab;
mod logs;
mod program;
mod reference;
mod standing;
mod transcripts;
mod upkeep;
mod workflow;
