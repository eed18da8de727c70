//! A program with experiments of its own.

use metalab_cli::{Args, Console, Order, Program, ProgressWay, run_with};

use crate::lab::{Lab, Told, again, perform, training};

pub(crate) fn program(experiments: Vec<metalab_engine::Experiment>) -> Program {
    Program::new(experiments, |order: Order| {
        let store = metalab_engine::Store::create(&order.store)?;
        Ok(again(order.experiment, &store, order.rerun))
    })
}

pub(crate) fn tell(lab: &Lab, program: &Program, line: &[&str]) -> Told {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let result = run_with(lab.args(line), program, &mut Console::new(&mut out, &mut err));
    lab.told(result, &out, &err)
}

#[test]
fn experiments_run_by_name() {
    let lab = Lab::empty();
    let both = program(vec![training("fine", &[1, 2], 1), training("fail", &[8], 1)]);
    let table = tell(&lab, &both, &["run", "train_fine"]).ok();
    assert!(table.contains("loss") && table.contains("succeeded"), "{table}");
    let failed = tell(&lab, &both, &["run", "train_fail"]);
    assert_eq!(failed.code, 1);
    assert!(
        failed.err.contains("1 of 1 cells did not succeed") && failed.err.contains("hint: `metalab show "),
        "{failed:?}"
    );
    for (line, part) in [(&["run"][..], "name the experiment"), (&["run", "other"], "no experiment `other`")]
    {
        let told = tell(&lab, &both, line);
        assert!(
            told.code == 2 && told.err.contains(part) && told.err.contains("train_fine, train_fail"),
            "{told:?}"
        );
    }
    let one = program(vec![training("fine", &[1, 2], 1)]);
    assert!(tell(&lab, &one, &["run"]).ok().contains("succeeded"));
}

#[test]
fn progress_is_shown_as_asked() {
    let lab = Lab::empty();
    for (line, way, metrics) in [
        (&["run"][..], ProgressWay::Auto, &[][..]),
        (&["run", "-q"], ProgressWay::None, &[]),
        (&["run", "-q", "--progress", "json"], ProgressWay::Json, &[]),
        (
            &["run", "--progress", "plain", "--metric", "loss:.4f", "--metric", "output.slope"],
            ProgressWay::Plain,
            &["loss:.4f", "output.slope"],
        ),
    ] {
        let program = Program::new([training("fine", &[1], 1)], move |order: Order| {
            assert_eq!(
                (order.progress, &order.metrics[..]),
                (way, &metrics.iter().map(ToString::to_string).collect::<Vec<_>>()[..])
            );
            let store = metalab_engine::Store::create(&order.store)?;
            Ok(again(order.experiment, &store, order.rerun))
        });
        tell(&lab, &program, line).ok();
    }
    let wrong = Args::parse_from(["metalab", "run", "--progress", "loud"]).unwrap_err();
    assert!(wrong.to_string().contains("auto, bar, plain, json, none"), "{wrong}");
}

#[test]
fn a_plan_knows_the_experiment_as_it_is_now() {
    let lab = Lab::empty();
    let first = tell(&lab, &program(vec![training("fine", &[1, 2], 1)]), &["plan", "train_fine"]);
    assert!(first.out.contains("2 to run") && first.err.contains("there is no store at"), "{first:?}");
    assert!(!lab.path("runs").exists(), "a plan makes no store");
    perform(training("fine", &[1, 2], 1), &lab.store());
    let larger = program(vec![training("fine", &[1, 2, 3], 1)]);
    let plan = tell(&lab, &larger, &["plan", "train_fine"]).ok();
    assert!(plan.contains("3 cells, 2 reused, 1 to run"), "{plan}");
    let last = tell(&lab, &Program::none(), &["plan", "train_fine"]);
    assert!(
        last.out.contains("2 cells, 2 reused, 0 to run") && last.err.contains("asked for last"),
        "{last:?}"
    );
}

#[test]
fn help_offers_what_there_is() {
    let help = Args::parse_from(["metalab", "--help"]).unwrap_err().to_string();
    for command in [
        "query",
        "experiments",
        "runs",
        "show",
        "logs",
        "artifacts",
        "plan",
        "why",
        "graph",
        "store",
        "Exit codes",
    ] {
        assert!(help.contains(command), "{help}");
    }
    for command in ["Run an experiment of this program", "verify"] {
        assert!(!help.contains(command), "{help}");
    }
    let wrong = Args::parse_from(["metalab", "shwo"]).unwrap_err();
    assert!(wrong.to_string().contains("'show'"), "{wrong}");
}
