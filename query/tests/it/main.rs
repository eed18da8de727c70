//! Folding and asking, on journals written by hand.
#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod contents;
mod damage;
mod derived;
mod equal;
mod graph;
mod guide;
mod lab;
mod limits;
mod long;
mod mixed;
mod names;
mod params;
mod pipeline;
mod slt;
mod stores;
mod wide;
mod written;
