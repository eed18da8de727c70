//! The program is killed before and after every I/O step of a small sweep, and goes on.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use metalab::engine::running::Event;
use metalab::engine::store::{Access, Store};
use metalab::record::Outcome;
use metalab::results::Results;

use crate::lab;

const CHILD: &str = "METALAB_TEST_CRASH_STORE";

/// The program that is killed: reports every run that is done, as soon as it is told.
#[test]
fn child() {
    let Ok(store) = std::env::var(CHILD) else { return };
    let handle = metalab::run(lab::sweep()).store(store.as_str()).start().unwrap();
    for event in handle.events() {
        if let Event::Finished { runs } = event {
            runs.iter().for_each(|run| println!("done {} {}", run.run, run.outcome));
        }
    }
    let results = handle.wait().unwrap().ok().unwrap();
    let summary = results.summary().unwrap();
    println!("end {} reused {} executed", summary.reused, summary.succeeded);
}

fn run(store: &Path, crash: Option<String>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["crash::child", "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, store);
    match crash {
        Some(crash) => command.env("METALAB_CRASH", crash),
        None => command.env_remove("METALAB_CRASH"),
    };
    command.output().unwrap()
}

fn told(output: &Output) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Several lines may be cut by the kill: only whole ones count.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let ids = whole.lines().filter_map(|line| line.split_once("done ")?.1.strip_suffix(" succeeded"));
    ids.map(str::to_owned).collect()
}

fn outputs(store: &Path) -> Vec<(String, String, Vec<u8>)> {
    let store = Store::open(store.to_str().unwrap(), Access::ReadOnly).unwrap();
    let results = Results::load(&store, "sweep").unwrap();
    let runs = results.iter().map(|run| {
        let run = run.unwrap();
        assert_eq!(run.outcome(), Some(Outcome::Succeeded));
        assert_eq!(run.series("loss").unwrap().len(), 20);
        assert!(run.log().unwrap().contains("x = "));
        (run.id().to_string(), run.output::<String>().unwrap(), run.artifact("note").unwrap())
    });
    runs.collect()
}

#[test]
fn nothing_that_was_reported_done_is_lost_at_any_step() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = folder.path().join("undisturbed");
    assert!(run(&undisturbed, None).status.success());
    let expected = outputs(&undisturbed);
    assert_eq!(expected.len(), 12);

    let mut killed = 0;
    for when in ["before", "after"] {
        for step in 1.. {
            let store = folder.path().join(format!("{when}-{step}"));
            let first = run(&store, Some(format!("{when}:{step}")));
            if first.status.success() {
                break;
            }
            killed += 1;
            let done = told(&first);
            let second = run(&store, None);
            let text = String::from_utf8_lossy(&second.stdout).into_owned();
            assert!(
                second.status.success(),
                "{when} step {step}: {text}{}",
                String::from_utf8_lossy(&second.stderr)
            );
            let again = told(&second);
            assert!(
                done.is_disjoint(&again),
                "{when} step {step}: what was reported done was executed again"
            );
            assert_eq!(outputs(&store), expected, "{when} step {step}");
            std::fs::remove_dir_all(&store).unwrap();
        }
    }
    assert!(killed > 20, "only {killed} crash points were found: is the feature `crash-points` on?");
}
