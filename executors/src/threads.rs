//! Runs in threads of this process.

use std::fmt;
use std::sync::Arc;

use metalab_engine::running::{Executor, Job, RunError};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool of threads in this process.
///
/// A panic is a failed run; an abort, a signal or `exit` ends the whole program. A run cannot be stopped from
/// outside: timeouts and cancellation reach operations that ask their `&Runtime`.
#[derive(Clone)]
pub struct Threads {
    pool: Arc<ThreadPool>,
}

impl Threads {
    /// A pool of `threads` threads; 0 stands for one per core.
    ///
    /// # Errors
    /// When the system gives no threads.
    ///
    /// ```
    /// use metalab_engine::running::Executor;
    /// let executor = metalab_executors::Threads::new(2)?;
    /// assert_eq!(executor.slots(), 2);
    /// # Ok::<(), metalab_engine::running::RunError>(())
    /// ```
    pub fn new(threads: usize) -> Result<Self, RunError> {
        let pool =
            ThreadPoolBuilder::new().num_threads(threads).thread_name(|number| format!("metalab-{number}"));
        let pool = pool.build().map_err(|error| RunError::Thread { reason: error.to_string() })?;
        Ok(Self { pool: Arc::new(pool) })
    }
}

impl Executor for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn slots(&self) -> usize {
        self.pool.current_num_threads()
    }

    fn start(&self, job: Job) {
        // First in, first out: retries and later steps wait their turn.
        self.pool.spawn_fifo(|| job.perform());
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.pool.current_num_threads())
    }
}
