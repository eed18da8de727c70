//! Monte Carlo estimates of pi: the smallest experiment, asynchronously under tokio.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use metalab::{Capture, Experiment, SeedBundle, seeds};
use rand::RngExt;

#[metalab::operation]
fn estimate_pi(n_samples: u64, seeds: &SeedBundle, capture: &Capture) -> metalab::Result<f64> {
    let mut rng = seeds.rng("darts");
    let hits = (0..n_samples).filter(|_| rng.random::<f64>().hypot(rng.random()) <= 1.0).count();
    let pi = 4.0 * hits as f64 / n_samples as f64;
    capture.metric("error", (pi - std::f64::consts::PI).abs());
    Ok(pi)
}

#[tokio::main]
async fn main() -> metalab::Result<()> {
    let store = std::env::var("METALAB_STORE").unwrap_or_else(|_| "./runs".into());
    let exp = Experiment::new("pi_mc", "0.1")
        .sweep(EstimatePi::grid().n_samples([1_000, 10_000, 100_000]))
        .seeds(seeds(42).replicates(3));
    let results = metalab::run(exp).store(store).progress(true).await?.result().await?;
    println!("{}", results.table());
    Ok(())
}
