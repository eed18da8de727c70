//! A store as it was: the same files, without the records of later times.
//!
//! The journal is the truth, so a store of another day is the journal without what was written since: everything else
//! (which attempt stands, what a cell shows, which result of a function is the newest) follows from it as it did then. Frames
//! of later records are masked as they are read, with their numbers and lengths kept; tables and index, which know
//! later records, are not looked at. So this works on any store, whether it was folded, rebuilt or copied since, and takes
//! as long as reading its journal.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use metalab_cas::frame::{self, HEADER_LEN, Item, Scanner};
use metalab_cas::{Append, Backend, BackendError, Key, Listed, Meta, PutMode, PutOutcome, ReadOnly, Upload};
use metalab_engine::id::{RecordName, WriterId};
use metalab_engine::record::Record;
use metalab_engine::store::{Access, Store, StoreError};

use crate::error::QueryError;

/// The kind of a masked frame: none that readers know.
const MASKED: u8 = 0xff;

/// A moment of a store: see [`Options::as_of`](crate::Options::as_of).
///
/// ```
/// use metalab_query::AsOf;
///
/// let noon: AsOf = "2026-11-20 12:00".parse()?;
/// assert_eq!(noon, "2026-11-20T12:00:00Z".parse()?);
/// assert!("yesterday".parse::<AsOf>().is_err());
/// # Ok::<(), metalab_query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AsOf {
    /// Microseconds since 1970, UTC: what had ended by then.
    Time(i64),
    /// The end of the submission whose record name begins like this, as `submissions` shows it.
    Submission(String),
}

impl AsOf {
    /// A store as it was at this moment, read-only: what is asked of it, in SQL or of the engine, is asked of then.
    ///
    /// Its index and tables are not there: questions read the journal, as a whole.
    ///
    /// # Errors
    /// When it is to be the end of a submission that the store does not have, or the journal cannot be read.
    pub fn store(&self, now: &Store) -> Result<Store, QueryError> {
        store(now, self)
    }
}

impl FromStr for AsOf {
    type Err = QueryError;

    /// Reads `2026-11-20`, `2026-11-20 12:00`, `2026-11-20 12:00:30` (UTC), a time with zone as in RFC 3339, or the
    /// beginning of a submission's name, 8 digits or more. A day alone means its end.
    fn from_str(text: &str) -> Result<Self, QueryError> {
        use chrono::{DateTime, NaiveDate, NaiveDateTime};
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Time(time.timestamp_micros()));
        }
        for format in ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(Self::Time(time.and_utc().timestamp_micros()));
            }
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            && let Some(end) = day.succ_opt().and_then(|next| next.and_hms_opt(0, 0, 0))
        {
            return Ok(Self::Time(end.and_utc().timestamp_micros() - 1));
        }
        let is_name = text.len() >= 8 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if is_name { Ok(Self::Submission(text.to_lowercase())) } else { Err(wrong(text)) }
    }
}

fn wrong(text: &str) -> QueryError {
    QueryError::AsOf {
        written: text.to_owned(),
        reason: "write a time such as `2026-11-20 12:00` (UTC), or 8 digits or more of a submission".into(),
    }
}

/// The store as it was.
pub(crate) fn store(now: &Store, as_of: &AsOf) -> Result<Store, QueryError> {
    let until = match as_of {
        AsOf::Time(time) => *time,
        AsOf::Submission(prefix) => end_of(now, prefix)?,
    };
    let inner: Arc<dyn Backend> = Arc::new(ReadOnly::new(Arc::clone(now.backend())));
    let past = Past { inner, until, masked: Mutex::default() };
    let failed = QueryError::store::<StoreError>("looking at an earlier time of it");
    Store::on(Arc::new(past), Access::ReadOnly).map_err(failed)
}

/// When a submission ended; one that has not ended yet is as of now.
fn end_of(store: &Store, prefix: &str) -> Result<i64, QueryError> {
    let mut found: HashMap<RecordName, Option<i64>> = HashMap::new();
    let scan = store.journal().scan(&metalab_engine::journal::Cursor::default());
    for scanned in scan.map_err(QueryError::store("listing its journal"))? {
        let scanned = scanned.map_err(QueryError::store("reading its journal"))?;
        match scanned.decode() {
            Ok(Record::Opened(_)) if scanned.name.to_string().starts_with(prefix) => {
                found.entry(scanned.name).or_default();
            }
            Ok(Record::Closed(closed)) if closed.submission.to_string().starts_with(prefix) => {
                found.insert(closed.submission, Some(closed.time));
            }
            _ => {}
        }
    }
    let none = |reason: &str| QueryError::AsOf { written: prefix.to_owned(), reason: reason.to_owned() };
    let mut all = found.into_values();
    match (all.next(), all.next()) {
        (Some(closed), None) => Ok(closed.unwrap_or(i64::MAX)),
        (None, _) => Err(none(
            "no submission of the store is called so; `SELECT submission FROM submissions` lists them",
        )),
        _ => Err(none("several submissions are called so: write more digits")),
    }
}

