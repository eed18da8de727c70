//! What is only worth something while runs work: their logs.
//!
//! Everything under `live/` may be deleted at any time.

use std::time::{Duration, SystemTime};

use metalab_cas::{BackendError, Key};

use crate::id::{RunId, WriterId};
use crate::store::Store;

/// Files nobody has written to for so long are left over from processes that died.
pub const STALE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where an attempt that works writes its log: `live/logs/<run>-<writer>.log`.
pub fn log_key(run: &RunId, writer: &WriterId) -> Key {
    Key::new(&format!("live/logs/{run}-{writer}.log")).expect("ids are legal in keys")
}

/// Removes the log of an attempt whose record is durable. That it cannot be removed is no error: it is swept when old.
pub(crate) fn remove_log(store: &Store, run: &RunId, writer: &WriterId) {
    let key = log_key(run, writer);
    if let Err(error) = store.backend().delete(&key) {
        tracing::debug!(%key, %error, "a log is left over");
    }
}

/// The logs of attempts of a run that work now (or died), newest first.
///
/// # Errors
/// When the folder cannot be listed.
pub fn logs(store: &Store, run: &RunId) -> Result<Vec<Key>, BackendError> {
    let prefix = format!("{run}-");
    let mut found = store.backend().list(&folder())?;
    found.retain(|file| file.key.name().starts_with(&prefix));
    found.sort_by_key(|file| std::cmp::Reverse(file.meta.modified));
    Ok(found.into_iter().map(|file| file.key).collect())
}

/// Deletes logs left over from processes that died more than [`STALE`] before `now`. Gives their number.
///
/// # Errors
/// When the folder cannot be listed or a file not deleted.
pub fn clean(store: &Store, now: SystemTime) -> Result<usize, BackendError> {
    if store.is_read_only() {
        return Ok(0);
    }
    let mut count = 0;
    for file in store.backend().list(&folder())? {
        if now.duration_since(file.meta.modified).is_ok_and(|age| age > STALE) {
            store.backend().delete(&file.key)?;
            count += 1;
        }
    }
    Ok(count)
}

fn folder() -> Key {
    Key::new("live/logs").expect("a legal key")
}
