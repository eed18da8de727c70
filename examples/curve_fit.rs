//! From raw data to a report: four models fitted to real measurements, with the uncertainty of what was fitted.
//!
//! ```text
//! load ──> fit (each model, each bootstrap replicate) ──> spread (over the replicates) ──> report (over the models)
//! ```
//!
//! The data are 14 measurements of monomolecular adsorption (Misra, 1978; NIST StRD, `Misra1a` to `Misra1d`, public
//! domain). NIST has certified what the best parameters are; the last lines compare.
//!
//! `cargo run --example curve_fit`, and again. Then add a model: only its fits, their spread and the report run.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use metalab::{Capture, Experiment, FilePath, Gathered, Input, Result, SeedBundle, seeds};
use serde::{Deserialize, Serialize};

/// Volume adsorbed at a pressure.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Point {
    pressure: f64,
    volume: f64,
}

/// What may relate the two; all have two parameters, b1 and b2.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Model {
    Exponential,
    Quadratic,
    Root,
    Langmuir,
}

const MODELS: [Model; 4] = [Model::Exponential, Model::Quadratic, Model::Root, Model::Langmuir];

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Fitted {
    model: Model,
    b1: f64,
    b2: f64,
    /// Sum of the squared residuals.
    residual: f64,
}

#[derive(Serialize, Deserialize)]
struct Uncertain {
    /// The fit to the measurements themselves.
    best: Fitted,
    /// Standard deviations over the bootstrap replicates.
    b1: f64,
    b2: f64,
}

/// Reads the measurements.
#[metalab::operation]
fn load(file: FilePath) -> Result<Vec<Point>> {
    let mut reader = csv::Reader::from_path(&file)?;
    Ok(reader.deserialize().collect::<std::result::Result<_, _>>()?)
}

/// Fits a model: replicate 0 to the measurements, the others to a sample drawn from them with replacement.
#[metalab::operation]
fn fit(points: Input<Vec<Point>>, model: Model, seeds: &SeedBundle, capture: &Capture) -> Result<Fitted> {
    let mut points = points.into_inner();
    if seeds.replicate() > 0 {
        let mut rng = seeds.rng("bootstrap");
        let all = points.clone();
        points.iter_mut().for_each(|point| *point = all[(rng.uniform() * all.len() as f64) as usize]);
    }
    let found = least_squares(&points, model)?;
    capture.metric("residual", found.residual);
    Ok(found)
}

/// How far the parameters of one model vary.
#[metalab::operation]
fn spread(fits: Gathered<Fitted>) -> Result<Uncertain> {
    let mut samples = Vec::new();
    let mut best = None;
    for fit in &fits {
        match fit.at::<u64>("replicate")? {
            0 => best = Some(**fit),
            _ => samples.push(**fit),
        }
    }
    let deviation = |of: fn(&Fitted) -> f64| {
        let mean = samples.iter().map(of).sum::<f64>() / samples.len() as f64;
        (samples.iter().map(|fit| (of(fit) - mean).powi(2)).sum::<f64>() / (samples.len() as f64 - 1.0))
            .sqrt()
    };
    let best = best.ok_or("no fit to the measurements")?;
    Ok(Uncertain { best, b1: deviation(|fit| fit.b1), b2: deviation(|fit| fit.b2) })
}

/// The models, best first.
#[metalab::operation]
fn report(spreads: Gathered<Uncertain>, capture: &Capture) -> String {
    let mut spreads: Vec<_> = spreads.iter().collect();
    spreads.sort_by(|a, b| a.best.residual.total_cmp(&b.best.residual));
    let mut text = format!("{:<12} {:>22} {:>26} {:>10}\n", "model", "b1", "b2", "residual");
    for Uncertain { best, b1, b2 } in spreads.into_iter().map(|item| &**item) {
        let (b1, b2) = (format!("{:.3} ± {b1:.3}", best.b1), format!("{:.4e} ± {b2:.1e}", best.b2));
        text.push_str(&format!(
            "{:<12} {b1:>22} {b2:>26} {:>10.6}\n",
            format!("{:?}", best.model),
            best.residual
        ));
    }
    capture.artifact_text("report.txt", text.as_str());
    text
}

