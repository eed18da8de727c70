//! Scratch folder, cancellation and deadline of a running operation.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A flag that asks running operations to stop; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The surroundings of one execution, lent as `&Runtime`.
///
/// A long loop should look at [`Runtime::should_stop`] now and then: an operation in a thread cannot be stopped
/// from outside.
#[derive(Debug, Default)]
pub struct Runtime {
    cancellation: Cancellation,
    deadline: Option<Instant>,
    scratch_root: Option<PathBuf>,
    scratch: OnceLock<PathBuf>,
}

impl Runtime {
    /// The surroundings of a run that observes `cancellation` and should end before `deadline`.
    pub fn new(cancellation: Cancellation, deadline: Option<Instant>, scratch_root: Option<PathBuf>) -> Self {
        Self { cancellation, deadline, scratch_root, scratch: OnceLock::new() }
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// Whether the run was asked to stop or has used up its time.
    pub fn should_stop(&self) -> bool {
        self.is_cancelled() || self.remaining() == Some(Duration::ZERO)
    }

    /// Time left until the deadline, zero after it; `None` without one.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// A folder for temporary files, made at the first call and removed after the run.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn scratch(&self) -> std::io::Result<&Path> {
        if let Some(path) = self.scratch.get() {
            return Ok(path);
        }
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|error| std::io::Error::other(error.to_string()))?;
        let root = self.scratch_root.clone().unwrap_or_else(std::env::temp_dir);
        let path = root.join(format!("metalab-run-{:016x}", u64::from_le_bytes(name)));
        std::fs::create_dir_all(&path)?;
        let kept = self.scratch.get_or_init(|| path.clone());
        if *kept != path {
            // Another thread of the operation was faster.
            let _ = std::fs::remove_dir(&path);
        }
        Ok(kept)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(path) = self.scratch.get() {
            // What cannot be removed is left to the system's own cleaning of temporary folders.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_made_once_and_removed() {
        let runtime = Runtime::default();
        let path = runtime.scratch().unwrap().to_owned();
        assert_eq!(runtime.scratch().unwrap(), path);
        std::fs::write(path.join("x"), "y").unwrap();
        drop(runtime);
        assert!(!path.exists());
    }
}
