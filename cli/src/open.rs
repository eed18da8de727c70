//! Opening the store a command is about. Not a byte in it changes.

use metalab_engine::id::RunId;
use metalab_engine::index::{Glance, Index};
use metalab_engine::inspect::find_run;
use metalab_engine::store::{Access, Store, StoreError};
use metalab_query::{Options, Session};

use crate::args::{MomentArgs, StoresArgs};
use crate::console::Console;
use crate::error::CliError;

/// A store with its whole index, for questions about many runs.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) index: Index,
}

pub(crate) fn whole(locator: &str, console: &mut Console<'_>) -> Result<Opened, CliError> {
    whole_at(locator, &MomentArgs::default(), console)
}

/// The same as it was.
pub(crate) fn whole_at(
    locator: &str,
    moment: &MomentArgs,
    console: &mut Console<'_>,
) -> Result<Opened, CliError> {
    let store = at(locator, moment)?;
    let index = Index::load(&store)?;
    if let Some(first) = index.damages().first() {
        let more = match index.damages().len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        console.warn(&format!("{first}{more}; `metalab store info` lists what is damaged"));
    }
    Ok(Opened { store, index })
}

/// A store, or what it was.
fn at(locator: &str, moment: &MomentArgs) -> Result<Store, CliError> {
    let now = Store::open(locator, Access::ReadOnly)?;
    Ok(match &moment.as_of {
        Some(moment) => moment.store(&now)?,
        None => now,
    })
}

/// A store for questions about one run: among millions it is found without loading them.
pub(crate) fn glance(locator: &str) -> Result<Glance, CliError> {
    Ok(Glance::at(&Store::open(locator, Access::ReadOnly)?)?)
}

/// The run whose id begins with `prefix`, and the store's index for questions about it.
pub(crate) fn run(locator: &str, prefix: &str) -> Result<(Glance, RunId), CliError> {
    run_at(locator, prefix, &MomentArgs::default())
}

/// The same as it was.
pub(crate) fn run_at(locator: &str, prefix: &str, moment: &MomentArgs) -> Result<(Glance, RunId), CliError> {
    let glance = Glance::at(&at(locator, moment)?)?;
    let run = find_run(&glance, prefix)?;
    Ok((glance, run))
}

/// A store to ask in SQL. Folding needs to write; where that is not allowed, answers are made without.
pub(crate) fn to_ask(locator: &str, read_only: bool) -> Result<Store, StoreError> {
    if read_only {
        return Store::open(locator, Access::ReadOnly);
    }
    match Store::open(locator, Access::ReadWrite) {
        Err(StoreError::ReadOnly { .. }) => Store::open(locator, Access::ReadOnly),
        opened => opened,
    }
}

/// The same as it was, which is only read.
pub(crate) fn to_ask_at(locator: &str, moment: &MomentArgs) -> Result<Store, CliError> {
    match moment.as_of {
        Some(_) => at(locator, moment),
        None => Ok(to_ask(locator, false)?),
    }
}

/// A session that asks these stores.
pub(crate) async fn session(
    locator: &str,
    mut options: Options,
    stores: &StoresArgs,
) -> Result<Session, CliError> {
    let store = to_ask(locator, !options.fold)?;
    options.as_of.clone_from(&stores.moment.as_of);
    let session = Session::open(&store, options).await?;
    for attached in &stores.attach {
        let other = Store::open(&attached.locator, Access::ReadOnly)
            .map_err(|source| CliError::Attach { name: attached.name.clone(), source })?;
        session.attach(&attached.name, &other, None).await?;
    }
    Ok(session)
}

/// A store with its whole index, to write something beside the records.
pub(crate) fn whole_to_write(locator: &str, console: &mut Console<'_>) -> Result<Opened, CliError> {
    let opened = whole(locator, console)?;
    Ok(Opened { store: Store::open(locator, Access::ReadWrite)?, index: opened.index })
}
