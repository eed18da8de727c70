//! `PROGRAM run`: carries out an experiment of the program.

use std::io::Write;
use std::time::Duration;

use metalab_engine::plan::Rerun;
use metalab_engine::record::Closing;

use crate::args::RunArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::program::{Order, Program, ProgressWay};

pub(super) fn run(
    store: &str,
    args: &RunArgs,
    program: &Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let wrong = |message: String, hint: String| CliError::Usage { message, hint: Some(hint) };
    let names = || format!("it has: {}", program.names().join(", "));
    let experiment = match &args.experiment {
        Some(name) => program
            .experiment(name)
            .ok_or_else(|| wrong(format!("this program has no experiment `{name}`"), names())),
        None => program.only().ok_or_else(|| wrong("name the experiment to run".into(), names())),
    };
    let nothing = || {
        wrong(
            "this program has no experiments".into(),
            "a program with experiments gets this command by `metalab::main_with(...)`".into(),
        )
    };
    if !program.has_experiments() {
        return Err(nothing());
    }
    let order = Order {
        experiment: experiment?.clone(),
        store: store.to_owned(),
        rerun: if args.rerun { Rerun::All } else { Rerun::Never },
        fail_fast: args.fail_fast,
        retries: args.retries,
        timeout: args.timeout.filter(|limit| *limit > 0.0).map(Duration::from_secs_f64),
        processes: args.processes,
        progress: args.progress.unwrap_or(ProgressWay::unless(console.quiet)),
        metrics: args.metrics.clone(),
    };
    let results = program.perform(order).ok_or_else(nothing)??;
    writeln!(console.out, "{}", results.table())?;
    if let Some(summary) = results.summary() {
        summary.warnings.iter().for_each(|warning| console.warn(warning));
        if let Some(version) = &summary.same_as_version {
            console.tell(
                "note",
                &format!(
                    "version {version} had asked for all of it before: nothing was run; `--rerun` forces it"
                ),
            );
        }
    }
    if results.closing() == Closing::Cancelled {
        return Err(CliError::Interrupted);
    }
    results.ok()?;
    Ok(())
}
