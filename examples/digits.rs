//! Two classifiers on real handwritten digits: a k-nearest-neighbour sweep and a random-forest sweep.
//!
//! `cargo run --example digits` runs what is missing, prints tables, and asks in SQL. Run it again: everything is
//! reused. Add a value to a list below: only the new cells run. Edit a helper function: exactly the operations that
//! reach it run again; `cargo run --example digits -- plan` says why before anything runs.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use metalab::query::{Options, query_blocking};
use metalab::{Capture, Experiment, FilePath, Result, SeedBundle, seeds};
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::metrics::distance::minkowski::Minkowski;
use smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};

/// Where the data is and how it is cut: shared by all runs.
#[derive(metalab::Context)]
struct Digits {
    file: FilePath,
    /// Part of the data that is kept for testing.
    test_share: f64,
}

struct Split {
    train: (DenseMatrix<f64>, Vec<u32>),
    test: (DenseMatrix<f64>, Vec<u32>),
}

/// Nearest neighbours: how many of them, and in which norm?
#[metalab::operation]
fn knn(k: u64, norm: u16, digits: &Digits, seeds: &SeedBundle, capture: &Capture) -> Result<f64> {
    let split = split(digits, seeds)?;
    let distance = Minkowski::new(norm);
    let parameters = KNNClassifierParameters::default().with_k(usize::try_from(k)?).with_distance(distance);
    let model = KNNClassifier::fit(&split.train.0, &split.train.1, parameters)?;
    score(&model.predict(&split.test.0)?, &split.test.1, capture)
}

/// Random forests: how many trees, how deep?
#[metalab::operation]
fn forest(trees: u16, depth: u16, digits: &Digits, seeds: &SeedBundle, capture: &Capture) -> Result<f64> {
    let split = split(digits, seeds)?;
    let parameters = RandomForestClassifierParameters::default()
        .with_n_trees(trees)
        .with_max_depth(depth)
        .with_seed(seeds.seed("trees"));
    let model = RandomForestClassifier::fit(&split.train.0, &split.train.1, parameters)?;
    score(&model.predict(&split.test.0)?, &split.test.1, capture)
}

/// Reads the digits and cuts them at random. The stream is shared: both operations see the same cut in a replicate.
fn split(digits: &Digits, seeds: &SeedBundle) -> Result<Split> {
    let text = std::fs::read_to_string(&digits.file)?;
    let mut rows = text.lines().map(parse).collect::<Result<Vec<_>>>()?;
    let mut rng = seeds.shared("split");
    for last in (1..rows.len()).rev() {
        let other = (rng.uniform() * (last + 1) as f64) as usize;
        rows.swap(last, other);
    }
    let tests = (rows.len() as f64 * digits.test_share) as usize;
    let matrix = |rows: &[(Vec<f64>, u32)]| -> Result<_> {
        let pixels: Vec<_> = rows.iter().map(|(pixels, _)| pixels.clone()).collect();
        Ok((DenseMatrix::from_2d_vec(&pixels)?, rows.iter().map(|(_, digit)| *digit).collect()))
    };
    Ok(Split { train: matrix(&rows[tests..])?, test: matrix(&rows[..tests])? })
}

fn parse(line: &str) -> Result<(Vec<f64>, u32)> {
    let (pixels, digit) = line.rsplit_once(',').ok_or("a line without a comma")?;
    let pixels = pixels.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
    Ok((pixels, digit.parse()?))
}

/// The accuracy; also captured: the errors, and the accuracy on the digits that look alike.
fn score(predicted: &[u32], truth: &[u32], capture: &Capture) -> Result<f64> {
    let share = |keep: &dyn Fn(u32) -> bool| {
        let pairs = predicted.iter().zip(truth).filter(|(_, truth)| keep(**truth));
        let (right, all) = pairs.fold((0, 0), |(right, all), (p, t)| (right + u32::from(p == t), all + 1));
        f64::from(right) / f64::from(all)
    };
    let accuracy = share(&|_| true);
    capture.metric("accuracy", accuracy);
    capture.metric("lookalikes", share(&|digit| [1, 7, 8, 9].contains(&digit)));
    capture.metric("errors", predicted.iter().zip(truth).filter(|(p, t)| p != t).count());
    Ok(accuracy)
}

fn experiment() -> Experiment {
    Experiment::new("digits", "1")
        .description("Nearest neighbours and random forests on handwritten digits")
        .context(Digits {
            file: concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/digits.csv").into(),
            test_share: 0.3,
        })
        .sweep(Knn::grid().k([2, 3, 5, 7, 9, 15]).norm([1, 2]))
        .sweep(Forest::grid().trees([5, 10, 20]).depth([4, 8, 16]))
        .seeds(seeds(42).replicates(10))
}

fn main() -> Result<()> {
    let store = std::env::var("METALAB_STORE").unwrap_or_else(|_| "./runs".into());
    if std::env::args().nth(1).as_deref() == Some("plan") {
        println!("{}", metalab::plan(experiment()).store(store.as_str()).report()?);
        return Ok(());
    }
    let results =
        metalab::run(experiment()).store(store.as_str()).progress(true).signals(true).blocking()?.ok()?;
    println!("\n{}", results.step("knn").group_by(&["k", "norm"])?);
    println!("\n{}", results.step("forest").group_by(&["trees", "depth"])?);

    let sql = "SELECT operation, params.k, params.trees, params.depth, count(*) AS n, \
               avg(metrics.accuracy) AS accuracy, stddev(metrics.accuracy) AS std \
               FROM runs WHERE experiment = 'digits' GROUP BY 1, 2, 3, 4 ORDER BY accuracy DESC LIMIT 5";
    let answer = query_blocking(&metalab::Store::create(&store)?, sql, Options::default())?;
    println!("\n{sql}\n\n{}", answer.to_table(None)?);
    Ok(())
}
