//! Threads that turn records into files.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use metalab_engine::id::WriterId;
use metalab_engine::index::Index;
use metalab_engine::journal::{Cursor, Scanned};
use metalab_engine::record::{Record, kind};
use metalab_engine::store::Store;
use tokio::runtime::Handle;

use super::intake::{Intake, Seen, push_counts};
use super::rows::Rows;
use super::run::Context;
use crate::columns::{Admission, Shared};
use crate::error::QueryError;
use crate::session::Counted;
use crate::tables::{Files, Part, Table, write_part};

/// Records handed to a thread at once.
const CHUNK: usize = 4096;

/// Rows of a file. They are in memory while it grows, once for each thread.
const PART: usize = 128 * 1024;

/// From this many records on, another thread is worth its file.
const SHARE: usize = 20_000;

/// What came of the records.
#[derive(Default)]
pub(crate) struct Made {
    /// Files by table.
    pub(crate) parts: BTreeMap<Table, Vec<Part>>,
    /// Attempts that are new.
    pub(crate) attempts: u64,
    /// Writers with an attempt whose submission is not known, and that attempt's number.
    pub(crate) waiting: BTreeMap<WriterId, u64>,
    /// How many attempts that keeps back.
    pub(crate) held_back: u64,
    /// What the journal could not give.
    pub(crate) damages: Vec<String>,
}

/// One thread's work.
struct Worker<'s> {
    context: &'s Context,
    table_files: &'s Files,
    handle: Handle,
    intake: Intake<'s>,
    parts: BTreeMap<Table, Vec<Part>>,
    attempts: u64,
    /// Attempts whose submission was not met yet.
    orphans: Vec<Scanned>,
}

/// Makes files of all records after `from` up to `to`.
pub(crate) async fn make(
    store: &Store,
    context: &Context,
    seen: &Seen,
    admission: &Arc<Admission>,
    files: &Files,
    from: &Cursor,
    to: &Cursor,
) -> Result<Made, QueryError> {
    let records: u64 = to.iter().map(|(writer, p)| p.sequence.saturating_sub(from.sequence(writer))).sum();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (records as usize / SHARE).clamp(1, cores);
    let handle = Handle::current();
    let worker = || Worker {
        context,
        table_files: files,
        handle: handle.clone(),
        intake: Intake::new(&context.shared, &context.index, seen, admission, true),
        parts: BTreeMap::new(),
        attempts: 0,
        orphans: Vec::new(),
    };
    let (send, receive) = sync_channel::<Vec<Scanned>>(2 * threads);
    let receive = Mutex::new(receive);
    let mut damages = Vec::new();
    let results = std::thread::scope(|scope| {
        let receive = &receive;
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| worker().run(receive))).collect();
        let read = read(store, &context.shared, from, to, send, &mut damages);
        let mut results: Vec<Result<Worker<'_>, QueryError>> = Vec::new();
        for thread in threads {
            results.push(thread.join().unwrap_or_else(|_| Err(panicked())));
        }
        read.map(|()| results)
    })?;

    // Writing blocks its thread, which a thread of the runtime must not.
    let end = || gather(results, Made { damages, ..Made::default() });
    let (mut made, counts) =
        std::thread::scope(|scope| scope.spawn(end).join()).unwrap_or_else(|_| Err(panicked()))?;
    if let Some(part) = count_part(files, &counts).await? {
        made.parts.entry(Table::Columns).or_default().push(part);
    }
    Ok(made)
}

fn panicked() -> QueryError {
    QueryError::Runtime(std::io::Error::other("a thread of the fold panicked"))
}

