//! Progress on standard error: what is drawn, and how it is chosen.

mod format;
mod picture;
mod stream;
mod words;

use std::sync::Arc;
use std::time::Duration;

use metalab_engine::running::{Handle, RunError};

use format::Shown;
use picture::{Bar, Lines, Picture};

/// A terminal is drawn this often.
const FRAME: Duration = Duration::from_millis(100);

/// How a submission shows that it goes on: counts, rate, the time that is left, and metrics of the run that ended last.
///
/// `RunBuilder::progress(true)` is `Progress::new()`: a bar on a terminal, a line now and then elsewhere.
///
/// ```
/// use metalab::{Experiment, Progress};
///
/// # #[metalab::operation]
/// # fn train(lr: f64, capture: &metalab::Capture) { capture.metric("loss", lr); capture.metric("accuracy", 0.91) }
/// let experiment = Experiment::new("tuning", "1").sweep(Train::grid().lr([0.1, 0.2]));
/// let progress = Progress::plain().title("tuning, second round").metric("loss:.4f").metric("accuracy:.1%");
/// metalab::run(experiment).store("memory://").progress(progress).blocking()?;
/// // tuning, second round: 2/2 2 done · 812/s · in 0.0 s · loss 0.2000 · accuracy 91.0%
/// # Ok::<(), metalab::RunError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Progress {
    way: Way,
    title: Option<String>,
    metrics: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Auto,
    None,
    Bar,
    Plain,
    Json,
}

impl Progress {
    /// A bar on a terminal, a line every ten seconds elsewhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing at all.
    pub fn none() -> Self {
        Self { way: Way::None, ..Self::default() }
    }

    /// A bar, also where standard error is no terminal.
    pub fn bar() -> Self {
        Self { way: Way::Bar, ..Self::default() }
    }

    /// A line every ten seconds and one at the end, also on a terminal.
    pub fn plain() -> Self {
        Self { way: Way::Plain, ..Self::default() }
    }

    /// One JSON object per line for other programs: how things stand at the beginning, at most once a second, and at the
    /// end (`"event"` is `status`), and what happens in between (`finished` with the runs that ended, `closed`).
    pub fn json() -> Self {
        Self { way: Way::Json, ..Self::default() }
    }

    /// What stands in front, instead of the name of the experiment.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Also shows a metric of the run that succeeded last: its name (`output`, or `output.slope`, for what the operation
    /// returned), and after a colon how it is written: `.3f` decimals, `.2e` with exponent, `.4g` significant digits,
    /// `.1%` as percentage, `d` as whole number.
    ///
    /// A format that is none of these is refused when the submission is started.
    #[must_use]
    pub fn metric(mut self, name_and_format: impl Into<String>) -> Self {
        self.metrics.push(name_and_format.into());
        self
    }

    /// Checks it; `None` when nothing is drawn.
    pub(crate) fn check(self) -> Result<Option<Drawing>, RunError> {
        if self.way == Way::None {
            return Ok(None);
        }
        let shown = self.metrics.iter().map(|text| Shown::parse(text)).collect::<Result<_, _>>()?;
        Ok(Some(Drawing { way: self.way, title: self.title, shown }))
    }
}

impl From<bool> for Progress {
    fn from(draw: bool) -> Self {
        if draw { Self::new() } else { Self::none() }
    }
}

/// A progress that can be drawn.
#[derive(Debug)]
pub(crate) struct Drawing {
    way: Way,
    title: Option<String>,
    shown: Vec<Shown>,
}

impl Drawing {
    /// Draws until the submission has ended. The last picture is drawn before those who wait for the result are told.
    pub(crate) fn draw(self, handle: &Handle) {
        let picture: Arc<dyn Picture> = match self.way {
            Way::Json => return stream::write(handle, self.title),
            Way::Bar => Arc::new(Bar::new()),
            Way::Auto if std::io::IsTerminal::is_terminal(&std::io::stderr()) => Arc::new(Bar::new()),
            _ => Arc::new(Lines::default()),
        };
        let look = Arc::new(Look { title: self.title, shown: self.shown, handle: handle.clone() });
        let (last, last_look) = (picture.clone(), look.clone());
        handle.before_end(move |status| last.draw(status, &last_look));
        let work = move || {
            loop {
                let status = look.handle.status();
                if status.ended {
                    return;
                }
                picture.draw(&status, &look);
                std::thread::sleep(FRAME);
            }
        };
        // Without a thread only the end is drawn; the runs do not need it.
        let _ = std::thread::Builder::new().name("metalab-progress".into()).spawn(work);
    }
}

/// What a picture shows beside the counts.
struct Look {
    title: Option<String>,
    shown: Vec<Shown>,
    handle: Handle,
}

impl Look {
    /// The chosen metrics of the run that succeeded last; those it does not have are left out.
    fn metrics(&self) -> Vec<String> {
        if self.shown.is_empty() {
            return Vec::new();
        }
        // What cannot be read now is not shown now.
        let Ok(Some(run)) = self.handle.latest() else { return Vec::new() };
        self.shown.iter().filter_map(|shown| shown.of(&run)).collect()
    }
}
