//! Mistakes, and what is said about them.

use crate::lab::{Lab, Told};

/// The command fails so; the store is as it was.
fn refused(lab: &Lab, line: &[&str], code: u8, parts: &[&str]) -> Told {
    let before = lab.path("runs").is_dir().then(|| lab.files());
    let told = lab.tell(line);
    assert_eq!(told.code, code, "{told:?}");
    assert!(told.err.starts_with("error: ") || told.err.contains("\nerror: "), "{told:?}");
    for part in parts {
        assert!(told.err.contains(part), "`{part}` is not in {told:?}");
    }
    let rust = ["Error {", "Some(", "panicked", "stack backtrace", "DataFusion"];
    assert!(!rust.iter().any(|word| told.err.contains(word)), "{told:?}");
    assert!(before.is_none_or(|before| before == lab.files()), "{line:?} changed the store");
    told
}

#[test]
fn stores_that_are_none() {
    let lab = Lab::empty();
    refused(&lab, &["runs"], 3, &["no store at `DIR/runs`", "hint: ", "--store PATH"]);
    assert!(!lab.path("runs").exists());
    std::fs::write(lab.path("runs"), "text").unwrap();
    refused(&lab, &["runs"], 3, &["`DIR/runs` is a file", "hint: "]);
    refused(&lab, &["query", "SELECT 1"], 3, &["`DIR/runs` is a file"]);
    refused(&lab, &["store", "rebuild"], 3, &["`DIR/runs` is a file"]);
    std::fs::remove_file(lab.path("runs")).unwrap();
    std::fs::create_dir(lab.path("runs")).unwrap();
    std::fs::write(lab.path("runs/thesis.tex"), "text").unwrap();
    refused(&lab, &["store", "info"], 3, &["holds files but no `metalab.json`"]);
}

#[test]
fn stores_of_another_kind() {
    for (manifest, part) in [
        ("{\"format\": 2, \"later\": true}", "has format 2, this metalab knows up to 1"),
        ("\u{0}\u{1}garbage", "cannot be read"),
        ("{}", "it has no number `format`"),
    ] {
        let lab = Lab::filled();
        std::fs::write(lab.path("runs/metalab.json"), manifest).unwrap();
        for line in [&["runs"][..], &["query", "SELECT 1"], &["store", "rebuild"]] {
            refused(&lab, line, 3, &[part, "hint: "]);
        }
    }
}

#[test]
fn orders_that_are_none() {
    let lab = Lab::filled();
    let parts = &["`down` is no order of `params.k`", "hint: write `params.k:desc` for the largest first"];
    refused(&lab, &["runs", "--sort", "params.k:down"], 2, parts);
    let cast = lab.tell(&[
        "runs",
        "--sort",
        "params.k::double:desc",
        "--columns",
        "params.k",
        "--format",
        "csv",
        "-n",
        "1",
    ]);
    assert_eq!(cast.ok(), "params.k\n16\n");
}

#[test]
fn runs_that_are_not_there() {
    let lab = Lab::filled();
    refused(&lab, &["show", "0000"], 1, &["no run begins with `0000`"]);
    refused(&lab, &["logs", "0000"], 1, &["no run begins with `0000`"]);
    refused(&lab, &["show", "xyz1"], 1, &["`xyz1` is not a run id", "hint: "]);
    refused(&lab, &["why", "abc"], 1, &["`abc` is not a run id"]);
    refused(&lab, &["show", "a\nb\u{1b}"], 1, &["`a?b?` is not a run id"]);
    refused(&lab, &["runs", "digits"], 1, &["no experiment called `digits`"]);
}

#[test]
fn an_ambiguous_prefix_lists_what_it_fits() {
    use crate::lab::{perform, training};
    let lab = Lab::empty();
    // Two of 2,000 ids share their first four digits (a probability of 1 - 10^-13, and the ids never change).
    perform(training("quick", &(0..2_000).collect::<Vec<_>>(), 1), &lab.store());
    let mut ids = lab.tell(&["query", "SELECT run_id FROM runs", "--format", "csv"]).ok();
    ids = ids.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let mut ids: Vec<&str> = ids.lines().collect();
    ids.sort_unstable();
    let pair = ids.windows(2).find(|pair| pair[0][..4] == pair[1][..4]).unwrap();
    refused(
        &lab,
        &["show", &pair[0][..4]],
        1,
        &["runs begin with", &pair[0][..12], &pair[1][..12], "hint: "],
    );
    assert!(lab.tell(&["show", pair[0]]).ok().contains(pair[0]));
}

