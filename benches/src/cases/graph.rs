//! The cost of a graph: chains, fan-ins, graphs that are done already, plans.

use std::path::Path;

use metalab::{Experiment, Gathered, Input};

use crate::measure::{Watch, in_process};
use crate::table::Row;
use crate::{Options, Result, report};

/// The first of a chain.
#[metalab::operation(code = "manual")]
fn start(x: u64) -> u64 {
    x
}

/// A link of a chain.
#[metalab::operation(code = "manual")]
fn next(value: Input<u64>) -> u64 {
    value.wrapping_add(1)
}

/// Two links at once.
#[metalab::operation(code = "manual")]
fn both(a: Input<u64>, b: Input<u64>) -> u64 {
    a.wrapping_mul(31).wrapping_add(*b)
}

/// The end of a fan-in.
#[metalab::operation(code = "manual")]
fn total(values: Gathered<u64>) -> u64 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(**value))
}

/// `steps` steps of `cells` cells, each fed by the one before.
fn chain(steps: u64, cells: u64) -> Experiment {
    let mut exp = Experiment::new("chain", "1");
    let mut last = exp.step(Start::grid().x(spread(cells)));
    for number in 1..steps {
        last = exp.step(Next::grid().value(&last).named(format!("link-{number}")));
    }
    exp
}

/// Five steps of `cells` cells: start, two sides, their join, and what follows.
fn diamond(cells: u64) -> Experiment {
    let mut exp = Experiment::new("diamond", "1");
    let first = exp.step(Start::grid().x(spread(cells)));
    let left = exp.step(Next::grid().value(&first).named("left"));
    let right = exp.step(Both::grid().a(&first).b(&first).named("right"));
    let joined = exp.step(Both::grid().a(&left).b(&right).named("joined"));
    exp.step(Next::grid().value(&joined).named("last"));
    exp
}

/// Numbers far apart, so that no two cells are the same run.
fn spread(cells: u64) -> Vec<u64> {
    (0..cells).map(|x| x << 20).collect()
}

fn fan_in(cells: u64) -> Experiment {
    let mut exp = Experiment::new("fan-in", "1");
    let all = exp.step(Start::grid().x(spread(cells)));
    exp.step(Total::grid().values(all.gather()));
    exp
}

fn experiment(name: &str, size: u64) -> Result<Experiment> {
    match name {
        "chain" => Ok(chain(size / 100, 100)),
        "diamond" => Ok(diamond(size / 5)),
        "fan-in" => Ok(fan_in(size)),
        "sources" => Ok(Experiment::new("fan-in", "1").sweep(Start::grid().x(spread(size)))),
        _ => Err(format!("no graph {name}").into()),
    }
}

/// A graph from process start to its end; counts the runs that were executed.
pub(crate) fn run(store: &str, name: &str, size: u64) -> Result<()> {
    let watch = Watch::start();
    let results = metalab::run(experiment(name, size)?).store(store).blocking()?;
    let summary = results.summary().ok_or("a graph has a summary")?;
    if summary.failed + summary.skipped > 0 {
        return Err(format!("{summary:?}").into());
    }
    report(&watch.read(summary.succeeded))
}

/// A plan of a graph from process start.
pub(crate) fn plan(store: &str, name: &str, size: u64) -> Result<()> {
    let watch = Watch::start();
    let forecast = metalab::plan(experiment(name, size)?).store(store).report()?;
    report(&watch.read(forecast.steps.len() as u64))
}

pub(crate) fn measure(options: &Options, scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let store = |name: &str| {
        let path = scratch.join(name);
        path.to_str().map(str::to_owned).ok_or("a path that is text")
    };
    let size = (options.runs / 10).max(1000);

    let path = store("chain")?;
    let ran = in_process(&["graph", &path, "chain", &size.to_string()])?;
    let cpu = ran.cpu / ran.count as f64 * 1e6;
    rows.push(Row {
        work: format!("chain of {size} runs ({} steps of 100), typed output to typed input", size / 100),
        goal: "<= 25 us of CPU per run",
        reached: format!("{cpu:.2} us, {:.2} s", ran.wall),
        met: cpu <= 25.0,
    });

    let path = store("fan-in")?;
    in_process(&["graph", &path, "sources", &size.to_string()])?;
    let ran = in_process(&["graph", &path, "fan-in", &size.to_string()])?;
    rows.push(Row {
        work: format!("fan-in of {size} outputs into one run, from process start"),
        goal: "< 2 s",
        reached: format!("{:.2} s, {:.0} MB", ran.wall, ran.memory as f64 / 1e6),
        met: ran.wall < 2.0 && ran.count == 1,
    });

    let path = store("diamond")?;
    let count = options.runs.to_string();
    let first = in_process(&["graph", &path, "diamond", &count])?;
    let again = in_process(&["graph", &path, "diamond", &count])?;
    rows.push(Row {
        work: format!("fully cached graph of {count} runs in 5 steps, from process start"),
        goal: "< 4 s, < 500 MB",
        reached: format!(
            "{:.2} s, {:.0} MB (first time {:.1} s, {:.2} us of CPU per run)",
            again.wall,
            again.memory as f64 / 1e6,
            first.wall,
            first.cpu / first.count as f64 * 1e6
        ),
        met: again.wall < 4.0 && again.memory < 500_000_000 && again.count == 0,
    });

    for (name, what) in [("nothing", "on an empty store"), ("diamond", "on a store that has it")] {
        let planned = in_process(&["plan", &store(name)?, "diamond", "300000"])?;
        rows.push(Row {
            work: format!("plan of a 300,000-run graph {what}"),
            goal: "< 1 s",
            reached: format!("{:.2} s", planned.wall),
            met: planned.wall < 1.0,
        });
    }
    Ok(())
}
