//! Parameter sources through experiments: what is planned, what runs, what is found again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use metalab::context::StatCache;
use metalab::params::{
    self, IntoSweep, LatinHypercube, Params, Random, Sobol, Source, choice, int_range, log_int, log_uniform,
    normal, uniform, weighted,
};
use metalab::plan::{Plan, Scratch};
use metalab::{Experiment, seeds};

use crate::lab::run;

#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
enum Optimizer {
    Sgd,
    Adam,
}

#[metalab::operation(code = "manual", name = "params_train")]
fn train(lr: f64, depth: u32, optimizer: Optimizer, #[default(0.0)] momentum: f64, width: f32) -> f64 {
    lr * f64::from(depth) * f64::from(width) + momentum + f64::from(optimizer as u8)
}

#[metalab::resolver]
fn momentum(set: &Params) -> Option<f64> {
    (set.get::<String>("optimizer").ok()? == "Sgd").then_some(0.9)
}

#[metalab::resolver]
fn is_deep(set: &Params) -> metalab::Result<bool> {
    Ok(set.get::<u32>("depth")? > 3)
}

#[metalab::resolver]
fn not_a_number(_set: &Params) -> f64 {
    f64::NAN
}

#[metalab::resolver]
fn panics(set: &Params) -> Option<f64> {
    assert!(set.get::<u32>("depth").is_ok_and(|depth| depth < 3), "too deep");
    Some(1.0)
}

#[metalab::resolver]
fn fails(_set: &Params) -> metalab::Result<Option<f64>> {
    Err("no idea".into())
}

#[metalab::resolver]
fn nothing(_set: &Params) -> Option<f64> {
    None
}

#[metalab::resolver]
fn words(_set: &Params) -> String {
    "much".into()
}

fn plan(sweep: impl IntoSweep) -> Result<Plan, String> {
    let experiment = Experiment::new("params", "1").sweep(sweep).seeds(seeds(1));
    Plan::new(&experiment, &StatCache::new()).map_err(|error| {
        let mut text = error.to_string();
        let mut next = std::error::Error::source(&error);
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        text
    })
}

fn error(sweep: impl IntoSweep) -> String {
    plan(sweep).map(|plan| plan.cells()).expect_err("it is bad")
}

fn ids(sweep: impl IntoSweep) -> Vec<String> {
    let plan = plan(sweep).unwrap();
    let step = plan.steps().next().unwrap();
    let mut scratch = Scratch::default();
    (0..step.cells()).map(|cell| step.run_id(cell, &[], &mut scratch).to_string()).collect()
}

fn sampled(design: impl Into<params::Design>) -> impl IntoSweep {
    Train::sample(design)
        .lr(log_uniform(1e-5, 1e-1))
        .depth(int_range(2..=12))
        .optimizer(choice([Optimizer::Sgd, Optimizer::Adam]))
        .width(uniform(0.0, 1.0))
}

#[test]
fn a_larger_sample_keeps_its_runs() {
    for (small, large) in [
        (ids(sampled(Random::new(50).seed(7))), ids(sampled(Random::new(500).seed(7)))),
        (ids(sampled(Sobol::new(64))), ids(sampled(Sobol::new(100)))),
    ] {
        assert_eq!(small, large[..small.len()]);
        assert_eq!(large.iter().collect::<BTreeSet<_>>().len(), large.len());
    }
    let hypercube = |n| ids(sampled(LatinHypercube::new(n)));
    assert_eq!(hypercube(50).len(), 50);
    assert_ne!(hypercube(50)[0], hypercube(60)[0]);
    assert_ne!(ids(sampled(Random::new(5))), ids(sampled(Random::new(5).seed(1))));
}

