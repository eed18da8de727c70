//! What a submission reached, read from the journal run by run.
//!
//! | | module |
//! | --- | --- |
//! | [`Results`]: the cells of a submission, and views of some of them | `view`, `source` |
//! | [`RunResult`]: one run; its parameters, metrics, data, artifacts, output, derived metrics | `run`, `values` |
//! | choosing cells, by the language of [`expression`] among others | `filter`, `fields` |
//! | tables, aggregates with confidence intervals | `table`, `groups`, `stats` |
//! | CSV, JSON, typed columns | `export` |

mod captured;
mod data;
mod dimensions;
mod error;
mod export;
pub mod expression;
mod fields;
mod filter;
mod groups;
mod place;
mod reader;
mod run;
mod source;
mod stats;
mod table;
mod values;
mod view;

pub use dimensions::{Dimension, Dimensions};
pub use error::ResultError;
pub use export::{Column, Columns, Export, ExportError, Frame, Values};
pub use expression::ExpressionError;
pub use groups::{Group, Groups};
pub(crate) use place::CellPlace;
pub(crate) use reader::{RunReader, decode_template, read_template};
pub(crate) use run::Fresh;
pub use run::RunResult;
pub(crate) use source::StepCells;
pub use source::experiments;
pub use stats::Stats;
pub use table::Table;
pub use view::Results;
