//! `metalab store rebuild`: index and tables anew from the journal.

use std::io::Write;

use metalab_cas::Key;
use metalab_engine::index::Index;
use metalab_engine::store::{Access, Store, StoreError};
use metalab_query::rebuild_blocking;

use crate::args::RebuildArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::words::count;

pub(super) fn rebuild(locator: &str, args: RebuildArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let store = Store::open(locator, Access::ReadWrite)?;
    if store.is_read_only() {
        return Err(StoreError::ReadOnly { store: locator.to_owned() }.into());
    }
    if !args.tables {
        let runs = rebuild_index(&store, console)?;
        writeln!(console.out, "index: {}", count(runs, "run"))?;
    }
    if !args.index {
        let report = rebuild_blocking(&store)?;
        report.damages.iter().for_each(|damage| console.warn(damage));
        writeln!(
            console.out,
            "tables: {} from {}",
            count(report.rows, "row"),
            count(report.attempts, "attempt")
        )?;
        if report.held_back > 0 {
            console.tell(
                "note",
                &format!(
                    "{} wait for a submission that is not visible yet",
                    count(report.held_back, "attempt")
                ),
            );
        }
    }
    Ok(())
}

/// The index is made from the journal alone when no level is there. Readers that lose a level load again.
fn rebuild_index(store: &Store, console: &mut Console<'_>) -> Result<u64, CliError> {
    let folder = Key::new("index").expect("a legal key");
    for file in store.backend().list(&folder)? {
        store.backend().delete(&file.key)?;
    }
    let mut index = Index::load(store)?;
    let damages: Vec<String> = index.damages().iter().map(ToString::to_string).collect();
    damages.iter().for_each(|damage| console.warn(damage));
    let runs = index.len() as u64;
    index.publish()?;
    store.backend().sync()?;
    Ok(runs)
}
