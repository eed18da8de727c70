//! The handle that operations capture through.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::artifact::{Body, CapturedArtifact};
use super::data::CapturedData;
use super::entries::Entries;
use super::events::Events;
use super::log::Log;
use super::misuse::Misuse;
use super::points::Series;
use super::series::Points;
use super::sink::Sink;
use crate::id::RunId;
use crate::name;
use crate::operation::Cancellation;
use crate::record::Scalar;

/// Records what happens in a run; lent to operations that ask for `&Capture`.
///
/// No call fails: what could not be kept (a bad name, an unreadable file, an artifact captured twice) is remembered,
/// and the run fails for it after the operation returned. Calls from several threads are fine. What was captured
/// before an error or panic is kept.
///
/// ```
/// use metalab_engine::capture::Capture;
/// use metalab_engine::record::Scalar;
///
/// let capture = Capture::memory();
/// capture.metric("accuracy", 0.93);
/// (0..3).for_each(|epoch| capture.step("loss", epoch, 1.0 / (epoch + 1) as f64));
/// capture.artifact_text("notes", "all is well");
/// capture.log(format_args!("done after {} epochs", 3));
/// assert_eq!(capture.get_metric("accuracy"), Some(Scalar::Float(0.93)));
/// assert_eq!(capture.get_series("loss").len(), 3);
/// assert!(capture.misuse().is_none());
/// ```
///
/// Clones capture into the same run; what comes after the run has ended is dropped.
#[derive(Clone, Default)]
pub struct Capture(Arc<Core>);

#[derive(Default)]
struct Core {
    target: Option<(Arc<dyn Sink>, RunId)>,
    surroundings: Option<Arc<Surroundings>>,
    /// When the run should have ended.
    deadline: Option<Instant>,
    closed: AtomicBool,
    state: Mutex<State>,
}

/// What the runs of a thread share.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) cancellation: Cancellation,
    pub(crate) events: Events,
    /// Whether the process is there for runs alone, and is killed with all that it has started.
    pub(crate) own_process: bool,
}

/// All of this is empty, and owns no memory, until something is captured.
#[derive(Default)]
pub(super) struct State {
    pub(super) metrics: Entries<Scalar>,
    pub(super) series: Entries<Series>,
    /// `None` while the bytes are on their way.
    pub(super) data: Entries<Option<CapturedData>>,
    /// `None` while the bytes are on their way.
    pub(super) artifacts: Entries<Option<CapturedArtifact>>,
    pub(super) log: Option<Box<Log>>,
    pub(super) streams: Entries<Log>,
    pub(super) misuse: Option<Box<Misuse>>,
}

/// What a run captured.
#[derive(Debug, Default)]
pub struct Captured {
    /// Metrics, in the order of their first capture.
    pub metrics: Vec<(String, Scalar)>,
    /// Stepped metrics: their points in the order of capture.
    pub series: Vec<(String, Points)>,
    /// Data, in the order of capture.
    pub data: Vec<CapturedData>,
    /// Artifacts, in the order of capture.
    pub artifacts: Vec<CapturedArtifact>,
    /// The log, as lines of text.
    pub log: Option<Body>,
    /// Named log streams, in the order of their first line.
    pub streams: Vec<(String, Body)>,
    /// The first capture that could not be kept.
    pub misuse: Option<Misuse>,
}

impl Captured {
    /// Whether nothing was captured.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
            && self.series.is_empty()
            && self.data.is_empty()
            && self.artifacts.is_empty()
            && self.log.is_none()
            && self.streams.is_empty()
            && self.misuse.is_none()
    }
}

impl Capture {
    /// A capture into memory, for unit tests of operations.
    pub fn memory() -> Self {
        Self::default()
    }

    /// The capture of an attempt of `run`; what is large goes to `sink` at once.
    pub fn new(sink: Arc<dyn Sink>, run: RunId) -> Self {
        Self(Arc::new(Core { target: Some((sink, run)), ..Core::default() }))
    }

    /// The capture of an attempt that can be stopped.
    pub(crate) fn of_attempt(
        sink: Arc<dyn Sink>,
        run: RunId,
        surroundings: Arc<Surroundings>,
        deadline: Option<Instant>,
    ) -> Self {
        let (target, surroundings) = (Some((sink, run)), Some(surroundings));
        Self(Arc::new(Core { target, surroundings, deadline, ..Core::default() }))
    }

