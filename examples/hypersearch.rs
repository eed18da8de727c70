//! A search for hyperparameters in two rounds, on handwritten digits: first evenly over the whole space, then at random around
//! the best. Nothing of the first round runs again in the second.
//!
//! `cargo run --example hypersearch`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use metalab::params::{self, Params, Random, Sobol, choice, int_range, log_uniform};
use metalab::results::Results;
use metalab::{Capture, Experiment, FilePath, Result, SeedBundle, seeds};

/// Momentum only for plain descent.
#[metalab::resolver]
fn momentum(set: &Params) -> Result<Option<f64>> {
    Ok((set.get::<String>("optimizer")? == "sgd").then_some(0.9))
}

/// Softmax regression; returns the share of test digits that it gets wrong.
#[metalab::operation]
#[allow(clippy::too_many_arguments, reason = "each is a parameter of the search")]
fn train(
    file: FilePath,
    lr: f64,
    decay: f64,
    epochs: u32,
    optimizer: String,
    #[default(0.0)] momentum: f64,
    seeds: &SeedBundle,
    capture: &Capture,
) -> Result<f64> {
    let text = std::fs::read_to_string(&file)?;
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
        let numbers: Vec<f64> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let (label, pixels) = numbers.split_last().ok_or("an empty line")?;
        rows.push((pixels.iter().map(|x| x / 16.0).chain([1.0]).collect::<Vec<_>>(), *label as usize));
    }
    let mut rng = seeds.shared("split");
    for last in (1..rows.len()).rev() {
        rows.swap(last, (rng.uniform() * (last + 1) as f64) as usize);
    }
    let (test, train) = rows.split_at(rows.len() / 4);
    let width = train.first().ok_or("no digits")?.0.len();
    let (mut weights, mut speed) = (vec![0.0; 10 * width], vec![0.0; 10 * width]);
    let score = |weights: &[f64], x: &[f64]| -> Vec<f64> {
        weights.chunks(width).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
    };
    for epoch in 0..epochs {
        for (x, label) in train {
            let scores = score(&weights, x);
            let most = scores.iter().copied().fold(f64::MIN, f64::max);
            let odds: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
            let total: f64 = odds.iter().sum();
            for (class, odd) in odds.iter().enumerate() {
                let wrong = odd / total - f64::from(u8::from(class == *label));
                for (at, x) in x.iter().enumerate() {
                    let at = class * width + at;
                    let slope = wrong * x + decay * weights[at];
                    speed[at] = match optimizer.as_str() {
                        "sgd" => momentum * speed[at] + slope,
                        "sign" => slope.signum() * f64::from(u8::from(slope != 0.0)) * 0.1,
                        other => return Err(format!("no optimizer is called `{other}`").into()),
                    };
                    weights[at] -= lr * speed[at];
                }
            }
        }
        let right = |(x, label): &&(Vec<f64>, usize)| {
            let scores = score(&weights, x);
            (0..10).max_by(|a, b| scores[*a].total_cmp(&scores[*b])) == Some(*label)
        };
        let error = 1.0 - test.iter().filter(right).count() as f64 / test.len() as f64;
        capture.step("error", u64::from(epoch), error);
        if epoch + 1 == epochs {
            return Ok(error);
        }
    }
    Err("train for one epoch at least".into())
}

fn main() -> Result<()> {
    let store = std::env::var("METALAB_STORE").unwrap_or_else(|_| "./runs".into());
    let file = FilePath::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/digits.csv"));
    let whole = params::sample(Sobol::new(16))
        .draw("lr", log_uniform(1e-4, 1e-1))
        .draw("decay", log_uniform(1e-6, 1e-2))
        .draw("epochs", int_range(2_u32..=6))
        .draw("optimizer", choice(["sgd", "sign"]));
    let search = |source: params::Source| {
        let source = source.set("file", &file).resolve("momentum", Momentum);
        let experiment = Experiment::new("hypersearch", "0.1").sweep(Train::from(source)).seeds(seeds(1));
        metalab::run(experiment).store(store.clone()).blocking()
    };
    let first = search(whole.clone())?;
    let (error, lr, decay, optimizer) = best(&first)?;
    println!("first round:  error {error:.4} at lr {lr:.5}, decay {decay:.6}, {optimizer}");
    let around = params::sample(Random::new(12).seed(7))
        .draw("lr", log_uniform(lr / 2.0, lr * 2.0))
        .draw("decay", log_uniform(decay / 4.0, decay * 4.0))
        .set("epochs", &6)
        .set("optimizer", &optimizer);
    let second = search(whole.chain(around))?;
    let (error, lr, decay, optimizer) = best(&second)?;
    println!("second round: error {error:.4} at lr {lr:.5}, decay {decay:.6}, {optimizer}");
    println!("{}", second.table());
    Ok(())
}

/// Error, learning rate, decay and optimizer of the best run.
fn best(results: &Results) -> Result<(f64, f64, f64, String)> {
    let mut best: Option<(f64, f64, f64, String)> = None;
    for run in results.iter() {
        let run = run?;
        let error: f64 = run.output()?;
        if best.as_ref().is_none_or(|best| error < best.0) {
            best = Some((error, run.param("lr")?, run.param("decay")?, run.param("optimizer")?));
        }
    }
    Ok(best.ok_or("no run")?)
}
