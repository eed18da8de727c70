//! Two programs on one store at once, and SQL while they work.

use std::process::{Command, Stdio};

use metalab::engine::store::{Access, Store};
use metalab::query::Options;
use metalab::results::Results;
use metalab::{Experiment, Runtime};

use crate::lab;

const CHILD: &str = "METALAB_TEST_TOGETHER_STORE";

#[test]
fn child() {
    let Ok(store) = std::env::var(CHILD) else { return };
    metalab::run(lab::sweep()).store(store.as_str()).blocking().unwrap().ok().unwrap();
}

#[test]
fn two_programs_run_the_same_experiment_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["together::child", "--exact", "--test-threads=1"]).env(CHILD, &store);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let programs: Vec<_> = (0..3).map(|_| start()).collect();
    for program in programs {
        let output = program.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let opened = Store::open(store.to_str().unwrap(), Access::ReadOnly).unwrap();
    let results = Results::load(&opened, "sweep").unwrap().ok().unwrap();
    assert_eq!(results.len(), 12);
    let sql = "SELECT count(*) AS n, count(DISTINCT run_id) AS d FROM runs";
    let answer = metalab::query::query_blocking(&opened, sql, Options::default()).unwrap();
    assert_eq!(answer.to_csv().unwrap(), "n,d\n12,12\n", "each cell once, whoever computed it");
}

/// Waits until a file is there.
#[metalab::operation(code = "manual")]
fn gate(x: u64, file: String, runtime: &Runtime) -> metalab::Result<u64> {
    while x > 2 && !std::path::Path::new(&file).exists() {
        if runtime.should_stop() {
            return Err("stopped".into());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(x)
}

#[test]
fn sql_sees_what_has_finished_while_others_still_run() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("store"), folder.path().join("go"));
    let grid = Gate::grid().x([1, 2, 3, 4]).file(file.to_str().unwrap().to_owned());
    let handle =
        metalab::run(Experiment::new("gate", "1").sweep(grid)).store(path.as_path()).start().unwrap();
    while handle.status().counts.succeeded < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let reader = Store::open(path.to_str().unwrap(), Access::ReadOnly).unwrap();
    let ask = || {
        let sql = "SELECT params.x, status FROM runs ORDER BY 1";
        metalab::query::query_blocking(&reader, sql, Options::default()).unwrap().to_csv().unwrap()
    };
    assert_eq!(ask(), "params.x,status\n1,succeeded\n2,succeeded\n");
    std::fs::write(&file, "").unwrap();
    handle.wait().unwrap().ok().unwrap();
    assert_eq!(ask(), "params.x,status\n1,succeeded\n2,succeeded\n3,succeeded\n4,succeeded\n");
}