/// What draws a set does not enter its identity: the same values in a list are the same runs.
#[test]
fn a_set_is_the_same_run_wherever_it_comes_from() {
    let sample = params::sample(Random::new(20).seed(3))
        .draw("lr", log_uniform(1e-5, 1e-1))
        .draw("depth", int_range(2_u32..=12))
        .draw("optimizer", choice(["Sgd", "Adam"]))
        .draw("width", uniform(0.0_f32, 1.0));
    let rows: Vec<TrainParams> =
        sample.sets().unwrap().iter().map(|set| set.read::<TrainRow>().unwrap().into()).collect();
    let expected = ids(Train::list(rows.clone()));
    assert_eq!(ids(Train::from(sample.clone())), expected);
    let typed = Train::sample(Random::new(20).seed(3))
        .lr(log_uniform(1e-5, 1e-1))
        .depth(int_range(2..=12))
        .optimizer(choice([Optimizer::Sgd, Optimizer::Adam]))
        .width(uniform(0.0, 1.0));
    assert_eq!(ids(typed), expected);
    // Through text and back, cut, put together again, kept by a filter that keeps all.
    let json = format!(
        "[{}]",
        rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect::<Vec<_>>().join(",")
    );
    assert_eq!(ids(Train::from(params::json_text(&json).unwrap())), expected);
    let halves = sample.clone().slice(..10).chain(sample.clone().slice(10..));
    assert_eq!(ids(Train::from(halves)), expected);
    assert_eq!(ids(Train::from(sample.clone().filter_with(|_| true))), expected);
    let again = Source::from_value(&sample.describe()).unwrap();
    assert_eq!(ids(Train::from(again)), expected);
}

#[derive(serde::Deserialize)]
struct TrainRow {
    lr: f64,
    depth: u32,
    optimizer: Optimizer,
    width: f32,
}

impl From<TrainRow> for TrainParams {
    fn from(row: TrainRow) -> Self {
        let TrainRow { lr, depth, optimizer, width } = row;
        Self { lr, depth, optimizer, momentum: 0.0, width }
    }
}

#[metalab::operation(code = "manual", name = "params_warm")]
fn warm(lr: f64, #[default(None)] decay: Option<f64>, clip: Option<f64>) -> f64 {
    lr + decay.unwrap_or(0.0) + clip.unwrap_or(0.0)
}

/// What is left out in some sets is the same call as `None`.
#[test]
fn an_option_left_out_is_none() {
    let expected = [(0.1, None), (0.2, Some(5.0)), (0.3, None)]
        .map(|(lr, clip)| ids(Warm::grid().lr(lr).clip([clip])).remove(0));
    let text = "lr,clip,decay\n0.1,,\n0.2,5,\n0.3,,\n";
    assert_eq!(ids(Warm::from(params::csv_text(text).unwrap())), expected);
    let text = r#"[{"lr": 0.1, "clip": null}, {"lr": 0.2, "clip": 5, "decay": null}, {"lr": 0.3}]"#;
    assert_eq!(ids(Warm::from(params::json_text(text).unwrap())), expected);
}

/// A CSV of whole numbers for floats, and of names for an enum, is what a typed grid is.
#[test]
fn values_pass_through_the_types_of_the_operation() {
    let text = "lr,depth,optimizer,width,momentum\n1,2,Sgd,0.1,\n1,2,Adam,0.1,0\n2,2,Sgd,0.1,0.5\n";
    let grid = |optimizer: Optimizer, lr: f64, momentum: f64| {
        ids(Train::grid().lr(lr).depth(2).optimizer(optimizer).width(0.1_f32).momentum(momentum)).remove(0)
    };
    let expected =
        [grid(Optimizer::Sgd, 1.0, 0.0), grid(Optimizer::Adam, 1.0, 0.0), grid(Optimizer::Sgd, 2.0, 0.5)];
    assert_eq!(ids(Train::from(params::csv_text(text).unwrap())), expected);
    let untyped = params::grid()
        .axis("optimizer", ["Sgd", "Adam"])
        .set("lr", &1)
        .set("width", &0.1)
        .axis("depth", [2])
        .set("momentum", &0);
    assert_eq!(ids(Train::from(untyped)), expected[..2]);
}

