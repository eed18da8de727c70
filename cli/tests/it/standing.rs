//! How submissions stand: `status`, `watch`, `cancel`; and `diff`, `runs --where`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metalab_engine::Experiment;
use metalab_engine::code::Code;
use metalab_engine::codec::Json;
use metalab_engine::operation::{Description, Operation, ParameterInfo, Run};
use metalab_engine::params::{AxisValues, Grid, Sweep};
use metalab_engine::record::Closing;
use metalab_engine::running::{Handle, Runner};
use metalab_executors::Threads;
use serde::{Deserialize, Serialize};

use crate::lab::{Lab, perform, training};

/// Runs with a `k` below this go on; the others wait.
static GATE: AtomicUsize = AtomicUsize::new(1);

/// Waits until it is let through.
struct Hold;

#[derive(Serialize, Deserialize)]
struct HoldParams {
    k: u64,
}

impl Operation for Hold {
    type Params = HoldParams;
    type Output = u64;
    type Codec = Json;

    fn describe() -> Description {
        Description::new("lab", "hold", "1", Code::manual()).parameter(ParameterInfo::required("k", "u64"))
    }

    fn call(params: HoldParams, _: &Run<'_>) -> metalab_engine::Result<u64> {
        while GATE.load(Ordering::SeqCst) as u64 <= params.k % 10 {
            std::thread::sleep(Duration::from_millis(1));
        }
        if params.k == 100 {
            Err("the first always fails")?;
        }
        Ok(params.k)
    }
}

