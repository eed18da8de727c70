//! What is measured.

mod blobs;
mod capture;
#[cfg(feature = "query")]
mod command;
mod graph;
mod large;
mod params;
mod runs;
mod segments;
#[cfg(feature = "query")]
mod sql;

use crate::table::{self, Row};
use crate::{Options, Result};

/// Measures everything that was asked for and prints the table.
pub(crate) fn all(options: &Options) -> Result<()> {
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let scratch = tempfile::tempdir_in(&options.folder)?;
    let mut rows: Vec<Row> = Vec::new();
    if wanted("runs") {
        runs::measure(options, scratch.path(), &mut rows)?;
    }
    if wanted("graph") {
        graph::measure(options, scratch.path(), &mut rows)?;
    }
    if wanted("capture") {
        capture::measure(&mut rows)?;
    }
    if wanted("params") {
        params::measure(scratch.path(), &mut rows)?;
    }
    if wanted("segments") {
        segments::measure(options, scratch.path(), &mut rows)?;
    }
    if wanted("blobs") {
        blobs::measure(scratch.path(), &mut rows)?;
    }
    #[cfg(feature = "query")]
    if wanted("sql") {
        sql::measure(options, scratch.path(), &mut rows)?;
    }
    #[cfg(feature = "query")]
    if wanted("command") {
        command::measure(options, scratch.path(), &mut rows)?;
    }
    if options.only.iter().any(|only| only == "large") {
        large::measure(scratch.path(), &mut rows)?;
    }
    table::print(&rows);
    Ok(())
}

/// A case in a process of its own.
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["sweep", store, runs] => runs::sweep(store, runs.parse()?),
        ["processes", store, runs] => runs::processes(store, runs.parse()?),
        ["find", store, prefix] => runs::find(store, prefix),
        ["graph", store, name, size] => graph::run(store, name, size.parse()?),
        ["large", store, kind, list] => large::run(store, kind, list),
        ["params", store, name] => params::plan(store, name),
        ["plan", store, name, size] => graph::plan(store, name, size.parse()?),
        #[cfg(feature = "query")]
        ["fold", store] => sql::fold(store),
        #[cfg(feature = "query")]
        ["derived", store, runs] => command::derived(store, runs.parse()?),
        _ => Err(format!("no case {arguments:?}").into()),
    }
}
