//! What is only worth something while runs work: their logs.
//!
//! Everything under `live/` may be deleted at any time. An attempt writes `live/logs/<run>-<writer>.log` while it works, and
//! `live/logs/<run>-<writer>.<stream>.log` for each named stream.

use std::time::{Duration, SystemTime};

use metalab_cas::{BackendError, Key};

use crate::id::{RunId, WriterId};
use crate::store::Store;

/// Files nobody has written to for so long are left over from processes that died.
pub const STALE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where an attempt that works writes its log, or one of its streams; nothing for a stream whose name cannot be that
/// of a file.
pub fn log_key(run: &RunId, writer: &WriterId, stream: Option<&str>) -> Option<Key> {
    match stream {
        None => Key::new(&format!("live/logs/{run}-{writer}.log")).ok(),
        Some(stream) => Key::new(&format!("live/logs/{run}-{writer}.{stream}.log")).ok(),
    }
}

/// Removes the log of an attempt whose record is durable, and its streams. That one cannot be removed is no error: it
/// is swept when old.
pub(crate) fn remove_logs(store: &Store, run: &RunId, writer: &WriterId, logged: bool, streams: &[String]) {
    let log = logged.then_some(None);
    for stream in log.into_iter().chain(streams.iter().map(|name| Some(name.as_str()))) {
        let Some(key) = log_key(run, writer, stream) else { continue };
        if let Err(error) = store.backend().delete(&key) {
            tracing::debug!(%key, %error, "a log is left over");
        }
    }
}

/// The logs of attempts of a run that work now (or died), newest first.
///
/// # Errors
/// When the folder cannot be listed.
pub fn logs(store: &Store, run: &RunId) -> Result<Vec<Key>, BackendError> {
    let found = of_run(store, run)?.into_iter().filter(|(stream, _)| stream.is_none());
    Ok(found.map(|(_, key)| key).collect())
}

/// The named streams of attempts of a run that work now (or died): the name and where it lies, newest first.
///
/// # Errors
/// When the folder cannot be listed.
pub fn streams(store: &Store, run: &RunId) -> Result<Vec<(String, Key)>, BackendError> {
    let found = of_run(store, run)?.into_iter();
    Ok(found.filter_map(|(stream, key)| Some((stream?, key))).collect())
}

/// Names of the streams that one writer's attempt of a run has left.
pub(crate) fn streams_of(store: &Store, run: &RunId, writer: &WriterId) -> Vec<String> {
    let writer = format!("{run}-{writer}.");
    let found = streams(store, run).unwrap_or_default().into_iter();
    found.filter(|(_, key)| key.name().starts_with(&writer)).map(|(stream, _)| stream).collect()
}

/// All files of a run, the newest first; streams with their names.
fn of_run(store: &Store, run: &RunId) -> Result<Vec<(Option<String>, Key)>, BackendError> {
    let prefix = format!("{run}-");
    let mut found = store.backend().list(&folder())?;
    found.retain(|file| file.key.name().starts_with(&prefix));
    found.sort_by_key(|file| std::cmp::Reverse(file.meta.modified));
    let named = found.into_iter().filter_map(|file| {
        // The writer's id has no dot.
        let rest = file.key.name().strip_prefix(&prefix)?.strip_suffix(".log")?;
        let stream = rest.split_once('.').map(|(_, stream)| stream.to_owned());
        Some((stream, file.key))
    });
    Ok(named.collect())
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
