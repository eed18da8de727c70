//! Arguments of what executes experiments of the program.

use clap_complete::engine::ArgValueCompleter;

use super::{TextArgs, seconds};
use crate::complete;
use crate::program::ProgressWay;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Name of the experiment; may be left out when the program has one
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// Run everything again, also what was done
    #[arg(long)]
    pub(crate) rerun: bool,
    /// Start nothing new after the first failure
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// How often a failed run is tried again
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) retries: u32,
    /// Seconds one run may take
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<f64>,
    /// Run in this many processes, where a crash is one failed run; 0 for one per core [default: in threads]
    #[arg(long, value_name = "N")]
    pub(crate) processes: Option<usize>,
    /// How progress is shown on standard error [default: auto, or none with --quiet]
    #[arg(long, value_enum, value_name = "WAY")]
    pub(crate) progress: Option<ProgressWay>,
    /// Also show a metric of the run that succeeded last, such as `loss:.4f`; may be given several times
    #[arg(long = "metric", value_name = "NAME[:FORMAT]")]
    pub(crate) metrics: Vec<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Name of the experiment; without it, all of the program
    #[arg(add = ArgValueCompleter::new(complete::experiments))]
    pub(crate) experiment: Option<String>,
    /// How many of the finished runs: a share such as 1%, or a number; one at least
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = replay)]
    pub(crate) replay: Replay,
    /// Only runs of this operation
    #[arg(long, value_name = "NAME")]
    pub(crate) operation: Option<String>,
    /// Another number chooses other runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Only this run
    #[arg(long, value_name = "RUN", conflicts_with_all = ["replay", "operation"], add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: Option<String>,
    /// Execute in this many processes, where a crash is one failed run; 0 for one per core [default: in threads]
    #[arg(long, value_name = "N")]
    pub(crate) processes: Option<usize>,
    #[command(flatten)]
    pub(crate) text: TextArgs,
}

/// How much of what is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Replay {
    Share(f64),
    Count(u64),
}

fn replay(text: &str) -> Result<Replay, String> {
    let wrong = || "give a share of the runs, such as 1%, or a number of runs, such as 20".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => match percent.trim().parse::<f64>() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Replay::Share(percent / 100.0)),
            _ => Err(wrong()),
        },
        None => text.parse().ok().filter(|count| *count > 0).map(Replay::Count).ok_or_else(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_shares_or_numbers() {
        assert_eq!(replay("0.5%"), Ok(Replay::Share(0.005)));
        assert_eq!(replay("12"), Ok(Replay::Count(12)));
        for text in ["", "%", "0%", "101%", "NaN%", "-1", "0", "0.5", "many"] {
            assert!(replay(text).is_err(), "{text}");
        }
    }
}
