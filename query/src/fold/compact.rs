//! Merging small files: every commit reads the list of live files, so they must stay few.

use metalab_engine::store::Store;

use super::run::FoldReport;
use crate::error::QueryError;
use crate::tables::{Conflict, Files, Part, Table, Tables, write_part};

/// A table with this many live files is compacted.
const MANY: usize = 50;

/// Rows that a merged file may have.
const PART: usize = 512 * 1024;

/// Compacts every table that has many files. Losing the race against another commit is fine: there is a next time.
pub(crate) async fn all(
    store: &Store,
    files: &Files,
    tables: &Tables,
    report: &mut FoldReport,
) -> Result<(), QueryError> {
    for table in Table::ALL {
        let snapshot = tables.get(table);
        if snapshot.files.len() < MANY {
            continue;
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut batches = Vec::new();
        let mut rows = 0;
        for file in &snapshot.files {
            for batch in snapshot.read_file(files, file).await? {
                rows += batch.num_rows();
                batches.push(batch);
            }
            if rows >= PART {
                parts.push(write_part(table, &*files.object_store(), std::mem::take(&mut batches)).await?);
                rows = 0;
            }
        }
        if !batches.is_empty() {
            parts.push(write_part(table, &*files.object_store(), batches).await?);
        }
        match snapshot.compact(files, store.id(), &parts).await {
            Ok(()) => report.compacted.push(table.name().to_owned()),
            Err(Conflict::Lost) => {}
            Err(Conflict::Failed(error)) => return Err(error),
        }
    }
    Ok(())
}
