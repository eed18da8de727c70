//! Questions about a store that need no table: experiments, runs, one run, why it ran, what a
//! plan would do, whether runs come out as they did, and graphs to look at.

mod experiments;
mod find;
mod forecast;
mod graph;
mod newest;
mod parting;
mod runs;
mod show;
mod status;
mod taken;
mod verify;
mod why;
mod wiring;
mod xml;

pub use crate::manifest::manifests_of as manifests;
pub use experiments::{ExperimentInfo, experiment_names, experiments};
pub use find::{FindError, find_run};
pub use forecast::{Forecast, ForecastError, StepForecast, forecast, forecast_last};
pub use graph::{Edge, EdgeKind, Graph, Node, NodeKind, lineage, steps_of, steps_of_plan};
pub use newest::{RunHint, newest};
pub use runs::{RunFilter, RunInfo, runs, these_runs};
pub use show::{RunDetails, show};
pub use status::{CellCounts, FailedFirst, State, StepStatus, SubmissionStatus, status};
pub use verify::{DifferingRun, FailedRun, VerifyError, VerifyReport, verified};
pub use why::{Why, WhyError, why};
pub use xml::xml_text;

use metalab_cas::Value;

/// The entries of an encoded canonical map, by name, with values as JSON text.
pub(crate) fn json_entries(bytes: &[u8]) -> Vec<(String, String)> {
    match Value::decode(bytes) {
        Ok(Value::Map(map)) => map
            .iter()
            .map(|(key, value)| {
                (key.as_text().map_or_else(|| key.to_string(), str::to_owned), value.to_json_text())
            })
            .collect(),
        _ => Vec::new(),
    }
}
