//! `metalab graph`: the steps of an experiment, or the lineage of a run.

use std::io::Write;
use std::path::Path;

use metalab_engine::inspect::{self, Graph, find_run};
use metalab_engine::store::{Access, Store, StoreError};

use crate::args::{GraphArgs, GraphFormat};
use crate::console::Console;
use crate::error::CliError;
use crate::program::Program;
use crate::{open, write};

pub(super) fn graph(
    store: &str,
    args: &GraphArgs,
    program: &Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let output = args.output.path.as_deref();
    if let Some(path) = output {
        write::refuse_existing(path, args.output.force)?;
    }
    let graph = match &args.run {
        Some(run) => of_run(store, run, args.depth, console)?,
        None => of_experiment(store, args.experiment.as_deref(), program, console)?,
    };
    let mut text = match args.format.or_else(|| by_name(output?)).unwrap_or(GraphFormat::Dot) {
        GraphFormat::Dot => graph.to_dot(),
        GraphFormat::Mermaid => graph.to_mermaid(),
        GraphFormat::Svg => graph.to_svg(),
        GraphFormat::Json => serde_json::to_string_pretty(&graph).map_err(std::io::Error::from)?,
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match output {
        Some(path) => write::file(path, args.output.force, |to| Ok(to.write_all(text.as_bytes())?)),
        None => Ok(console.out.write_all(text.as_bytes())?),
    }
}

fn of_run(store: &str, run: &str, depth: usize, console: &mut Console<'_>) -> Result<Graph, CliError> {
    let opened = open::whole(store, console)?;
    let run = find_run(&open::glance(store)?, run)?;
    Ok(inspect::lineage(&opened.store, &opened.index, &run, depth)?)
}

fn of_experiment(
    store: &str,
    name: Option<&str>,
    program: &Program,
    console: &mut Console<'_>,
) -> Result<Graph, CliError> {
    let experiment = match name {
        Some(name) => program.experiment(name),
        None => program.only(),
    };
    if let Some(experiment) = experiment {
        // It need never have run: then there is no store, and nothing in it to be known.
        let store = match Store::open(store, Access::ReadOnly) {
            Err(StoreError::Missing { .. }) => Store::memory()?,
            opened => opened?,
        };
        return Ok(inspect::steps_of_plan(&store, experiment)?);
    }
    let Some(name) = name else {
        let known = match program.names() {
            names if names.is_empty() => "`metalab experiments` lists those of the store".into(),
            names => format!("it has: {}", names.join(", ")),
        };
        let message = "name the experiment to draw, or a run by `--run`".into();
        return Err(CliError::Usage { message, hint: Some(known) });
    };
    let opened = open::whole(store, console)?;
    Ok(inspect::steps_of(&opened.store, &opened.index, name)?)
}

fn by_name(path: &Path) -> Option<GraphFormat> {
    match path.extension()?.to_str()? {
        "dot" | "gv" => Some(GraphFormat::Dot),
        "mmd" | "mermaid" => Some(GraphFormat::Mermaid),
        "svg" => Some(GraphFormat::Svg),
        "json" => Some(GraphFormat::Json),
        _ => None,
    }
}
