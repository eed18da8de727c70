//! Events of `tracing` inside an operation become lines of its log.
//!
//! While a submission executes runs, the threads that perform them have a dispatcher of ours as their default. It writes
//! events up to the submission's level into the log of the run that is at work on the thread, and passes everything, spans
//! included, on to the dispatcher that was there when the submission started: nothing is lost to a program that logs
//! by itself.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Metadata};

use super::handle::Capture;

/// Which events of `tracing` become lines of a run's log; those of the level and all more severe ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// None.
    Off,
    /// Errors.
    Error,
    /// Warnings too.
    Warn,
    /// What happens, too.
    #[default]
    Info,
    /// What helps to find a fault, too.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const ALL: [Self; 6] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The level of a number, as `level as u8` gives it.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The word for it, such as `info`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is no level of logging; there are off, error, warn, info, debug and trace")]
pub struct LogLevelError {
    shown: String,
}

impl FromStr for LogLevel {
    type Err = LogLevelError;

    fn from_str(text: &str) -> Result<Self, LogLevelError> {
        let found = Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| LogLevelError { shown: crate::name::shown(text) })
    }
}

/// The dispatcher of a submission's runs; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Events(Dispatch);

impl Events {
    /// One that writes events up to `level` into logs and passes all on to this thread's dispatcher.
    pub(crate) fn new(level: LogLevel) -> Self {
        Self::before(level, dispatcher::get_default(Clone::clone))
    }

    /// One that passes all on to `outer`; if that is one of these (an operation runs an experiment), to what is behind it.
    pub(crate) fn before(level: LogLevel, outer: Dispatch) -> Self {
        let outer = outer.downcast_ref::<Forward>().map(|forward| forward.outer.clone()).unwrap_or(outer);
        Self(Dispatch::new(Forward { level: level.filter(), outer }))
    }

    /// Makes it the default of this thread.
    pub(crate) fn install(&self) -> DefaultGuard {
        dispatcher::set_default(&self.0)
    }
}

thread_local! {
    /// The capture of the run that is at work on this thread.
    static HERE: RefCell<Option<Capture>> = const { RefCell::new(None) };
}

/// While it lives, events of this thread go into the log of a run.
///
/// See [`Capture::in_thread`].
#[must_use = "events go into the log of the run while this lives"]
#[derive(Debug)]
pub struct InThread {
    before: Option<Capture>,
    _installed: Option<DefaultGuard>,
}

impl Drop for InThread {
    fn drop(&mut self) {
        // A thread that is ending has no place left to look at.
        let _ = HERE.try_with(|here| here.replace(self.before.take()));
    }
}

impl Capture {
    /// Sends the events of `tracing` of this thread into the log of the run, as long as what it returns lives.
    ///
    /// For threads that an operation starts; on the thread that called the operation it is so already. In a unit test it
    /// lets [`Capture::log_text`] see events.
    ///
    /// ```
    /// # use metalab_engine::capture::Capture;
    /// let capture = Capture::memory();
    /// let theirs = capture.clone();
    /// std::thread::spawn(move || {
    ///     let _here = theirs.in_thread();
    ///     tracing::info!(target: "fit", epoch = 3, "converged");
    /// })
    /// .join()
    /// .unwrap();
    /// assert!(capture.log_text().ends_with("INFO fit: converged epoch=3\n"));
    /// ```
    pub fn in_thread(&self) -> InThread {
        let events = self.events().cloned().unwrap_or_else(|| Events::new(LogLevel::default()));
        let installed = Some(events.install());
        InThread { before: self.take_place(), _installed: installed }
    }

    /// As [`Capture::in_thread`], where the dispatcher is installed already.
    pub(crate) fn enter(&self) -> InThread {
        InThread { before: self.take_place(), _installed: None }
    }

    /// Becomes the capture of this thread; gives the one that was it.
    fn take_place(&self) -> Option<Self> {
        HERE.try_with(|here| here.replace(Some(self.clone()))).ok().flatten()
    }
}

/// Writes events into the log of the run at hand and passes all on.
struct Forward {
    level: LevelFilter,
    outer: Dispatch,
}

impl Forward {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level && !is_own(metadata.target())
    }
}

/// What metalab itself says is not what the operation says.
fn is_own(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or(target);
    matches!(name, "metalab_engine" | "metalab_cas" | "metalab_executors" | "metalab_query")
}

