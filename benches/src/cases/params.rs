//! The cost of parameter sources: planning a million drawn sets beside a grid of a million.

use std::path::Path;

use metalab::Experiment;
use metalab::params::{Random, Sobol, int_range, log_uniform, uniform};

use crate::measure::{Watch, in_process};
use crate::table::Row;
use crate::{Result, report};

const SETS: u64 = 1_000_000;

/// Three arguments and no work.
#[metalab::operation(code = "manual")]
fn three(lr: f64, dropout: f64, depth: u64) -> f64 {
    lr * dropout * depth as f64
}

fn experiment(name: &str) -> Result<Experiment> {
    let exp = Experiment::new("params", "1");
    let (lr, dropout, depth) = (log_uniform(1e-5, 1e-1), uniform(0.0, 0.5), int_range(1..=100));
    Ok(match name {
        "random" => exp.sweep(Three::sample(Random::new(SETS).seed(7)).lr(lr).dropout(dropout).depth(depth)),
        "sobol" => exp.sweep(Three::sample(Sobol::new(SETS).seed(7)).lr(lr).dropout(dropout).depth(depth)),
        "grid" => {
            let hundred = |scale: f64| (1..=100).map(|x| f64::from(x) * scale).collect::<Vec<_>>();
            exp.sweep(Three::grid().lr(hundred(1e-3)).dropout(hundred(5e-3)).depth(1..=100))
        }
        other => return Err(format!("no source `{other}`").into()),
    })
}

/// A plan from process start.
pub(crate) fn plan(store: &str, name: &str) -> Result<()> {
    let watch = Watch::start();
    let forecast = metalab::plan(experiment(name)?).store(store).report()?;
    report(&watch.read(forecast.steps.iter().map(|step| step.cells).sum()))
}

pub(crate) fn measure(scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let store = scratch.join("params").to_string_lossy().into_owned();
    let seconds = |name| in_process(&["params", &store, name]).map(|planned| planned.wall);
    let (grid, random, sobol) = (seconds("grid")?, seconds("random")?, seconds("sobol")?);
    rows.push(Row {
        work: "plan of 1,000,000 sets of three arguments: a grid; random; Sobol".into(),
        goal: "a drawn one < 3 s",
        reached: format!("{grid:.2} s; {random:.2} s; {sobol:.2} s"),
        met: random < 3.0 && sobol < 3.0,
    });
    Ok(())
}
