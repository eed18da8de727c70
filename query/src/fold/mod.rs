//! Folding: from the journal to the tables.
//!
//! One folder at a time wins; anyone may be it. A fold reads the tables' cursors, then the index, which says how far
//! the journal goes; it turns the records in between into files, and commits table by table, `attempts` last. Each
//! commit succeeds only on the snapshot whose cursor was read. If another folder was faster, everything begins again:
//! what it has committed is then seen and left out.

mod cells;
mod compact;
mod data;
mod derived;
mod intake;
mod lineage;
mod rows;
mod run;
mod submissions;
mod work;

pub(crate) use cells::{Foreign, Named, Place, Step, intricate, look, places, possible, read as read_cells};
pub(crate) use intake::{Intake, Seen};
pub use run::{FoldReport, fold, fold_blocking, rebuild, rebuild_blocking};
pub(crate) use run::{fold_here, on_own_thread, settle, settled};
pub(crate) use submissions::{CLOSED, OPENED, described, read as read_submissions};
