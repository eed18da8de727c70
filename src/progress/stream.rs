//! Progress for other programs: JSON objects, one per line.

use std::io::Write;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use metalab_engine::running::{Event, Handle, Status};
use serde::Serialize;

/// How often the whole is told.
const STATUS: Duration = Duration::from_secs(1);
/// How long the end waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    title: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

/// How the whole stands.
#[derive(Serialize)]
struct StatusLine<'a> {
    title: &'a str,
    event: &'a str,
    #[serde(flatten)]
    status: &'a Status,
}

/// Writes events as they come and the status now and then, until the end.
pub(super) fn write(handle: &Handle, title: Option<String>) {
    let (handle, events) = (handle.clone(), handle.events());
    let title = title.unwrap_or_else(|| handle.status().experiment);
    let (written, all_written) = channel::<()>();
    let last = title.clone();
    handle.before_end(move |status| {
        // The writer drops its end when it has written the last event.
        let _ = all_written.recv_timeout(PATIENCE);
        print(&StatusLine { title: &last, event: "status", status });
    });
    let work = move || {
        let mut told: Option<Instant> = None;
        let tell = |told: &mut Option<Instant>| {
            if told.is_none_or(|at| at.elapsed() >= STATUS) {
                *told = Some(Instant::now());
                print(&StatusLine { title: &title, event: "status", status: &handle.status() });
            }
        };
        tell(&mut told);
        for event in events {
            print(&Line { title: &title, event: &event });
            if matches!(event, Event::Closed { .. }) {
                break;
            }
            tell(&mut told);
        }
        drop(written);
    };
    // Without a thread only the end is told; the runs do not need it.
    let _ = std::thread::Builder::new().name("metalab-progress".into()).spawn(work);
}

/// A line in one piece, so that others' lines do not come in between.
fn print(line: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_string(line) {
        text.push('\n');
        // Nobody reads: the runs go on.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
