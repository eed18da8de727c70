//! `metalab runs`: the newest runs of a store.

use metalab_engine::inspect::{self, RunFilter, RunInfo};
use metalab_engine::record::{Outcome, Scalar};
use serde_json::{Map, Value};

use super::values::scalar_json;
use crate::args::{ListFormat, RunsArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::open;
use crate::rows::{Cell, Rows};
use crate::words;

pub(super) fn runs(store: &str, args: &RunsArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let opened = open::whole(store, console)?;
    let filter = RunFilter {
        experiment: args.experiment.clone(),
        outcome: args.status.map(Outcome::from),
        limit: args.limit,
    };
    let found = inspect::runs(&opened.store, &opened.index, &filter)?;
    let replicates = found.iter().any(|run| run.replicate.is_some());
    // A table shows the head of an id and one column for what came out; programs get all of it.
    let table = args.list.format == ListFormat::Table;
    let mut rows =
        Rows::new().column("run").key("run_id").column("status").long("operation").spare(2).long("params");
    if replicates {
        rows = rows.numbers("rep").key("replicate");
    }
    rows = rows.column("started (UTC)").key("started").spare(3).numbers("took").key("duration_s").spare(1);
    rows = if table { rows.long("metrics or error") } else { rows.long("metrics").long("error") };
    let shown = found.len();
    for run in found {
        rows.push(row(run, replicates, table));
    }
    rows.print(args.list.format, console)?;
    if table && shown == args.limit {
        console.tell("note", &format!("the newest {shown}; `-n 0` lists all"));
    }
    Ok(())
}

fn row(run: RunInfo, replicates: bool, table: bool) -> Vec<Cell> {
    let params: Map<String, Value> =
        run.params.iter().map(|(name, text)| (name.clone(), json(text))).collect();
    let metrics: Map<String, Value> =
        run.metrics.iter().map(|(name, value)| (name.clone(), scalar_json(value))).collect();
    let text = run.params.iter().map(|(name, text)| format!("{name}={}", text.trim_matches('"')));
    let mut row = vec![
        Cell::new(run.id.short(), run.id.to_string()),
        Cell::text(run.outcome.as_str()),
        Cell::text(run.operation),
        Cell::new(text.collect::<Vec<_>>().join(" "), params),
    ];
    if replicates {
        row.push(Cell::optional(run.replicate, Cell::number));
    }
    row.push(Cell::time(run.started));
    row.push(Cell::new(words::duration(run.duration), run.duration as f64 / 1e6));
    let said = run
        .metrics
        .iter()
        .map(|(name, value)| format!("{name}={}", short(value)))
        .collect::<Vec<_>>()
        .join(" ");
    if table {
        row.push(Cell::text(run.error.unwrap_or(said)));
    } else {
        row.push(Cell::new(said, metrics));
        row.push(Cell::optional(run.error, Cell::text));
    }
    row
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn short(value: &Scalar) -> String {
    match value {
        Scalar::Float(x) if x.is_finite() && *x != 0.0 => {
            let text = format!("{x:.*}", 5_usize.saturating_sub(x.abs().log10().max(0.0) as usize));
            match text.parse::<f64>() {
                Ok(near) if near != 0.0 => near.to_string(),
                _ => format!("{x:.4e}"),
            }
        }
        other => other.to_string(),
    }
}
