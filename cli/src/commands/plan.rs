//! `metalab plan`: what asking for an experiment would do.

use metalab_engine::inspect;
use metalab_engine::plan::Rerun;
use metalab_engine::store::{Store, StoreError};

use super::print_one;
use crate::args::PlanArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::open;
use crate::program::Program;

pub(super) fn plan(
    store: &str,
    args: &PlanArgs,
    program: &Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let own = program.experiment(&args.experiment);
    let opened = match (open::whole(store, console), own) {
        // Before the first run all is to be done; the store is not made for the question.
        (Err(CliError::Store(StoreError::Missing { .. })), Some(experiment)) => {
            console.tell("note", &format!("there is no store at `{store}` yet"));
            let forecast = inspect::forecast(&Store::memory()?, experiment, &Rerun::Never)?;
            return print_one(args.text.format, console, || forecast.to_string(), &forecast);
        }
        (opened, _) => opened?,
    };
    // A program that has the experiment knows its code as it is now; the store only what it was.
    let forecast = match own {
        Some(experiment) => inspect::forecast(&opened.store, experiment, &Rerun::Never)?,
        None => {
            let forecast = inspect::forecast_last(&opened.store, &opened.index, &args.experiment)?;
            console.tell(
                "note",
                "as it was asked for last; the program it belongs to also sees what has changed since",
            );
            forecast
        }
    };
    print_one(args.text.format, console, || forecast.to_string(), &forecast)
}
