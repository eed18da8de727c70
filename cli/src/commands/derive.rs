//! `metalab derive`: expressions that are kept by name, and functions over finished runs.

use std::io::Write;

use futures::executor::block_on;
use metalab_engine::derived::{self, Registry, expressions};
use metalab_engine::inspect;
use metalab_engine::results::Results;
use metalab_engine::store::{Access, Store};
use metalab_query::{Options, Session};

use crate::args::DeriveArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::rows::{Cell, Rows};
use crate::{open, shell, words};

pub(super) fn derive(store: &str, args: &DeriveArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let experiment = args.experiment.as_deref();
    if args.list {
        return list(store, args, console);
    }
    if let Some(name) = &args.drop {
        expressions::give_up(&Store::open(store, Access::ReadWrite)?, name, experiment)?;
        console.tell("note", &format!("`derived.{name}` is given up"));
        return Ok(());
    }
    let text = args.what.join(" ");
    match text.split_once('=').map(|(name, expression)| (name.trim(), expression.trim())) {
        Some((name, "")) => Err(CliError::Usage {
            message: format!("no expression follows `{name} =`"),
            hint: Some("for example: metalab derive normalized = \"metrics.score / params.lr\"".into()),
        }),
        Some((name, expression)) => keep(store, name, expression, experiment, console),
        None => function(store, text.trim(), args, console),
    }
}

/// Keeps an expression, after it was checked as a question about the runs it is for.
fn keep(
    locator: &str,
    name: &str,
    expression: &str,
    experiment: Option<&str>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let store = Store::open(locator, Access::ReadWrite)?;
    if let Some(name) = experiment {
        known(&store, name)?;
    }
    let session = block_on(Session::open(&open::to_ask(locator, true)?, Options::default()))?;
    let kind = block_on(session.check_expression(name, experiment, expression))?;
    expressions::keep(&store, name, experiment, expression)?;
    let column = shell::path(&format!("derived.{name}"));
    console.tell("note", &format!("kept, of type {kind}; ask for it as `{column}`"));
    Ok(())
}

fn known(store: &Store, experiment: &str) -> Result<(), CliError> {
    let index = metalab_engine::index::Index::load(store)?;
    match inspect::experiments(store, &index)?.iter().any(|known| known.name == experiment) {
        true => Ok(()),
        false => {
            let experiment = experiment.to_owned();
            Err(metalab_engine::results::ResultError::NoExperiment { experiment }.into())
        }
    }
}

fn list(store: &str, args: &DeriveArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let opened = open::whole(store, console)?;
    let mut rows =
        Rows::new().column("name").column("experiment").long("expression").column("kept (UTC)").key("kept");
    for kept in expressions::of(&opened.store, &opened.index)? {
        if args.experiment.is_some() && kept.experiment.is_some() && kept.experiment != args.experiment {
            continue;
        }
        rows.push(vec![
            Cell::text(kept.name),
            Cell::optional(kept.experiment, Cell::text),
            Cell::optional(kept.expression, Cell::text),
            Cell::time(kept.time),
        ]);
    }
    rows.print(args.list_args.format, console)
}

/// Computes a function of the program for the finished runs of an experiment.
fn function(store: &str, name: &str, args: &DeriveArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let usage = |message: String, hint: String| CliError::Usage { message, hint: Some(hint) };
    let registry = Registry::automatic()?;
    let names: Vec<&str> = registry.iter().map(|function| function.description().name).collect();
    let Some(function) =
        registry.iter().find(|function| function.name() == name || function.description().name == name)
    else {
        let hint = match names.as_slice() {
            [] => format!(
                "an SQL expression is kept by `metalab derive {name} = \"metrics.score / params.lr\"`; functions belong to the program that defines them"
            ),
            names => format!("there are: {}", names.join(", ")),
        };
        return Err(usage(format!("this program has no derived function `{name}`"), hint));
    };
    let Some(experiment) = &args.experiment else {
        return Err(usage("say for which experiment".into(), format!("`derive {name} --experiment NAME`")));
    };
    let results = Results::load(&Store::open(store, Access::ReadWrite)?, experiment)?;
    let mut derivation = derived::derive(&results).function(function.clone());
    if args.overwrite {
        derivation = derivation.overwrite();
    }
    let done = derivation.keep()?;
    writeln!(
        console.out,
        "{name}: {} computed, {} up to date, {} failed",
        done.computed, done.up_to_date, done.failed
    )?;
    for run in &done.unreadable {
        console.warn(run);
    }
    for failure in done.failures.iter().take(5) {
        let derived::DeriveFailure { run, error, .. } = failure;
        console.warn(&words::line(&format!("run {}: {error}", run.short()), 200));
    }
    Ok(())
}
