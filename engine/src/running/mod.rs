//! Running an experiment: the executor port, the driver, and the handle on what it does.

mod claims;
mod deriving;
mod differing;
mod driver;
mod durations;
mod environment;
mod error;
mod event_loop;
mod events;
mod executor;
mod expand;
mod handle;
mod inputs;
mod job;
mod keeper;
mod pace;
pub(crate) mod panics;
mod perform;
pub mod remote;
mod requests;
mod runner;
mod usage;
mod yielding;

pub use claims::{DriverSeen, drivers};
pub(crate) use durations::Durations;
pub use environment::current as current_environment;
pub use error::RunError;
pub use events::{Event, Events, FinishedRun};
pub use executor::Executor;
#[cfg(feature = "conformance")]
pub use executor::conformance;
use expand::expand;
pub(crate) use expand::expand_known;
pub use handle::{Handle, Status, Summary, Waiting};
pub use job::Job;
pub(crate) use panics::contain;
pub use requests::{Stop, StopError, request_stop};
pub use runner::Runner;
pub(crate) use usage::now_micros;
