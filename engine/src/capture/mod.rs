//! What an operation records while it works: metrics, stepped metrics, data, artifacts and logs.

mod artifact;
mod artifacts;
pub(crate) mod data;
mod entries;
mod flatten;
mod handle;
mod log;
mod metrics;
mod misuse;
mod plain;
mod points;
mod readers;
mod scalar;
pub mod series;
mod sink;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use artifact::{Body, CapturedArtifact};
pub use data::{CapturedData, decode_value};
pub use handle::{Capture, Captured};
pub use misuse::Misuse;
pub use points::Series;
pub use sink::{Sink, StoreSink};
