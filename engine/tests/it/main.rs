//! The engine's integration tests: one program.
#![expect(clippy::unwrap_used, reason = "tests")]

mod broken;
mod index;
mod journal;
mod store;
mod stores;
