//! `docs/guide/quickstart.md`.

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

fn main() -> metalab::Result<()> {
    let experiment = Experiment::new("pi_mc", "0.1")
        .sweep(EstimatePi::grid().n_samples([1_000, 10_000, 100_000]))
        .seeds(seeds(42).replicates(3));
    let results = metalab::run(experiment).store("./runs").progress(true).blocking()?;
    println!("{}", results.table());
    println!("{}", results.group_by(&["n_samples"])?);
    Ok(())
}

#[cfg(feature = "cli")]
mod command_line {
    use super::{EstimatePi, Experiment, seeds};

    #[metalab::experiment]
    fn pi() -> Experiment {
        Experiment::new("pi_mc", "0.1").sweep(EstimatePi::grid().n_samples([1_000, 10_000])).seeds(seeds(42))
    }

    #[metalab::main]
    fn main() {}
}