impl Model {
    fn value(self, [b1, b2]: [f64; 2], x: f64) -> f64 {
        match self {
            Self::Exponential => b1 * (1.0 - (-b2 * x).exp()),
            Self::Quadratic => b1 * (1.0 - (1.0 + b2 * x / 2.0).powi(-2)),
            Self::Root => b1 * (1.0 - (1.0 + 2.0 * b2 * x).powf(-0.5)),
            Self::Langmuir => b1 * b2 * x / (1.0 + b2 * x),
        }
    }

    /// NIST's certified b1 and b2.
    fn certified(self) -> [f64; 2] {
        match self {
            Self::Exponential => [2.389_421_291_8e2, 5.501_564_318_1e-4],
            Self::Quadratic => [3.379_974_616_3e2, 3.903_909_128_7e-4],
            Self::Root => [6.364_272_580_9e2, 2.081_362_725_6e-4],
            Self::Langmuir => [4.373_697_075_4e2, 3.022_732_444_9e-4],
        }
    }
}

/// Levenberg's and Marquardt's method for two parameters (Marquardt, 1963, SIAM J. Appl. Math. 11, 431).
fn least_squares(points: &[Point], model: Model) -> Result<Fitted> {
    let residual = |b: [f64; 2]| -> f64 {
        points.iter().map(|point| (point.volume - model.value(b, point.pressure)).powi(2)).sum()
    };
    let mut b = [250.0, 5e-4];
    let (mut error, mut damping) = (residual(b), 1e-3);
    for _ in 0..1000 {
        // Normal equations, with derivatives by central differences.
        let (mut a, mut g) = ([0.0; 3], [0.0; 2]);
        for point in points {
            let slope = |at: usize| {
                let step = b[at] * 1e-6;
                let shifted = |by: f64| {
                    let mut moved = b;
                    moved[at] += by;
                    model.value(moved, point.pressure)
                };
                (shifted(step) - shifted(-step)) / (2.0 * step)
            };
            let (d, r) = ([slope(0), slope(1)], point.volume - model.value(b, point.pressure));
            a = [a[0] + d[0] * d[0], a[1] + d[0] * d[1], a[2] + d[1] * d[1]];
            g = [g[0] + d[0] * r, g[1] + d[1] * r];
        }
        let (a0, a2) = (a[0] * (1.0 + damping), a[2] * (1.0 + damping));
        let determinant = a0 * a2 - a[1] * a[1];
        let step = [(a2 * g[0] - a[1] * g[1]) / determinant, (a0 * g[1] - a[1] * g[0]) / determinant];
        let next = [b[0] + step[0], b[1] + step[1]];
        let next_error = residual(next);
        if next_error.is_finite() && next_error <= error {
            let converged = (step[0] / b[0]).abs() + (step[1] / b[1]).abs() < 1e-12;
            (b, error, damping) = (next, next_error, damping / 10.0);
            if converged {
                return Ok(Fitted { model, b1: b[0], b2: b[1], residual: error });
            }
        } else if damping > 1e12 {
            return Ok(Fitted { model, b1: b[0], b2: b[1], residual: error });
        } else {
            damping *= 10.0;
        }
    }
    Err(format!("{model:?} does not converge on {} points", points.len()).into())
}

fn main() -> Result<()> {
    let mut exp = Experiment::new("curve_fit", "1").seeds(seeds(7).replicates(200));
    let data = exp.step(Load::grid().file("examples/data/misra1a.csv"));
    let fits = exp.step(Fit::grid().points(&data).model(MODELS));
    let spreads = exp.step(Spread::grid().fits(fits.gather().over(["replicate"])));
    exp.step(Report::grid().spreads(spreads.gather()));

    let store = std::env::var("METALAB_STORE").unwrap_or_else(|_| "runs".into());
    let results = metalab::run(exp).store(store).progress(true).blocking()?.ok()?;
    let report = results.step("report").iter().next().ok_or("no report")??;
    println!("{}", report.output::<String>()?);
    for spread in results.upstream(&report)? {
        let Uncertain { best, .. } = spread.output()?;
        let certified = best.model.certified();
        let off = ((best.b1 / certified[0] - 1.0).abs()).max((best.b2 / certified[1] - 1.0).abs());
        println!("{:?}: within {off:.0e} of the certified values", best.model);
        if off > 1e-6 {
            return Err(format!("{:?} is off by {off:e}", best.model).into());
        }
    }
    Ok(())
}
