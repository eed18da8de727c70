//! One file per command.

mod artifacts;
mod cancel;
mod derive;
mod diff;
mod experiments;
mod export;
mod graph;
mod logs;
mod manifests;
mod plan;
mod plot;
mod query;
mod rebuild;
mod run;
mod runs;
mod setup;
mod show;
mod status;
mod store;
mod values;
mod verify;
mod watch;
mod why;

use serde::Serialize;

use std::io::Write;

use crate::args::{Args, Command, StoreCommand, TextFormat};
use crate::console::Console;
use crate::error::CliError;
use crate::program::Program;

/// Carries out one command of `metalab`.
///
/// # Errors
/// When it cannot be done; see [`CliError::code`] and [`CliError::hint`].
pub fn run(args: Args, console: &mut Console<'_>) -> Result<(), CliError> {
    run_with(args, &Program::none(), console)
}

/// Carries out one command of a program with experiments.
///
/// # Errors
/// As [`run`].
pub fn run_with(args: Args, program: &Program, console: &mut Console<'_>) -> Result<(), CliError> {
    console.quiet = args.quiet;
    let store = &args.store;
    match &args.command {
        Command::Query(args) => query::query(store, args, console),
        Command::Sql(args) => crate::shell::shell(store, args, console),
        Command::Export(args) => export::export(store, args, console),
        Command::Plot(args) => plot::plot(store, args, console),
        Command::Experiments(args) => experiments::experiments(store, args, console),
        Command::Runs(args) => runs::runs(store, args, console),
        Command::Show(args) => show::show(store, args, console),
        Command::Diff(args) => diff::diff(store, args, console),
        Command::Status(args) => status::status(store, args, console),
        Command::Watch(args) => watch::watch(store, args, console),
        Command::Cancel(args) => cancel::cancel(store, args, console),
        Command::Logs(args) => logs::logs(store, args, console),
        Command::Artifacts(args) => artifacts::artifacts(store, args, console),
        Command::Plan(args) => plan::plan(store, args, program, console),
        Command::Why(args) => why::why(store, args, console),
        Command::Graph(args) => graph::graph(store, args, program, console),
        Command::Derive(args) => derive::derive(store, args, console),
        Command::Manifests(args) => manifests::manifests(store, args, console),
        Command::Completions(args) => setup::completions(*args, console),
        Command::Man(args) => setup::man(args, program, console),
        Command::Store(StoreCommand::Info(args)) => store::info(store, *args, console),
        Command::Store(StoreCommand::Rebuild(args)) => rebuild::rebuild(store, *args, console),
        Command::Run(args) => run::run(store, args, program, console),
        Command::Verify(args) => verify::verify(store, args, program, console),
    }
}

/// One thing: its text for people, its fields for programs.
fn print_one(
    format: TextFormat,
    console: &mut Console<'_>,
    text: impl FnOnce() -> String,
    fields: &impl Serialize,
) -> Result<(), CliError> {
    match format {
        TextFormat::Text => writeln!(console.out, "{}", text().trim_end())?,
        TextFormat::Json => {
            serde_json::to_writer_pretty(&mut console.out, fields).map_err(std::io::Error::from)?;
            writeln!(console.out)?;
        }
    }
    Ok(())
}
