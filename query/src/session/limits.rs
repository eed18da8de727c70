//! How much a query may take: threads, memory, time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use tokio::runtime::{Builder, Runtime};

use crate::error::QueryError;

/// Memory of a query where nothing else is said: half of what the machine has, 2 GiB at most.
const MEMORY: u64 = 2 << 30;

/// The threads of a session. Work has its own, so that the clock ticks while plans compute, and callers may be on any
/// runtime or none.
#[derive(Debug)]
pub(crate) struct Threads {
    work: Option<Runtime>,
    clock: Option<Runtime>,
}

impl Threads {
    /// As many threads for work as the machine has cores.
    pub(crate) fn start() -> Result<Self, QueryError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let work = Builder::new_multi_thread()
            .worker_threads(cores)
            .thread_name("metalab-query")
            .enable_all()
            .build();
        let clock =
            Builder::new_multi_thread().worker_threads(1).thread_name("metalab-clock").enable_time().build();
        Ok(Self {
            work: Some(work.map_err(QueryError::Runtime)?),
            clock: Some(clock.map_err(QueryError::Runtime)?),
        })
    }

    /// Starts a future that goes on until it ends or the handle is dropped.
    pub(crate) fn spawn<F>(&self, future: F) -> Result<Stop, QueryError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let gone = || QueryError::Runtime(std::io::Error::other("its threads ended"));
        let work = self.work.as_ref().ok_or_else(gone)?;
        Ok(Stop(work.spawn(future).abort_handle()))
    }

    /// Runs a future to its end, or until the time is over: then it is dropped as soon as it yields, and the caller
    /// hears of it at once.
    pub(crate) async fn run<T, F>(&self, future: F, limit: Option<Duration>) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, QueryError>> + Send + 'static,
    {
        let gone = || QueryError::Runtime(std::io::Error::other("its threads ended"));
        let (Some(work), Some(clock)) = (&self.work, &self.clock) else { return Err(gone()) };
        let task = work.spawn(future);
        let stop = Stop(task.abort_handle());
        let waiting = clock.spawn(async move {
            let ended = match limit {
                None => task.await,
                Some(limit) => match tokio::time::timeout(limit, task).await {
                    Ok(ended) => ended,
                    Err(_) => return Err(QueryError::TimedOut { limit }),
                },
            };
            ended.unwrap_or_else(|error| {
                let message =
                    if error.is_panic() { "the engine of the query panicked" } else { "it was stopped" };
                Err(QueryError::Sql { message: message.into() })
            })
        });
        let result = waiting.await.map_err(|_| gone())?;
        drop(stop);
        result
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for threads inside another runtime would panic.
        for runtime in [self.work.take(), self.clock.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Stops a task when its caller goes away.
#[derive(Debug)]
pub(crate) struct Stop(tokio::task::AbortHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The memory of a query, and no files outside the store.
pub(crate) fn environment(memory: Option<u64>) -> Result<(Arc<RuntimeEnv>, u64), QueryError> {
    let limit = memory.unwrap_or_else(|| MEMORY.min(machine_memory().unwrap_or(MEMORY) / 2));
    let consumers = std::num::NonZeroUsize::new(3).expect("three is not zero");
    let pool = TrackConsumersPool::new(
        GreedyMemoryPool::new(usize::try_from(limit).unwrap_or(usize::MAX)),
        consumers,
    );
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let environment =
        RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).with_disk_manager_builder(disk).build_arc();
    let environment =
        environment.map_err(|error| QueryError::Sql { message: super::guard::one_line(&error) })?;
    Ok((environment, limit))
}

/// The memory of this machine, where the system says it.
fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
