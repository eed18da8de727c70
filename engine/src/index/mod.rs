//! The index: which runs are there, where, and with which output.
//!
//! It is made from the journal and can be made again from it at any time; nothing depends on its being there. Most of
//! it lies in *levels*, immutable sorted files under `index/`, each of which says which part of the journal it has.
//! What no level has is read from the journal when an index is loaded. Any process may publish a level under a new
//! name; small ones are merged into larger ones, so that there are few.
//!
//! # Format of a level, version 2
//!
//! Numbers are little-endian.
//!
//! | offset | size | |
//! | --- | --- | --- |
//! | 0 | 16 | `metalab index 2\n` |
//! | 16 | 4 | record level it was made with (u8), three zero bytes |
//! | 20 | 4 | length of the description |
//! | 24 | 4 | CRC-32C of the description |
//! | 28 | 4 | CRC-32C of the 28 bytes before |
//! | 32 | | description: CBOR map, 0 store id, 1 runs, 2 further attempts, 3 small values, 4 CRC-32C of all sections, 5 files [part, writer, chunk, day], 6 origins, 7 submissions [record, [place, origins of its steps]], 8 covers [writer, from (number, chunk, offset), to (number, chunk, offset, bytes behind it)], 9 (absent when empty) steps whose cells became known [submission, step, record, place], 10 (absent when empty) batches of derived metrics [record, place, lowest run, highest run], 11 (absent when empty) kept expressions [record, place] |
//!
//! then, from the next multiple of 64, six sections without gaps: ids of the runs (32 bytes each, ascending), a row of
//! 64 bytes for each, ids and rows of further attempts of the same runs, digests of small values in packs (32) and
//! their places (12: number of the file, offset, length). A row is: output digest (32), number of the file (4), number
//! of the origin (4), start in microseconds (8), offset (4) and length (4) of the frame, and 8 bytes of record number
//! * 256 + outcome (bits 0, 1), further attempts exist (2), has an output (3), place of the output (4, 5).
//!
//! Version 1 had no 10 and 11, so that a writer of version 1 lost what was derived: its levels are passed over.
//!
//! A level that is damaged, of another version or another store, or that names parts of the journal which are not
//! there, is passed over.

mod derived;
mod entry;
mod extract;
mod glance;
mod level;
mod load;
mod merge;
mod publish;
mod recent;
mod row;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::SystemTime;

use metalab_cas::{BackendError, Digest, DigestPrefix, Key};

pub use derived::DerivedPlace;
pub use entry::{Entry, Standing, origin, stands_before};
pub use glance::Glance;

use crate::id::{RecordName, RunId, WriterId};
use crate::journal::{Committed, Cursor, Damage, JournalError, PackPlace, Part, Position, RecordPlace};
use crate::record::SubmissionOpened;
use crate::store::Store;
use level::{Level, Resolved, Submission};
use recent::Recent;
use row::Row;

/// Why an index could not be loaded or published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store's files cannot be reached.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The store was opened for reading.
    #[error("store {store} is read-only: its index is not published")]
    ReadOnly {
        /// The store, as the user named it.
        store: String,
    },
    /// No name for a level can be made.
    #[error("the system gave no randomness to name a part of the index")]
    Randomness {
        /// The cause.
        source: std::io::Error,
    },
    /// Other processes replace the files faster than they can be read.
    #[error("the index of store {store} changes all the time: try again")]
    Restless {
        /// The store, as the user named it.
        store: String,
    },
}

/// A file under `index/` that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: &'static str,
}

/// All runs of a store, as of the last [`load`](Self::load) or [`refresh`](Self::refresh), and what was added since.
///
/// ```
/// use metalab_engine::index::Index;
/// use metalab_engine::store::Store;
///
/// let store = Store::memory()?;
/// let index = Index::load(&store)?;
/// assert_eq!(index.len(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Index {
    store: Store,
    levels: Vec<Level>,
    recent: Recent,
    /// What was read, by levels or from the journal.
    cursor: Cursor,
    /// What the levels have.
    published: Cursor,
    submissions: HashMap<RecordName, Submission>,
    /// Those that no level has.
    new_submissions: Vec<RecordName>,
    /// Steps of submissions whose cells became known later.
    resolved: BTreeSet<Resolved>,
    new_resolved: Vec<Resolved>,
    derivations: derived::Derivations,
    damages: Vec<Damage>,
    ignored: Vec<Ignored>,
    /// Sizes of the files of the journal when they were listed.
    visible: load::Visible,
    /// Files whose content other levels have too.
    superseded: Vec<(Key, SystemTime)>,
    /// Names of levels this process has published.
    made: Vec<String>,
}

