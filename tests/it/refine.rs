//! What was found decides what runs next: parameter sets from a question.

use metalab::engine::running::Summary;
use metalab::store::Store;
use metalab::{Capture, Experiment, params, seeds};

#[metalab::operation(code = "manual")]
pub(crate) fn descend(
    lr: f64,
    width: u64,
    optimizer: Option<String>,
    capture: &Capture,
) -> metalab::Result<f64> {
    let loss = (lr - 0.03).abs() + 1.0 / width as f64;
    capture.metric("loss", loss);
    Ok(if optimizer.is_some() { loss / 2.0 } else { loss })
}

fn run(experiment: Experiment, store: &Store) -> Summary {
    metalab::run(experiment).store(store).blocking().unwrap().ok().unwrap().summary().unwrap().clone()
}

const BEST: &str =
    "SELECT params.lr, params.width, params.optimizer FROM sweep ORDER BY metrics.loss, params.lr LIMIT 3";

#[test]
fn a_question_refines_a_sweep() {
    let store = Store::memory().unwrap();
    let sweep = |lrs: &[f64]| {
        let grid = Descend::grid().lr(lrs).width([8, 16]).optimizer([None, Some("adam".to_owned())]);
        run(Experiment::new("sweep", "1").sweep(grid), &store)
    };
    sweep(&[0.1, 0.01, 0.001]);
    let refine = || {
        let best = metalab::query::params(&store, BEST).unwrap();
        run(Experiment::new("refine", "1").sweep(Descend::from(best)), &store)
    };
    let first = refine();
    assert_eq!(
        (first.reused, first.succeeded),
        (3, 0),
        "the runs of the sweep are those of the sets found in it"
    );
    sweep(&[0.1, 0.01, 0.001, 0.03]);
    let second = refine();
    assert_eq!((second.reused, second.succeeded), (3, 0));

    let best = metalab::query::params(&store, "SELECT lr FROM sweep GROUP BY lr ORDER BY min(loss) LIMIT 2")
        .unwrap();
    let wider = best.product(params::grid().axis("width", [16, 32]).set("optimizer", &None::<String>));
    let wider = run(Experiment::new("wider", "1").sweep(Descend::from(wider)).seeds(seeds(1)), &store);
    assert_eq!((wider.reused, wider.succeeded), (2, 2), "only what is new runs");
}

#[test]
fn a_question_without_an_answer_is_no_sweep() {
    let store = Store::memory().unwrap();
    let error = metalab::query::params(&store, "SELECT params.lr FROM runs").unwrap_err();
    assert!(error.to_string().contains("no column `params.lr`"), "{error}");
    run(
        Experiment::new("sweep", "1").sweep(Descend::grid().lr(0.1).width(8).optimizer(None::<String>)),
        &store,
    );
    let none =
        metalab::query::params(&store, "SELECT params.lr FROM sweep WHERE metrics.loss > 9").unwrap_err();
    assert!(none.to_string().contains("the list of parameter sets is empty; give it at least one"), "{none}");
}
