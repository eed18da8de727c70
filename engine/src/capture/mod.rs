//! What an operation records while it works: metrics, stepped metrics, artifacts and logs.

mod artifact;
mod entries;
mod handle;
mod log;
mod misuse;
mod readers;
mod scalar;
pub mod series;
mod sink;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use artifact::{Body, CapturedArtifact};
pub use handle::{Capture, Captured};
pub use misuse::Misuse;
pub use sink::{Sink, StoreSink};
