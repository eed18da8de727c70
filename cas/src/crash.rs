//! Crash points: places where tests kill the process, or let an I/O step fail.
//!
//! Every I/O step that changes a store goes through [`step`]. In ordinary builds that is nothing
//! but the call. With the feature `crash-points`, the environment variable `METALAB_CRASH` names
//! one step by its number (from 1, over the whole process): `before:17` or `after:17` kills the
//! process there with SIGKILL, as `kill -9` or the out-of-memory killer would, and `fail:17` does
//! not do the step but reports an error of the disk (`EIO`). A test that raises the number until
//! the program ends by itself has tried every point. `fail_next` does the same to one thread.

use std::io;

/// Does one I/O step: calls `io`, and in builds for crash tests may kill the process before or
/// after it, or fail instead.
///
/// `name` says in one or two words what the step is; it shows up when a crash test traces steps.
///
/// # Errors
/// Those of `io`.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn step<T>(_name: &'static str, io: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    io()
}

/// Does one I/O step: calls `io`, and in builds for crash tests may kill the process before or
/// after it, or fail instead.
///
/// `name` says in one or two words what the step is; it shows up when a crash test traces steps.
///
/// # Errors
/// Those of `io`, and the planned one.
#[cfg(feature = "crash-points")]
pub fn step<T>(name: &'static str, io: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PLAN: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let plan = PLAN.get_or_init(|| {
        let text = std::env::var("METALAB_CRASH").ok()?;
        let (what, at) = text.split_once(':')?;
        Some((what.to_owned(), at.parse().ok()?))
    });
    let number = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    tracing::trace!(number, name, "step");
    let here = plan.as_ref().filter(|(_, at)| *at == number).map(|(what, _)| what.as_str());
    if here == Some("fail") || FAIL.with_borrow_mut(|fail| fail.take_if(|planned| *planned == name).is_some())
    {
        return Err(rustix::io::Errno::IO.into());
    }
    if here == Some("before") {
        die();
    }
    let done = io();
    if here == Some("after") {
        die();
    }
    done
}

#[cfg(feature = "crash-points")]
thread_local! {
    static FAIL: std::cell::RefCell<Option<&'static str>> = const { std::cell::RefCell::new(None) };
}

/// Lets the next step of this name in this thread fail with `EIO`, undone; only in builds for crash tests.
#[cfg(feature = "crash-points")]
pub fn fail_next(name: &'static str) {
    FAIL.set(Some(name));
}

#[cfg(feature = "crash-points")]
fn die() -> ! {
    // SIGKILL and not abort(): no handler, no destructor, no core file, as in real life.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}