impl Index {
    /// Reads what is new in the journal since; gives the number of new records.
    ///
    /// # Errors
    /// When the journal cannot be listed or read.
    pub fn refresh(&mut self) -> Result<usize, IndexError> {
        let files = self.store.journal().list()?;
        self.visible = load::visible(&files);
        self.read_rest(&files)
    }

    /// The attempt that stands for a run.
    pub fn get(&self, run: &RunId) -> Option<Entry> {
        let id = run.as_bytes();
        let mut best = self.recent.rows.get(id).map(|row| row.entry(&self.recent.shared));
        for level in &self.levels {
            if let Some(at) = level.find(id) {
                let entry = level.row(at).entry(&level.shared);
                best = Some(best.map_or(entry, |best| better(best, entry)));
            }
        }
        best
    }

    /// Whether the run has succeeded.
    pub fn succeeded(&self, run: &RunId) -> bool {
        self.get(run).is_some_and(|entry| entry.succeeded())
    }

    /// All attempts of a run, the one that stands first.
    pub fn others(&self, run: &RunId) -> Vec<Entry> {
        let id = run.as_bytes();
        let recent = &self.recent;
        let rows = recent.rows.get(id).into_iter().chain(recent.extras.get(id).into_iter().flatten());
        let mut entries: Vec<Entry> = rows.map(|row| row.entry(&recent.shared)).collect();
        for level in &self.levels {
            let extras = level.extras_of(id).map(|at| level.extra_row(at));
            let rows = level.find(id).map(|at| level.row(at)).into_iter().chain(extras);
            entries.extend(rows.map(|row| row.entry(&level.shared)));
        }
        entries.sort_unstable_by_key(|entry| Standing::of(entry.outcome, entry.started, entry.name));
        entries.dedup_by_key(|entry| entry.name);
        let several = entries.len() > 1;
        entries.iter_mut().for_each(|entry| entry.several = several);
        entries
    }

    /// Runs whose id begins so: at most 20, ascending.
    pub fn find(&self, prefix: &DigestPrefix) -> Vec<RunId> {
        const MOST: usize = 20;
        let (low, high) = prefix.bounds();
        let mut found: Vec<Digest> = Vec::new();
        for level in &self.levels {
            let range = level.between(&low, &high);
            found.extend(range.take(MOST).map(|at| Digest::from_bytes(*level.id(at))));
        }
        let recent = self.recent.rows.iter().map(|(id, _)| Digest::from_bytes(*id));
        found.extend(recent.filter(|id| prefix.matches(id)));
        found.sort_unstable();
        found.dedup();
        found.truncate(MOST);
        found.into_iter().map(RunId).collect()
    }

