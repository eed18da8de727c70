//! What was derived before, as the journal's batches say it.

use std::collections::HashMap;

use crate::id::{RecordName, RunId};
use crate::index::{DerivedPlace, Index};
use crate::journal::JournalError;
use crate::record::{Attempt, DerivedRecord, Record};
use crate::store::Store;

/// What one function derived from one run, and since when that stands.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// When it was computed, and the record that says so: the greater stands.
    pub(crate) since: (i64, RecordName),
    pub(crate) derived: DerivedRecord,
}

impl Kept {
    /// What a run's own record has: as old as its end.
    pub(crate) fn own(attempt: &Attempt, record: RecordName) -> impl Iterator<Item = Self> + '_ {
        let ended = attempt.started.saturating_add_unsigned(attempt.duration);
        attempt.derived.iter().map(move |derived| Self { since: (ended, record), derived: derived.clone() })
    }
}

/// The newest of every function, by run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book(HashMap<RunId, Vec<Kept>>);

impl Book {
    /// What all batches say.
    pub(crate) fn of_all(store: &Store, index: &Index) -> Result<Self, JournalError> {
        let mut book = Self::default();
        for place in index.derived_places() {
            book.read(store, &place, |_| true)?;
        }
        Ok(book)
    }

    /// What some batches say of one run.
    pub(crate) fn of_run(
        store: &Store,
        places: impl Iterator<Item = DerivedPlace>,
        run: &RunId,
    ) -> Result<Self, JournalError> {
        let mut book = Self::default();
        for place in places {
            book.read(store, &place, |other| other == run)?;
        }
        Ok(book)
    }

    fn read(
        &mut self,
        store: &Store,
        place: &DerivedPlace,
        wanted: impl Fn(&RunId) -> bool,
    ) -> Result<(), JournalError> {
        match store.journal().read(&place.place) {
            Ok(Record::Derived(batch)) => {
                let since = (batch.time, place.record);
                let rows = batch.rows.into_iter().filter(|(run, _)| wanted(run));
                rows.for_each(|(run, derived)| self.insert(run, Kept { since, derived }));
                Ok(())
            }
            // A damaged record hides only itself: what it had is derived again.
            Ok(_) | Err(JournalError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Adds what stands before what is there, if it is newer.
    pub(crate) fn insert(&mut self, run: RunId, kept: Kept) {
        newest(self.0.entry(run).or_default(), kept);
    }

    /// What is written here of a run.
    pub(crate) fn of(&self, run: &RunId) -> impl Iterator<Item = &Kept> {
        self.0.get(run).into_iter().flatten()
    }

    /// What stands for a run whose own record has `own` since its end, oldest first.
    pub(crate) fn merged(&self, run: &RunId, own: impl Iterator<Item = Kept>) -> Vec<DerivedRecord> {
        let mut all = Vec::new();
        own.chain(self.of(run).cloned()).for_each(|kept| newest(&mut all, kept));
        all.sort_by_key(|kept| kept.since);
        all.into_iter().map(|kept| kept.derived).collect()
    }
}

fn newest(all: &mut Vec<Kept>, kept: Kept) {
    match all.iter_mut().find(|other| other.derived.function == kept.derived.function) {
        Some(other) if other.since < kept.since => *other = kept,
        Some(_) => {}
        None => all.push(kept),
    }
}
