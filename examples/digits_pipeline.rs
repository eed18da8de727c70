//! Preparation, training, evaluation, report: handwritten digits, each step computed once.
//!
//! ```text
//! read ──> split (seeded) ──> train (trees x depth) ──┬──> evaluate ──> report
//!                └────────────────────────────────────┘
//! ```
//!
//! `cargo run --example digits_pipeline`, and again: nothing runs. Edit `evaluate`: no forest is trained. Edit `read`
//! so that it gives the same digits: everything after it is reused all the same.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use metalab::{Capture, Experiment, FilePath, Gathered, Input, Result, SeedBundle, seeds};
use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

type Forest = RandomForestClassifier<f64, u32, DenseMatrix<f64>, Vec<u32>>;

/// Pictures of 8 x 8 pixels, row by row, and what they show.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Pictures {
    pixels: Vec<Vec<f64>>,
    digits: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    train: Pictures,
    test: Pictures,
}

impl Pictures {
    fn matrix(&self) -> Result<DenseMatrix<f64>> {
        Ok(DenseMatrix::from_2d_vec(&self.pixels)?)
    }
}

/// Reads the pictures: 64 pixels and the digit in each line.
#[metalab::operation]
fn read(file: FilePath) -> Result<Pictures> {
    let mut pictures = Pictures::default();
    for line in csv::ReaderBuilder::new().has_headers(false).from_path(&file)?.deserialize() {
        let mut numbers: Vec<f64> = line?;
        let digit = numbers.pop().ok_or("an empty line")?;
        pictures.pixels.push(numbers);
        pictures.digits.push(digit as u32);
    }
    Ok(pictures)
}

/// Keeps a random part for testing, another one in each replicate.
#[metalab::operation]
fn split(pictures: Input<Pictures>, test_share: f64, seeds: &SeedBundle) -> Parts {
    let mut order: Vec<usize> = (0..pictures.digits.len()).collect();
    let mut rng = seeds.rng("split");
    for last in (1..order.len()).rev() {
        order.swap(last, (rng.uniform() * (last + 1) as f64) as usize);
    }
    let part = |places: &[usize]| Pictures {
        pixels: places.iter().map(|at| pictures.pixels[*at].clone()).collect(),
        digits: places.iter().map(|at| pictures.digits[*at]).collect(),
    };
    let tests = (order.len() as f64 * test_share) as usize;
    Parts { train: part(&order[tests..]), test: part(&order[..tests]) }
}

/// Grows a forest.
#[metalab::operation(uses(smartcore))]
fn train(split: Input<Parts>, trees: u16, depth: u16, seeds: &SeedBundle) -> Result<Forest> {
    let parameters = RandomForestClassifierParameters::default()
        .with_n_trees(trees)
        .with_max_depth(depth)
        .with_seed(seeds.seed("trees"));
    Ok(RandomForestClassifier::fit(&split.train.matrix()?, &split.train.digits, parameters)?)
}

/// The accuracy on the pictures that were kept.
#[metalab::operation(uses(smartcore))]
fn evaluate(forest: Input<Forest>, split: Input<Parts>, capture: &Capture) -> Result<f64> {
    let predicted = forest.predict(&split.test.matrix()?)?;
    let right = predicted.iter().zip(&split.test.digits).filter(|(a, b)| a == b).count();
    capture.metric("errors", (predicted.len() - right) as i64);
    Ok(right as f64 / predicted.len() as f64)
}

/// Mean accuracy of each forest over the replicates, best first.
#[metalab::operation]
fn report(accuracies: Gathered<f64>, capture: &Capture) -> Result<String> {
    let mut groups: Vec<((u16, u16), Vec<f64>)> = Vec::new();
    for accuracy in &accuracies {
        let forest = (accuracy.at("trees")?, accuracy.at("depth")?);
        match groups.iter_mut().find(|(known, _)| *known == forest) {
            Some((_, values)) => values.push(**accuracy),
            None => groups.push((forest, vec![**accuracy])),
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    groups.sort_by(|(_, a), (_, b)| mean(b).total_cmp(&mean(a)));
    let mut text = String::from("| trees | depth | accuracy |\n| ---: | ---: | ---: |\n");
    for ((trees, depth), values) in groups {
        text.push_str(&format!("| {trees} | {depth} | {:.4} |\n", mean(&values)));
    }
    capture.artifact_text("report.md", text.as_str());
    Ok(text)
}

fn main() -> Result<()> {
    let mut exp = Experiment::new("digits_pipeline", "1").seeds(seeds(11).replicates(3));
    let pictures = exp.step(Read::grid().file("examples/data/digits.csv"));
    let split = exp.step(Split::grid().pictures(&pictures).test_share(0.3));
    let forest = exp.step(Train::grid().split(&split).trees([5, 15]).depth([4, 8]));
    let accuracy = exp.step(Evaluate::grid().forest(&forest).split(&split));
    exp.step(Report::grid().accuracies(accuracy.gather()));

    let store = std::env::var("METALAB_STORE").unwrap_or_else(|_| "runs".into());
    let results = metalab::run(exp).store(store).progress(true).blocking()?.ok()?;
    println!("{}", results.step("evaluate").group_by(&["train.trees", "train.depth"])?);
    let report = results.step("report").iter().next().ok_or("no report")??;
    println!("{}", report.output::<String>()?);
    println!("behind the report: {} evaluations", results.upstream(&report)?.len());
    Ok(())
}
