//! The promises of the whole, from outside.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod bad_input;
mod crash;
mod files;
mod freshness;
mod graphs;
mod lab;
mod processes;
mod readers;
mod together;
mod verify;
