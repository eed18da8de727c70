//! The handle that operations capture through.

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::artifact::{Body, CapturedArtifact};
use super::entries::Entries;
use super::log::{self, Log};
use super::misuse::Misuse;
use super::sink::Sink;
use crate::codec::{self, Element};
use crate::id::RunId;
use crate::name;
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
#[derive(Default)]
pub struct Capture {
    target: Option<(Arc<dyn Sink>, RunId)>,
    closed: AtomicBool,
    state: Mutex<State>,
}

/// All of this is empty, and owns no memory, until something is captured.
#[derive(Default)]
pub(super) struct State {
    pub(super) metrics: Entries<Scalar>,
    pub(super) series: Entries<Vec<(u64, f64)>>,
    /// `None` while the bytes are on their way.
    pub(super) artifacts: Entries<Option<CapturedArtifact>>,
    pub(super) log: Option<Box<Log>>,
    pub(super) misuse: Option<Box<Misuse>>,
}

/// What a run captured.
#[derive(Debug, Default)]
pub struct Captured {
    /// Metrics, in the order of their first capture.
    pub metrics: Vec<(String, Scalar)>,
    /// Stepped metrics: their points in the order of capture.
    pub series: Vec<(String, Vec<(u64, f64)>)>,
    /// Artifacts, in the order of capture.
    pub artifacts: Vec<CapturedArtifact>,
    /// The log, as lines of text.
    pub log: Option<Body>,
    /// The first capture that could not be kept.
    pub misuse: Option<Misuse>,
}

