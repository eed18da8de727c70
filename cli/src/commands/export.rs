//! `metalab export`: all runs of an experiment, or of a store, in a file for other programs.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures::executor::block_on;
use metalab_engine::results::ResultError;
use metalab_query::{Format, Listing, Options, RowWriter, Rows, Session};

use super::query::{by_name, refuse_binary};
use crate::args::{ExportArgs, Group};
use crate::console::Console;
use crate::error::CliError;
use crate::{open, words, write};

pub(super) fn export(store: &str, args: &ExportArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let output = args.output.path.as_deref();
    let format = format(args, output)?;
    if let Some(path) = output {
        write::refuse_existing(path, args.output.force)?;
    }
    let session = block_on(Session::open(&open::to_ask_at(store, &args.moment)?, Options::default()))?;
    let columns = columns(&session, args)?;
    let mut listing = Listing::of("runs").exact_columns(&columns);
    if let Some(experiment) = &args.experiment {
        listing = listing.equals("experiment", experiment);
    }
    for filter in &args.filter {
        listing = listing.filter(filter);
    }
    let rows = block_on(session.stream(&listing))?;
    session.warnings().iter().for_each(|warning| console.warn(warning));
    let count = match output {
        Some(path) => write::streamed(path, args.output.force, |to| pour(rows, format, to, || Ok(())))?,
        None => {
            let pipe = Pipe::default();
            let (from, out) = (pipe.clone(), &mut console.out);
            pour(rows, format, pipe, || Ok(out.write_all(&from.take())?))?
        }
    };
    let of = words::count(columns.len() as u64, "column");
    console.tell("note", &format!("{} with {of}", words::count(count, "run")));
    Ok(())
}

fn format(args: &ExportArgs, output: Option<&Path>) -> Result<Format, CliError> {
    let format = args.format.unwrap_or_else(|| by_name(output));
    if format.is_for_people() {
        return Err(CliError::Usage {
            message: match output {
                Some(_) => "the name of the output does not tell how to write it".into(),
                None => "an export needs a file, or the format in which it is written".into(),
            },
            hint: Some("use `-o runs.parquet` (or .csv, .json, .ndjson, .arrow), or `--format csv`".into()),
        });
    }
    refuse_binary(format, output, "runs")?;
    Ok(format)
}

/// The columns of the groups that were asked for; of one experiment only those that occur in it.
fn columns(session: &Session, args: &ExportArgs) -> Result<Vec<String>, CliError> {
    let all = block_on(session.columns("runs"))?.into_iter().map(|column| column.name);
    let all: Vec<String> = all.filter(|name| args.columns.contains(&group(name))).collect();
    let Some(experiment) = &args.experiment else { return refuse_none(all) };
    let known = Listing::of("experiments").columns(["experiment"]).equals("experiment", experiment);
    if block_on(session.list(&known))?.num_rows() == 0 {
        return Err(ResultError::NoExperiment { experiment: experiment.clone() }.into());
    }
    let paths = Listing::of("columns").columns(["path"]);
    let anywhere = first_column(session, &paths)?;
    let used = first_column(session, &paths.equals("experiment", experiment))?;
    // What no run of any experiment has is an expression that was kept.
    let is_kept = |name: &str| group(name) == Group::Derived && !anywhere.contains(name);
    let is_there = |name: &String| group(name) == Group::Record || used.contains(name) || is_kept(name);
    refuse_none(all.into_iter().filter(is_there).collect())
}

fn first_column(session: &Session, listing: &Listing) -> Result<HashSet<String>, CliError> {
    let text = block_on(session.list(listing))?.to_csv()?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    Ok(reader.records().flatten().filter_map(|record| Some(record.get(0)?.to_owned())).collect())
}

fn refuse_none(columns: Vec<String>) -> Result<Vec<String>, CliError> {
    if columns.is_empty() {
        return Err(CliError::Usage {
            message: "no run has a column of these groups".into(),
            hint: Some("`metalab query \"SELECT * FROM columns\"` lists what there is".into()),
        });
    }
    Ok(columns)
}

/// The group of a column: told by the word before the first dot. Arguments of earlier steps begin with the step.
fn group(name: &str) -> Group {
    match name.split_once('.').map_or(name, |(root, _)| root) {
        "params" => Group::Param,
        "metrics" => Group::Metric,
        "derived" => Group::Derived,
        "data" => Group::Data,
        "output" => Group::Output,
        _ if name.contains('.') => Group::Param,
        _ => Group::Record,
    }
}

/// Writes rows as they come; `drain` is called when some were written. Gives their number.
fn pour<W: Write + Send>(
    mut rows: Rows,
    format: Format,
    to: W,
    mut drain: impl FnMut() -> Result<(), CliError>,
) -> Result<u64, CliError> {
    let mut writer = RowWriter::new(format, rows.schema().clone(), to)?;
    let mut count = 0;
    while let Some(batch) = block_on(rows.next()) {
        let batch = batch?;
        count += batch.num_rows() as u64;
        writer.write(&batch)?;
        drain()?;
    }
    writer.finish()?;
    drain()?;
    Ok(count)
}

/// Bytes on their way to a writer that stays on its thread.
#[derive(Clone, Debug, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