    /// All runs, ascending by id, with the attempt that stands.
    pub fn iter(&self) -> impl Iterator<Item = (RunId, Entry)> + '_ {
        let mut recent: Vec<(&[u8; 32], &Row)> = self.recent.rows.iter().collect();
        recent.sort_unstable_by_key(|(id, _)| *id);
        let mut recent = recent.into_iter().peekable();
        let mut at = vec![0; self.levels.len()];
        std::iter::from_fn(move || {
            let heads = self.levels.iter().zip(&at).filter(|(level, at)| **at < level.len());
            let heads = heads.map(|(level, &at)| level.id(at));
            let id = *heads.chain(recent.peek().map(|(id, _)| *id)).min()?;
            let mut best =
                recent.next_if(|(next, _)| **next == id).map(|(_, row)| row.entry(&self.recent.shared));
            for (level, at) in self.levels.iter().zip(&mut at) {
                if *at < level.len() && *level.id(*at) == id {
                    let entry = level.row(*at).entry(&level.shared);
                    best = Some(best.map_or(entry, |best| better(best, entry)));
                    *at += 1;
                }
            }
            best.map(|entry| (RunId(Digest::from_bytes(id)), entry))
        })
    }

    /// Number of runs. Counts them when several levels may have the same run.
    pub fn len(&self) -> usize {
        match (&self.levels[..], self.recent.rows.len()) {
            ([], recent) => recent,
            ([level], 0) => level.len(),
            _ => self.iter().count(),
        }
    }

    /// Whether there is no run.
    pub fn is_empty(&self) -> bool {
        self.recent.rows.is_empty() && self.levels.iter().all(|level| level.len() == 0)
    }

    /// Where a small value lies, if it lies in a pack that is there.
    pub fn place_of(&self, digest: &Digest) -> Option<PackPlace> {
        self.places_of(digest).next()
    }

    /// All places of a small value.
    pub(crate) fn places_of<'a>(&'a self, digest: &'a Digest) -> impl Iterator<Item = PackPlace> + 'a {
        let recent = self.recent.values.get(digest.as_bytes()).into_iter().flatten();
        let recent = recent.rev().map(|row| row.place(&self.recent.shared));
        let levels = self.levels.iter().flat_map(move |level| {
            level.find_value(digest.as_bytes()).map(|at| level.value_row(at).place(&level.shared))
        });
        recent.chain(levels).filter(|place| self.is_visible(place))
    }

    /// Whether the pack was there when the journal was listed.
    fn is_visible(&self, PackPlace(place): &PackPlace) -> bool {
        let size = self.visible.get(&(Part::Values, place.writer, place.chunk));
        size.is_some_and(|&size| place.offset + u64::from(place.len) <= size)
    }

    /// Adds an attempt that was just committed, without reading it again.
    pub fn insert(&mut self, run: RunId, entry: Entry) {
        self.recent.insert(&run, &entry);
    }

    /// Notes that everything in a commit was [inserted](Self::insert) (or needs no entry), and where its values are.
    pub fn cover(&mut self, committed: &Committed) {
        for (digest, place) in committed.values() {
            self.recent.insert_value(digest, place);
            let end = place.0.offset + u64::from(place.0.len);
            let size = self.visible.entry((Part::Values, place.0.writer, place.0.chunk)).or_default();
            *size = end.max(*size);
        }
        let unplaced =
            |name: &RecordName| self.submissions.get(name).is_some_and(|known| known.place.is_none());
        if self.new_submissions.iter().any(unplaced) {
            committed.records().for_each(|(name, place)| self.place(name, place));
        }
        if self.cursor.sequence(&committed.writer()) >= committed.start().sequence {
            self.reach(committed.writer(), committed.end());
        }
    }

    /// Notes a submission that was just committed, before the commit is [covered](Self::cover). Attempts made for it
    /// by other processes get their origin from its steps.
    pub fn opened(&mut self, name: RecordName, submission: &SubmissionOpened) {
        let origins =
            submission.steps.iter().map(|step| origin(&submission.experiment, &step.name)).collect();
        self.submissions.entry(name).or_insert_with(|| {
            self.new_submissions.push(name);
            Submission { place: None, origins }
        });
    }

    /// Notes where the record of a submission lies.
    fn place(&mut self, name: RecordName, place: RecordPlace) {
        if let Some(known) = self.submissions.get_mut(&name) {
            known.place = Some(place);
        }
    }

    /// Name and place of the record of every submission, in order of their names.
    pub fn submissions(&self) -> impl Iterator<Item = (RecordName, RecordPlace)> + '_ {
        let mut all: Vec<_> =
            self.submissions.iter().filter_map(|(name, known)| Some((*name, known.place?))).collect();
        all.sort_unstable();
        all.into_iter()
    }

    /// Where the record of a submission lies.
    pub fn submission(&self, name: &RecordName) -> Option<RecordPlace> {
        self.submissions.get(name)?.place
    }

    /// Notes a record that says which cells a step of a submission has.
    pub(crate) fn resolved(
        &mut self,
        submission: RecordName,
        step: u32,
        record: RecordName,
        place: RecordPlace,
    ) {
        let resolved = Resolved { submission, step, record, place };
        if self.resolved.insert(resolved) {
            self.new_resolved.push(resolved);
        }
    }

    /// Where it is written which cells the steps of a submission have, if that became known after it was opened:
    /// step and place, of several for one step the last.
    pub(crate) fn resolved_steps(&self, submission: &RecordName) -> BTreeMap<u32, RecordPlace> {
        let of_it = self.resolved.iter().filter(|resolved| resolved.submission == *submission);
        // Sorted by step and then by record, and one writer writes them all.
        of_it.map(|resolved| (resolved.step, resolved.place)).collect()
    }

    /// What of the journal is in the index.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// What could not be read of the journal.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Files of the index that were passed over when it was loaded.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Number of levels.
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    /// The store it is of.
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn reach(&mut self, writer: WriterId, position: Position) {
        if position.reaches(&self.cursor.get(&writer)) {
            self.cursor.set(writer, position);
        }
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (levels, recent) = (self.levels.len(), self.recent.rows.len());
        write!(f, "Index({levels} levels, {recent} recent runs)")
    }
}

/// The one of two entries of a run that stands.
fn better(a: Entry, b: Entry) -> Entry {
    let several = a.several || b.several || a.name != b.name;
    let mut best = if stands_before(&b, &a) { b } else { a };
    best.several = several;
    best
}

fn folder() -> Key {
    Key::new("index").expect("a legal key")
}