impl Subscriber for Forward {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.wants(metadata) {
            true => Interest::always(),
            false => self.outer.register_callsite(metadata),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.wants(metadata) || self.outer.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // What the other one wants it has said when it was registered itself.
        Some(self.level)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.outer.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.outer.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.outer.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        if self.wants(event.metadata()) {
            let here = HERE.try_with(|here| here.borrow().clone());
            if let Some(capture) = here.ok().flatten() {
                capture.log_event(&line(event));
            }
        }
        if self.outer.enabled(event.metadata()) {
            self.outer.event(event);
        }
    }

    fn enter(&self, span: &Id) {
        self.outer.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.outer.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.outer.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.outer.try_close(id)
    }

    fn current_span(&self) -> tracing_core::span::Current {
        self.outer.current_span()
    }
}

/// Level, target, message and fields: `INFO lab::fit: converged epoch=3`.
fn line(event: &Event<'_>) -> String {
    let mut words = Words::default();
    event.record(&mut words);
    let mut line = format!("{} {}:", event.metadata().level(), event.metadata().target());
    for part in [&words.message, &words.fields] {
        if !part.is_empty() {
            line.push(' ');
            line.push_str(part);
        }
    }
    line
}

#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => {
                let blank = if self.fields.is_empty() { "" } else { " " };
                write!(self.fields, "{blank}{name}={value:?}")
            }
        };
        // A value that refuses to be shown is left out.
        let _ = written;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps the messages of events and counts spans.
    #[derive(Clone, Default)]
    struct Program(Arc<Mutex<(Vec<String>, usize)>>);

    impl Subscriber for Program {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= LevelFilter::DEBUG
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            self.0.lock().unwrap().1 += 1;
            Id::from_u64(7)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().0.push(line(event));
        }
        fn enter(&self, id: &Id) {
            assert_eq!(id, &Id::from_u64(7));
        }
        fn exit(&self, _: &Id) {}
    }

    fn said(capture: &Capture) -> Vec<String> {
        // The time of day is in front.
        capture.log_text().lines().map(|line| line[13..].to_owned()).collect()
    }

    #[test]
    fn events_reach_the_log_and_the_program() {
        let program = Program::default();
        let capture = Capture::memory();
        dispatcher::with_default(&Dispatch::new(program.clone()), || {
            tracing::info!(target: "lab", "before");
            {
                let _here = capture.in_thread();
                tracing::info!(target: "lab", loss = 0.5, name = "x", "epoch {}", 3);
                tracing::debug!(target: "lab", "only for the program");
                tracing::trace!(target: "lab", "for nobody");
                tracing::warn!(target: "metalab_engine::store", "of our own");
                let _span = tracing::info_span!(target: "lab", "work").entered();
                tracing::error!(target: "lab::deep", problem = ?Some(1));
            }
            tracing::info!(target: "lab", "after");
        });
        assert_eq!(
            said(&capture),
            ["INFO lab: epoch 3 loss=0.5 name=\"x\"", "ERROR lab::deep: problem=Some(1)"]
        );
        let (events, spans) = program.0.lock().unwrap().clone();
        assert_eq!(events.len(), 6, "{events:?}");
        assert_eq!(spans, 1);
    }

    #[test]
    fn captures_nest_and_end() {
        let (outer, inner) = (Capture::memory(), Capture::memory());
        let here = outer.in_thread();
        tracing::info!(target: "lab", "one");
        {
            let _there = inner.in_thread();
            tracing::info!(target: "lab", "two");
        }
        tracing::info!(target: "lab", "three");
        drop(here);
        tracing::info!(target: "lab", "four");
        assert_eq!(said(&outer), ["INFO lab: one", "INFO lab: three"]);
        assert_eq!(said(&inner), ["INFO lab: two"]);
    }

    #[test]
    fn a_value_that_logs_while_it_is_shown_does_not_hang() {
        struct Talker<'a>(&'a Capture);
        impl fmt::Debug for Talker<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.log("inside");
                tracing::info!(target: "lab", "inside an event");
                f.write_str("shown")
            }
        }
        let capture = Capture::memory();
        let _here = capture.in_thread();
        tracing::info!(target: "lab", talker = ?Talker(&capture));
        assert!(said(&capture).contains(&"INFO lab: talker=shown".to_owned()), "{:?}", said(&capture));
    }

    #[test]
    fn levels_are_read_and_written() {
        for level in LogLevel::ALL {
            assert_eq!(level.as_str().to_uppercase().parse(), Ok(level));
        }
        let error = "loud".parse::<LogLevel>().unwrap_err().to_string();
        assert_eq!(error, "`loud` is no level of logging; there are off, error, warn, info, debug and trace");
    }
}
