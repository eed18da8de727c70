//! The program `metalab` as a person waits for it: from process start to its end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use metalab::engine::results::RunResult;
use metalab::engine::store::{Access, Store};

use super::runs::experiment;
use crate::measure::{Watch, in_process, median};
use crate::table::Row;
use crate::{Options, Result, report};

/// A metric of a finished run.
#[metalab::derived(code = "manual")]
fn total(run: &RunResult) -> metalab::Result<u64> {
    Ok(run.param::<u64>("x")? + run.param::<u64>("y")?)
}

/// A sweep whose runs are all derived from.
pub(crate) fn derived(store: &str, runs: u64) -> Result<()> {
    let watch = Watch::start();
    let results = metalab::run(experiment(runs).derive(Total)).store(store).blocking()?;
    let summary = results.summary().ok_or("a sweep has a summary")?;
    report(&watch.read(summary.succeeded))
}

pub(crate) fn measure(options: &Options, scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let program = program()?;
    let small = scratch.join("small");
    let path = small.to_str().ok_or("a path that is text")?;
    in_process(&["sweep", path, "100000"])?;
    in_process(&["fold", path])?;
    let some = metalab::engine::results::Results::load(&Store::open(path, Access::ReadOnly)?, "bench")?;
    let id = some.iter().nth(50_000).ok_or("a run")??.id().to_string();
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["--store", path]).args(arguments);
        command
    };
    let asked: [(&str, &[&str]); 5] = [
        ("metalab runs", &["runs"]),
        (
            "metalab runs --where 'params.x < 9' --sort duration_s",
            &["runs", "--where", "params.x < 9", "--sort", "duration_s"],
        ),
        ("metalab query 'SELECT count(*) FROM runs'", &["query", "SELECT count(*) FROM runs"]),
        (
            "metalab query, a mean by group",
            &["query", "SELECT params.x, avg(output) FROM runs WHERE params.y < 99 GROUP BY 1 LIMIT 5"],
        ),
        ("metalab show RUN", &["show", &id[..8]]),
    ];
    for (work, arguments) in asked {
        rows.push(waited(format!("`{work}`, 100,000 runs"), "< 150 ms", 0.150, || ask(arguments))?);
    }
    let completed: [(&str, &[&str]); 3] = [
        ("a run by 4 digits", &["show", &id[..4]]),
        ("a run by nothing", &["show", ""]),
        ("an experiment", &["status", "be"]),
    ];
    for (work, words) in completed {
        let complete = || {
            let mut command = Command::new(&program);
            command.env("METALAB_COMPLETE", "fish").args(["--", "metalab", "--store", path]).args(words);
            command
        };
        rows.push(waited(format!("completion of {work}, 100,000 runs"), "< 50 ms", 0.050, complete)?);
    }

    let large = scratch.join("large");
    let path = large.to_str().ok_or("a path that is text")?;
    let count = options.runs.to_string();
    in_process(&["derived", path, &count])?;
    let folded = in_process(&["fold", path])?;
    rows.push(Row {
        work: format!("fold of {count} runs with a derived metric"),
        goal: "",
        reached: format!("{:.2} s, {:.0} MB", folded.wall, folded.memory as f64 / 1e6),
        met: true,
    });
    let out = scratch.join("runs.parquet");
    let export = || {
        let mut command = Command::new(&program);
        command.args(["--store", path, "export", "--force", "-o"]).arg(&out);
        command
    };
    rows.push(waited(format!("`metalab export -o runs.parquet`, {count} runs"), "< 5 s", 5.0, export)?);
    let mean = || {
        let mut command = Command::new(&program);
        command.args([
            "--store",
            path,
            "query",
            "SELECT params.x, avg(derived.total) FROM runs GROUP BY 1 LIMIT 5",
        ]);
        command
    };
    rows.push(waited(
        format!("`metalab query`, mean of a derived metric by group, {count} runs"),
        "",
        f64::MAX,
        mean,
    )?);
    Ok(())
}

/// The program beside this one.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("metalab");
    if program.is_file() {
        return Ok(program);
    }
    Err("the program `metalab` is not there: `cargo build --release -p metalab` first".into())
}

/// The middle of nine times, seconds of a wall clock, after one that warms the cache of files.
fn waited(work: String, goal: &'static str, limit: f64, command: impl Fn() -> Command) -> Result<Row> {
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        let output = command().stdin(Stdio::null()).output()?;
        times.push(start.elapsed().as_secs_f64());
        if !output.status.success() || output.stdout.is_empty() && output.stderr.is_empty() {
            return Err(format!("{work}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
    }
    let middle = median(times.split_off(1));
    let reached = if middle < 1.0 { format!("{:.0} ms", middle * 1e3) } else { format!("{middle:.2} s") };
    Ok(Row { work, goal, reached, met: middle < limit })
}
