//! All tables of a store at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use metalab_engine::journal::Cursor;
use metalab_engine::store::Store;
use object_store::ObjectStoreExt;

use super::delta::Snapshot;
use super::files::Files;
use super::schema::Table;
use crate::error::QueryError;

/// The tables of a store, each as of its newest version.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Where they lie; `None` where there are none and none can be written.
    pub(crate) files: Option<Files>,
    snapshots: BTreeMap<Table, Arc<Snapshot>>,
    /// Tables that must be rebuilt, and why. They are absent here.
    pub(crate) damage: Vec<(Table, String)>,
}

impl Tables {
    /// Opens all tables; one that is damaged makes all of them absent, since a rebuild writes them together.
    ///
    /// With `create`, their folder is made if it is not there.
    pub(crate) async fn open(store: &Store, create: bool) -> Result<Self, QueryError> {
        let files = Files::of(store, create)?;
        let mut tables = Self { files, snapshots: BTreeMap::new(), damage: Vec::new() };
        let Some(files) = tables.files.clone() else { return Ok(tables) };
        let opened = Table::ALL.map(|table| Snapshot::open(&files, table, store.id()));
        for (table, opened) in Table::ALL.into_iter().zip(futures::future::join_all(opened).await) {
            match opened {
                Ok(snapshot) if snapshot.exists() => {
                    tables.snapshots.insert(table, Arc::new(snapshot));
                }
                Ok(_) => {}
                Err(why) => tables.damage.push((table, why)),
            }
        }
        let whole = tables.snapshots.contains_key(&Table::Attempts);
        if tables.damage.is_empty() && !whole && !tables.snapshots.is_empty() && !files.is_writable() {
            // A first fold was interrupted, or is at work: what it has written so far says nothing yet.
            tables.snapshots.clear();
        }
        if !tables.damage.is_empty() {
            tables.snapshots.clear();
        }
        Ok(tables)
    }

    /// No tables at all.
    pub(crate) fn none() -> Self {
        Self { files: None, snapshots: BTreeMap::new(), damage: Vec::new() }
    }

    /// A table, absent if it is not there.
    pub(crate) fn get(&self, table: Table) -> Arc<Snapshot> {
        self.snapshots.get(&table).cloned().unwrap_or_else(|| Arc::new(Snapshot::absent(table)))
    }

    /// What of the journal is in a table: its own cursor, and what `attempts` vouches for. A fold writes `attempts` last,
    /// so whatever its cursor has seen was offered to every other table before.
    pub(crate) fn cursor(&self, table: Table) -> Cursor {
        let own = self.snapshots.get(&table).map(|snapshot| snapshot.cursor.clone()).unwrap_or_default();
        match self.snapshots.get(&Table::Attempts) {
            Some(attempts) => merge(own, &attempts.cursor),
            None => own,
        }
    }

    /// Finds tables that have seen more than the journal has: they belong to another history.
    pub(crate) fn check(&mut self, journal: &Cursor) {
        let ahead: Vec<Table> = self
            .snapshots
            .iter()
            .filter(|(_, s)| !journal.covers(&s.cursor))
            .map(|(table, _)| *table)
            .collect();
        for table in ahead {
            self.damage.push((table, "it has seen more than the journal has".into()));
        }
        if !self.damage.is_empty() {
            self.snapshots.clear();
        }
    }

    /// Deletes all tables.
    pub(crate) async fn clear(&mut self) -> Result<(), QueryError> {
        let Some(files) = &self.files else { return Ok(()) };
        let store = files.object_store();
        // Logs first, so that no reader finds a log whose files are gone.
        let mut all: Vec<_> = Vec::new();
        for table in Table::ALL {
            let folder = object_store::path::Path::from(table.name());
            let listed = store.list(Some(&folder)).map_ok(|meta| meta.location).try_collect::<Vec<_>>().await;
            all.extend(listed.map_err(QueryError::table(table.name(), "listing its files"))?);
        }
        all.sort_by_key(|path| !path.as_ref().contains("_delta_log"));
        for path in all {
            match store.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(QueryError::table("attempts", "deleting damaged files")(error)),
            }
        }
        self.snapshots.clear();
        self.damage.clear();
        Ok(())
    }
}

/// What either has seen.
pub(crate) fn merge(mut a: Cursor, b: &Cursor) -> Cursor {
    for (writer, position) in b.iter() {
        if a.sequence(writer) < position.sequence {
            a.set(*writer, *position);
        }
    }
    a
}