fn start(lab: &Lab, first: u64) -> Handle {
    let grid = Grid::new().axis("k", AxisValues::swept([first, first + 1, first + 2, first + 3]));
    let held = Experiment::new("held", "1").sweep(Sweep::grid::<Hold>(grid));
    Runner::new(held, lab.store(), Arc::new(Threads::new(1).unwrap())).start().unwrap()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One test: the gate is one for all.
#[test]
fn a_submission_is_followed_and_stopped_from_outside() {
    let lab = Lab::empty();
    let handle = start(&lab, 100);
    wait_until(|| handle.status().counts.failed == 1);
    let status = lab.tell(&["status", "held"]).ok();
    assert!(status.starts_with("held 1: running\n"), "{status}");
    for part in ["1/4", "1 failed", "left", "failed first", "the first always fails"] {
        assert!(status.contains(part), "`{part}` is not in {status}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&lab.tell(&["status", "--format", "json"]).ok()).unwrap();
    assert_eq!((&json["state"], &json["cells"], &json["failed"]), (&"running".into(), &4.into(), &1.into()));
    assert_eq!(json["running"].as_u64().unwrap() + json["waiting"].as_u64().unwrap(), 3);

    let asked = lab.tell(&["cancel", "held", "--no-wait"]);
    assert!(asked.code == 0 && asked.err.contains("`held` was asked to stop"), "{asked:?}");
    // What works is let finish; the request is seen between two runs at the latest.
    std::thread::sleep(Duration::from_millis(600));
    GATE.store(10, Ordering::SeqCst);
    let results = handle.wait().unwrap();
    assert_eq!(results.closing(), Closing::Cancelled);
    let summary = results.summary().unwrap();
    assert!(summary.cancelled > 0 && summary.failed == 1, "{summary:?}");
    let status = lab.tell(&["status", "held"]).ok();
    assert!(status.starts_with("held 1: cancelled\n") && status.contains("not run"), "{status}");
    let nothing = lab.tell(&["cancel", "held"]);
    assert_eq!(nothing.code, 1);
    assert!(nothing.err.contains("nothing works on `held` now"), "{nothing:?}");
    assert!(std::fs::read_dir(lab.path("runs/live/cancel")).unwrap().next().is_none(), "it is tidied up");

    // Another time nothing stands in the way; what was done is reused.
    let handle = start(&lab, 101);
    let watched = lab.tell(&["watch", "held", "--every", "0.05"]).ok();
    assert!(watched.lines().last().unwrap().starts_with("held complete: "), "{watched}");
    assert_eq!(handle.wait().unwrap().closing(), Closing::Complete);
    let drawn = lab.tell_on(&["watch"], |console| console.terminal(40)).ok();
    assert!(drawn.contains("held 1: complete") && drawn.contains("4/4"), "{drawn}");
    assert!(drawn.lines().all(|line| line.chars().count() <= 40), "{drawn}");
}

#[test]
fn stores_without_submissions_have_no_status() {
    let lab = Lab::empty();
    lab.store();
    for line in [&["status"][..], &["watch"]] {
        let told = lab.tell(line);
        assert!(told.code == 1 && told.err.contains("nothing was ever asked for"), "{told:?}");
    }
    for line in [&["status", "no"][..], &["watch", "no"], &["cancel", "no"]] {
        let told = lab.tell(line);
        assert!(told.code == 1 && told.err.contains("no experiment called `no`"), "{told:?}");
    }
}

#[test]
fn runs_are_chosen_by_expressions() {
    let lab = Lab::filled();
    let ids = |line: &[&str]| -> Vec<String> {
        let told = lab.tell(&[&["runs", "--format", "csv"], line].concat()).ok();
        told.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let all = ids(&[]);
    assert_eq!(ids(&["--sort", "started:desc"]), all, "the same order");
    assert_eq!(ids(&["--where", "params.k >= 8"]), all[..2]);
    assert_eq!(
        ids(&["--where", "params.k >= 2", "--where", "metrics.loss > 0.1 OR true", "-n", "2"]),
        all[..2]
    );
    assert_eq!(
        ids(&["--sort", "metrics.loss:desc", "--where", "status = 'succeeded'"]),
        [&*all[4], &all[3], &all[2]]
    );
    assert_eq!(ids(&["--sort", "params.k % 3, params.k:desc"]).len(), 5);
    assert_eq!(ids(&["train_fine", "--sort", "params.k"]), [&*all[4], &all[3], &all[2]]);
    assert_eq!(ids(&["--status", "failed", "--sort", "started"]), [&*all[1], &all[0]]);
    let columns = lab.tell(&[
        "runs",
        "--columns",
        "params.k, coalesce(metrics.loss, 0), status",
        "--format",
        "csv",
        "-n",
        "1",
    ]);
    assert_eq!(columns.out, "params.k,\"coalesce(metrics.loss, 0)\",status\n16,0.0625,failed\n");
}

#[test]
fn an_expression_is_an_expression_and_no_more() {
    let lab = Lab::filled();
    for (line, part) in [
        (&["--where", "true) UNION SELECT (1"][..], "not valid SQL"),
        (&["--where", "true; DROP TABLE runs"], "is to end where `;` comes"),
        (&["--where", "true ORDER BY 1"], "is to end where `ORDER` comes"),
        (&["--where", "1 = 1 -- '"], ""),
        (&["--where", "params.kk = 3"], "did you mean `params.k`?"),
        (&["--where", ""], "not valid SQL"),
        (&["--sort", "nothing"], "no column `nothing`"),
        (&["--columns", "k k"], "is to end where `k` comes"),
        (&["--where", "x'"], "not valid SQL"),
        (&["no_such", "--where", "true"], "no experiment called `no_such`"),
        (&["x' OR 'a' = 'a", "--where", "true"], "no experiment called"),
    ] {
        let told = lab.tell(&[&["runs"], line].concat());
        assert_eq!(told.code, i32::from(!part.is_empty()) as u8, "{line:?} {told:?}");
        assert!(told.err.contains(part), "{line:?} {told:?}");
    }
}

#[test]
fn a_run_in_several_cells_is_listed_once() {
    let lab = Lab::empty();
    perform(training("fine", &[1, 2], 1), &lab.store());
    let again = Experiment::new("other", "1").sweep(Sweep::grid::<crate::lab::Train>(
        Grid::new().axis("k", AxisValues::swept([1_u64, 2])).axis("mood", AxisValues::fixed(&"fine")),
    ));
    perform(again.seeds(metalab_engine::seeds(7).replicates(1)), &lab.store());
    let told = lab.tell(&["runs", "--where", "true", "-n", "0", "--format", "csv"]).ok();
    assert_eq!(told.lines().count(), 3, "{told}");
    let told = lab.tell(&["runs", "--where", "true", "-n", "1", "--format", "csv"]).ok();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert_eq!(lab.tell(&["runs", "other", "--where", "true", "--format", "csv"]).ok().lines().count(), 3);
}

#[test]
fn runs_differ_in_what_they_are_and_what_came_out() {
    let lab = Lab::filled();
    let (fine, failed) = (lab.ids("succeeded"), lab.ids("failed"));
    let json = lab.tell(&["diff", &fine[1], &fine[0], "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let section = |name: &str| {
        let sections = json["sections"].as_array().unwrap();
        sections.iter().find(|section| section["name"] == name).map(|section| section["differences"].clone())
    };
    assert_eq!(section("params").unwrap()[0]["name"], "k");
    assert_eq!(section("metrics").unwrap()[0]["change"], -0.5);
    assert!(section("output").unwrap()[0]["new"].as_str().unwrap().contains("k4"));
    assert!(section("code").is_none() && section("environment").is_none());
    let same = lab.tell(&["diff", &fine[0], &fine[0][..12]]).ok();
    assert!(same.contains("nothing differs"), "{same}");
    let failed = lab.tell_on(&["diff", &fine[0], &failed[0]], |console| console.colour(true)).ok();
    assert!(failed.contains("status") && failed.contains("\u{1b}[32mfailed\u{1b}[0m"), "{failed}");
    assert_eq!(lab.tell(&["diff", &fine[0], "0000"]).code, 1);
}
