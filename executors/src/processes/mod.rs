//! Runs in other processes of this machine.
//!
//! | module | question |
//! | --- | --- |
//! | `init`, `spec` | is this process a worker? |
//! | `serve` | what does a worker do? |
//! | `frame` | how do the two speak? |
//! | `launch`, `worker`, `ending` | how does a worker begin and end? |
//! | `manage`, `perform` | how does a job get done, whatever becomes of its workers? |

mod ending;
mod frame;
mod init;
mod launch;
mod manage;
mod perform;
mod serve;
mod spec;
mod worker;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use metalab_engine::running::remote::Prospect;
use metalab_engine::running::{Executor, Job, RunError};

use frame::Kind;
pub use init::{init, serve_with};
use launch::Launcher;
use manage::{Desk, manage};
use perform::{Gone, ask};
use spec::{DEEPEST, Spec};

/// Worker processes, each of which performs one run at a time.
///
/// A crash, an abort, a signal, `exit` or an out-of-memory kill of one run is one failed run with that cause; the rest
/// goes on in another worker. A run that exceeds its limit, or does not stop when the submission is cancelled, is
/// killed with all that it has started. Workers are the same program again (see [`init`]), are started when they are
/// needed first, stay for further runs, and end with this value or with the driver, however that ends.
///
/// ```no_run
/// use metalab_executors::Processes;
///
/// metalab_executors::init();
/// let executor = Processes::new(4)?;
/// # Ok::<(), metalab_engine::running::RunError>(())
/// ```
///
/// What a worker cannot have is refused before anything runs: a store in memory, and a context whose fields do not
/// travel (see [`Context::to_value`](metalab_engine::Context::to_value)).
#[derive(Clone)]
pub struct Processes(Arc<Inner>);

struct Inner {
    slots: usize,
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

impl Processes {
    /// Up to `processes` workers at once; 0 stands for one per core. The workers are this program.
    ///
    /// # Errors
    /// When [`init`] was not called in this program, or the system gives no threads.
    pub fn new(processes: usize) -> Result<Self, RunError> {
        Self::builder(processes).build()
    }

    /// The same, with more to say.
    pub fn builder(processes: usize) -> ProcessesBuilder {
        ProcessesBuilder {
            processes,
            program: None,
            arguments: Vec::new(),
            patience: Duration::from_secs(30),
            most_runs: None,
        }
    }
}

/// How workers are started and replaced; see [`Processes::builder`].
#[derive(Clone, Debug)]
#[must_use = "no executor is there before `.build()`"]
pub struct ProcessesBuilder {
    processes: usize,
    program: Option<PathBuf>,
    arguments: Vec<OsString>,
    patience: Duration,
    most_runs: Option<u64>,
}

impl ProcessesBuilder {
    /// The executable of the workers, for programs that are not their own: its `main` calls [`init`] or
    /// [`serve_with`]. It must know the same operations with the same code.
    pub fn worker(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Arguments that workers are started with; none by default.
    pub fn arguments<S: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// How long a worker may take from its start to its hello; 30 seconds by default.
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Replaces a worker after so many runs, for operations that leak; by default never.
    pub fn runs_per_worker(mut self, runs: u64) -> Self {
        self.most_runs = Some(runs.max(1));
        self
    }

    /// The executor. Nothing is started yet.
    ///
    /// # Errors
    /// As [`Processes::new`].
    pub fn build(self) -> Result<Processes, RunError> {
        if self.program.is_none() && !init::was_called() {
            return Err(refused(
                "this program never called `metalab::init()`, and started again it would only start itself: begin `main` with it (or put `#[metalab::main]` on it), or name a worker executable",
            ));
        }
        let depth = Spec::found().map_or(1, |spec| spec.depth + 1);
        if depth > DEEPEST {
            return Err(refused(format!(
                "workers have started workers {DEEPEST} times over: run the experiment of an operation in threads"
            )));
        }
        let slots = match self.processes {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            processes => processes,
        };
        let launcher =
            Launcher { program: self.program, arguments: self.arguments, patience: self.patience, depth };
        let desk = Arc::new(Desk::new(launcher, self.most_runs, slots));
        let mut inner = Inner { slots, desk, threads: Vec::with_capacity(slots) };
        for number in 0..slots {
            let desk = inner.desk.clone();
            let thread = std::thread::Builder::new().name(format!("metalab-worker-{number}"));
            let thread = thread.spawn(move || manage(&desk));
            inner.threads.push(thread.map_err(|error| RunError::Thread { reason: error.to_string() })?);
        }
        Ok(Processes(Arc::new(inner)))
    }
}

fn refused(reason: impl Into<String>) -> RunError {
    RunError::Executor { executor: "processes", reason: reason.into() }
}

impl Executor for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn slots(&self) -> usize {
        self.0.slots
    }

    /// Starts one worker, and asks it for the operations.
    fn prepare(&self, prospect: &Prospect<'_>) -> Result<(), RunError> {
        prospect.check_shared().map_err(refused)?;
        let desk = &self.0.desk;
        let mut worker = desk.worker().map_err(refused)?;
        match ask(&mut worker, Kind::Check, &prospect.operations()) {
            Ok(()) => {
                desk.idle(worker);
                Ok(())
            }
            Err(Gone::Unable(reason)) => {
                worker.dismiss();
                Err(refused(reason))
            }
            Err(Gone::Ended | Gone::Lost(_)) => Err(refused(format!(
                "the worker ended when it was asked for its operations: {}",
                worker.ending().what
            ))),
        }
    }

    fn start(&self, job: Job) {
        self.0.desk.put(job);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.desk.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Processes({})", self.0.slots)
    }
}
