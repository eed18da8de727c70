//! Arguments of what keeps derived metrics, looks at manifests, and sets the program up.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::{ListArgs, TextArgs};
use crate::complete;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeriveArgs {
    /// `NAME = "EXPR"` keeps an SQL expression over the columns of `runs`, asked for as `derived.NAME`; in a program with derived functions, `NAME` computes that function for the finished runs of `--experiment`
    #[arg(value_name = "NAME = EXPR", required_unless_present_any = ["list", "drop"])]
    pub(crate) what: Vec<String>,
    /// Only for this experiment
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// List the expressions that are kept
    #[arg(long, conflicts_with_all = ["what", "drop"])]
    pub(crate) list: bool,
    /// Give up an expression
    #[arg(long, value_name = "NAME", conflicts_with = "what")]
    pub(crate) drop: Option<String>,
    /// Compute a function again also where its code has not changed
    #[arg(long, conflicts_with_all = ["list", "drop"])]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) list_args: ListArgs,
}

#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ManifestsArgs {
    /// Only submissions of this experiment
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    #[command(subcommand)]
    pub(crate) command: Option<ManifestsCommand>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ManifestsCommand {
    /// All of one manifest, as JSON
    Show {
        /// First characters of the submission, as `metalab manifests` lists it
        submission: String,
    },
    /// What changed from one submission to another
    Diff {
        /// First characters of a submission
        old: String,
        /// First characters of the other
        new: String,
        #[command(flatten)]
        text: TextArgs,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// For this shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// Add to ~/.bashrc: source <(metalab completions bash)
    Bash,
    /// Add to ~/.zshrc, after compinit: source <(metalab completions zsh)
    Zsh,
    /// Add to ~/.config/fish/config.fish: metalab completions fish | source
    Fish,
}

impl Shell {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The folder for the pages, such as ~/.local/share/man/man1
    pub(crate) folder: PathBuf,
    /// Replace pages that are there
    #[arg(long)]
    pub(crate) force: bool,
}
