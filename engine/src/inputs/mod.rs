//! What a step takes from other steps.
//!
//! An operation owns its inputs as [`Input<T>`] (one value) or [`Gathered<T>`] (many); an experiment wires them by
//! handles: [`Step<T>`] is what `experiment.step(...)` gives, [`Upstream<T>`] one value for each cell of a step,
//! [`Gathering<T>`] all values over some of its axes. Inputs enter the identity of a run by content.

mod gather;
mod handle;
mod parts;
mod source;
mod supply;
mod value;

pub use gather::{Gathering, IntoGather, Missing};
pub use handle::{IntoInput, Step, Upstream};
pub(crate) use parts::encode as encode_parts;
pub use parts::{GatherPart, gather_parts};
pub use source::{Axes, GatherSource, InputSource, Join, Origin};
pub(crate) use supply::{Located, Supplied, Supply, SupplyError, Where};
pub use value::{Gathered, GatheredItem, Input};
