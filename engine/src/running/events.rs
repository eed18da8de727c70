//! What a driver tells while it works.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use serde::Serialize;

use crate::id::{RecordName, RunId};
use crate::record::{Closing, Outcome};

/// Something that happened to a submission. Runs are reported only when their records are durable.
///
/// As JSON an object whose field `event` is `opened`, `finished` or `closed`, for programs in other languages.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The intent is durable.
    Opened {
        /// Its record.
        submission: RecordName,
        /// All cells.
        cells: u64,
        /// Cells whose run was done before.
        reused: u64,
    },
    /// Runs came to their end.
    Finished {
        /// The runs.
        runs: Vec<FinishedRun>,
    },
    /// The submission came to its end.
    Closed {
        /// How it ended.
        closing: Closing,
    },
}

/// The end of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FinishedRun {
    /// The run.
    pub run: RunId,
    /// The number of its step.
    pub step: usize,
    /// Its cell in the step.
    pub cell: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The first line of its error.
    pub error: Option<String>,
    /// Whether it will be tried again.
    pub again: bool,
    /// Functions that derived nothing from it, with the reason: `lab::efficiency: the run has no metric `accuracy``.
    pub derived_errors: Vec<String>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    closed: bool,
    listening: bool,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Channel {
    queue: Mutex<Queue>,
    more: Condvar,
}

impl Channel {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending side; drops events nobody listens to.
#[derive(Debug, Default)]
pub(super) struct Sender(Mutex<Vec<Arc<Channel>>>);

impl Sender {
    fn channels(&self) -> MutexGuard<'_, Vec<Arc<Channel>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> Events {
        let channel = Arc::new(Channel::default());
        channel.lock().listening = true;
        self.channels().push(channel.clone());
        Events(channel)
    }

    /// Makes the event only if somebody listens.
    pub(super) fn send(&self, event: impl FnOnce() -> Event) {
        let mut channels = self.channels();
        channels.retain(|channel| channel.lock().listening);
        if channels.is_empty() {
            return;
        }
        let event = event();
        for channel in channels.iter() {
            let mut queue = channel.lock();
            queue.events.push_back(event.clone());
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
            channel.more.notify_all();
        }
    }

    pub(super) fn close(&self) {
        for channel in self.channels().drain(..) {
            let mut queue = channel.lock();
            queue.closed = true;
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
            channel.more.notify_all();
        }
    }
}

/// A stream of [`Event`]s: a blocking iterator, or asynchronous by [`Events::recv`] under any runtime.
#[derive(Debug)]
pub struct Events(Arc<Channel>);

impl Events {
    /// The next event; `None` after the last.
    pub async fn recv(&mut self) -> Option<Event> {
        poll_fn(|context| {
            let mut queue = self.0.lock();
            match queue.events.pop_front() {
                Some(event) => Poll::Ready(Some(event)),
                None if queue.closed => Poll::Ready(None),
                None => {
                    queue.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut queue = self.0.lock();
        loop {
            if let Some(event) = queue.events.pop_front() {
                return Some(event);
            }
            if queue.closed {
                return None;
            }
            queue = self.0.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.0.lock().listening = false;
    }
}
