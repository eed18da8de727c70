//! metalab: experiments whose computations are done once, kept for ever, and asked about in SQL.
//!
//! An [`operation`](macro@operation) is a function; an [`Experiment`] sweeps it over a grid of arguments with reproducible seeds;
//! [`run`] carries it out on a store. Every run is keyed by what it is made of (code, arguments, context, seed), so
//! what was computed before is reused, in whatever experiment it was computed first.
//!
//! ```
//! use metalab::{Capture, Experiment, SeedBundle, seeds};
//!
//! #[metalab::operation]
//! fn estimate_pi(n_samples: u64, seeds: &SeedBundle, capture: &Capture) -> metalab::Result<f64> {
//!     let mut rng = seeds.rng("darts");
//!     let hits = (0..n_samples).filter(|_| rng.uniform().hypot(rng.uniform()) <= 1.0).count();
//!     let pi = 4.0 * hits as f64 / n_samples as f64;
//!     capture.metric("error", (pi - std::f64::consts::PI).abs());
//!     Ok(pi)
//! }
//!
//! # fn main() -> metalab::Result<()> {
//! let experiment = Experiment::new("pi_mc", "0.1")
//!     .sweep(EstimatePi::grid().n_samples([1_000, 10_000]))
//!     .seeds(seeds(42).replicates(3));
//! let results = metalab::run(experiment).store("memory://").blocking()?;
//! assert_eq!(results.len(), 6);
//! println!("{}", results.table());
//! # Ok(())
//! # }
//! ```
//!
//! Where things are: the engine decides and records ([`engine`]), the store keeps bytes ([`cas`]), [`executors`] run,
//! and with the feature `query` (on by default) `query` asks in SQL. The feature `cli` (on by default) builds the
//! program `metalab`. With `default-features = false` neither Delta nor DataFusion is built, and everything but
//! SQL is there.

#[cfg(feature = "cli")]
mod command;
mod forecast;
mod progress;
mod run;
mod signals;
mod verify;

pub use metalab_cas as cas;
#[cfg(feature = "cli")]
pub use metalab_cli as cli;
pub use metalab_engine as engine;
#[doc(hidden)]
pub use metalab_engine::__private;
pub use metalab_engine::__private::main;
pub use metalab_engine::derived::derive;
pub use metalab_engine::manifest::{Manifest, manifests};
pub use metalab_engine::results::experiments;
pub use metalab_engine::{
    Capture, Context, DirPath, Experiment, Failure, FilePath, Fingerprint, Gathered, GitCommit, Glob, Input,
    Metadata, Named, Operation, Result, RunError, Runtime, Secret, SeedBundle, Stat, Store, seeds,
};
pub use metalab_engine::{
    capture, code, codec, context, derived, experiment, inputs, manifest, operation, params, plan, record,
    resolver, results, running, schedule, store, tags,
};
pub use metalab_executors as executors;
pub use metalab_executors::init;
#[cfg(feature = "query")]
pub use metalab_query as query;

#[cfg(feature = "cli")]
pub use command::{command_line, main_with};
pub use forecast::{PlanBuilder, plan};
pub use progress::Progress;
pub use run::{IntoStore, RunBuilder, run};
pub use verify::{VerifyBuilder, verify};
