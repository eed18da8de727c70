//! The course of a fold.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use metalab_engine::id::WriterId;
use metalab_engine::index::Index;
use metalab_engine::journal::{Cursor, Position};
use metalab_engine::store::Store;
use object_store::ObjectStoreExt;

use super::work::{Made, make};
use super::{cells, compact, read_cells, read_submissions};
use crate::columns::{Admission, Shared};
use crate::error::QueryError;
use crate::fold::Seen;
use crate::fold::rows::Rows;
use crate::tables::{Conflict, Files, Part, Table, Tables, merge, write_part};

/// How often a fold begins again because another one was faster.
const TRIES: u32 = 20;

/// What a fold did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoldReport {
    /// Attempts that were added.
    pub attempts: u64,
    /// Rows that were added to all tables.
    pub rows: u64,
    /// Tables that were written anew, with the reason.
    pub rebuilt: Vec<(String, String)>,
    /// Attempts left for a later fold, because the submission they belong to is not visible yet.
    pub held_back: u64,
    /// Places of the journal that could not be read, in words.
    pub damages: Vec<String>,
    /// Tables whose small files were merged.
    pub compacted: Vec<String>,
}

/// Folds what is new in the journal into the tables.
///
/// Damaged tables are written anew. Several processes may fold at once.
///
/// # Errors
/// When the store is read-only, its journal cannot be read, or a table cannot be written.
pub async fn fold(store: &Store) -> Result<FoldReport, QueryError> {
    let store = store.clone();
    on_own_thread(move || async move { fold_here(&store, false).await }).await
}

/// Deletes the tables and folds the whole journal.
///
/// # Errors
/// As for [`fold`].
pub async fn rebuild(store: &Store) -> Result<FoldReport, QueryError> {
    let store = store.clone();
    on_own_thread(move || async move { fold_here(&store, true).await }).await
}

/// [`fold`] for callers without a runtime; also fine inside one.
///
/// # Errors
/// As for [`fold`].
pub fn fold_blocking(store: &Store) -> Result<FoldReport, QueryError> {
    futures::executor::block_on(fold(store))
}

/// [`rebuild`] for callers without a runtime; also fine inside one.
///
/// # Errors
/// As for [`fold`].
pub fn rebuild_blocking(store: &Store) -> Result<FoldReport, QueryError> {
    futures::executor::block_on(rebuild(store))
}

/// Runs a future to its end on a thread with a runtime of its own, whatever the caller runs on.
pub(crate) async fn on_own_thread<T, F>(make: impl FnOnce() -> F + Send + 'static) -> Result<T, QueryError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, QueryError>>,
{
    let (give, take) = tokio::sync::oneshot::channel();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let result = match runtime {
            Ok(runtime) => {
                let result = runtime.block_on(make());
                runtime.shutdown_timeout(Duration::from_secs(1));
                result
            }
            Err(error) => Err(QueryError::Runtime(error)),
        };
        let _ = give.send(result);
    };
    std::thread::Builder::new().name("metalab-fold".into()).spawn(work).map_err(QueryError::Runtime)?;
    let gone = |_| QueryError::Runtime(std::io::Error::other("its thread ended early"));
    take.await.map_err(gone)?
}

/// Folds on the current runtime.
pub(crate) async fn fold_here(store: &Store, from_zero: bool) -> Result<FoldReport, QueryError> {
    if store.is_read_only() {
        return Err(QueryError::ReadOnly);
    }
    let mut report = FoldReport::default();
    let mut caps = BTreeMap::new();
    let mut from_zero = from_zero;
    let mut tries = 0;
    loop {
        match attempt(store, &mut from_zero, &mut caps, &mut report).await {
            Ok(true) => return Ok(report),
            Ok(false) => {}
            Err(Conflict::Failed(error)) => return Err(error),
            Err(Conflict::Lost) => {
                tries += 1;
                if tries == TRIES {
                    return Err(QueryError::Busy { table: Table::Attempts.name(), tries });
                }
                // Folders that met once should not meet again at the next step.
                let salt = u64::from(std::process::id()) ^ std::ptr::from_ref(&report).addr() as u64 >> 4;
                tokio::time::sleep(Duration::from_millis(5 + salt % 23 * u64::from(tries))).await;
            }
        }
    }
}

/// One try. `Ok(false)`: begin again with what was learnt.
async fn attempt(
    store: &Store,
    from_zero: &mut bool,
    caps: &mut BTreeMap<WriterId, u64>,
    report: &mut FoldReport,
) -> Result<bool, Conflict> {
    let mut tables = Tables::open(store, true).await?;
    let (index, settled) = settled(store)?;
    tables.check(index.cursor());
    if *from_zero || !tables.damage.is_empty() {
        for (table, why) in &tables.damage {
            tracing::warn!(table = table.name(), why, "table is written anew");
            report.rebuilt.push((table.name().to_owned(), why.clone()));
        }
        tables.clear().await?;
        *from_zero = false;
        return Ok(false);
    }
    let Some(files) = tables.files.clone() else { return Err(QueryError::ReadOnly.into()) };
    let to = capped(&settled, caps);
    let begun = tables.cursor(Table::Attempts);
    if begun.covers(&to) {
        compact::all(store, &files, &tables, report).await?;
        return Ok(true);
    }

    let submissions = tables.get(Table::Submissions).read(&files).await?;
    let shared = shared(store, index, &submissions);
    let seen = Seen::of(&tables);
    let known = tables.get(Table::Attempts).columns.keys().cloned().collect::<Vec<_>>();
    let admission = Admission::new(known);
    let made = make(store, &shared, &seen, &admission, &files, &begun, &to).await?;
    if !made.waiting.is_empty() {
        report.held_back += made.held_back;
        for (writer, sequence) in made.waiting {
            caps.insert(writer, sequence - 1);
        }
        discard(&files, &made.parts).await;
        return Ok(false);
    }
    let result = commit(store, &files, &tables, &shared, made, &to, report).await;
    if result.is_ok() {
        let tables = Tables::open(store, true).await?;
        if tables.damage.is_empty() {
            compact::all(store, &files, &tables, report).await?;
        }
    }
    result.map(|()| true)
}

