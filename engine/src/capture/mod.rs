//! What an operation records while it works: metrics, stepped metrics, data, artifacts and logs.

mod artifact;
mod artifacts;
mod child;
#[cfg(feature = "arrow")]
pub(crate) mod columnar;
pub(crate) mod data;
mod entries;
mod events;
#[cfg(feature = "plotters")]
mod figure;
mod flatten;
mod handle;
mod log;
mod logs;
mod metrics;
mod misuse;
mod own;
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
pub use child::CommandError;
pub use data::{CapturedData, decode_value};
pub(crate) use events::Events;
pub use events::{InThread, LogLevel, LogLevelError};
pub(crate) use handle::Surroundings;
pub use handle::{Capture, Captured};
pub use misuse::Misuse;
pub use own::ArtifactCodec;
pub use points::Series;
pub use sink::{Sink, StoreSink};
