//! What makes a program its own worker.

use std::sync::atomic::{AtomicBool, Ordering};

use metalab_engine::operation::Registry;

use super::serve::serve;
use super::spec::{Role, role};

/// Set by [`init`]: starting this program again gives a worker, not the program from its beginning.
static CALLED: AtomicBool = AtomicBool::new(false);

pub(super) fn was_called() -> bool {
    CALLED.load(Ordering::Relaxed)
}

/// Makes this program its own worker; the first thing in `main` (or the attribute `#[metalab::main]`).
///
/// In the program itself it returns at once and changes nothing. In a process that [`Processes`](crate::Processes)
/// started it performs runs until the driver has no more, and then ends the process: nothing after it happens there,
/// and what stands before it happens in every worker. Arguments are not touched.
///
/// Without it, `Processes::new` refuses to start anything: the program would begin from the start again, start workers
/// of its own, and so on.
pub fn init() {
    CALLED.store(true, Ordering::Relaxed);
    as_worker(|| Registry::automatic().map_err(|error| error.to_string()));
}

/// Serves as a worker with these operations, if this process was started as one; otherwise returns at once.
///
/// For programs that are named as workers by [`ProcessesBuilder::worker`](crate::ProcessesBuilder::worker), and for
/// operations that are not registered by the attribute. A test program can be its own worker: with
///
/// ```ignore
/// #[test]
/// fn worker() {
///     metalab_executors::serve_with(registry());
/// }
///
/// let executor = Processes::builder(4)
///     .worker(std::env::current_exe()?)
///     .arguments(["--exact", "worker", "--nocapture", "--test-threads=1"])
///     .build()?;
/// ```
///
/// the executor starts the test program, which runs the one test that serves.
pub fn serve_with(registry: Registry) {
    as_worker(|| Ok(registry));
}

fn as_worker(registry: impl FnOnce() -> Result<Registry, String>) {
    match role() {
        Role::Program => {}
        Role::Worker(spec) => serve(&spec, registry()),
        // As a program it would do the driver's work once more, and nobody asked for that.
        Role::Orphan => std::process::exit(0),
    }
}
