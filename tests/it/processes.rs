//! Runs in processes, from a program of a user's: an example that calls `#[metalab::main]`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use metalab::executors::Processes;
use metalab::record::Outcome;
use metalab::store::{Access, Store};
use metalab::{Experiment, operation::Registry, results::Results};

/// This program as a worker; passed over in a plain run of all tests.
#[test]
fn worker() {
    metalab::executors::serve_with(Registry::new().with::<Risky>().unwrap());
}

fn processes(count: usize) -> Processes {
    let arguments = ["--exact", "processes::worker", "--nocapture", "--test-threads=1"];
    Processes::builder(count).worker(std::env::current_exe().unwrap()).arguments(arguments).build().unwrap()
}

/// Ends its process when told to.
#[metalab::operation(code = "manual")]
fn risky(x: u64) -> u64 {
    match x {
        3 => std::process::abort(),
        5 => std::process::exit(0),
        _ => x * x,
    }
}

#[test]
fn a_crash_is_one_failed_run_and_the_rest_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let exp = || Experiment::new("risky", "1").sweep(Risky::grid().x((0..50).collect::<Vec<_>>()));
    let results = metalab::run(exp()).store(folder.path()).executor(processes(2)).blocking().unwrap();
    let failed: BTreeSet<u64> = results.failed().iter().map(|run| run.unwrap().param("x").unwrap()).collect();
    assert_eq!(failed, BTreeSet::from([3, 5]));
    assert_eq!(results.summary().unwrap().succeeded, 48);
    let store = Store::open(folder.path().to_str().unwrap(), Access::ReadOnly).unwrap();
    let loaded = Results::load(&store, "risky").unwrap();
    assert_eq!(
        loaded.iter().filter(|run| run.as_ref().unwrap().outcome() == Some(Outcome::Failed)).count(),
        2
    );
}

#[test]
fn a_program_that_forgot_init_is_refused() {
    let exp = Experiment::new("risky", "1").sweep(Risky::grid().x([1]));
    let error = metalab::run(exp).store("memory://").processes(2).blocking().unwrap_err().to_string();
    assert!(error.contains("never called `metalab::init()`"), "{error}");
}

/// The example, which Cargo builds before it runs these tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.ancestors().nth(2).unwrap();
    let program = folder.join("examples").join(name);
    assert!(
        program.is_file(),
        "{} is not built: run all tests, or `cargo build --example crashes` first",
        program.display()
    );
    program
}

#[test]
fn a_program_with_the_attribute_is_its_own_worker() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("runs");
    let run = || {
        let mut command = Command::new(example("crashes"));
        let output = command.arg(&store).env_remove("METALAB_WORKER").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run();
    assert!(text.contains("18 of 20 done"), "{text}");
    assert!(text.contains("signal 6 (SIGABRT)") && text.contains("exit: code 7"), "{text}");
    // Arguments reach the program, and workers did not run it: it would have said so more than once.
    assert_eq!(text.matches("started with 1 argument").count(), 1, "{text}");
    assert!(run().contains("18 of 20 done"));
}
