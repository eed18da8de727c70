//! `docs/guide/derived.md`.

use metalab::results::Results;
use metalab::{Experiment, Store};

use metalab::results::RunResult;

/// Loss for what it cost.
#[metalab::derived]
fn price(run: &RunResult) -> metalab::Result<f64> {
    Ok(run.metric_f64("loss")?.ln() / run.param::<f64>("steps")?)
}

#[metalab::derived]
fn digits(run: &RunResult) -> metalab::Result<f64> {
    Ok(-run.metric_f64("loss")?.log10())
}

#[metalab::operation]
fn descend(lr: f64, steps: u64) -> f64 {
    lr * steps as f64
}

fn right_after() -> Experiment {
    let experiment = Experiment::new("descent", "1")
        .sweep(Descend::grid().lr([0.1, 0.2]).steps(10))
        .derive(Price)                                               // of every step
        .derive_from("descend", Digits);                             // of one step
    experiment
}

fn later(results: Results) -> metalab::Result<()> {
    let derived = metalab::derive(&results).with(Digits).with(Price).keep()?;
    println!("{} computed, {} were there, {} failed", derived.computed, derived.up_to_date, derived.failed);
    Ok(())
}

fn expressions(store: Store) -> metalab::Result<()> {
    use metalab::derived::expressions;

    expressions::keep(&store, "normalized", Some("descent"), "metrics.loss / params.steps")?;   // or None: of all experiments
    expressions::give_up(&store, "normalized", Some("descent"))?;
    Ok(())
}
