//! The two pictures: a bar, and lines.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use metalab_engine::running::Status;

use super::Look;
use super::words::{done, words};

/// Where no terminal is, a line comes this often.
const LINE: Duration = Duration::from_secs(10);

pub(super) trait Picture: Send + Sync {
    fn draw(&self, status: &Status, look: &Look);
}

pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        let style =
            ProgressStyle::with_template("{prefix:.bold} [{bar:24.cyan/blue}] {pos}/{len} {wide_msg}")
                .expect("the template is well-formed")
                .progress_chars("━╸─");
        Self(ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style))
    }
}

impl Picture for Bar {
    fn draw(&self, status: &Status, look: &Look) {
        if self.0.is_finished() {
            return;
        }
        self.0.set_prefix(look.title.clone().unwrap_or_else(|| status.experiment.clone()));
        self.0.set_length(status.cells);
        self.0.set_position(done(status));
        self.0.set_message(words(status, look.metrics()));
        if status.ended {
            self.0.abandon();
        }
    }
}

/// When the last line was written; nothing after the end.
#[derive(Default)]
pub(super) struct Lines(Mutex<(Option<Instant>, bool)>);

impl Picture for Lines {
    #[expect(clippy::print_stderr, reason = "progress was asked for")]
    fn draw(&self, status: &Status, look: &Look) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, ended) = *state;
        if !ended && (status.ended || last.is_none_or(|last| last.elapsed() >= LINE)) {
            *state = (Some(Instant::now()), status.ended);
            let title = look.title.as_deref().unwrap_or(&status.experiment);
            eprintln!("{title}: {}/{} {}", done(status), status.cells, words(status, look.metrics()));
        }
    }
}
