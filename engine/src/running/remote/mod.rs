//! Runs in other processes: what they are told, and what they say.
//!
//! An executor of processes keeps the pipes; what goes through them is made and read here:
//!
//! | from the driver | bytes of | read by |
//! | --- | --- | --- |
//! | once, before anything | [`Prospect::operations`] | [`Workplace::check`] |
//! | once for each worker and step | [`Job::brief`](super::Job::brief) | [`Workplace::learn`] |
//! | again and again | [`Job::batch`](super::Job::batch) | [`Workplace::perform`] |
//!
//! and each run that is over comes back through [`Job::report`](super::Job::report). The bytes are CBOR (arrays of
//! numbered fields, see `wire`); they live as long as a pipe between two processes of the same metalab (the greeting
//! compares versions), and are stored nowhere.

mod batch;
mod brief;
mod deriving;
mod loss;
mod prospect;
mod report;
mod sent;
mod wire;
mod workplace;

pub use brief::BriefKey;
pub use loss::{Loss, Lost};
pub use prospect::Prospect;
pub use workplace::{Signals, Workplace};

/// Version of what goes between driver and worker; both must have the same.
pub const VERSION: u32 = 2;