#[test]
fn a_resolver_enters_the_identity_by_its_result() {
    let base = || Train::grid().lr([0.1, 0.2]).depth(2).width(1.0_f32);
    let resolved = ids(base().optimizer([Optimizer::Sgd, Optimizer::Adam]).momentum(Momentum));
    let by_hand = |optimizer: Optimizer, momentum: f64| ids(base().optimizer(optimizer).momentum(momentum));
    let (sgd, adam) = (by_hand(Optimizer::Sgd, 0.9), by_hand(Optimizer::Adam, 0.0));
    assert_eq!(resolved, [&sgd[0], &adam[0], &sgd[1], &adam[1]].map(Clone::clone));
    // Given before what it looks at, and inside another source.
    let before = Train::grid().momentum(Momentum).lr([0.1, 0.2]).depth(2).width(1.0_f32);
    assert_eq!(ids(before.optimizer([Optimizer::Sgd, Optimizer::Adam])), resolved);
    let source = params::grid()
        .axis("lr", [0.1, 0.2])
        .set("depth", &2)
        .set("width", &1.0)
        .axis("optimizer", ["Sgd", "Adam"])
        .resolve("momentum", Momentum);
    assert_eq!(ids(Train::from(source.clone())), resolved);
    assert_eq!(ids(Train::from(source.slice(1..3))), resolved[1..3]);
}

#[test]
fn axes_stay_coordinates_beside_a_resolver() {
    let experiment = Experiment::new("params", "1").sweep(
        Train::grid()
            .lr([0.1, 0.2])
            .depth([1, 2])
            .width(1.0_f32)
            .optimizer(Optimizer::Sgd)
            .momentum(Momentum),
    );
    let results = run(experiment, &metalab::Store::memory().unwrap());
    assert_eq!(results.len(), 4);
    for (at, run) in results.iter().enumerate() {
        let run = run.unwrap();
        assert_eq!(run.param::<f64>("momentum").unwrap(), 0.9);
        assert_eq!(run.param::<f64>("lr").unwrap(), [0.1, 0.2][at / 2]);
        assert_eq!(run.output::<f64>().unwrap(), [0.1, 0.2][at / 2] * [1.0, 2.0][at % 2] + 0.9);
    }
}

/// Two cells whose drawn sets are equal are one run, executed once.
#[test]
fn equal_sets_are_two_cells_and_one_run() {
    let experiment = || {
        let sweep = Train::sample(Random::new(100)).depth(int_range(1..=3)).lr(0.5).width(1.0_f32);
        Experiment::new("params", "1").sweep(sweep.optimizer(Optimizer::Sgd))
    };
    let store = metalab::Store::memory().unwrap();
    let results = run(experiment(), &store);
    let runs: BTreeSet<_> = results.iter().map(|run| run.unwrap().id()).collect();
    assert_eq!((results.len(), runs.len()), (100, 3));
    let summary = results.summary().unwrap();
    assert_eq!((summary.succeeded, summary.reused), (3, 97));
    assert_eq!(run(experiment(), &store).summary().unwrap().succeeded, 0);
}

/// A coarse search, then one around the best: nothing of the first is run again, and all cells are there.
#[test]
fn a_refined_sweep_keeps_its_cells() {
    let coarse = || {
        params::sample(Sobol::new(16)).draw("lr", log_uniform(1e-4, 1.0)).draw("depth", int_range(1_u32..=8))
    };
    let rest = || params::grid().set("width", &1.0).set("optimizer", "Adam");
    let store = metalab::Store::memory().unwrap();
    let experiment =
        |source: Source| Experiment::new("refined", "1").sweep(Train::from(source.product(rest())));
    let first = run(experiment(coarse()), &store);
    assert_eq!(first.summary().unwrap().succeeded, 16);
    let fine = params::sample(Random::new(8)).draw("lr", log_uniform(1e-2, 1e-1)).set("depth", &3_u32);
    let second = run(experiment(coarse().chain(fine)), &store);
    let summary = second.summary().unwrap();
    assert_eq!((second.len(), summary.succeeded, summary.reused), (24, 8, 16));
    let larger =
        params::sample(Sobol::new(32)).draw("lr", log_uniform(1e-4, 1.0)).draw("depth", int_range(1_u32..=8));
    assert_eq!(run(experiment(larger), &store).summary().unwrap().succeeded, 16);
}