#[test]
fn wrong_sql() {
    let lab = Lab::filled();
    let ask = |sql: &str, parts: &[&str]| drop(refused(&lab, &["query", sql], 1, parts));
    ask("SELECT avg(metrics.los) FROM runs", &["metrics.los", "did you mean `metrics.loss`?", "hint: "]);
    ask("SELECT params.kk FROM runs", &["params.kk", "did you mean `params.k`?"]);
    ask("SELECT * FROM rnus", &["no table `rnus`; did you mean `runs`?", "SHOW TABLES"]);
    ask("SELEC 1", &["not valid SQL"]);
    ask("SELECT 1; SELECT 2", &["2 statements"]);
    ask("DROP TABLE runs", &["DROP", "is refused"]);
    ask("INSERT INTO runs VALUES (1)", &["INSERT", "is refused"]);
    ask("COPY runs TO 'out.csv'", &["COPY", "is refused"]);
    ask("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", &["is refused"]);
    ask("SELECT * FROM '/etc/passwd'", &[]);
}

#[test]
fn sql_that_never_ends_is_stopped() {
    let lab = Lab::filled();
    // Ten million million pairs, one million numbers in memory.
    let endless = "SELECT sum(a.v * b.v) FROM generate_series(1, 1000000) AS a(v), generate_series(1, 10000000) AS b(v)";
    refused(&lab, &["query", endless, "--timeout", "1"], 4, &["stopped after 1 s", "--timeout 0"]);
}

#[test]
fn outputs_that_are_there_already() {
    let lab = Lab::filled();
    let run = lab.ids("succeeded")[0].clone();
    std::fs::write(lab.path("old.csv"), "old").unwrap();
    let answer = ["query", "SELECT 1", "-o", "DIR/old.csv"];
    refused(&lab, &answer, 1, &["file `DIR/old.csv` is already there", "--force"]);
    refused(&lab, &["artifacts", &run, "notes", "-o", "DIR/old.csv"], 1, &["is already there"]);
    assert_eq!(std::fs::read(lab.path("old.csv")).unwrap(), b"old");
    std::fs::create_dir(lab.path("folder")).unwrap();
    let answer = ["query", "SELECT 1", "-o", "DIR/folder", "--force"];
    refused(&lab, &answer, 1, &["folder `DIR/folder` is already there"]);
    refused(
        &lab,
        &["query", "SELECT 1", "-o", "DIR/no/such.csv"],
        1,
        &["`DIR/no/such.csv` cannot be written", "caused by: "],
    );
}

#[test]
fn what_only_a_person_gets_wrong() {
    let lab = Lab::filled();
    let run = lab.ids("succeeded")[0].clone();
    refused(&lab, &["query", "SELECT 1", "--format", "parquet"], 2, &["-o answer.parquet"]);
    refused(&lab, &["query"], 2, &["no question was asked", "hint: "]);
    refused(&lab, &["query", "-f", "DIR/none.sql"], 1, &["`DIR/none.sql` cannot be read", "caused by: "]);
    refused(&lab, &["run", "pi"], 2, &["this program has no experiments"]);
    refused(&lab, &["artifacts", &run, "-o", "DIR/x"], 2, &["name the artifact", "output, notes, weights"]);
    refused(&lab, &["artifacts", &run, "nothing"], 1, &["has no artifact `nothing`"]);
    let told = lab.tell_on(&["artifacts", &run, "weights"], |console| console.terminal(80));
    assert!(told.code == 1 && told.err.contains("-o weights.bin"), "{told:?}");
}

#[test]
fn a_damaged_record_is_told_and_hides_only_itself() {
    let lab = Lab::filled();
    let (path, mut bytes) =
        lab.files().into_iter().find(|(path, _)| path.extension().is_some_and(|e| e == "seg")).unwrap();
    // The last quarter of the first experiment's segment is inside one of its last records.
    let at = bytes.len() * 3 / 4;
    bytes[at] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    for file in std::fs::read_dir(lab.path("runs/index")).into_iter().flatten() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let told = lab.tell(&["runs"]);
    assert!(told.err.contains("warning: ") && told.err.contains("store info"), "{told:?}");
    assert!(told.code == 0 && told.out.lines().count() > 4, "{told:?}");
    assert!(!lab.tell(&["store", "info"]).ok().contains("damages\n  none"));
    assert_eq!(lab.tell(&["runs", "-q"]).err, "");
}
