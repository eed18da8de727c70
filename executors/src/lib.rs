//! Executors of metalab: where the runs of an experiment are carried out.
//!
//! [`Threads`] runs them in a pool of threads of this process, [`Processes`] in processes of their own, where a crash
//! is one failed run. Executors implement the engine's port [`Executor`](metalab_engine::running::Executor) and know
//! neither tables nor SQL.

mod processes;
mod threads;

pub use processes::{Processes, ProcessesBuilder, init, serve_with};
pub use threads::Threads;