#[test]
fn bad_parameters_are_refused_when_they_are_planned() {
    let all = |sweep: TrainGrid<true, false, true, true>| sweep;
    let base = || Train::sample(Random::new(4)).lr(0.1).optimizer(Optimizer::Sgd).width(1.0_f32);
    let depth = |distribution| error(all(base()).depth(distribution));
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    let reversed = depth(int_range(9..=3));
    assert!(
        reversed.contains("argument `depth`: the range 9..=3 is empty: its bounds are reversed"),
        "{reversed}"
    );
    assert!(depth(log_int(0..=3)).contains("begins at 1 or above, not at 0"));
    assert!(depth(choice::<u32>([])).contains("nothing to choose from"));
    assert!(depth(weighted([(1, 0.0), (2, 0.0)])).contains("all weights are zero"));
    assert!(depth(weighted([(1, 1.0), (2, -1.0)])).contains("the weight -1 of 2"));
    assert!(depth(weighted([(1, f64::NAN)])).contains("the weight NaN of 1"));
    let lr = |distribution| {
        error(
            Train::sample(Random::new(4)).lr(distribution).depth(1).optimizer(Optimizer::Sgd).width(1.0_f32),
        )
    };
    assert!(lr(uniform(2.0, 1.0)).contains("uniform(2, 1): the bounds are reversed"));
    assert!(lr(log_uniform(0.0, 1.0)).contains("needs bounds above zero"));
    assert!(lr(log_uniform(-1.0, 1.0)).contains("needs bounds above zero"));
    assert!(lr(uniform(0.0, f64::INFINITY)).contains("must be finite"));
    assert!(lr(uniform(f64::MIN, f64::MAX)).contains("wider than a double"));
    assert!(lr(normal(0.0, -1.0)).contains("not below zero"));
    assert!(lr(normal(f64::NAN, 1.0)).contains("must be finite"));
    assert!(lr(params::log_normal(800.0, 1.0)).contains("beyond what a double holds"));
    let grid = Train::grid().lr(uniform(0.0, 1.0)).depth(1).optimizer(Optimizer::Sgd).width(1.0_f32);
    assert!(error(grid).contains("argument `lr` is a distribution"));
    assert!(
        error(
            all(Train::sample(Random::new(0)).lr(0.1).optimizer(Optimizer::Sgd).width(1.0_f32))
                .depth(int_range(1..=2))
        )
        .contains("a sample of 0 sets")
    );
    assert!(error(base().depth(1)).contains("nothing is drawn"));
    // Equal bounds are a constant.
    let one = plan(base().depth(int_range(3..=3))).unwrap();
    assert_eq!(one.cells(), 4);
    assert!(
        error(
            Train::sample(Random::new(200_000_000))
                .lr(uniform(0.0, 1.0))
                .depth(1)
                .optimizer(Optimizer::Sgd)
                .width(1.0_f32)
        )
        .contains("more than the 100000000")
    );
}

