//! `metalab cancel`: asks a driver in another process to stop.

use std::time::Duration;

use metalab_engine::inspect::{self, State};
use metalab_engine::running::{Stop, drivers, request_stop};

use crate::args::CancelArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::open;

/// How often it is looked whether the driver has ended.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn cancel(store: &str, args: &CancelArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut opened = open::whole_to_write(store, console)?;
    let name = &args.experiment;
    let status = inspect::status(&opened.store, &opened.index, Some(name))?;
    let Some(status) = status.filter(|status| status.state == State::Running) else {
        return Err(CliError::NothingWorks { experiment: name.clone() });
    };
    let stop = if args.now { Stop::Now } else { Stop::Gently };
    request_stop(&opened.store, &status.submission, stop)?;
    if args.no_wait {
        console
            .tell("note", &format!("`{name}` was asked to stop; `metalab status {name}` tells when it has"));
        return Ok(());
    }
    let words = if args.now { "running runs are stopped" } else { "running runs finish; `--now` stops them" };
    console.tell("note", &format!("`{name}` was asked to stop: {words}"));
    let works = || drivers(&opened.store).iter().any(|driver| driver.writer == status.submission.writer);
    while works() {
        std::thread::sleep(LOOK);
    }
    opened.index.refresh()?;
    super::status::print(&mut opened, Some(name), console)
}
