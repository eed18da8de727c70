//! Crash points: places where tests kill the process.
//!
//! Every I/O step that changes a store goes through [`step`]. In ordinary builds that is nothing
//! but the call. With the feature `crash-points`, the environment variable `METALAB_CRASH` names
//! one step by its number (from 1, over the whole process): `before:17` or `after:17` kills the
//! process there with SIGKILL, as `kill -9` or the out-of-memory killer would. A test that raises
//! the number until the program ends by itself has tried every point.

/// Does one I/O step: calls `io`, and in builds for crash tests may kill the process before or
/// after it.
///
/// `name` says in one or two words what the step is; it shows up when a crash test traces steps.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn step<T>(_name: &'static str, io: impl FnOnce() -> T) -> T {
    io()
}

/// Does one I/O step: calls `io`, and in builds for crash tests may kill the process before or
/// after it.
///
/// `name` says in one or two words what the step is; it shows up when a crash test traces steps.
#[cfg(feature = "crash-points")]
pub fn step<T>(name: &'static str, io: impl FnOnce() -> T) -> T {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PLAN: OnceLock<Option<(bool, u64)>> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let plan = PLAN.get_or_init(|| {
        let text = std::env::var("METALAB_CRASH").ok()?;
        let (when, at) = text.split_once(':')?;
        Some((when == "after", at.parse().ok()?))
    });
    let number = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    tracing::trace!(number, name, "step");
    if *plan == Some((false, number)) {
        die();
    }
    let done = io();
    if *plan == Some((true, number)) {
        die();
    }
    done
}

#[cfg(feature = "crash-points")]
fn die() -> ! {
    // SIGKILL and not abort(): no handler, no destructor, no core file, as in real life.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}