#[test]
fn bad_sources_are_refused_when_they_are_planned() {
    let grid = || {
        params::grid()
            .axis("lr", [0.1, 0.2])
            .set("optimizer", "Sgd")
            .set("width", &1.0)
            .axis("depth", [1, 2, 3])
    };
    let error = |source: Source| error(Train::from(source));
    assert!(error(grid().set("depht", &1)).contains("has no argument `depht`; it has `lr`, `depth`"));
    assert!(error(params::grid().set("lr", &1.0)).contains("argument `depth` of"));
    assert!(error(grid().set("lr", &1.0)).contains("`lr` is given twice"));
    assert!(error(grid().zip(params::grid().axis("lr", [1.0]))).contains("of 6 and 1 parameter sets"));
    assert!(error(grid().zip(grid())).contains("is given twice"));
    assert!(error(grid().product(grid())).contains("is given twice"));
    assert!(error(grid().filter_with(|_| false)).contains("keeps none of 6"));
    assert!(
        error(grid().filter_with(|set| set.get::<u32>("depth").unwrap() > set.get::<u32>("x").unwrap()))
            .contains("the filter failed for set 0")
    );
    for range in [6..7, 3..3, 5..7] {
        assert!(error(grid().slice(range)).contains("of 6 parameter sets"));
    }
    assert!(error(grid().set("optimizer", "Sdg")).contains("is given twice"));
    let wrong = params::csv_text("lr,depth,optimizer,width\n0.1,2,Sgd,1\n0.1,-2,Sgd,1\n").unwrap();
    let text = error(wrong);
    assert!(text.contains("set 1, {lr: 0.1, depth: -2") || text.contains("set 1, {lr: 0.1, width"), "{text}");
    assert!(text.contains("-2"), "{text}");
    let lacking = params::ndjson_text(
        "{\"lr\":1,\"depth\":1,\"optimizer\":\"Sgd\",\"width\":1}\n{\"lr\":1,\"optimizer\":\"Sgd\",\"width\":1}",
    );
    assert!(error(lacking.unwrap()).contains("argument `depth` is missing"));
    let out_of_range = params::sample(Random::new(3))
        .draw("depth", int_range(-1..=5))
        .product(params::grid().set("lr", &1.0).set("optimizer", "Sgd").set("width", &1.0));
    assert!(error(out_of_range).contains("argument `depth`"));
}

#[test]
fn bad_resolvers_are_named_with_the_set() {
    let base = || Train::grid().lr([0.1, 0.2]).depth([2, 4]).width(1.0_f32).optimizer(Optimizer::Adam);
    let nan = error(base().momentum(NotANumber));
    assert!(
        nan.contains("argument `momentum`: the resolver `metalab-engine::not_a_number` failed for set 0"),
        "{nan}"
    );
    assert!(nan.contains("NaN"), "{nan}");
    let panic = error(base().momentum(Panics));
    assert!(
        panic.contains("for set 1, {") && panic.contains("too deep") && panic.contains("depth: 4"),
        "{panic}"
    );
    assert!(error(base().momentum(Fails)).contains("no idea"));
    let source = || params::grid().axis("depth", [2, 4]).set("width", &1.0).set("optimizer", "Adam");
    let unknown = error(Train::from(source().set("lr", &1.0).resolve("heat", Momentum)));
    assert!(unknown.contains("no argument `heat`"), "{unknown}");
    let none = error(Train::from(source().resolve("lr", Nothing)));
    assert!(none.contains("argument `lr`") && none.contains("it found nothing"), "{none}");
    let words = error(Train::from(source().resolve("lr", Words)));
    assert!(words.contains("it found \"much\"") && words.contains("for set 0"), "{words}");
}

#[test]
fn filters_by_name_and_user_functions_are_called_once_for_each_set() {
    let grid = params::grid()
        .set("lr", &0.1)
        .axis("depth", 0..40_000_u32)
        .set("width", &1.0)
        .set("optimizer", "Sgd");
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let counted = grid.clone().filter_with(|set| {
        CALLS.fetch_add(1, Ordering::Relaxed);
        set.get::<u32>("depth").unwrap() % 2 == 0
    });
    let kept = ids(Train::from(counted));
    assert_eq!((kept.len(), CALLS.load(Ordering::Relaxed)), (20_000, 40_000));
    let deep = ids(Train::from(grid.clone().filter(IsDeep)));
    assert_eq!(deep.len(), 39_996);
    let described = grid.filter(IsDeep).slice(..100).describe();
    assert_eq!(ids(Train::from(Source::from_value(&described).unwrap())), deep[..100]);
}
