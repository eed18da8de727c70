//! A program that is nothing but experiments and `#[metalab::main]`: the example `laboratory`.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::processes::example;

fn tell(folder: &tempfile::TempDir, line: &[&str], input: &str) -> Output {
    let mut command = Command::new(example("laboratory"));
    command.args(line).current_dir(folder.path()).env_remove("METALAB_STORE").env_remove("NO_COLOR");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What asks for nothing may have ended before it is told anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn ok(folder: &tempfile::TempDir, line: &[&str], input: &str) -> (String, String) {
    let output = tell(folder, line, input);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{line:?}: {out}{err}");
    (out, err)
}

#[test]
fn a_program_of_experiments_has_the_whole_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let (help, _) = ok(&folder, &["--help"], "");
    assert!(help.contains("Run an experiment of this program") && help.contains("verify"), "{help}");
    let (plan, _) = ok(&folder, &["plan", "fall"], "");
    assert!(plan.contains("3 cells") && plan.contains("3 to run"), "{plan}");
    let progress = ["run", "fall", "--progress", "plain", "--metric", "error:.2e", "--metric", "output:.3f"];
    let (table, err) = ok(&folder, &progress, "");
    assert!(table.contains("step_ms") && table.contains("succeeded"), "{table}");
    assert!(
        err.contains("fall: 3/3 3 done") && err.contains(" · error ") && err.contains(" · output "),
        "{err}"
    );
    let (status, _) = ok(&folder, &["status", "fall"], "");
    assert!(status.contains("fall 1: complete") && status.contains("3 done"), "{status}");
    let (answer, _) = ok(
        &folder,
        &["sql", "--format", "csv"],
        "SELECT min(params.step_ms) AS a,\ncount(*) AS n FROM runs;",
    );
    assert_eq!(answer, "a,n\n1,3\n");
    let (script, _) = ok(&folder, &["completions", "bash"], "");
    assert!(script.contains("METALAB_COMPLETE") && script.contains("laboratory"), "{script}");
    let (_, err) = ok(&folder, &["-q", "run", "fall"], "");
    assert_eq!(err, "");
}

#[test]
fn progress_is_for_people_or_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let (_, err) = ok(&folder, &["run", "fall_fine", "--progress", "json"], "");
    let events: Vec<serde_json::Value> =
        err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.last().unwrap()["event"], "status");
    assert_eq!(events.last().unwrap()["title"], "fall_fine");
    let (_, err) = ok(&folder, &["run", "fall_fine", "--progress", "none", "--rerun"], "");
    assert_eq!(err, "");
    let folder = tempfile::tempdir().unwrap();
    let wrong = tell(&folder, &["run", "fall", "--metric", "error:4x"], "");
    let err = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(2) && err.contains("error:4x") && err.contains(".3f"), "{err}");
    assert!(!folder.path().join("runs").exists(), "no store is made");
}
