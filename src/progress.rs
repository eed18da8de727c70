//! Progress on standard error.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use metalab_engine::running::{Handle, Status};

/// A terminal is drawn this often.
const FRAME: Duration = Duration::from_millis(100);
/// Elsewhere a line comes this often.
const LINE: Duration = Duration::from_secs(10);

/// Draws until the submission has ended: a bar on a terminal, else a line now and then.
///
/// The last picture is drawn before those who wait for the result are told.
pub(crate) fn draw(handle: &Handle) {
    let picture: Arc<dyn Picture> =
        if std::io::stderr().is_terminal() { Arc::new(Bar::new()) } else { Arc::new(Lines::default()) };
    let last = picture.clone();
    handle.before_end(move |status| last.draw(status));
    let handle = handle.clone();
    let work = move || {
        loop {
            let status = handle.status();
            if status.ended {
                return;
            }
            picture.draw(&status);
            std::thread::sleep(FRAME);
        }
    };
    // Without a thread only the end is drawn; the runs do not need it.
    let _ = std::thread::Builder::new().name("metalab-progress".into()).spawn(work);
}

trait Picture: Send + Sync {
    fn draw(&self, status: &Status);
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix:.bold} [{bar:32.cyan/blue}] {pos}/{len} {msg}")
            .expect("the template is well-formed")
            .progress_chars("━╸─");
        Self(ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style))
    }
}

impl Picture for Bar {
    fn draw(&self, status: &Status) {
        if self.0.is_finished() {
            return;
        }
        self.0.set_prefix(status.experiment.clone());
        self.0.set_length(status.cells);
        self.0.set_position(done(status));
        self.0.set_message(words(status));
        if status.ended {
            self.0.abandon();
        }
    }
}

/// When the last line was written; nothing after the end.
#[derive(Default)]
struct Lines(Mutex<(Option<Instant>, bool)>);

impl Picture for Lines {
    #[expect(clippy::print_stderr, reason = "progress was asked for")]
    fn draw(&self, status: &Status) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, ended) = *state;
        if !ended && (status.ended || last.is_none_or(|last| last.elapsed() >= LINE)) {
            *state = (Some(Instant::now()), status.ended);
            eprintln!("{}: {}/{} {}", status.experiment, done(status), status.cells, words(status));
        }
    }
}

fn done(status: &Status) -> u64 {
    status.reused + status.counts.succeeded + status.counts.failed + status.counts.timed_out
}

fn words(status: &Status) -> String {
    let counts = &status.counts;
    let mut parts = Vec::new();
    let mut part = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    part(status.reused, "reused");
    part(counts.succeeded, "done");
    part(counts.failed, "failed");
    part(counts.timed_out, "timed out");
    part(counts.cancelled, "cancelled");
    if !status.ended {
        part(counts.running, "running");
    }
    if let Some(rate) = status.rate {
        parts.push(if rate >= 10.0 { format!("{rate:.0}/s") } else { format!("{rate:.2}/s") });
    }
    match status.remaining {
        Some(left) if !status.ended => parts.push(format!("{} left", human(left))),
        _ if status.ended => parts.push(format!("in {}", human(status.elapsed))),
        _ => {}
    }
    parts.join(" · ")
}

fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (seconds, text) in
            [(0.25, "0.2 s"), (42.0, "42 s"), (125.0, "2 min 05 s"), (7_260.0, "2 h 01 min")]
        {
            assert_eq!(human(Duration::from_secs_f64(seconds)), text);
        }
    }
}
