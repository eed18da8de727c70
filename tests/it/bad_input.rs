//! Bad input names the thing, says what to do, and leaves the store as it was.

use metalab::engine::index::Glance;
use metalab::engine::inspect::find_run;
use metalab::params::IntoSweep;
use metalab::store::Store;
use metalab::{Context, Experiment, FilePath, Result, SeedBundle, seeds};

use crate::lab::{self, snapshot};

#[metalab::operation(code = "manual")]
fn half(x: f64) -> f64 {
    x / 2.0
}

#[metalab::operation(code = "manual")]
fn read(file: FilePath) -> Result<String> {
    Ok(std::fs::read_to_string(&file)?)
}

#[metalab::operation(code = "manual")]
fn random(x: u64, seeds: &SeedBundle) -> u64 {
    x + seeds.seed("s")
}

#[derive(Context)]
struct Site {
    limit: f64,
}

#[metalab::operation(code = "manual")]
fn at_site(x: u64, site: &Site) -> f64 {
    x as f64 * site.limit
}

fn exp(sweep: impl IntoSweep) -> Experiment {
    Experiment::new("bad", "1").sweep(sweep)
}

fn named(name: &str) -> Experiment {
    Experiment::new(name, "1").sweep(Half::grid().x([1.0]))
}

#[test]
fn wrong_experiments_are_refused_and_the_store_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Store::create(path.to_str().unwrap()).unwrap();
    metalab::run(lab::sweep()).store(&store).blocking().unwrap();
    let before = snapshot(&path);
    let many = || (0..1_000_000).map(f64::from).collect::<Vec<_>>();
    let grid = metalab::params::Grid::new()
        .axis("x", metalab::params::AxisValues::swept(many()))
        .axis("y", metalab::params::AxisValues::swept(many()));
    let huge = metalab::params::Sweep::grid::<Half>(grid);
    let long = "n".repeat(10_000);
    let cases = [
        (exp(Half::grid().x([0.5, f64::NAN])), vec!["step `half`", "argument `x`", "NaN"]),
        (exp(Half::grid().x(f64::INFINITY)), vec!["argument `x`", "inf"]),
        (exp(Half::grid().x(Vec::<f64>::new())), vec!["axis `x` has no values"]),
        (exp(Half::grid().x([1.0, 2.0, 1.0])), vec!["axis `x`", "twice", "replicates"]),
        (exp(huge), vec!["1000000000000 parameter sets", "more than"]),
        (exp(Half::list([])), vec!["list of parameter sets is empty"]),
        (Experiment::new("bad", "1"), vec!["`bad` has no steps", ".sweep("]),
        (named("ok").sweep(Half::grid().x([2.0])), vec!["two steps called `half`", ".named("]),
        (named("a/b"), vec!["a/b"]),
        (named(".."), vec![".."]),
        (named("a\0b"), vec!["experiment"]),
        (named("a\nb"), vec!["experiment"]),
        (named(""), vec!["experiment"]),
        (named(&long), vec!["nnnn"]),
        (named("ok").tag("x").tag("x"), vec!["tag `x`", "twice"]),
        (named("ok").metadata("k", 1).metadata("k", 2), vec!["metadata key `k`", "twice"]),
        (exp(Random::grid().x([1])), vec!["`&SeedBundle`", ".seeds(seeds(42))"]),
        (exp(Random::grid().x([1])).seeds(seeds(1).replicates(0)), vec!["0 replicates"]),
        (exp(AtSite::grid().x([1])), vec!["context `&Site`", ".context("]),
        (exp(AtSite::grid().x([1])).context(Site { limit: f64::NAN }), vec!["context `Site`", "NaN"]),
        (exp(Read::grid().file("no/such/file")), vec!["no/such/file"]),
        (exp(Read::grid().file("src")), vec!["`src`", "DirPath"]),
    ];
    for (experiment, words) in cases {
        let error = metalab::run(experiment).store(&store).blocking().unwrap_err();
        let text = format!("{:?}", metalab::Failure::from(error));
        for word in words {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
        assert!(text.len() < 600, "{text}");
        assert_eq!(snapshot(&path).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{text}");
    }
    assert!(snapshot(&path) == before, "not a byte of the store changed");
}

#[test]
fn places_that_are_no_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("file"), "x").unwrap();
    for (name, manifest) in
        [("garbage", "{{{"), ("newer", r#"{"format":99,"store_id":"00","created":"x"}"#), ("foreign", "")]
    {
        std::fs::create_dir(at(name)).unwrap();
        let file = if manifest.is_empty() { "holiday.jpg" } else { "metalab.json" };
        std::fs::write(at(name).join(file), manifest).unwrap();
    }
    for (name, words) in [
        ("file", "is a file: name a folder"),
        ("garbage", "`metalab.json`"),
        ("newer", "format 99"),
        ("foreign", "is not a store"),
    ] {
        let before = if name == "file" { Default::default() } else { snapshot(&at(name)) };
        let text = metalab::run(named("x")).store(at(name).as_path()).blocking().unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
        if name != "file" {
            assert!(snapshot(&at(name)) == before);
        }
    }
    let text = metalab::run(named("x")).store("s4://bucket").blocking().unwrap_err().to_string();
    assert!(text.contains("`s4://` is no place for a store"), "{text}");
}

#[test]
fn unknown_and_ambiguous_ids_are_explained() {
    let store = Store::memory().unwrap();
    metalab::run(
        Experiment::new("many", "1").sweep(Half::grid().x((0..3_000).map(f64::from).collect::<Vec<_>>())),
    )
    .store(&store)
    .blocking()
    .unwrap();
    let index = Glance::at(&store).unwrap();
    assert!(find_run(&index, "zz").unwrap_err().to_string().contains("not a run id"));
    assert!(find_run(&index, "ffffffffffffffff").unwrap_err().to_string().contains("no run begins with"));
}

/// Fails in different ways.
#[metalab::operation(code = "manual")]
fn wild(kind: u64, capture: &metalab::Capture) -> Result<u64> {
    capture.metric("before", kind);
    match kind {
        0 => Ok(1),
        1 => Err("plain failure")?,
        2 => panic!("a panic"),
        _ => Ok("z".parse::<u64>()?),
    }
}

#[test]
fn failures_keep_their_captures_and_causes() {
    let exp = Experiment::new("wild", "1").sweep(Wild::grid().kind(0..4));
    let results = metalab::run(exp).store("memory://").blocking().unwrap();
    let seen: Vec<_> = results
        .iter()
        .map(|run| {
            let run = run.unwrap();
            assert_eq!(run.metric("before").map(ToString::to_string), Some(run.index().to_string()));
            run.error().map(|error| (error.cause.clone(), error.chain[0].clone(), error.backtrace.is_some()))
        })
        .collect();
    assert_eq!(seen[0], None);
    assert_eq!(seen[1], Some(("error".into(), "plain failure".into(), false)));
    let (cause, message, backtrace) = seen[2].clone().unwrap();
    assert!(cause == "panic" && message.ends_with("a panic") && backtrace, "{message}");
    assert_eq!(seen[3], Some(("error".into(), "invalid digit found in string".into(), false)));
    let text = results.ok().unwrap_err().to_string();
    assert!(text.starts_with("3 of 4 cells did not succeed") && text.contains("plain failure"), "{text}");
}
