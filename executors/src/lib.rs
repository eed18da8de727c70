//! Executors of metalab: where the runs of an experiment are carried out.
//!
//! [`Threads`] runs them in a pool of threads of this process. Executors implement the engine's port
//! [`Executor`](metalab_engine::running::Executor) and know neither tables nor SQL.

mod threads;

pub use threads::Threads;
