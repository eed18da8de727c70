//! Requests to a driver from other processes: to stop.
//!
//! Whoever wants a submission to stop writes `live/cancel/<writer>` (**format**, version 1): the text
//! `metalab cancel 1\n` and a digit, `1` to let running runs finish or `2` to stop them, on stores that are folders. The
//! driver looks at that one name, and takes the file away when it ends. A writer id is never used again, so a file that
//! stays behind stops nobody.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use metalab_cas::{Key, PutMode};

use crate::id::{RecordName, WriterId};
use crate::store::Store;

/// How often a driver looks.
const LOOK: Duration = Duration::from_millis(250);
const MAGIC: &str = "metalab cancel 1\n";

/// How a submission is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Runs that work are let finish, no other is started.
    Gently = 1,
    /// Runs that work are asked to stop, and given up when they do not listen.
    Now = 2,
}

/// A request that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// Nobody would see it.
    #[error("store {store} is not a folder: its drivers see no requests of other processes")]
    NotAFolder {
        /// The store, as the user named it.
        store: String,
    },
    /// It cannot be written.
    #[error("the request cannot be written to the store")]
    Write(#[from] metalab_cas::BackendError),
}

/// Asks the driver that works on a submission to stop. It is not waited for: see [`drivers`](super::drivers).
///
/// # Errors
/// When the request cannot reach a driver.
pub fn request_stop(store: &Store, submission: &RecordName, stop: Stop) -> Result<(), StopError> {
    let key = key(&submission.writer);
    if store.backend().local_path(&key).is_none() {
        return Err(StopError::NotAFolder { store: store.describe().to_owned() });
    }
    let text = format!("{MAGIC}{}", stop as u8);
    store.backend().put(&key, text.as_bytes(), PutMode::Replace)?;
    Ok(())
}

fn key(writer: &WriterId) -> Key {
    Key::new(&format!("live/cancel/{writer}")).expect("ids are legal in keys")
}

/// The driver's side.
#[derive(Debug)]
pub(super) struct Requests {
    /// Where a request would be; none on stores that are no folders.
    path: Option<PathBuf>,
    looked: Instant,
}

impl Requests {
    pub(super) fn to(store: &Store, writer: WriterId) -> Self {
        Self { path: store.backend().local_path(&key(&writer)), looked: Instant::now() }
    }

    /// What was asked for, if it is time to look again.
    pub(super) fn look(&mut self) -> Option<Stop> {
        let path = self.path.as_ref().filter(|_| self.looked.elapsed() >= LOOK)?;
        self.looked = Instant::now();
        let text = std::fs::read_to_string(path).ok()?;
        match text.strip_prefix(MAGIC)?.trim() {
            "1" => Some(Stop::Gently),
            "2" => Some(Stop::Now),
            _ => None,
        }
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Most often there is none.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_request_reaches_its_driver_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path().join("runs").to_str().unwrap()).unwrap();
        let writer = WriterId::random().unwrap();
        let submission = RecordName { writer, sequence: 1 };
        let soon = |mut requests: Requests| {
            requests.looked -= LOOK;
            requests.look()
        };
        assert_eq!(soon(Requests::to(&store, writer)), None);
        request_stop(&store, &submission, Stop::Gently).unwrap();
        assert_eq!(soon(Requests::to(&store, WriterId::random().unwrap())), None);
        assert_eq!(soon(Requests::to(&store, writer)), Some(Stop::Gently));
        assert_eq!(soon(Requests::to(&store, writer)), None, "it was taken away");
        request_stop(&store, &submission, Stop::Gently).unwrap();
        request_stop(&store, &submission, Stop::Now).unwrap();
        assert_eq!(soon(Requests::to(&store, writer)), Some(Stop::Now));
        let memory = Store::memory().unwrap();
        assert!(matches!(request_stop(&memory, &submission, Stop::Now), Err(StopError::NotAFolder { .. })));
    }

    #[test]
    fn what_is_no_request_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path().join("runs").to_str().unwrap()).unwrap();
        let writer = WriterId::random().unwrap();
        for text in ["", "1", "metalab cancel 1\n", "metalab cancel 1\n3", "metalab cancel 2\n2", "\u{0}"] {
            let key = key(&writer);
            store.backend().put(&key, text.as_bytes(), PutMode::Replace).unwrap();
            let mut requests = Requests::to(&store, writer);
            requests.looked -= LOOK;
            assert_eq!(requests.look(), None, "{text:?}");
        }
    }
}
