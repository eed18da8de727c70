//! `metalab runs`: the newest runs of a store, or those that an expression chooses.

use metalab_engine::id::RunId;
use metalab_engine::inspect::{self, RunFilter, RunInfo};
use metalab_engine::record::{Outcome, Scalar};
use metalab_engine::results::ResultError;
use metalab_engine::store::Store;
use metalab_query::{Answer, Format, Listing, Options, QueryError, Session};
use serde_json::{Map, Value};

use super::values::scalar_json;
use crate::args::RunsArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::open::{self, Opened};
use crate::rows::{Cell, Rows};
use crate::words;

pub(super) fn runs(locator: &str, args: &RunsArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let opened = open::whole_at(locator, &args.moment, console)?;
    let columns = args.columns.iter().flat_map(|text| words::split_list(text)).collect::<Vec<_>>();
    let asks = !(args.filter.is_empty() && args.sort.is_empty() && columns.is_empty());
    if !asks {
        let filter = RunFilter {
            experiment: args.experiment.clone(),
            outcome: args.status.map(Outcome::from),
            limit: args.limit,
        };
        let found = inspect::runs(&opened.store, &opened.index, &filter)?;
        return print(args, found, "newest", console);
    }
    let listing = listing(args, &opened)?;
    let session = Asked::open(&match args.moment.as_of {
        Some(_) => opened.store.clone(),
        None => open::to_ask(locator, false)?,
    })?;
    if columns.is_empty() {
        let ids = session.run_ids(&listing, args.limit)?;
        let found = inspect::these_runs(&opened.store, &opened.index, ids)?;
        return print(args, found, "first", console);
    }
    let listing = listing.columns(columns);
    let answer = session.list(&if args.limit > 0 { listing.limit(args.limit as u64) } else { listing })?;
    let format = args.list.format;
    let width = console.width();
    answer
        .write(format, width, &mut console.out)
        .map_err(|error| CliError::from(error).or_output(console))?;
    if format == Format::Table && answer.num_rows() == args.limit {
        console.tell("note", &format!("the first {}; `-n 0` lists all", args.limit));
    }
    Ok(())
}

/// The question in parts; nothing of what was given is pasted into SQL text.
fn listing(args: &RunsArgs, opened: &Opened) -> Result<Listing, CliError> {
    let mut listing = Listing::of("runs");
    if let Some(name) = &args.experiment {
        let known = inspect::experiments(&opened.store, &opened.index)?;
        if !known.iter().any(|experiment| experiment.name == *name) {
            return Err(ResultError::NoExperiment { experiment: name.clone() }.into());
        }
        listing = listing.equals("experiment", name);
    }
    if let Some(status) = args.status {
        listing = listing.equals("status", Outcome::from(status).as_str());
    }
    for filter in &args.filter {
        listing = listing.filter(filter);
    }
    for text in args.sort.iter().flat_map(|text| words::split_list(text)) {
        let (column, descending) = match text.rsplit_once(':') {
            Some((column, "desc")) => (column, true),
            Some((column, "asc")) => (column, false),
            // What is no cast (`x::double`) and no slice (`x[1:2]`) is meant as an order.
            Some((column, order)) if !column.ends_with(':') && order.chars().all(char::is_alphabetic) => {
                return Err(CliError::Usage {
                    message: format!("`{order}` is no order of `{column}`"),
                    hint: Some(format!("write `{column}:desc` for the largest first, or `{column}:asc`")),
                });
            }
            _ => (text.as_str(), false),
        };
        listing = listing.sort(column, descending);
    }
    Ok(if args.sort.is_empty() { listing.sort("started", true) } else { listing })
}

/// A session for a few listings.
struct Asked(Session);

impl Asked {
    fn open(store: &Store) -> Result<Self, CliError> {
        Ok(Self(futures::executor::block_on(Session::open(store, Options::default()))?))
    }

    fn list(&self, listing: &Listing) -> Result<Answer, QueryError> {
        futures::executor::block_on(self.0.list(listing))
    }

    /// The first runs, each once: `runs` has a row for each cell, and cells may share a run.
    fn run_ids(&self, listing: &Listing, limit: usize) -> Result<Vec<RunId>, CliError> {
        let mut rows = limit.saturating_mul(2) as u64;
        loop {
            let listing = listing.clone().columns(["run_id"]);
            let answer = self.list(&if rows > 0 { listing.limit(rows) } else { listing })?;
            let ids = answer.to_csv()?;
            let ids = super::values::distinct(ids.lines().skip(1).map(str::to_owned));
            let enough = rows == 0 || ids.len() >= limit || (answer.num_rows() as u64) < rows;
            if enough {
                let most = if limit == 0 { usize::MAX } else { limit };
                return Ok(ids.iter().take(most).filter_map(|id| id.parse().ok()).collect());
            }
            rows = rows.saturating_mul(8);
        }
    }
}

fn print(
    args: &RunsArgs,
    found: Vec<RunInfo>,
    which: &str,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let replicates = found.iter().any(|run| run.replicate.is_some());
    // A table shows the head of an id and one column for what came out; programs get all of it.
    let table = args.list.format == Format::Table;
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
    if table && shown == 0 {
        let asks_for_all = args.filter.is_empty() && args.status.is_none() && args.experiment.is_none();
        console.tell("note", if asks_for_all { "the store has no runs yet" } else { "no run fits" });
    } else if table && shown == args.limit {
        console.tell("note", &format!("the {which} {shown}; `-n 0` lists all"));
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
        Scalar::Float(x) => words::number(*x),
        other => other.to_string(),
    }
}
