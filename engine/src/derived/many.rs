//! Functions over many runs: in parallel, and kept in batches as they come.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use metalab_cas::Digest;

use super::{Book, DerivedFunction, derive_all};
use crate::id::{RecordName, RunId};
use crate::index::Index;
use crate::journal::Writer;
use crate::record::{DerivedBatch, DerivedRecord, LEVEL, kind, to_cbor};
use crate::results::{CellPlace, RunReader};
use crate::running::now_micros;

/// The most rows of a batch.
const ROWS: usize = 1000;
/// What was derived is not held back longer than this.
const HOLD: Duration = Duration::from_secs(1);
/// The most failures that are told one by one.
const TOLD: usize = 1000;

/// A run to derive from, and where it stands.
pub(crate) type Pending = (RunId, CellPlace);
/// Rows of a batch.
type Rows = Vec<(RunId, DerivedRecord)>;

/// A function that gave nothing for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeriveFailure {
    /// The run.
    pub run: RunId,
    /// The function, `namespace::name`.
    pub function: String,
    /// Why, in one line.
    pub error: String,
}

/// What deriving came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Results of functions that were computed, failures included.
    pub(crate) computed: u64,
    /// Those that were there already, under the same code.
    pub(crate) up_to_date: u64,
    /// Computed ones that failed.
    pub(crate) failed: u64,
    /// The first thousand of them.
    pub(crate) failures: Vec<DeriveFailure>,
    /// Records that could not be read, in words.
    pub(crate) unreadable: Vec<String>,
    /// Runs that had everything already.
    pub(crate) complete: Vec<RunId>,
}

/// Functions and how they are computed over runs.
pub(crate) struct Many<'a> {
    pub(crate) index: &'a Index,
    pub(crate) reader: &'a RunReader,
    /// What was derived and is not kept.
    pub(crate) overlay: Option<&'a Book>,
    pub(crate) functions: &'a [DerivedFunction],
    /// Also what is there under the same code.
    pub(crate) overwrite: bool,
    pub(crate) threads: usize,
    /// Whether to stop early; what was computed is kept.
    pub(crate) stop: &'a (dyn Fn() -> bool + Sync),
}

/// What became of one run.
struct Looked {
    run: RunId,
    records: Vec<DerivedRecord>,
    up_to_date: u64,
    unreadable: Option<String>,
}

impl Many<'_> {
    /// Computes what is missing or out of date of the succeeded ones among some runs, and hands it to `keep`, at most a
    /// thousand rows at a time and at least every second. Runs are taken in the order of their ids, so that a batch has
    /// runs that lie close together.
    pub(crate) fn each<E>(
        &self,
        mut pending: Vec<Pending>,
        mut keep: impl FnMut(Rows) -> Result<(), E>,
    ) -> Result<Tally, E> {
        pending.sort_by_key(|(run, _)| *run);
        pending.dedup_by_key(|(run, _)| *run);
        pending.retain(|(run, _)| self.index.succeeded(run));
        let mut tally = Tally::default();
        let (next, given_up) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, found) = sync_channel(4 * ROWS);
        std::thread::scope(|scope| {
            for _ in 0..self.threads.clamp(1, pending.len().max(1)) {
                let (sender, next, given_up, pending) = (sender.clone(), &next, &given_up, &pending);
                scope.spawn(move || {
                    while !given_up.load(Ordering::Relaxed) && !(self.stop)() {
                        let Some(one) = pending.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        if sender.send(self.look(one)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut rows: Rows = Vec::new();
            let mut flushed = Instant::now();
            loop {
                let looked = found.recv_timeout(HOLD.saturating_sub(flushed.elapsed()));
                let ended = matches!(looked, Err(RecvTimeoutError::Disconnected));
                if let Ok(looked) = looked {
                    tally.add(&looked);
                    let run = looked.run;
                    rows.extend(looked.records.into_iter().map(|record| (run, record)));
                }
                if rows.len() >= ROWS || ended || flushed.elapsed() >= HOLD {
                    flushed = Instant::now();
                    let mut ready = std::mem::take(&mut rows);
                    ready.sort_by_key(|(run, _)| *run);
                    while !ready.is_empty() {
                        let rest = ready.split_off(ready.len().min(ROWS));
                        if let Err(error) = keep(ready) {
                            given_up.store(true, Ordering::Relaxed);
                            // Nobody takes what is still on its way: its senders must not wait for ever.
                            drop(found);
                            return Err(error);
                        }
                        ready = rest;
                    }
                }
                if ended {
                    return Ok(());
                }
            }
        })?;
        Ok(tally)
    }

    fn look(&self, (run, place): &Pending) -> Looked {
        let mut looked = Looked { run: *run, records: Vec::new(), up_to_date: 0, unreadable: None };
        let result = match self.reader.read(self.index, *run, place.clone(), self.overlay) {
            Ok(result) => result,
            Err(error) => {
                looked.unreadable = Some(format!("run {}: {error}", run.short()));
                return looked;
            }
        };
        let is_current = |function: &&DerivedFunction| {
            let known = result.derived_records().iter().find(|known| known.function == function.name());
            !self.overwrite && known.is_some_and(|known| Ok(known.code) == function.code())
        };
        let (current, wanted): (Vec<&DerivedFunction>, Vec<_>) = self.functions.iter().partition(is_current);
        looked.up_to_date = current.len() as u64;
        if !wanted.is_empty() {
            let is_current =
                |record: &&DerivedRecord| current.iter().any(|other| other.name() == record.function);
            let known: Vec<_> = result.derived_records().iter().filter(is_current).cloned().collect();
            looked.records = derive_all(wanted.into_iter(), &result.without_derived(), &known);
        }
        looked
    }
}

impl Tally {
    fn add(&mut self, looked: &Looked) {
        self.up_to_date += looked.up_to_date;
        self.computed += looked.records.len() as u64;
        self.unreadable.extend(looked.unreadable.clone());
        if looked.records.is_empty() && looked.unreadable.is_none() {
            self.complete.push(looked.run);
        }
        for record in &looked.records {
            let Some(error) = &record.error else { continue };
            self.failed += 1;
            if self.failures.len() < TOLD {
                let error = error.chain.join(": ");
                self.failures.push(DeriveFailure {
                    run: looked.run,
                    function: record.function.clone(),
                    error,
                });
            }
        }
    }
}

/// Appends a batch to a writer's next commit.
pub(crate) fn append_batch(
    writer: &mut Writer,
    environment: Digest,
    rows: Rows,
) -> (RecordName, DerivedBatch) {
    let batch = DerivedBatch { time: now_micros(), environment, rows };
    (writer.append(kind::DERIVED, LEVEL, &to_cbor(&batch)), batch)
}
