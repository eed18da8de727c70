//! `PROGRAM verify`: executes a sample of finished runs again, and compares.

use metalab_engine::experiment::Experiment;
use metalab_engine::inspect::{self, VerifyReport, find_run};
use metalab_engine::plan::{Rerun, Sample};
use metalab_engine::record::Closing;
use metalab_engine::store::{Access, Store};
use serde::Serialize;

use super::print_one;
use crate::args::{Replay, VerifyArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::open;
use crate::program::{Order, Program, ProgressWay};

/// What was found, for programs.
#[derive(Serialize)]
struct Verified {
    equal: bool,
    experiments: Vec<VerifyReport>,
}

pub(super) fn verify(
    store: &str,
    args: &VerifyArgs,
    program: &Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let experiments = experiments(args, program)?;
    let sample = sample(store, args)?;
    let mut reports = Vec::new();
    let mut interrupted = false;
    for experiment in experiments {
        if interrupted || !has_any(store, experiment, &sample)? {
            continue;
        }
        let order = Order {
            experiment: experiment.clone(),
            store: store.to_owned(),
            rerun: Rerun::Verify(sample.clone()),
            fail_fast: false,
            retries: 0,
            timeout: None,
            processes: args.processes,
            progress: ProgressWay::unless(console.quiet),
            metrics: Vec::new(),
        };
        let Some(results) = program.perform(order) else { continue };
        let results = results?;
        if let Some(summary) = results.summary() {
            summary.warnings.iter().for_each(|warning| console.warn(warning));
        }
        interrupted |= results.closing() == Closing::Cancelled;
        reports.push(inspect::verified(&results)?);
    }
    if reports.is_empty() {
        return Err(CliError::NothingToVerify { reason: nothing(args) });
    }
    let found = Verified { equal: reports.iter().all(VerifyReport::is_equal), experiments: reports };
    let text = || found.experiments.iter().map(|report| format!("{report}\n")).collect();
    print_one(args.text.format, console, text, &found)?;
    if interrupted {
        return Err(CliError::Interrupted);
    }
    let sum = |count: fn(&VerifyReport) -> u64| found.experiments.iter().map(count).sum::<u64>();
    let failed = sum(|report| report.failed.len() as u64 + report.not_executed);
    match sum(|report| report.differing.len() as u64) + failed {
        0 => Ok(()),
        count => Err(CliError::Differs { count, all: sum(|report| report.checked) + failed }),
    }
}

/// The experiments that are asked for.
fn experiments<'a>(args: &VerifyArgs, program: &'a Program) -> Result<Vec<&'a Experiment>, CliError> {
    if !program.has_experiments() {
        return Err(CliError::Usage {
            message: "this program has no operations to execute".into(),
            hint: Some("a program with experiments gets this command by `metalab::main_with(...)`".into()),
        });
    }
    let Some(name) = &args.experiment else { return Ok(program.all().iter().collect()) };
    let found = program.experiment(name).ok_or_else(|| CliError::Usage {
        message: format!("this program has no experiment `{name}`"),
        hint: Some(format!("it has: {}", program.names().join(", "))),
    });
    Ok(vec![found?])
}

fn sample(store: &str, args: &VerifyArgs) -> Result<Sample, CliError> {
    if let Some(run) = &args.run {
        return Ok(Sample::run(find_run(&open::glance(store)?, run)?));
    }
    let sample = match args.replay {
        Replay::Share(share) => Sample::share(share),
        Replay::Count(count) => Sample::count(count),
    };
    let sample = sample.seed(args.seed);
    Ok(match &args.operation {
        Some(operation) => sample.operation(operation),
        None => sample,
    })
}

/// Whether the sample has a run of an experiment at all: else nothing is submitted.
fn has_any(store: &str, experiment: &Experiment, sample: &Sample) -> Result<bool, CliError> {
    let store = Store::open(store, Access::ReadOnly)?;
    Ok(inspect::forecast(&store, experiment, &Rerun::Verify(sample.clone()))?.runs > 0)
}

fn nothing(args: &VerifyArgs) -> String {
    let of = args.experiment.as_ref().map_or("the program's experiments".into(), |name| format!("`{name}`"));
    match (&args.run, &args.operation) {
        (Some(run), _) => format!("run {run} is no finished run of {of} as its code is now"),
        (None, Some(operation)) => format!("{of} has no finished run of an operation `{operation}`"),
        (None, None) => format!("{of} has no finished run"),
    }
}
