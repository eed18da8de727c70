//! What can be written on the command line.

mod analysis;
mod formats;
mod lists;
mod running;
mod upkeep;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use metalab_query::Format;

pub(crate) use analysis::{ExportArgs, Group, MomentArgs, PlotArgs, PlotFormat, SqlArgs, StoresArgs};
pub(crate) use formats::{Colour, GraphFormat, Status, TextFormat};
pub(crate) use lists::{CancelArgs, DiffArgs, ExperimentsArgs, RunsArgs, StatusArgs, WatchArgs};
pub(crate) use running::{Replay, RunArgs, VerifyArgs};
pub(crate) use upkeep::{CompletionsArgs, DeriveArgs, ManArgs, ManifestsArgs, ManifestsCommand, Shell};

use crate::complete;
use crate::words::parse_bytes;

const AFTER: &str = "\
Exit codes: 0 done; 1 the answer is an error (wrong SQL, no such run); 2 the command line is wrong; 3 the store \
cannot be used; 4 interrupted, or a time limit was reached; 5 a defect of metalab.

A RUN is given by the first digits of its id, four at least.";

/// A parsed command line; see [`Args::parse_from`].
#[derive(Clone, Debug, Parser)]
#[command(
    name = "metalab",
    version,
    about = "Looks into stores of experiments: what was computed, with what, and why",
    after_help = AFTER,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// The store to look into
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "METALAB_STORE",
        hide_env_values = true,
        default_value = "runs",
        // Said again, such as behind an alias, the last one counts.
        overrides_with = "store"
    )]
    pub(crate) store: String,
    /// When to write in colours; NO_COLOR in the environment means never, for `auto`
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
    /// Say nothing but errors on standard error
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Tell on standard error what is being done; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask in SQL: `metalab query "SELECT params.k, avg(metrics.accuracy) FROM runs GROUP BY 1"`
    Query(QueryArgs),
    /// Ask in SQL, one question after the other, with completion and history
    Sql(SqlArgs),
    /// Write all runs of an experiment to a file, for other programs
    Export(ExportArgs),
    /// Draw a metric in the terminal, or as a picture: `metalab plot metrics.loss --by params.lr`
    Plot(PlotArgs),
    /// List the experiments of the store
    Experiments(ExperimentsArgs),
    /// List the newest runs, or those for which an expression is true
    Runs(RunsArgs),
    /// Everything about one run
    Show(ShowArgs),
    /// What differs between two runs: parameters, metrics, outputs, code, environment
    Diff(DiffArgs),
    /// How the last submission of an experiment stands
    Status(StatusArgs),
    /// Follow a submission until it ends
    Watch(WatchArgs),
    /// Ask the driver that works on an experiment to stop, from another terminal
    Cancel(CancelArgs),
    /// Print what a run logged, also while it works
    Logs(LogsArgs),
    /// List the artifacts of a run, or write one
    Artifacts(ArtifactsArgs),
    /// What asking for an experiment again would do
    Plan(PlanArgs),
    /// What was hashed into a run's id, and where two runs part
    Why(WhyArgs),
    /// Draw the steps of an experiment, or what a run was made from and what was made from it
    Graph(GraphArgs),
    /// Keep an SQL expression as a derived metric: `metalab derive normalized = "metrics.score / params.lr"`
    Derive(DeriveArgs),
    /// List what was asked for, submission by submission, and compare two of them
    Manifests(ManifestsArgs),
    /// The store itself
    #[command(subcommand)]
    Store(StoreCommand),
    /// Run an experiment of this program
    Run(RunArgs),
    /// Execute a sample of finished runs again, and compare what they give
    Verify(VerifyArgs),
    /// Print the script by which a shell completes commands, run ids and experiments
    Completions(CompletionsArgs),
    /// Write the manual pages to a folder
    Man(ManArgs),
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct QueryArgs {
    /// The question; `-` (or nothing, with a pipe) reads it from standard input; nothing on a terminal begins the shell
    #[arg(value_name = "SQL", conflicts_with = "file")]
    pub(crate) sql: Option<String>,
    /// Read the question from a file
    #[arg(short, long, value_name = "FILE.sql")]
    pub(crate) file: Option<PathBuf>,
    /// How the answer is written [default: by the name of the output, else table]
    #[arg(long, value_parser = formats::answers())]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Seconds the question may take; 0 for as long as it takes
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0, value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Memory the question may use [default: half of the machine's, 2G at most]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// Change nothing in the store, not even the tables (the answer is the same)
    #[arg(long)]
    pub(crate) read_only: bool,
    #[command(flatten)]
    pub(crate) stores: StoresArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Write to a file instead of standard output
    #[arg(short = 'o', long = "output", value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "path")]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// How the list is written
    #[arg(long, value_parser = formats::lists(), default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct TextArgs {
    /// How it is written
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub(crate) format: TextFormat,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// First digits of the run's id
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: String,
    /// Print the backtrace of a panic as well
    #[arg(long)]
    pub(crate) backtrace: bool,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    #[command(flatten)]
    pub(crate) moment: MomentArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// First digits of the run's id
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: String,
    /// Follow the log of a run that works, until its record is there
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// This stream instead of the log, such as `stdout` of a program that the run started
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ArtifactsArgs {
    /// First digits of the run's id
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: String,
    /// The artifact to write; `output` is what the operation returned
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Name of the experiment
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WhyArgs {
    /// First digits of the run's id
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: String,
    /// Another run to compare it with
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    pub(crate) other: Option<String>,
    #[command(flatten)]
    pub(crate) text: TextArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GraphArgs {
    /// Name of the experiment; may be left out when the program has one
    #[arg(conflicts_with = "run", add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// Draw this run instead: what it was made from, and what was made from it
    #[arg(long, value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: Option<String>,
    /// How many steps to go from the run, in both directions
    #[arg(long, value_name = "N", default_value_t = 3, requires = "run")]
    pub(crate) depth: usize,
    /// How it is drawn [default: by the name of the output, else dot]
    #[arg(long, value_enum)]
    pub(crate) format: Option<GraphFormat>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// What lies in the store, and what is damaged
    Info(TextArgs),
    /// Make index and tables anew from the journal
    Rebuild(RebuildArgs),
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct RebuildArgs {
    /// Only the tables
    #[arg(long, conflicts_with = "index")]
    pub(crate) tables: bool,
    /// Only the index
    #[arg(long)]
    pub(crate) index: bool,
}

impl Args {
    /// Parses a command line; the first item is the name of the program.
    ///
    /// # Errors
    /// When it is wrong, or asks for help or the version: then the error is the text to print.
    pub fn parse_from(
        line: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        Self::parse_for(line, false)
    }

    /// Whether the command talks with a person who is there: then Ctrl-C is for the question, not for the program.
    pub(crate) fn talks(&self) -> bool {
        match &self.command {
            Command::Sql(_) => true,
            Command::Query(query) => query.begins_shell(),
            _ => false,
        }
    }

    /// The same for a program that has experiments: only there `run` and `verify` are offered.
    pub(crate) fn parse_for(
        line: impl IntoIterator<Item = impl Into<OsString> + Clone>,
        has_experiments: bool,
    ) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&Self::definition(has_experiments).try_get_matches_from(line)?)
    }

    /// All commands; those that need experiments are hidden where there are none.
    pub(crate) fn definition(has_experiments: bool) -> clap::Command {
        Self::command()
            .mut_subcommand("run", |run| run.hide(!has_experiments))
            .mut_subcommand("verify", |verify| verify.hide(!has_experiments))
    }
}

impl QueryArgs {
    /// Whether nothing was asked, and nothing says that the answer goes elsewhere.
    pub(crate) fn begins_shell(&self) -> bool {
        self.sql.is_none() && self.file.is_none() && self.output.path.is_none()
    }
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..1e9).contains(&seconds) => Ok(seconds),
        _ => Err("give a number of seconds, such as 60 or 0.5".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_last_store_counts() {
        for line in [["--store", "a", "--store=b", "runs"], ["--store", "a", "runs", "--store=b"]] {
            let args = Args::parse_from(std::iter::once("metalab").chain(line)).expect("it is right");
            assert_eq!(args.store, "b", "{line:?}");
        }
    }

    #[test]
    fn every_command_and_option_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} of {}", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Args::command());
    }
}
