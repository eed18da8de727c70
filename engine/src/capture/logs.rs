//! Lines of log, and named streams of them.

use std::fmt::Display;

use super::handle::Capture;
use super::log::{self, Log};
use super::misuse::Misuse;

/// The longest name of a stream, in bytes: it becomes a part of a file's name.
const MAX_STREAM: usize = 64;

impl Capture {
    /// Adds a line to the log, with the time of day (UTC) in front.
    ///
    /// It can be followed by `metalab logs -f` while the run works. The text of a [`Secret`](crate::Secret) that lives
    /// becomes `***`.
    pub fn log(&self, text: impl Display) {
        // Made outside the lock: showing the text may itself capture.
        let line = log::line(text);
        self.with(|state| state.log.get_or_insert_default().push(&line, self.target()));
    }

    pub(super) fn log_event(&self, text: &str) {
        self.log(text);
    }

    /// Adds a line to the stream of this name, such as `stdout`: a log of its own, without times.
    ///
    /// It can be followed by `metalab logs --stream NAME -f` while the run works. Names are letters, digits, `_`, `-` and
    /// `.`, at most 64 of them.
    ///
    /// ```
    /// # use metalab_engine::capture::Capture;
    /// let capture = Capture::memory();
    /// capture.log_to("solver", "iteration 1: residual 0.5");
    /// assert_eq!(capture.stream_text("solver"), "iteration 1: residual 0.5\n");
    /// ```
    pub fn log_to(&self, stream: &str, text: impl Display) {
        let mut line = log::plain(text);
        if !line.ends_with('\n') {
            line.push('\n');
        }
        self.with(|state| {
            if state.streams.get(stream).is_none() {
                if let Err(misuse) = check_stream(stream) {
                    state.misused(misuse);
                    return;
                }
                state.streams.add(stream, Log::of_stream(stream));
            }
            if let Some(log) = state.streams.get_mut(stream) {
                log.push(&line, self.target());
            }
        });
    }
}

fn check_stream(name: &str) -> Result<(), Misuse> {
    crate::name::check(name).map_err(|source| Misuse::Name { what: "log stream", source })?;
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match name.len() <= MAX_STREAM && name.chars().all(fine) && !name.starts_with('.') {
        true => Ok(()),
        false => Err(Misuse::Stream { name: name.to_owned() }),
    }
}
