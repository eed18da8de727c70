//! How far the tables of a store are, for those who look after it.

use metalab_engine::index::Index;
use metalab_engine::store::Store;

use super::{Table, Tables};
use crate::error::QueryError;

/// The tables of a store at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The tables that are there.
    pub tables: Vec<TableStatus>,
    /// Tables that must be rebuilt, with the reason; then none counts as being there.
    pub damaged: Vec<(String, String)>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableStatus {
    /// Its name, which is that of its folder below `tables/`.
    pub name: &'static str,
    /// Its live files.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// Its rows, where all files say how many they have.
    pub rows: Option<usize>,
    /// Records of the journal that it has not seen. Questions see them all the same.
    pub unfolded: u64,
}

/// Looks at the tables of a store; nothing is written.
///
/// # Errors
/// When the store cannot be read. Damaged tables are no error.
pub fn status_blocking(store: &Store) -> Result<Status, QueryError> {
    let store = store.clone();
    futures::executor::block_on(crate::fold::on_own_thread(move || async move { status(&store).await }))
}

async fn status(store: &Store) -> Result<Status, QueryError> {
    let index = Index::load(store).map_err(QueryError::store("loading its index"))?;
    let mut tables = Tables::open(store, false).await?;
    tables.check(index.cursor());
    let damaged = tables.damage.iter().map(|(table, why)| (table.name().to_owned(), why.clone())).collect();
    let there = Table::ALL.into_iter().filter(|table| tables.get(*table).exists());
    let tables = there.map(|table| {
        let snapshot = tables.get(table);
        let seen = tables.cursor(table);
        let behind = |(writer, at): (&_, &metalab_engine::journal::Position)| {
            at.sequence.saturating_sub(seen.sequence(writer))
        };
        TableStatus {
            name: table.name(),
            files: snapshot.files.len(),
            bytes: snapshot.files.iter().map(|file| file.size).sum(),
            rows: snapshot.files.iter().map(|file| file.rows).sum(),
            unfolded: index.cursor().iter().map(behind).sum(),
        }
    });
    Ok(Status { tables: tables.collect(), damaged })
}
