//! The thread that makes finished runs durable, in groups.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::RunError;
use super::perform::{Performed, PerformedRun};
use crate::id::RunId;
use crate::index::Entry;
use crate::journal::{Committed, JournalError, Writer};
use crate::record::{LEVEL, kind};

/// A group is written when it is this old ...
const GROUP_TIME: Duration = Duration::from_millis(200);
/// ... or this large.
const GROUP_BYTES: usize = 8 << 20;
/// A store that does not take a group is asked again after these pauses.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(2)];

pub(super) enum Order {
    /// Keep these.
    Keep { step: usize, performed: Performed },
    /// Make everything durable now.
    Flush,
}

/// A group that is durable.
#[derive(Debug)]
pub(super) struct Durable {
    pub(super) jobs: Vec<DurableRuns>,
    pub(super) committed: Committed,
}

/// Runs of one job whose records are durable.
#[derive(Debug)]
pub(super) struct DurableRuns {
    pub(super) step: usize,
    pub(super) runs: Vec<PerformedRun>,
    pub(super) entries: Vec<(RunId, Entry)>,
}

#[derive(Debug)]
pub(super) struct Keeper {
    orders: Option<SyncSender<Order>>,
    thread: JoinHandle<Result<Writer, RunError>>,
}

impl Keeper {
    /// Starts the thread; `origins` are the origins of the steps' cells (see [`Entry`]).
    pub(super) fn start(
        writer: Writer,
        origins: Vec<u64>,
        report: Sender<Result<Durable, RunError>>,
    ) -> Result<Self, RunError> {
        // Bounded: when the disk is slower than the runs, the runs wait, not the memory.
        let (orders, receiver) = sync_channel(64);
        let thread = std::thread::Builder::new()
            .name("metalab-keeper".into())
            .spawn(move || keep(writer, &origins, &receiver, &report))
            .map_err(|error| RunError::Thread { reason: error.to_string() })?;
        Ok(Self { orders: Some(orders), thread })
    }

    /// Hands an order over; after a failure of the store nothing is taken any more.
    pub(super) fn send(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }

    /// Makes everything durable and gives the writer back.
    pub(super) fn finish(mut self) -> Result<Writer, RunError> {
        self.orders = None;
        self.thread.join().unwrap_or_else(|_| Err(RunError::Defect { message: "the keeper panicked".into() }))
    }
}

fn keep(
    mut writer: Writer,
    origins: &[u64],
    orders: &Receiver<Order>,
    report: &Sender<Result<Durable, RunError>>,
) -> Result<Writer, RunError> {
    let mut group: Vec<(usize, Vec<PerformedRun>)> = Vec::new();
    let mut oldest = Instant::now();
    loop {
        let order = if group.is_empty() {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            orders.recv_timeout(GROUP_TIME.saturating_sub(oldest.elapsed()))
        };
        let mut full = false;
        let ended = matches!(order, Err(RecvTimeoutError::Disconnected));
        match order {
            Ok(Order::Keep { step, performed }) => {
                if group.is_empty() {
                    oldest = Instant::now();
                }
                for (digest, bytes) in &performed.values {
                    writer.put_value(*digest, bytes);
                }
                for run in &performed.runs {
                    writer.append(kind::ATTEMPT, LEVEL, &performed.records[run.record.clone()]);
                }
                group.push((step, performed.runs));
                full = writer.pending_bytes() >= GROUP_BYTES || oldest.elapsed() >= GROUP_TIME;
            }
            Ok(Order::Flush) | Err(RecvTimeoutError::Timeout) => full = true,
            Err(RecvTimeoutError::Disconnected) => {}
        }
        if (full || ended) && !group.is_empty() {
            match commit(&mut writer, origins, std::mem::take(&mut group)) {
                Ok(durable) => {
                    // The driver may have ended after a second cancellation: the records are kept all the same.
                    let _ = report.send(Ok(durable));
                }
                Err(error) => {
                    let error = RunError::from(error);
                    let _ = report.send(Err(error.clone()));
                    return Err(error);
                }
            }
        }
        if ended {
            return Ok(writer);
        }
    }
}

fn commit(
    writer: &mut Writer,
    origins: &[u64],
    group: Vec<(usize, Vec<PerformedRun>)>,
) -> Result<Durable, JournalError> {
    let mut pauses = PAUSES.iter();
    let committed = loop {
        match writer.commit() {
            Ok(committed) => break committed,
            Err(error) => match pauses.next() {
                Some(pause) => std::thread::sleep(*pause),
                None => return Err(error),
            },
        }
    };
    let mut records = committed.records();
    let jobs = group.into_iter().map(|(step, runs)| {
        let entries = runs.iter().zip(records.by_ref()).map(|(run, (name, place))| {
            let entry = Entry {
                outcome: run.outcome,
                name,
                place,
                started: run.started,
                output: run.output,
                output_place: run.output_place,
                several: false,
                origin: origins[step],
            };
            (run.run, entry)
        });
        let entries = entries.collect();
        DurableRuns { step, runs, entries }
    });
    let jobs = jobs.collect();
    drop(records);
    Ok(Durable { jobs, committed })
}
