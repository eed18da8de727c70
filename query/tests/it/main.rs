//! Folding and asking, on journals written by hand.
#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod damage;
mod equal;
mod graph;
mod lab;
mod limits;
mod names;
mod pipeline;
mod slt;
mod wide;
