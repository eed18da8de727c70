//! `metalab experiments`: what was asked for in a store.

use metalab_engine::inspect;

use crate::args::ExperimentsArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::open;
use crate::rows::{Cell, Rows};

pub(super) fn experiments(
    store: &str,
    args: &ExperimentsArgs,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let opened = open::whole_at(store, &args.moment, console)?;
    let mut rows = Rows::new()
        .column("experiment")
        .long("versions")
        .spare(2)
        .long("steps")
        .numbers("submissions")
        .spare(1)
        .numbers("cells")
        .column("last (UTC)")
        .key("last")
        .long("description")
        .spare(3);
    for info in inspect::experiments(&opened.store, &opened.index)? {
        rows.push(vec![
            Cell::text(info.name),
            Cell::new(info.versions.join(", "), info.versions),
            Cell::new(info.steps.join(", "), info.steps),
            Cell::number(info.submissions),
            Cell::number(info.cells),
            Cell::time(info.last),
            Cell::optional(info.description, Cell::text),
        ]);
    }
    rows.print(args.list.format, console)
}