impl Captured {
    /// Whether nothing was captured.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
            && self.series.is_empty()
            && self.artifacts.is_empty()
            && self.log.is_none()
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
        Self { target: Some((sink, run)), ..Self::default() }
    }

    /// Captures a metric: a number, bool or text. Captured again, the new value replaces the old one.
    ///
    /// NaN and infinities are kept. Whole numbers above `i64::MAX` become the nearest float.
    pub fn metric(&self, name: &str, value: impl Into<Scalar>) {
        let value = value.into();
        self.with(|state| match state.metrics.get_mut(name) {
            Some(held) => *held = value,
            None => match name::check(name) {
                Ok(()) => state.metrics.add(name, value),
                Err(source) => state.misused(Misuse::Name { what: "metric", source }),
            },
        });
    }

    /// Captures one point of a stepped metric, such as the loss after an epoch.
    ///
    /// Points are kept in the order of capture; steps may repeat and go back. A metric and a stepped metric may
    /// share a name.
    pub fn step(&self, name: &str, step: u64, value: f64) {
        self.with(|state| match state.series.get_mut(name) {
            Some(points) => points.push((step, value)),
            None => match name::check(name) {
                Ok(()) => state.series.add(name, vec![(step, value)]),
                Err(source) => state.misused(Misuse::Name { what: "stepped metric", source }),
            },
        });
    }

    /// Adds a line to the log, with the time of day (UTC) in front.
    ///
    /// It can be followed by `metalab logs -f` while the run works.
    pub fn log(&self, text: impl Display) {
        // Made outside the lock: showing the text may itself capture.
        let line = log::line(text);
        let target = self.target.as_ref().map(|(sink, run)| (&**sink, run));
        self.with(|state| state.log.get_or_insert_default().push(&line, target));
    }

    /// Captures bytes.
    pub fn artifact_bytes(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.artifact(name, "bytes", None, |sink| Body::of(name, bytes.into(), sink));
    }

    /// Captures text.
    pub fn artifact_text(&self, name: &str, text: impl Into<String>) {
        self.artifact(name, "text", Some("txt"), |sink| Body::of(name, text.into().into_bytes(), sink));
    }

    /// Captures a serde value as JSON (see [`codec::Json`]; NaN and infinities survive).
    pub fn artifact_json(&self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.artifact(name, "json", Some("json"), |sink| {
            let mut bytes = Vec::new();
            codec::append_json(value, &mut bytes)
                .map_err(|source| Misuse::Codec { name: name.to_owned(), source })?;
            Body::of(name, bytes, sink)
        });
    }

    /// Captures an array of numbers or bools in C order as NumPy's `.npy`.
    pub fn artifact_npy<E: Element>(&self, name: &str, shape: &[usize], data: &[E]) {
        self.artifact(name, "npy", Some("npy"), |sink| {
            let elements = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
            if elements != Some(data.len()) || shape.len() > codec::MAX_DIMENSIONS {
                return Err(Misuse::Shape {
                    name: name.to_owned(),
                    shape: shape.to_vec(),
                    elements: data.len(),
                });
            }
            let mut bytes = Vec::new();
            codec::write_array(shape, data, &mut bytes);
            Body::of(name, bytes, sink)
        });
    }

    /// Captures the content of a file: copied now, the file may change or go afterwards.
    pub fn artifact_file(&self, name: &str, path: impl AsRef<Path>) {
        let path = path.as_ref();
        let extension = path.extension().and_then(|extension| extension.to_str());
        self.artifact(name, "file", extension, |sink| Body::of_file(name, path, sink));
    }

    /// Captures a folder with all that is in it: copied now.
    pub fn artifact_folder(&self, name: &str, path: impl AsRef<Path>) {
        self.artifact(name, "folder", None, |sink| Body::of_folder(name, path.as_ref(), sink));
    }

    /// Takes out what was captured; what comes later (from a thread left behind) is dropped.
    pub fn finish(&self) -> Captured {
        self.closed.store(true, Ordering::Relaxed);
        let mut state = std::mem::take(&mut *self.lock());
        let sink = self.target.as_ref().map(|(sink, _)| &**sink);
        let log = state.log.take().map(|log| log.finish(sink)).transpose();
        let log = log.unwrap_or_else(|misuse| {
            state.misused(misuse);
            None
        });
        Captured {
            metrics: state.metrics.take(),
            series: state.series.take(),
            artifacts: state.artifacts.take().into_iter().filter_map(|(_, artifact)| artifact).collect(),
            log: log.flatten(),
            misuse: state.misuse.map(|misuse| *misuse),
        }
    }

    /// Takes the name first, then makes the body outside the lock: large ones take their time.
    fn artifact(
        &self,
        name: &str,
        kind: &'static str,
        extension: Option<&str>,
        body: impl FnOnce(Option<&dyn Sink>) -> Result<Body, Misuse>,
    ) {
        let reserved = self.with(|state| {
            let taken = state.artifacts.get(name).is_some();
            match (name::check(name), taken) {
                (Ok(()), false) => state.artifacts.add(name, None),
                (Ok(()), true) => state.misused(Misuse::Twice { name: name.to_owned() }),
                (Err(source), _) => state.misused(Misuse::Name { what: "artifact", source }),
            }
            !taken && state.artifacts.get(name).is_some()
        });
        if reserved != Some(true) {
            return;
        }
        let sink = self.target.as_ref().map(|(sink, _)| &**sink);
        let body = body(sink);
        self.with(|state| match body {
            Ok(body) => {
                let extension = extension.map(str::to_owned);
                if let Some(place) = state.artifacts.get_mut(name) {
                    *place = Some(CapturedArtifact { name: name.to_owned(), kind, extension, body });
                }
            }
            Err(misuse) => {
                state.artifacts.remove(name);
                state.misused(misuse);
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut state = self.lock();
        match self.closed.load(Ordering::Relaxed) {
            true => None,
            false => Some(work(&mut state)),
        }
    }

    /// No code of the user's runs under the lock, so a poisoned one still holds a whole state.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first misuse is the one that explains the others.
    fn misused(&mut self, misuse: Misuse) {
        self.misuse.get_or_insert_with(|| Box::new(misuse));
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("run", &self.target.as_ref().map(|(_, run)| run))
            .finish_non_exhaustive()
    }
}
