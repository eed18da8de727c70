//! Looks up a few runs without loading the index.
//!
//! A person who asks for one run among a million should not wait until a hundred megabytes are in memory. A glance
//! reads the descriptions of the levels, what no level has, and then of each level the few kilobytes around the place
//! where the id must be. The checksums are over whole levels, so what it finds is compared with the record itself, and
//! what it does not find is looked for again in a loaded index.

use std::collections::BTreeMap;

use metalab_cas::{Digest, DigestPrefix, Key};

use super::level::{Description, starts};
use super::row::{PLACE, ROW, Row, Shared, ValueRow};
use super::{DerivedPlace, Entry, Index, IndexError, Standing, better, folder, load};
use crate::id::{RecordName, RunId};
use crate::journal::{PackPlace, RecordPlace};
use crate::record::Record;
use crate::store::Store;

/// Ids read around the place where one is looked for: the square root of a million, twice, and some.
const WINDOW: usize = 2048;
const ID: usize = 32;
/// The most runs a prefix gives.
const MOST: usize = 20;

/// An index for a few questions. Opens in milliseconds, answers in fractions of one.
///
/// For more than some dozens of runs [`Index::load`] is quicker.
pub struct Glance {
    /// What no level has.
    recent: Index,
    levels: Vec<Far>,
}

/// A level that stays where it is.
struct Far {
    key: Key,
    description: Description,
    shared: Shared,
    starts: [usize; 7],
}

impl Glance {
    /// Opens the index of a store for a few questions.
    ///
    /// # Errors
    /// When the store cannot be listed or read.
    pub fn at(store: &Store) -> Result<Self, IndexError> {
        let mut bad = std::collections::HashMap::new();
        for _ in 0..load::TRIES {
            let listed = store.backend().list(&folder())?;
            let files = store.journal().list()?;
            let visible = load::visible(&files);
            let Some((chosen, _)) = load::candidates(store, listed, &visible, &mut bad)? else { continue };
            let mut levels = Vec::new();
            for candidate in chosen {
                let (key, size) = (candidate.file.key, candidate.file.meta.size);
                let description = candidate.description;
                let Some(starts) = starts(candidate.end, &description) else { continue };
                if starts[6] as u64 == size {
                    let shared = Shared::new(description.files.clone(), description.origins.clone());
                    levels.push(Far { key, description, shared, starts });
                }
            }
            let mut recent = Index::beside(store, levels.iter().map(|level| &level.description), visible);
            recent.read_rest(&files)?;
            return Ok(Self { recent, levels });
        }
        Err(IndexError::Restless { store: store.describe().to_owned() })
    }