/// Takes up what was left over, ends all files, and puts the threads' results together.
fn gather(
    results: Vec<Result<Worker<'_>, QueryError>>,
    mut made: Made,
) -> Result<(Made, Vec<Counted>), QueryError> {
    let mut counts = Vec::new();
    let mut workers = results.into_iter().collect::<Result<Vec<_>, _>>()?;
    let orphans: Vec<Scanned> =
        workers.iter_mut().flat_map(|worker| std::mem::take(&mut worker.orphans)).collect();
    if let Some(first) = workers.first_mut() {
        first.chunk(orphans)?;
        for orphan in std::mem::take(&mut first.orphans) {
            let lowest = made.waiting.entry(orphan.name.writer).or_insert(orphan.name.sequence);
            *lowest = orphan.name.sequence.min(*lowest);
            made.held_back += 1;
        }
    }
    for mut worker in workers {
        counts.extend(worker.intake.finish()?);
        worker.write(1)?;
        worker
            .parts
            .into_iter()
            .for_each(|(table, parts)| made.parts.entry(table).or_default().extend(parts));
        made.attempts += worker.attempts;
        made.damages.append(&mut worker.intake.missing);
    }
    Ok((made, counts))
}

/// Reads the journal and hands its records out.
fn read(
    store: &Store,
    shared: &Shared,
    from: &Cursor,
    to: &Cursor,
    send: SyncSender<Vec<Scanned>>,
    damages: &mut Vec<String>,
) -> Result<(), QueryError> {
    let mut scan = store.journal().scan(from).map_err(QueryError::store("listing its journal"))?;
    let mut chunk = Vec::with_capacity(CHUNK);
    for scanned in &mut scan {
        let scanned = scanned.map_err(QueryError::store("reading its journal"))?;
        if from.contains(&scanned.name) || !to.contains(&scanned.name) {
            continue;
        }
        if matches!(scanned.kind, kind::SUBMISSION_OPENED | kind::STEP_RESOLVED)
            && let Ok(record) = scanned.decode()
        {
            shared.note(scanned.name, &record);
        }
        chunk.push(scanned);
        if chunk.len() == CHUNK
            && send.send(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK))).is_err()
        {
            // The threads are gone: their error says more.
            return Ok(());
        }
    }
    let _ = send.send(chunk);
    damages.extend(scan.damages().iter().map(ToString::to_string));
    Ok(())
}

impl<'s> Worker<'s> {
    fn run(mut self, chunks: &Mutex<Receiver<Vec<Scanned>>>) -> Result<Self, QueryError> {
        loop {
            let chunk = chunks.lock().unwrap_or_else(|broken| broken.into_inner()).recv();
            match chunk {
                Ok(chunk) => self.chunk(chunk)?,
                Err(_) => return Ok(self),
            }
        }
    }

    fn chunk(&mut self, chunk: Vec<Scanned>) -> Result<(), QueryError> {
        for scanned in chunk {
            let Ok(record) = scanned.decode() else {
                // The scan has reported it, and a newer metalab will fold it when it rebuilds.
                tracing::warn!(record = %scanned.name, "a record that this metalab cannot read is left out");
                continue;
            };
            if let Record::Attempt(attempt) = &record {
                let submission = attempt.submission.as_ref();
                if submission.is_some_and(|name| self.context.shared.submission(name).is_none()) {
                    self.orphans.push(scanned);
                    continue;
                }
                self.attempts += 1;
            }
            self.intake.take(&scanned.name, &record)?;
        }
        self.write(PART)
    }

    /// Writes the batches of every table that has at least this many rows.
    fn write(&mut self, least: usize) -> Result<(), QueryError> {
        for table in Table::ALL {
            let Some(batches) = self.intake.batches.get_mut(&table) else { continue };
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            if rows >= least {
                let batches = std::mem::take(batches);
                let store = self.table_files.object_store();
                let part = self.handle.block_on(write_part(table, &*store, batches))?;
                self.parts.entry(table).or_default().push(part);
            }
        }
        Ok(())
    }
}

async fn count_part(files: &Files, counts: &[Counted]) -> Result<Option<Part>, QueryError> {
    if counts.is_empty() {
        return Ok(None);
    }
    let mut rows = Rows::new(Table::Columns);
    push_counts(&mut rows, counts);
    let batch = rows.finish().map_err(QueryError::table(Table::Columns.name(), "building rows"))?;
    write_part(Table::Columns, &*files.object_store(), vec![batch]).await.map(Some)
}

/// An index is read by all threads of a fold.
const _: fn() = || {
    fn shared<T: Sync>() {}
    shared::<Index>();
};
