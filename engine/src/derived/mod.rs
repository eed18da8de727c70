//! Derived metrics: functions over finished runs.
//!
//! `#[metalab::derived]` makes a function of `&RunResult` a [`Derive`]. It is computed right after each run
//! ([`Experiment::derive`](crate::Experiment::derive)), or later ([`derive()`]), kept or not. What is derived never enters
//! the identity of a run: a change of the function makes no run stale, and only what it gave is computed again.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `function`, `registry` | functions, with and without their types; finding them by name |
//! | [`Metrics`], `collect` | what they return |
//! | `compute` | one function over one run, errors and panics contained |
//! | `book` | what was derived before, from the journal |
//! | `deriving` | in a worker, right after a run |
//! | `later` | deriving from results; `many`: in parallel, in batches |
//! | [`expressions`] | derived metrics that are SQL expressions |

mod book;
mod collect;
mod complete;
mod compute;
mod deriving;
pub mod expressions;
mod function;
mod later;
mod many;
mod metrics;
mod registry;

pub(crate) use book::{Book, Kept};
pub(crate) use complete::{Complete, Marks};
pub(crate) use compute::derive_all;
pub(crate) use deriving::Deriving;
pub(crate) use function::check as check_functions;
pub use function::{Derive, DerivedFunction, Description, FunctionsError};
pub use later::{Derivation, DeriveError, Derived, derive};
pub use many::DeriveFailure;
pub(crate) use many::{Many, Tally, append_batch};
pub use metrics::{Metrics, MetricsError};
pub use registry::{Registration, Registry, RegistryError};
