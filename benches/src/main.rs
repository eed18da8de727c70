//! Measures what the README and the docs say about speed and size, and prints one table.
//!
//! ```text
//! cargo build --release -p metalab -p metalab-benches             the program `metalab` as well, which is measured from outside
//! cargo run --release -p metalab-benches                          everything
//! cargo run --release -p metalab-benches --no-default-features    all but folding and SQL (builds in two minutes)
//! cargo run --release -p metalab-benches -- --only runs,blobs     some of it
//! cargo run --release -p metalab-benches -- --runs 100000         smaller
//! ```
//!
//! Each row defends one sentence. Where a process start belongs to what is measured, the case runs in a process of its
//! own (this program again). CPU time is that of the whole process; it is steadier than wall time on a shared machine.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what it prints")]

mod cases;
mod measure;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use measure::Measured;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What was asked for.
struct Options {
    runs: u64,
    only: Vec<String>,
    folder: PathBuf,
}

fn main() -> ExitCode {
    metalab::init();
    let mut arguments = std::env::args().skip(1).collect::<Vec<_>>();
    if arguments.first().map(String::as_str) == Some("--case") {
        arguments.remove(0);
        return end(cases::child(&arguments));
    }
    let mut options = Options { runs: 1_000_000, only: Vec::new(), folder: std::env::temp_dir() };
    while !arguments.is_empty() {
        let name = arguments.remove(0);
        let value = if arguments.is_empty() { String::new() } else { arguments.remove(0) };
        match (name.as_str(), value.parse()) {
            ("--runs", Ok(runs)) => options.runs = runs,
            ("--only", _) => options.only = value.split(',').map(str::to_owned).collect(),
            ("--folder", _) => options.folder = value.into(),
            _ => {
                eprintln!(
                    "usage: metalab-benches [--runs N] [--only runs,graph,capture,params,segments,blobs,sql,command,large] [--folder DIR]"
                );
                return ExitCode::from(2);
            }
        }
    }
    end(cases::all(&options))
}

fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One process of a case, as its parent reads it.
fn report(measured: &Measured) -> Result<()> {
    println!("{}", serde_json::to_string(measured)?);
    Ok(())
}
