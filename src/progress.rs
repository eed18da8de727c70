//! Progress on standard error.

use std::io::IsTerminal;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use metalab_engine::running::{Handle, Status};

/// A terminal is drawn this often.
const FRAME: Duration = Duration::from_millis(100);
/// Elsewhere a line comes this often.
const LINE: Duration = Duration::from_secs(10);

/// Draws until the submission has ended: a bar on a terminal, else a line now and then.
pub(crate) fn draw(handle: &Handle) -> Option<JoinHandle<()>> {
    let handle = handle.clone();
    let thread = std::thread::Builder::new().name("metalab-progress".into());
    let work = move || if std::io::stderr().is_terminal() { bar(&handle) } else { lines(&handle) };
    // Without a thread nothing is drawn; the runs do not need it.
    thread.spawn(work).ok()
}

fn bar(handle: &Handle) {
    let style = ProgressStyle::with_template("{prefix:.bold} [{bar:36.cyan/blue}] {pos}/{len} {msg}")
        .expect("the template is well-formed")
        .progress_chars("━╸─");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style);
    loop {
        let status = handle.status();
        bar.set_prefix(status.experiment.clone());
        bar.set_length(status.cells);
        bar.set_position(done(&status));
        bar.set_message(words(&status));
        if status.ended {
            bar.abandon();
            return;
        }
        std::thread::sleep(FRAME);
    }
}

#[expect(clippy::print_stderr, reason = "progress was asked for")]
fn lines(handle: &Handle) {
    let mut last: Option<Instant> = None;
    loop {
        let status = handle.status();
        if status.ended || last.is_none_or(|last| last.elapsed() >= LINE) {
            last = Some(Instant::now());
            eprintln!("{}: {}/{} {}", status.experiment, done(&status), status.cells, words(&status));
        }
        if status.ended {
            return;
        }
        std::thread::sleep(FRAME);
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
        for (seconds, text) in [(0.25, "0.2 s"), (42.0, "42 s"), (125.0, "2 min 05 s"), (7_260.0, "2 h 01 min")] {
            assert_eq!(human(Duration::from_secs_f64(seconds)), text);
        }
    }
}
