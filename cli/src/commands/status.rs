//! `metalab status`: how the last submission of an experiment stands.

use std::time::Duration;

use metalab_engine::inspect::{self, CellCounts, State, SubmissionStatus};

use super::print_one;
use crate::args::{StatusArgs, TextFormat};
use crate::console::{Console, Paint};
use crate::error::CliError;
use crate::open::{self, Opened};
use crate::sheet::Sheet;
use crate::words;

/// Places of the bar.
const BAR: usize = 32;
/// After this an interrupted submission is looked at again.
const AGAIN: Duration = Duration::from_millis(300);

pub(super) fn status(store: &str, args: &StatusArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut opened = open::whole(store, console)?;
    let found = look(&mut opened, args.experiment.as_deref())?;
    let (paint, width) = (console.paint(), console.width());
    print_one(args.text.format, console, || text(&found, paint, width), &found)
}

pub(super) fn print(
    opened: &mut Opened,
    experiment: Option<&str>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let found = look(opened, experiment)?;
    let (paint, width) = (console.paint(), console.width());
    print_one(TextFormat::Text, console, || text(&found, paint, width), &found)
}

/// How it stands. Between its last run and its closing a driver is not seen for a moment: what looks interrupted is
/// looked at twice.
pub(super) fn look(opened: &mut Opened, experiment: Option<&str>) -> Result<SubmissionStatus, CliError> {
    let find = |opened: &Opened| inspect::status(&opened.store, &opened.index, experiment);
    let found = find(opened)?.ok_or(CliError::EmptyStore)?;
    if found.state != State::Interrupted {
        return Ok(found);
    }
    std::thread::sleep(AGAIN);
    opened.index.refresh()?;
    find(opened)?.ok_or(CliError::EmptyStore)
}

/// The picture of a submission; no line is wider than `width`.
pub(super) fn text(status: &SubmissionStatus, paint: Paint, width: Option<usize>) -> String {
    let most = width.unwrap_or(usize::MAX).max(20) - 4;
    let cut = |text: &str| words::line(text, most);
    let mut sheet = Sheet::default();
    let head = format!("{} {}: {}", status.experiment, status.version, status.state.as_str());
    sheet.head(cut(&head)).plain(cut(&format!("asked for {} UTC", words::time(status.opened))));
    let bar = BAR.min(most.saturating_sub(12)).max(8);
    sheet.plain(cut(&format!(
        "{} {}/{}",
        self::bar(&status.cells, bar),
        ended(&status.cells),
        status.cells.cells
    )));
    sheet.plain(cut(&words(status)));
    if status.steps.len() > 1 {
        sheet.head("steps");
        for step in &status.steps {
            let counts = counts(&step.cells, status.state);
            sheet.plain(cut(&format!(
                "{}: {}/{}, {counts}",
                step.name,
                ended(&step.cells),
                step.cells.cells
            )));
        }
    }
    if !status.failures.is_empty() {
        sheet.head("failed first");
        for failed in &status.failures {
            let error = failed.error.as_deref().unwrap_or("no error is recorded");
            sheet.plain(cut(&format!("{}  {}  {error}", failed.run.short(), failed.step)));
        }
    }
    sheet.render(paint)
}

/// Counts, rate and the time that is left.
pub(super) fn words(status: &SubmissionStatus) -> String {
    let mut text = counts(&status.cells, status.state);
    if let Some(rate) = status.rate {
        text += &if rate >= 10.0 { format!(" · {rate:.0}/s") } else { format!(" · {rate:.2}/s") };
    }
    if let Some(left) = status.remaining_s.filter(|left| left.is_finite()) {
        text += &format!(" · about {} left", words::duration((left * 1e6) as u64));
    }
    text
}

fn counts(counts: &CellCounts, state: State) -> String {
    let waiting = if state == State::Running { "waiting" } else { "not run" };
    let all = [
        (counts.reused, "reused"),
        (counts.succeeded, "done"),
        (counts.failed, "failed"),
        (counts.timed_out, "timed out"),
        (counts.cancelled, "cancelled"),
        (counts.running, "running"),
        (counts.waiting, waiting),
    ];
    let parts = all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let parts = parts.collect::<Vec<_>>();
    if parts.is_empty() { "no cells".into() } else { parts.join(" · ") }
}

fn ended(counts: &CellCounts) -> u64 {
    counts.cells - counts.running - counts.waiting
}

fn bar(counts: &CellCounts, places: usize) -> String {
    let full = match counts.cells {
        0 => places,
        cells => (ended(counts) as f64 / cells as f64 * places as f64) as usize,
    };
    format!("[{}{}]", "━".repeat(full), "─".repeat(places - full.min(places)))
}
