//! The cost of a run: executed for the first time, asked for again, looked up.

use std::path::Path;

use metalab::engine::index::Glance;
use metalab::engine::inspect::{find_run, show};
use metalab::engine::store::{Access, Store};

use crate::measure::{Watch, children_cpu, files, in_process};
use crate::table::Row;
use crate::{Options, Result, report};

/// Does nothing, for two numbers.
#[metalab::operation(code = "manual")]
fn nothing(x: u64, y: u64) -> u64 {
    x ^ y
}

/// A square sweep of about `runs` runs.
pub(crate) fn experiment(runs: u64) -> metalab::Experiment {
    let side = (runs as f64).sqrt() as u64;
    metalab::Experiment::new("bench", "1")
        .sweep(Nothing::grid().x((0..runs / side).collect::<Vec<_>>()).y((0..side).collect::<Vec<_>>()))
}

/// A whole sweep from process start.
pub(crate) fn sweep(store: &str, runs: u64) -> Result<()> {
    let watch = Watch::start();
    let results = metalab::run(experiment(runs)).store(store).blocking()?;
    let summary = results.summary().ok_or("a sweep has a summary")?;
    report(&watch.read(summary.succeeded))
}

/// A whole sweep in worker processes; the CPU time is that of the driver and of the workers.
pub(crate) fn processes(store: &str, runs: u64) -> Result<()> {
    let watch = Watch::start();
    let executor = metalab::executors::Processes::new(2)?;
    let results = metalab::run(experiment(runs)).store(store).executor(executor).blocking()?;
    let summary = results.summary().ok_or("a sweep has a summary")?;
    let mut measured = watch.read(summary.succeeded);
    // Workers have ended with the executor, which the driver held.
    measured.cpu += children_cpu()?;
    report(&measured)
}

/// One run by a prefix, from process start.
pub(crate) fn find(store: &str, prefix: &str) -> Result<()> {
    let watch = Watch::start();
    let store = Store::open(store, Access::ReadOnly)?;
    let index = Glance::at(&store)?;
    let found = show(&index, &find_run(&index, prefix)?)?;
    report(&watch.read(found.others.len() as u64 + 1))
}

pub(crate) fn measure(options: &Options, scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let store = scratch.join("runs");
    let path = store.to_str().ok_or("a path that is text")?;
    let count = options.runs.to_string();
    let n = options.runs as f64;

    let first = in_process(&["sweep", path, &count])?;
    let (cpu, rate) = (first.cpu / n * 1e6, n / first.wall);
    rows.push(Row {
        work: format!("no-op operation, first run, durable, {count} runs"),
        goal: "<= 5 us of CPU per run, >= 200,000 runs/s",
        reached: format!("{cpu:.2} us, {rate:.0} runs/s"),
        met: cpu <= 5.0 && rate >= 200_000.0,
    });

    let before = files(&store)?;
    let again = in_process(&["sweep", path, &count])?;
    let after = files(&store)?;
    let (cpu, written) = (again.cpu / n * 1e6, after.1.saturating_sub(before.1));
    rows.push(Row {
        work: format!("the same {count} again, all reused, from process start"),
        goal: "<= 1.5 us of CPU per run, < 100 KB written",
        reached: format!("{cpu:.2} us, {:.1} KB, {:.2} s", written as f64 / 1e3, again.wall),
        met: cpu <= 1.5 && written < 100_000 && again.count == 0,
    });

    let some = metalab::engine::results::Results::load(&Store::open(path, Access::ReadOnly)?, "bench")?;
    let id = some.iter().nth(options.runs as usize / 2).ok_or("a run")??.id().to_string();
    let found = in_process(&["find", path, &id[..12]])?;
    rows.push(Row {
        work: format!("one run by prefix among {count}, with its record"),
        goal: "< 5 ms beside process start",
        reached: format!("{:.2} ms", found.wall * 1e3),
        met: found.wall < 5e-3,
    });

    let store = scratch.join("processes");
    let path = store.to_str().ok_or("a path that is text")?;
    let sweep = in_process(&["processes", path, "200000"])?;
    let cpu = sweep.cpu / sweep.count as f64 * 1e6;
    rows.push(Row {
        work: "process executor, no-op, warm, 200,000 runs".into(),
        goal: "<= 50 us of CPU per run in the driver and workers together",
        reached: format!("{cpu:.1} us, {:.0} runs/s", sweep.count as f64 / sweep.wall),
        met: cpu <= 50.0,
    });

    let store = scratch.join("memory");
    let path = store.to_str().ok_or("a path that is text")?;
    let sweep = in_process(&["sweep", path, "300000"])?;
    let (count, _) = files(&store)?;
    rows.push(Row {
        work: "300,000-run sweep".into(),
        goal: "peak memory < 300 MB, < 1,000 files",
        reached: format!("{:.0} MB, {count} files", sweep.memory as f64 / 1e6),
        met: sweep.memory < 300_000_000 && count < 1_000,
    });
    Ok(())
}