    /// The attempt that stands for a run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn get(&self, run: &RunId) -> Result<Option<Entry>, IndexError> {
        let mut best = self.recent.get(run);
        for level in &self.levels {
            if let Some(entry) = level.get(&self.recent.store, run)? {
                best = Some(best.map_or(entry, |best| better(best, entry)));
            }
        }
        match best {
            Some(entry) if self.is_true(run, &entry) => Ok(best),
            _ => Ok(self.loaded()?.get(run)),
        }
    }

    /// Whether the record says the same.
    fn is_true(&self, run: &RunId, entry: &Entry) -> bool {
        let Ok((name, Record::Attempt(attempt))) = self.recent.store.journal().read_named(&entry.place)
        else {
            return false;
        };
        let output = attempt.output.as_ref().map(|output| (output.value.digest, output.value.place));
        let indexed = entry.output.map(|digest| (digest, entry.output_place));
        (name, attempt.run, attempt.outcome, attempt.started, output)
            == (entry.name, *run, entry.outcome, entry.started, indexed)
    }

    /// Runs whose id begins so: at most 20, ascending.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, prefix: &DigestPrefix) -> Result<Vec<RunId>, IndexError> {
        let found = self.hints(prefix)?;
        if found.is_empty() {
            return Ok(self.loaded()?.find(prefix));
        }
        Ok(found.into_iter().map(|(run, _)| run).collect())
    }

    /// The same with what the index says of them, for a shell that offers what may be meant: never more than some pages
    /// are read, nothing is compared with the records, and a damaged level may hide some.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn hints(&self, prefix: &DigestPrefix) -> Result<Vec<(RunId, Entry)>, IndexError> {
        let recent = self.recent.find(prefix).into_iter();
        let mut found: BTreeMap<RunId, Entry> =
            recent.filter_map(|run| Some((run, self.recent.get(&run)?))).collect();
        for level in &self.levels {
            for (run, entry) in level.find(&self.recent.store, prefix)? {
                found.entry(run).and_modify(|known| *known = better(*known, entry)).or_insert(entry);
            }
        }
        Ok(found.into_iter().take(MOST).collect())
    }

    /// All attempts of a run, the one that stands first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn others(&self, run: &RunId) -> Result<Vec<Entry>, IndexError> {
        let store = &self.recent.store;
        let mut entries = self.recent.others(run);
        for level in &self.levels {
            entries.extend(level.get(store, run)?);
            let mut at = level.lower_bound(store, 2, run.as_bytes())?;
            while let Some(row) = level.row_if(store, 2, at, run.as_bytes())? {
                entries.push(row.entry(&level.shared));
                at += 1;
            }
        }
        entries.sort_unstable_by_key(|entry| Standing::of(entry.outcome, entry.started, entry.name));
        entries.dedup_by_key(|entry| entry.name);
        if entries.is_empty() || !entries.iter().all(|entry| self.is_true(run, entry)) {
            return Ok(self.loaded()?.others(run));
        }
        let several = entries.len() > 1;
        entries.iter_mut().for_each(|entry| entry.several = several);
        Ok(entries)
    }

    /// Where a small value lies in packs that are there; for [`Values::get_from`](crate::values::Values::get_from).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn places_of(&self, digest: &Digest) -> Result<Vec<PackPlace>, IndexError> {
        let store = &self.recent.store;
        let mut places: Vec<_> = self.recent.places_of(digest).collect();
        for level in &self.levels {
            let mut at = level.lower_bound(store, 4, digest.as_bytes())?;
            while level.id(store, 4, at)? == Some(*digest.as_bytes()) {
                let bytes = level.read(store, 5, at * PLACE, PLACE)?;
                if let Some(place) = bytes.first_chunk().map(ValueRow::read).and_then(|row| level.place(row))
                {
                    places.push(place);
                }
                at += 1;
            }
        }
        places.retain(|place| self.recent.is_visible(place));
        Ok(places)
    }

    /// All submissions, and where the records that opened them lie.
    pub fn submissions(&self) -> impl Iterator<Item = (RecordName, RecordPlace)> + '_ {
        self.recent.submissions()
    }

    /// Where the record that opened a submission lies.
    pub fn submission(&self, name: &RecordName) -> Option<RecordPlace> {
        self.recent.submission(name)
    }

    /// Where batches lie that may have derived metrics of a run.
    pub fn derived_of(&self, run: &RunId) -> impl Iterator<Item = DerivedPlace> + '_ {
        self.recent.derived_of(run)
    }

    /// The store it is of.
    pub fn store(&self) -> &Store {
        self.recent.store()
    }

    fn loaded(&self) -> Result<Index, IndexError> {
        Index::load(&self.recent.store)
    }
}

impl Far {
    fn count(&self, section: usize) -> usize {
        (self.starts[section + 1] - self.starts[section]) / ID
    }

    fn read(
        &self,
        store: &Store,
        section: usize,
        from: usize,
        bytes: usize,
    ) -> Result<bytes::Bytes, IndexError> {
        let start = self.starts[section] + from;
        let end = (start + bytes).min(self.starts[section + 1]);
        Ok(store.backend().get_range(&self.key, start as u64..end as u64)?)
    }

