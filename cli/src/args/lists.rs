//! Arguments of what lists and follows runs.

use clap_complete::engine::ArgValueCompleter;

use super::{ListArgs, MomentArgs, Status, TextArgs};
use crate::complete;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunsArgs {
    /// Only runs that this experiment computed first; with a question in SQL, the runs of its cells
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// Only runs that ended so
    #[arg(long, value_enum)]
    pub(crate) status: Option<Status>,
    /// Only runs for which this is true: an SQL expression over the columns of `runs`, such as "metrics.loss < 0.1 AND params.k IN (3, 5)"
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filter: Vec<String>,
    /// Sort by a column of `runs` or an expression, `:desc` for the largest first [default: the newest first]
    #[arg(long, value_name = "COL[:desc]")]
    pub(crate) sort: Vec<String>,
    /// Show these columns of `runs` (`metalab query "DESCRIBE runs"` lists them)
    #[arg(long, value_name = "A,B,...")]
    pub(crate) columns: Vec<String>,
    /// The most runs; 0 for all
    #[arg(
        short = 'n',
        long = "limit",
        value_name = "N",
        default_value_t = 20,
        allow_negative_numbers = true
    )]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    #[command(flatten)]
    pub(crate) moment: MomentArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExperimentsArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
    #[command(flatten)]
    pub(crate) moment: MomentArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// First digits of a run's id
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: String,
    /// First digits of the other's
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    pub(crate) other: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    #[command(flatten)]
    pub(crate) moment: MomentArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Name of the experiment [default: that of the newest submission]
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    #[command(flatten)]
    pub(crate) text: TextArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// Name of the experiment [default: that of the newest submission]
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = super::seconds)]
    pub(crate) every: f64,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CancelArgs {
    /// Name of the experiment
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: String,
    /// Stop running runs too; else they are let finish
    #[arg(long)]
    pub(crate) now: bool,
    /// Return at once; else it is waited until the submission has ended
    #[arg(long)]
    pub(crate) no_wait: bool,
}