/// The index of a store, and a cursor up to which it also has all values that records refer to.
///
/// An index is listed first and read then, so it may know a record whose pack has grown since the listing. When
/// another look finds nothing new, that listing is younger than all it knows.
pub(crate) fn settled(store: &Store) -> Result<(Index, Cursor), QueryError> {
    let mut index = Index::load(store).map_err(QueryError::store("loading its index"))?;
    let cursor = settle(&mut index)?;
    Ok((index, cursor))
}

/// Looks again until there is nothing new; a journal that never rests is taken as of the last look but one.
pub(crate) fn settle(index: &mut Index) -> Result<Cursor, QueryError> {
    let mut before = index.cursor().clone();
    for _ in 0..8 {
        before = index.cursor().clone();
        if index.refresh().map_err(QueryError::store("reading its journal"))? == 0 {
            break;
        }
    }
    Ok(before)
}

/// The index and everything records refer to.
pub(crate) struct Context {
    /// The index, fixed for the time of a fold.
    pub(crate) index: Arc<Index>,
    /// Templates, environments, submissions.
    pub(crate) shared: Shared,
}

fn shared(store: &Store, index: Index, submissions: &[arrow::array::RecordBatch]) -> Context {
    let index = Arc::new(index);
    let (values, places) = (store.values(), Arc::clone(&index));
    let fetch =
        move |digest: &metalab_cas::Digest| values.get(digest, &places).ok().map(|bytes| bytes.to_vec());
    Context { index, shared: Shared::new(fetch, read_submissions(submissions)) }
}

async fn commit(
    store: &Store,
    files: &Files,
    tables: &Tables,
    context: &Context,
    mut made: Made,
    to: &Cursor,
    report: &mut FoldReport,
) -> Result<(), Conflict> {
    if let Some(part) = new_cells(store, files, tables, context).await? {
        made.parts.entry(Table::Cells).or_default().push(part);
    }
    let mut lost = None;
    for table in Table::ALL {
        let parts = made.parts.get(&table).cloned().unwrap_or_default();
        if parts.is_empty() && table != Table::Attempts {
            continue;
        }
        let snapshot = tables.get(table);
        let cursor = merge(snapshot.cursor.clone(), to);
        match snapshot.append(files, store.id(), &parts, &cursor).await {
            Ok(()) => {
                report.rows += parts.iter().map(|part| part.rows as u64).sum::<u64>();
                made.parts.remove(&table);
            }
            Err(error) => {
                lost = Some(error);
                break;
            }
        }
    }
    match lost {
        Some(error) => {
            discard(files, &made.parts).await;
            Err(error)
        }
        None => {
            report.attempts += made.attempts;
            report.damages = made.damages;
            Ok(())
        }
    }
}

/// Looks through the chunks that are complete by now.
async fn new_cells(
    store: &Store,
    files: &Files,
    tables: &Tables,
    context: &Context,
) -> Result<Option<Part>, QueryError> {
    let submissions = context.shared.submissions();
    let places = cells::places(&submissions);
    if !cells::possible(&places) {
        return Ok(None);
    }
    let intricate = cells::intricate(&submissions);
    let simple = |place: &cells::Place| !intricate.contains(&(place.experiment.clone(), place.step.clone()));
    let (done, _) = read_cells(&tables.get(Table::Cells).read(files).await?);
    let mut rows = Rows::new(Table::Cells);
    for place in places.into_keys().filter(|place| simple(place) && !done.contains(place)) {
        let place = Arc::new(place);
        if let Some(looked) = cells::look(store, &context.index, &place)
            && looked.complete
        {
            cells::push(&mut rows, &place, &looked.cells);
        }
    }
    if rows.len() == 0 {
        return Ok(None);
    }
    let batch = rows.finish().map_err(QueryError::table(Table::Cells.name(), "building rows"))?;
    write_part(Table::Cells, &*files.object_store(), vec![batch]).await.map(Some)
}

/// Deletes files that no commit names. What cannot be deleted is found by nobody, so it only costs space.
async fn discard(files: &Files, parts: &BTreeMap<Table, Vec<Part>>) {
    for (table, parts) in parts {
        for part in parts {
            let path = object_store::path::Path::from(format!("{}/{}", table.name(), part.path));
            if let Err(error) = files.object_store().delete(&path).await {
                tracing::debug!(%path, %error, "a file that was not committed stays");
            }
        }
    }
}

/// The cursor without what waits for a submission.
fn capped(cursor: &Cursor, caps: &BTreeMap<WriterId, u64>) -> Cursor {
    let mut capped = cursor.clone();
    for (writer, sequence) in caps {
        if capped.sequence(writer) > *sequence {
            capped.set(*writer, Position { sequence: *sequence, ..Position::default() });
        }
    }
    capped
}
