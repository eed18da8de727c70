//! The promises of the whole, from outside.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod bad_input;
mod capture;
#[cfg(feature = "cli")]
mod command_line;
mod crash;
mod files;
mod freshness;
mod graphs;
mod guide;
mod lab;
mod processes;
#[cfg(feature = "query")]
mod readers;
#[cfg(feature = "query")]
mod refine;
#[cfg(feature = "cli")]
mod terminal;
#[cfg(feature = "query")]
mod together;
mod verify;
