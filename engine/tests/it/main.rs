//! The engine's integration tests: one program.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate metalab_engine as metalab;

mod broken;
#[cfg(feature = "arrow")]
mod columnar;
mod commits;
mod contexts;
mod derived;
mod drivers;
mod explain;
mod graph;
mod hints;
mod index;
mod journal;
mod lab;
mod macros;
mod manifests;
mod memory;
mod metadata;
mod operations;
mod params;
mod recipes;
mod repairs;
mod results;
mod store;
mod stores;
#[cfg(feature = "arrow")]
mod tables;
mod tags;
mod verify;
