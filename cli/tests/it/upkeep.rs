//! Derived expressions, manifests, completions, manual pages.

use crate::lab::{Lab, perform, training};

#[test]
fn expressions_are_kept_by_name() {
    let lab = Lab::filled();
    let kept = lab.tell(&["derive", "slowness", "=", "metrics.loss / params.k"]);
    assert!(kept.code == 0 && kept.err.contains("ask for it as `derived.slowness`"), "{kept:?}");
    lab.tell(&["derive", "own = 1 + 1", "--experiment", "train_fine"]).ok();
    let kept = lab.tell(&["derive", "slow ness", "=", "params.k + 1"]);
    assert!(kept.err.contains("ask for it as `derived.\"slow ness\"`"), "{kept:?}");
    let most = lab.tell(&["query", "SELECT max(derived.\"slow ness\") AS most FROM runs", "--format", "csv"]);
    assert_eq!(most.ok(), "most\n17\n");
    let list = lab.tell(&["derive", "--list", "--format", "csv"]).ok();
    assert!(
        list.contains("slowness,,metrics.loss / params.k,") && list.contains("own,train_fine,1 + 1,"),
        "{list}"
    );
    lab.tell(&["derive", "--drop", "slowness"]).ok();
    assert!(!lab.tell(&["derive", "--list"]).ok().contains("slowness"));
    for (line, code, part) in [
        (&["derive", "bad", "=", "metrics.los + 1"][..], 1, "did you mean `metrics.loss`?"),
        (&["derive", "bad", "=", "1; DROP TABLE runs"], 1, "`;` follows where the expression should end"),
        (&["derive", "bad", "="], 2, "no expression follows `bad =`"),
        (&["derive", "= 1"], 1, "empty"),
        (&["derive", "x", "=", "1", "--experiment", "none"], 1, "no experiment called `none`"),
        (&["derive", "--drop", "none"], 1, "no expression is kept as `none`"),
        (&["derive", "efficiency"], 2, "no derived function `efficiency`"),
    ] {
        let told = lab.tell(line);
        assert!(told.code == code && told.err.contains(part), "{line:?} {told:?}");
    }
}

#[test]
fn manifests_are_listed_and_compared() {
    let lab = Lab::empty();
    perform(training("fine", &[1, 2], 1), &lab.store());
    perform(training("fine", &[1, 2, 3], 1), &lab.store());
    let list = lab.tell(&["manifests", "train_fine", "--format", "csv"]).ok();
    let names: Vec<&str> = list.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(names.len(), 2);
    let shown = lab.tell(&["manifests", "show", &names[0][..10]]).ok();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert!(shown.to_string().contains("train_fine"));
    let diff = lab.tell(&["manifests", "diff", names[1], names[0]]).ok();
    assert!(diff.contains('k') && diff.contains('3'), "{diff}");
    assert_eq!(lab.tell(&["manifests", "diff", names[0], names[0]]).ok(), "nothing changed\n");
    for (line, part) in [
        (&["manifests", "show", "x"][..], "is too short"),
        (&["manifests", "show", "nothing"], "no submission begins with `nothing`"),
        (&["manifests", "none"], "no experiment called `none`"),
    ] {
        let told = lab.tell(line);
        assert!(told.code > 0 && told.err.contains(part), "{told:?}");
    }
}

#[test]
fn manual_pages_are_written_and_not_overwritten() {
    let lab = Lab::empty();
    lab.tell(&["man", "DIR/man"]).ok();
    for page in ["metalab.1", "metalab-runs.1", "metalab-store-info.1"] {
        assert!(std::fs::read_to_string(lab.path("man").join(page)).unwrap().starts_with(".ie"), "{page}");
    }
    assert!(!lab.path("man/metalab-run.1").exists(), "this program has no experiments");
    let again = lab.tell(&["man", "DIR/man"]);
    assert!(again.code == 1 && again.err.contains("--force"), "{again:?}");
    lab.tell(&["man", "DIR/man", "--force"]).ok();
}

#[test]
fn completion_scripts_need_no_store() {
    let lab = Lab::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = lab.tell(&["completions", shell]).ok();
        assert!(script.contains("METALAB_COMPLETE"), "{script}");
    }
    assert!(!lab.path("runs").exists());
}