    /// The id with this number in a section of ids.
    fn id(&self, store: &Store, section: usize, at: usize) -> Result<Option<[u8; ID]>, IndexError> {
        if at >= self.count(section) {
            return Ok(None);
        }
        Ok(self.read(store, section, at * ID, ID)?.first_chunk().copied())
    }

    /// The number of the first id that is not smaller. Ids are uniform: it is nearly known where that is.
    fn lower_bound(&self, store: &Store, section: usize, id: &[u8; ID]) -> Result<usize, IndexError> {
        let count = self.count(section);
        let first = u64::from_be_bytes(*id.first_chunk().expect("an id has 32 bytes"));
        let guess = ((u128::from(first) * count as u128) >> 64) as usize;
        let (mut low, mut high) = (0, count);
        let mut from = guess.saturating_sub(WINDOW / 2);
        // Every round narrows the range; with uniform ids the first does it.
        while low < high {
            from = from.clamp(low, high - 1);
            let to = (from + WINDOW).min(high);
            let bytes = self.read(store, section, from * ID, (to - from) * ID)?;
            let (ids, _) = bytes.as_chunks::<ID>();
            if ids.is_empty() {
                break;
            }
            let before = ids.partition_point(|other| other < id);
            if before == 0 {
                high = from;
                from = from.saturating_sub(WINDOW).max(low);
                if from > low {
                    from = low.midpoint(from);
                }
            } else if before == ids.len() {
                low = from + before;
                from = if high - low > WINDOW { low.midpoint(high) } else { low };
            } else {
                return Ok(from + before);
            }
        }
        Ok(low)
    }

    /// The row with this number, if its id is `id`.
    fn row_if(
        &self,
        store: &Store,
        section: usize,
        at: usize,
        id: &[u8; ID],
    ) -> Result<Option<Row>, IndexError> {
        if self.id(store, section, at)? != Some(*id) {
            return Ok(None);
        }
        let row = self.read(store, section + 1, at * ROW, ROW)?.first_chunk().map(Row::read);
        Ok(row.filter(|row| self.is_known(row)))
    }

    fn get(&self, store: &Store, run: &RunId) -> Result<Option<Entry>, IndexError> {
        let at = self.lower_bound(store, 0, run.as_bytes())?;
        Ok(self.row_if(store, 0, at, run.as_bytes())?.map(|row| row.entry(&self.shared)))
    }

    fn find(&self, store: &Store, prefix: &DigestPrefix) -> Result<Vec<(RunId, Entry)>, IndexError> {
        let (low, _) = prefix.bounds();
        let at = self.lower_bound(store, 0, low.as_bytes())?;
        let ids = self.read(store, 0, at * ID, MOST * ID)?;
        let (ids, _) = ids.as_chunks::<ID>();
        let ids: Vec<RunId> = ids.iter().map(|id| RunId(Digest::from_bytes(*id))).collect();
        let many = ids.iter().take_while(|id| prefix.matches(&id.0)).count();
        let rows = self.read(store, 1, at * ROW, many * ROW)?;
        let (rows, _) = rows.as_chunks::<ROW>();
        let rows = rows.iter().map(Row::read);
        let known = ids.into_iter().zip(rows).filter(|(_, row)| self.is_known(row));
        Ok(known.map(|(id, row)| (id, row.entry(&self.shared))).collect())
    }

    /// Whether the row names what the description has; else the level is damaged.
    fn is_known(&self, row: &Row) -> bool {
        (row.file as usize) < self.shared.files.len() && (row.origin as usize) < self.shared.origins.len()
    }

    fn place(&self, row: ValueRow) -> Option<PackPlace> {
        ((row.file as usize) < self.shared.files.len()).then(|| row.place(&self.shared))
    }
}

impl std::fmt::Debug for Glance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Glance({} levels, {:?})", self.levels.len(), self.recent)
    }
}
