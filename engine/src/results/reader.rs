//! Reads runs from the journal, with what they share read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metalab_cas::Digest;

use super::{CellPlace, ResultError, RunResult};
use crate::derived::{Book, Kept};
use crate::id::RunId;
use crate::index::Index;
use crate::record::{Record, Template};
use crate::store::Store;

/// Reads runs of a store. An index is brought along, so that its owner may add to it.
#[derive(Debug)]
pub(crate) struct RunReader {
    store: Store,
    templates: Mutex<HashMap<Digest, Arc<Template>>>,
    /// What was derived, read when the first run is.
    book: Mutex<Option<Arc<Book>>>,
}

impl RunReader {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, templates: Mutex::default(), book: Mutex::default() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The run of a cell, one without a record if it was never executed; `overlay` is what was derived and not kept.
    pub(crate) fn read(
        &self,
        index: &Index,
        id: RunId,
        place: CellPlace,
        overlay: Option<&Book>,
    ) -> Result<RunResult, ResultError> {
        let Some(entry) = index.get(&id) else {
            return Ok(RunResult::missing(self.store.clone(), id, place));
        };
        let Record::Attempt(attempt) = self.store.journal().read(&entry.place)? else {
            return Err(ResultError::NotAnAttempt { record: entry.name });
        };
        let template = self.template(index, &attempt.template)?;
        let own = Kept::own(&attempt, entry.name);
        let book = self.book(index)?;
        let derived = match overlay {
            Some(overlay) => book.merged(&id, own.chain(overlay.of(&id).cloned())),
            None => book.merged(&id, own),
        };
        Ok(RunResult::new(self.store.clone(), index, *attempt, template, place, derived))
    }

    /// What was derived later, of all runs.
    pub(crate) fn book(&self, index: &Index) -> Result<Arc<Book>, ResultError> {
        let mut book = lock(&self.book);
        if let Some(book) = &*book {
            return Ok(book.clone());
        }
        let read = Arc::new(Book::of_all(&self.store, index)?);
        *book = Some(read.clone());
        Ok(read)
    }

    pub(crate) fn template(&self, index: &Index, digest: &Digest) -> Result<Arc<Template>, ResultError> {
        let mut templates = lock(&self.templates);
        if let Some(template) = templates.get(digest) {
            return Ok(template.clone());
        }
        let template = Arc::new(read_template(&self.store, index, digest)?);
        templates.insert(*digest, template.clone());
        Ok(template)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn read_template(store: &Store, index: &Index, digest: &Digest) -> Result<Template, ResultError> {
    let bytes = crate::values::read(store, digest, index.place_of(digest).as_ref())?;
    decode_template(digest, &bytes)
}

pub(crate) fn decode_template(digest: &Digest, bytes: &[u8]) -> Result<Template, ResultError> {
    minicbor::decode(bytes)
        .map_err(|error| ResultError::Template { digest: *digest, reason: error.to_string() })
}