    /// Takes out what was captured; what comes later (from a thread left behind) is dropped.
    pub fn finish(&self) -> Captured {
        self.0.closed.store(true, Ordering::Relaxed);
        let mut state = std::mem::take(&mut *self.lock());
        let sink = self.target().map(|(sink, _)| sink);
        let log = state.log.take().map(|log| log.finish(sink)).transpose();
        let log = log.unwrap_or_else(|misuse| {
            state.misused(misuse);
            None
        });
        let mut streams = Vec::new();
        for (name, stream) in state.streams.take() {
            match stream.finish(sink) {
                Ok(body) => streams.extend(body.map(|body| (name, body))),
                Err(misuse) => state.misused(misuse),
            }
        }
        let series = state.series.take().into_iter().map(|(name, series)| (name, series.close()));
        Captured {
            metrics: state.metrics.take(),
            series: series.filter(|(_, points)| !points.is_empty()).collect(),
            data: state.data.take().into_iter().filter_map(|(_, data)| data).collect(),
            artifacts: state.artifacts.take().into_iter().filter_map(|(_, artifact)| artifact).collect(),
            log: log.flatten(),
            streams,
            misuse: state.misuse.map(|misuse| *misuse),
        }
    }

    /// Takes a name, if it may be one and is free; gives where the bytes may go then.
    ///
    /// The bytes are made outside the lock, as large ones take their time; [`Capture::fill`] brings them.
    pub(super) fn reserve<T>(
        &self,
        name: &str,
        what: &'static str,
        among: impl Fn(&mut State) -> &mut Entries<Option<T>>,
    ) -> Option<Option<Arc<dyn Sink>>> {
        let reserved = self.with(|state| {
            let taken = among(state).get(name).is_some();
            match (name::check(name), taken) {
                (Ok(()), false) => {
                    among(state).add(name, None);
                    return true;
                }
                (Ok(()), true) => state.misused(Misuse::Twice { what, name: name.to_owned() }),
                (Err(source), _) => state.misused(Misuse::Name { what, source }),
            }
            false
        });
        (reserved == Some(true)).then(|| self.0.target.as_ref().map(|(sink, _)| sink.clone()))
    }

    /// Puts what was made at the place of its name, or gives the name back.
    pub(super) fn fill<T>(
        &self,
        name: &str,
        made: Result<T, Misuse>,
        among: impl Fn(&mut State) -> &mut Entries<Option<T>>,
    ) {
        self.with(|state| match made {
            Ok(made) => {
                if let Some(place) = among(state).get_mut(name) {
                    *place = Some(made);
                }
            }
            Err(misuse) => {
                among(state).remove(name);
                state.misused(misuse);
            }
        });
    }

    /// The dispatcher of the submission, if it is one of a submission.
    pub(super) fn events(&self) -> Option<&Events> {
        self.0.surroundings.as_ref().map(|surroundings| &surroundings.events)
    }

    /// Whether the run was asked to stop, or has used up its time.
    pub(super) fn should_stop(&self) -> bool {
        let cancelled = self.0.surroundings.as_ref().is_some_and(|around| around.cancellation.is_cancelled());
        cancelled || self.0.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Whether what the operation starts is killed with this process.
    pub(super) fn is_own_process(&self) -> bool {
        self.0.surroundings.as_ref().is_some_and(|around| around.own_process)
    }

    /// Where large captures and running logs go.
    pub(super) fn target(&self) -> Option<(&dyn Sink, &RunId)> {
        self.0.target.as_ref().map(|(sink, run)| (&**sink, run))
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut state = self.lock();
        match self.0.closed.load(Ordering::Relaxed) {
            true => None,
            false => Some(work(&mut state)),
        }
    }

    /// No code of the user's runs under the lock, so a poisoned one still holds a whole state.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first misuse is the one that explains the others.
    pub(super) fn misused(&mut self, misuse: Misuse) {
        self.misuse.get_or_insert_with(|| Box::new(misuse));
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("run", &self.target().map(|(_, run)| run)).finish_non_exhaustive()
    }
}