/// A back end that shows no record of later times.
#[derive(Debug)]
struct Past {
    inner: Arc<dyn Backend>,
    until: i64,
    /// Segments as they are shown, with the length they had when they were read.
    masked: Mutex<HashMap<String, (usize, Bytes)>>,
}

impl Past {
    fn is_hidden(key: &Key) -> bool {
        let text = key.as_str();
        ["index", "tables", "live"].iter().any(|folder| {
            text.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn is_segment(key: &Key) -> bool {
        key.as_str().starts_with("journal/") && key.as_str().ends_with(".seg")
    }

    fn segment(&self, key: &Key) -> Result<Bytes, BackendError> {
        let bytes = self.inner.get(key)?;
        let mut known = self.masked.lock().unwrap_or_else(|broken| broken.into_inner());
        match known.get(key.as_str()) {
            Some((length, masked)) if *length == bytes.len() => Ok(masked.clone()),
            _ => {
                let masked = Bytes::from(mask(&bytes, self.until));
                known.insert(key.as_str().to_owned(), (bytes.len(), masked.clone()));
                Ok(masked)
            }
        }
    }

    fn absent<T>(key: &Key) -> Result<T, BackendError> {
        Err(BackendError::NotFound { key: key.as_str().to_owned() })
    }
}

/// A segment whose later records nobody knows; every frame keeps its place and number.
fn mask(bytes: &[u8], until: i64) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    for item in Scanner::new(bytes) {
        let Item::Frame(found) = item else { continue };
        let payload = &bytes[found.payload.clone()];
        // The time of a record does not depend on its name.
        let name = RecordName { writer: WriterId::from_bytes([0; 16]), sequence: found.seq };
        let time =
            Record::decode(name, found.kind, found.level, payload).ok().and_then(|record| time(&record));
        if time.is_some_and(|time| time > until) {
            let mut unknown = Vec::with_capacity(HEADER_LEN + payload.len());
            if frame::append(&mut unknown, MASKED, 0, found.seq, payload).is_ok() {
                let start = found.payload.start - HEADER_LEN;
                masked[start..start + unknown.len()].copy_from_slice(&unknown);
            }
        }
    }
    masked
}

/// When a record came to be; `None` for those that say nothing of their own.
fn time(record: &Record) -> Option<i64> {
    match record {
        Record::Attempt(attempt) => {
            let duration = i64::try_from(attempt.duration).unwrap_or(i64::MAX);
            Some(attempt.started.saturating_add(duration))
        }
        Record::Opened(opened) => Some(opened.time),
        Record::Closed(closed) => Some(closed.time),
        Record::Derived(batch) => Some(batch.time),
        Record::Expression(kept) => Some(kept.time),
        Record::Resolved(_) | Record::Unknown(_) => None,
    }
}

impl Backend for Past {
    fn name(&self) -> &'static str {
        "past"
    }

    fn get(&self, key: &Key) -> Result<Bytes, BackendError> {
        match key {
            key if Self::is_hidden(key) => Self::absent(key),
            key if Self::is_segment(key) => self.segment(key),
            key => self.inner.get(key),
        }
    }

    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, BackendError> {
        if Self::is_hidden(key) {
            return Self::absent(key);
        }
        if !Self::is_segment(key) {
            return self.inner.get_range(key, range);
        }
        let bytes = self.segment(key)?;
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let (start, end) = (at(range.start), at(range.end));
        Ok(bytes.slice(start..end.max(start)))
    }

    fn head(&self, key: &Key) -> Result<Option<Meta>, BackendError> {
        if Self::is_hidden(key) { Ok(None) } else { self.inner.head(key) }
    }

    fn list(&self, folder: &Key) -> Result<Vec<Listed>, BackendError> {
        let mut listed = self.inner.list(folder)?;
        listed.retain(|file| !Self::is_hidden(&file.key));
        Ok(listed)
    }

    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, BackendError> {
        self.inner.put(key, bytes, mode)
    }

    fn upload(&self) -> Result<Box<dyn Upload>, BackendError> {
        self.inner.upload()
    }

    fn append(&self, key: &Key) -> Result<Option<Box<dyn Append>>, BackendError> {
        self.inner.append(key)
    }

    fn touch(&self, key: &Key) -> Result<(), BackendError> {
        self.inner.touch(key)
    }

    fn delete(&self, key: &Key) -> Result<(), BackendError> {
        self.inner.delete(key)
    }

    fn sync(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn local_path(&self, _: &Key) -> Option<PathBuf> {
        // Whoever reads past this would see later records.
        None
    }

    fn read_only(&self) -> bool {
        true
    }
}
