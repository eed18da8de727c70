//! Runs in processes of their own: what kills one run leaves the others alone.
//!
//! ```text
//! cargo run --example crashes -- ./runs
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::time::Duration;

use metalab::Experiment;

/// Some libraries are like that: for some arguments they abort, or end the program.
#[metalab::operation]
fn moody(x: u64) -> metalab::Result<f64> {
    match x {
        7 => std::process::abort(),
        13 => std::process::exit(7),
        _ => Ok((x as f64).sqrt()),
    }
}

/// `#[metalab::main]` makes this program its own worker: in the processes that it starts for runs, nothing of what
/// stands here happens.
#[metalab::main]
fn main() -> metalab::Result<()> {
    println!("started with {} argument", std::env::args().skip(1).count());
    let store = std::env::args().nth(1).unwrap_or_else(|| "./runs".into());
    let experiment = Experiment::new("crashes", "1").sweep(Moody::grid().x((0..20).collect::<Vec<_>>()));
    let results =
        metalab::run(experiment).store(store).processes(2).timeout(Duration::from_secs(60)).blocking()?;
    println!("{} of {} done", results.len() - results.failed().len(), results.len());
    for run in results.failed().iter() {
        let run = run?;
        let error = run.error().map(|error| error.chain.join(": ")).unwrap_or_default();
        println!("x = {}: {error}", run.param_value("x").unwrap_or_default());
    }
    Ok(())
}
