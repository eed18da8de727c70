//! Arguments of what looks at many runs at once.

use std::str::FromStr;

use clap::ValueEnum;
use clap_complete::engine::ArgValueCompleter;
use metalab_query::{AsOf, Format};

use super::{OutputArgs, formats};
use crate::complete;
use crate::words::parse_bytes;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SqlArgs {
    /// How answers are written [default: table]
    #[arg(long, value_parser = formats::answers())]
    pub(crate) format: Option<Format>,
    /// Memory a question may use [default: half of the machine's, 2G at most]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// Change nothing in the store, not even the tables
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Write long answers at once, without $PAGER
    #[arg(long)]
    pub(crate) no_pager: bool,
    /// Neither read nor write the history of questions
    #[arg(long)]
    pub(crate) no_history: bool,
    #[command(flatten)]
    pub(crate) stores: StoresArgs,
}

/// When the store is looked at.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct MomentArgs {
    /// Look at the store as it was: a time in UTC such as `2026-11-20 12:00`, or 8 digits or more of a submission, for its end
    #[arg(long, value_name = "WHEN")]
    pub(crate) as_of: Option<AsOf>,
}

/// Which stores are asked, and as they were when.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct StoresArgs {
    #[command(flatten)]
    pub(crate) moment: MomentArgs,
    /// Ask another store along: its tables are `NAME.runs` and so on, `all.runs` are the rows of all; may be given several times
    #[arg(long, value_name = "NAME=PATH")]
    pub(crate) attach: Vec<Attached>,
}

/// Another store and what it is called in questions; it is only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) name: String,
    pub(crate) locator: String,
}

impl FromStr for Attached {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, locator)) if !name.is_empty() && !locator.is_empty() => {
                Ok(Self { name: name.into(), locator: locator.into() })
            }
            _ => Err("write a name, an equals sign and a store, such as `old=runs-2025`"),
        }
    }
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Name of the experiment [default: all runs of the store]
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// How it is written [default: by the name of the output]
    #[arg(long, value_parser = formats::exports())]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Which groups of columns
    #[arg(long, value_enum, value_name = "GROUPS", value_delimiter = ',', default_values_t = [Group::Param, Group::Metric, Group::Derived, Group::Output, Group::Record])]
    pub(crate) columns: Vec<Group>,
    /// Only runs for which this is true: an SQL expression over the columns of `runs`
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filter: Vec<String>,
    #[command(flatten)]
    pub(crate) moment: MomentArgs,
}

/// Columns of `runs` that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Arguments, and those of earlier steps: `params.*`, `upstream.*`
    Param,
    /// `metrics.*`
    Metric,
    /// `derived.*`
    Derived,
    /// `data.*`
    Data,
    /// `output`, `output.*`
    Output,
    /// What all runs have: id, status, times, machine, ...
    Record,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PlotArgs {
    /// What is drawn: a column of `runs` or an expression, such as `metrics.loss`; `series.NAME` for a stepped metric
    pub(crate) what: String,
    /// Over what: numbers give points with the mean of each place, texts a bar each; without it, how often which value occurs
    #[arg(long, value_name = "EXPR", conflicts_with = "run")]
    pub(crate) by: Option<String>,
    /// The run of a stepped metric; several are drawn over each other
    #[arg(long, value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: Vec<String>,
    /// Only runs of this experiment
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// Only runs for which this is true: an SQL expression over the columns of `runs`
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filter: Vec<String>,
    /// Draw by the logarithm of the values
    #[arg(long)]
    pub(crate) log: bool,
    /// How it is drawn [default: by the name of the output, else text]
    #[arg(long, value_enum)]
    pub(crate) format: Option<PlotFormat>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) moment: MomentArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlotFormat {
    /// Characters
    Text,
    /// A picture
    Svg,
    /// The numbers that would be drawn
    Csv,
}
