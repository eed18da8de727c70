//! The command line of a program with experiments of its own.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use metalab_cli::{Order, Program, ProgressWay};

use crate::{Experiment, Progress, RunError, results::Results};

/// Pauses before a failed run is tried again: this long, then twice as long each time.
const BACKOFF: Duration = Duration::from_secs(1);

/// Gives a program the commands of `metalab`, with `run`, `plan`, `graph` and `verify` for its own experiments.
/// It also makes the program its own worker (see [`init`](crate::init)): what stands before this call in `main` happens
/// in every worker process too.
///
/// ```no_run
/// use metalab::Experiment;
///
/// fn main() -> std::process::ExitCode {
///     metalab::main_with([Experiment::new("pi_mc", "0.1")])
/// }
/// ```
pub fn main_with(experiments: impl IntoIterator<Item = Experiment>) -> ExitCode {
    crate::init();
    metalab_cli::main_with(&Program::new(experiments, perform))
}

/// The command line for all experiments of the program that [`macro@crate::experiment`] registered; what an empty
/// `#[metalab::main] fn main() {}` becomes.
///
/// ```no_run
/// use metalab::Experiment;
///
/// #[metalab::experiment]
/// fn pi() -> Experiment {
///     Experiment::new("pi_mc", "0.1")
/// }
///
/// #[metalab::main]
/// fn main() {}
/// ```
pub fn command_line() -> ExitCode {
    crate::init();
    let experiments = Experiment::registered();
    if let Some(pair) = experiments.windows(2).find(|pair| pair[0].name() == pair[1].name()) {
        // Which of the two was meant nobody can say.
        let text =
            format!("error: two experiments are called `{}`\nhint: rename one of them\n", pair[0].name());
        let _ = std::io::stderr().write_all(text.as_bytes());
        return ExitCode::from(2);
    }
    main_with(experiments)
}

fn perform(order: Order) -> Result<Results, RunError> {
    let progress = match order.progress {
        ProgressWay::None => Progress::none(),
        ProgressWay::Bar => Progress::bar(),
        ProgressWay::Plain => Progress::plain(),
        ProgressWay::Json => Progress::json(),
        _ => Progress::new(),
    };
    let progress = order.metrics.into_iter().fold(progress, Progress::metric);
    // What is wrong is said before a store is made.
    progress.clone().check()?;
    let mut run =
        crate::run(order.experiment).store(order.store).rerun(order.rerun).progress(progress).signals(true);
    if order.fail_fast {
        run = run.fail_fast();
    }
    if order.retries > 0 {
        run = run.retries(order.retries, BACKOFF);
    }
    if let Some(limit) = order.timeout {
        run = run.timeout(limit);
    }
    if let Some(processes) = order.processes {
        run = run.processes(processes);
    }
    run.blocking()
}
