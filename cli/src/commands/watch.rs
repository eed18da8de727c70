//! `metalab watch`: follows a submission from another terminal.

use std::io::Write;
use std::time::{Duration, Instant};

use metalab_engine::inspect::{State, SubmissionStatus};

use super::status;
use crate::args::WatchArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::open;

/// Where nothing can be drawn over, a line comes this often.
const LINE: Duration = Duration::from_secs(10);
/// The shortest time between two looks.
const LEAST: Duration = Duration::from_millis(50);

pub(super) fn watch(store: &str, args: &WatchArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut opened = open::whole(store, console)?;
    let every = Duration::from_secs_f64(args.every).max(LEAST);
    let mut drawn = 0;
    let mut last: Option<(Instant, String)> = None;
    loop {
        let found = status::look(&mut opened, args.experiment.as_deref())?;
        let ended = found.state != State::Running;
        if console.is_terminal() {
            let width = console.width().unwrap_or(80);
            let text = status::text(&found, console.paint(), Some(width));
            // Back to where the last picture began; what it leaves behind is wiped.
            let back = if drawn > 0 { format!("\u{1b}[{drawn}A\u{1b}[J") } else { String::new() };
            write!(console.out, "{back}{text}")?;
            console.out.flush()?;
            drawn = text.lines().count();
        } else {
            let line = line(&found);
            let due = last.as_ref().is_none_or(|(at, said)| at.elapsed() >= LINE && *said != line);
            if ended || due {
                writeln!(console.out, "{line}")?;
                console.out.flush()?;
                last = Some((Instant::now(), line));
            }
        }
        if ended {
            return Ok(());
        }
        std::thread::sleep(every);
        opened.index.refresh()?;
    }
}

/// How it stands, in one line.
fn line(status: &SubmissionStatus) -> String {
    format!("{} {}: {}", status.experiment, status.state.as_str(), status::words(status))
}
