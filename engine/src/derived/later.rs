//! Deriving from the runs of results.

use std::sync::Arc;
use std::thread::available_parallelism;

use super::{
    Book, Derive, DeriveFailure, DerivedFunction, FunctionsError, Kept, Many, Tally, append_batch,
    check_functions,
};
use crate::context::StatCache;
use crate::id::{RecordName, RunId, WriterId};
use crate::index::{Index, IndexError};
use crate::journal::{Durability, JournalError, Writer};
use crate::record::{DerivedRecord, to_cbor};
use crate::results::{ResultError, Results};
use crate::running::{current_environment, now_micros};
use crate::values::ValueError;

/// Derives metrics from the runs of results, now: `derive(&results).with(Efficiency).keep()?`.
///
/// Only what is missing, or was derived by other code, is computed.
pub fn derive(results: &Results) -> Derivation {
    Derivation { results: results.clone(), functions: Vec::new(), overwrite: false, threads: 0 }
}

/// Functions over the runs of results; see [`derive()`].
#[derive(Clone, Debug)]
#[must_use = "nothing is derived until `.keep()` or `.in_memory()` is called"]
pub struct Derivation {
    results: Results,
    functions: Vec<DerivedFunction>,
    overwrite: bool,
    threads: usize,
}

/// What was derived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Derived {
    /// The results with it.
    pub results: Results,
    /// Results of functions that were computed, failed ones among them.
    pub computed: u64,
    /// Those that were there already, from the same code.
    pub up_to_date: u64,
    /// Computed ones that failed: their runs have an error in the place of metrics, and nothing else is touched.
    pub failed: u64,
    /// The first thousand failures.
    pub failures: Vec<DeriveFailure>,
    /// Runs that could not be read, in words.
    pub unreadable: Vec<String>,
}

/// Why nothing (more) was derived. What was kept before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeriveError {
    /// No function was given.
    #[error("no function was named: say which by `.with(Function)`")]
    NoFunction,
    /// The functions cannot be used together.
    #[error(transparent)]
    Functions(#[from] FunctionsError),
    /// The store is open for reading only.
    #[error(
        "the store `{store}` is open for reading only: open it for writing, or use `.in_memory()` to derive without keeping"
    )]
    ReadOnly {
        /// The store.
        store: String,
    },
    /// Records cannot be read.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// The store does not take records.
    #[error("the store does not take what was derived; what was kept before stays")]
    Journal(#[from] JournalError),
    /// A value cannot be written.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl Derivation {
    /// Adds a function.
    pub fn with<D: Derive>(self, _: D) -> Self {
        self.function(DerivedFunction::of::<D>())
    }

    /// Adds a function, found in a [`Registry`](super::Registry) perhaps.
    pub fn function(mut self, function: DerivedFunction) -> Self {
        self.functions.push(function);
        self
    }

    /// Computes also what is there from the same code, failures among them.
    pub fn overwrite(mut self) -> Self {
        self.overwrite = true;
        self
    }

    /// How many threads compute; 0 for one per core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Computes and keeps in the store, in batches that are durable at least every second.
    ///
    /// # Errors
    /// See [`DeriveError`]. A function that fails for a run is none: see [`Derived::failures`].
    pub fn keep(self) -> Result<Derived, DeriveError> {
        let store = self.results.store().clone();
        if store.is_read_only() {
            return Err(DeriveError::ReadOnly { store: store.describe().to_owned() });
        }
        let mut writer = Writer::new(&store, Durability::Full)?;
        let environment = to_cbor(&current_environment(&StatCache::load(&store)));
        let environment = store.values().put(&mut writer, &environment)?.digest;
        let mut book = self.overlay();
        let tally = self.compute(|rows| {
            let (name, batch) = append_batch(&mut writer, environment, rows);
            writer.commit()?;
            note(&mut book, (batch.time, name), batch.rows);
            Ok(())
        })?;
        writer.close();
        if tally.computed > 0 {
            // It spares later readers work; the journal has everything.
            let published = Index::load(&store).and_then(|mut index| index.publish());
            published.unwrap_or_else(|error| tracing::warn!(%error, "the index could not be written"));
        }
        Ok(self.derived(tally, book))
    }

    /// Computes without keeping anything.
    ///
    /// # Errors
    /// See [`DeriveError`].
    pub fn in_memory(self) -> Result<Derived, DeriveError> {
        let mut book = self.overlay();
        // Newer than everything that is kept.
        let name = RecordName { writer: WriterId::from_bytes([0xff; 16]), sequence: u64::MAX };
        let tally = self.compute(|rows| {
            note(&mut book, (now_micros(), name), rows);
            Ok(())
        })?;
        Ok(self.derived(tally, book))
    }

    fn overlay(&self) -> Book {
        self.results.overlay().cloned().unwrap_or_default()
    }

    fn compute(
        &self,
        keep: impl FnMut(Vec<(RunId, DerivedRecord)>) -> Result<(), DeriveError>,
    ) -> Result<Tally, DeriveError> {
        if self.functions.is_empty() {
            return Err(DeriveError::NoFunction);
        }
        check_functions(&self.functions)?;
        let threads = match self.threads {
            0 => available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        };
        let many = Many {
            index: self.results.index(),
            reader: self.results.reader(),
            overlay: self.results.overlay(),
            functions: &self.functions,
            overwrite: self.overwrite,
            threads,
            stop: &|| false,
        };
        many.each(self.results.places().collect(), keep)
    }

    fn derived(self, tally: Tally, book: Book) -> Derived {
        let Tally { computed, up_to_date, failed, failures, unreadable, .. } = tally;
        let results = self.results.with_overlay(Arc::new(book));
        Derived { results, computed, up_to_date, failed, failures, unreadable }
    }
}

fn note(book: &mut Book, since: (i64, RecordName), rows: Vec<(RunId, DerivedRecord)>) {
    rows.into_iter().for_each(|(run, derived)| book.insert(run, Kept { since, derived }));
}
