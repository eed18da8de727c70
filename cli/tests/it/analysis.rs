//! Many runs at once: `export`, `plot`, and the shell as it answers a pipe.

use metalab_cli::{Args, Console, run};
use metalab_engine::Store;

use crate::lab::{Lab, Told, perform, training};

fn piped(lab: &Lab, line: &[&str], input: &str) -> Told {
    let (mut out, mut err, mut bytes) = (Vec::new(), Vec::new(), input.as_bytes());
    let result = run(lab.args(line), &mut Console::new(&mut out, &mut err).input(&mut bytes));
    lab.told(result, &out, &err)
}

#[test]
fn runs_are_exported_in_every_format() {
    let lab = Lab::filled();
    let told = lab.tell(&["export", "train_fine", "-o", "DIR/runs.csv"]);
    assert_eq!((told.out.as_str(), told.code), ("", 0), "{told:?}");
    assert!(told.err.starts_with("note: 3 runs with "), "{told:?}");
    let csv = std::fs::read_to_string(lab.path("runs.csv")).unwrap();
    let head: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    for column in
        ["params.k", "params.mood", "metrics.loss", "output.slope", "output.label", "status", "run_id"]
    {
        assert!(head.contains(&column), "{head:?}");
    }
    let some = lab.tell(&[
        "export",
        "--columns",
        "param,metric",
        "--format",
        "csv",
        "--where",
        "status = 'succeeded'",
    ]);
    let mut lines: Vec<&str> = some.out.lines().collect();
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        [
            "params.k,params.mood,metrics.draw,metrics.loss",
            "1,fine,2.0,1.0",
            "2,fine,2.0,0.5",
            "4,fine,2.0,0.25"
        ]
    );
    for format in ["json", "ndjson", "parquet", "arrow"] {
        let path = format!("DIR/runs.{format}");
        lab.tell(&["export", "-o", &path]).ok();
        assert!(std::fs::metadata(lab.path(&format!("runs.{format}"))).unwrap().len() > 100);
    }
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(lab.path("runs.json")).unwrap()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 5);
    assert!(std::fs::read(lab.path("runs.parquet")).unwrap().ends_with(b"PAR1"));
    assert!(std::fs::read(lab.path("runs.arrow")).unwrap().starts_with(b"ARROW1"));
}

#[test]
fn an_export_is_whole_or_absent_and_overwrites_nothing() {
    let lab = Lab::filled();
    std::fs::write(lab.path("old.csv"), "old").unwrap();
    let refused = lab.tell(&["export", "-o", "DIR/old.csv"]);
    assert!(
        refused.code == 1 && refused.err.contains("hint: name another path, or replace it with `--force`"),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(lab.path("old.csv")).unwrap(), b"old");
    lab.tell(&["export", "-o", "DIR/old.csv", "--force"]).ok();
    assert_ne!(std::fs::read(lab.path("old.csv")).unwrap(), b"old");
    for (line, code, part) in [
        (&["export"][..], 2, "hint: use `-o runs.parquet`"),
        (&["export", "-o", "DIR/runs.xlsx"], 2, "does not tell how to write it"),
        (&["export", "--format", "parquet"], 2, "`-o runs.parquet`"),
        (&["export", "train_fien", "-o", "DIR/new.csv"], 1, "no experiment called `train_fien`"),
        (&["export", "-o", "DIR/new.csv", "--where", "params.kk = 1"], 1, "did you mean `params.k`?"),
        // It fails in the middle, after the file was begun.
        (&["export", "-o", "DIR/new.csv", "--where", "cast(params.mood AS int) = 1"], 1, "the query failed"),
        (&["export", "-o", "DIR/new.csv", "--columns", "data"], 2, "no run has a column of these groups"),
    ] {
        let told = lab.tell(line);
        assert!(told.code == code && told.err.contains(part), "{line:?} {told:?}");
    }
    let left: Vec<_> =
        std::fs::read_dir(lab.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the store and old.csv: {left:?}");
}

#[test]
fn numbers_are_drawn() {
    let lab = Lab::filled();
    let wide = |line: &[&str]| lab.tell_on(line, |console| console.terminal(60)).ok();
    let scatter = wide(&["plot", "metrics.loss", "--by", "params.k"]);
    assert!(scatter.starts_with("metrics.loss by params.k: 5 runs\n") && scatter.contains('┤'), "{scatter}");
    let bars = wide(&["plot", "params.k", "--by", "status"]);
    assert!(bars.contains("failed    │") && bars.contains("12 ± 5.65685 (n=2)"), "{bars}");
    let counts = wide(&["plot", "status"]);
    assert!(counts.contains("succeeded │") && counts.contains("█ 3\n"), "{counts}");
    let histogram = wide(&["plot", "metrics.loss", "--experiment", "train_fine"]);
    assert!(histogram.starts_with("metrics.loss: 3 values\n0.25 to 0.5 │"), "{histogram}");
    let run = &lab.ids("succeeded")[0];
    let series = wide(&["plot", "series.progress", "--run", run]);
    assert!(series.starts_with(&format!("progress by step: {}", &run[..12])), "{series}");
    for picture in [&scatter, &bars, &counts, &histogram, &series] {
        assert!(picture.lines().all(|line| line.chars().count() <= 60), "{picture}");
    }
    let csv =
        lab.tell(&["plot", "metrics.loss", "--by", "params.k", "--format", "csv", "-o", "DIR/loss.csv"]);
    assert_eq!(csv.code, 0);
    assert!(std::fs::read_to_string(lab.path("loss.csv")).unwrap().starts_with("x,y\n"));
}

#[test]
fn pictures_are_files_too() {
    let lab = Lab::filled();
    let run = &lab.ids("succeeded")[0];
    for (line, parts) in [
        (&["metrics.loss", "--by", "params.k"][..], &["<circle", ">metrics.loss<", ">params.k<"][..]),
        (&["params.k", "--by", "status"], &["<rect", ">12 ± 5.65685 (n=2)<", ">failed<", ">params.k<"]),
        (&["status"], &["<rect", ">succeeded<", ">runs<"]),
        (&["metrics.loss", "--log"], &["<rect", ">metrics.loss<"]),
        (&["series.progress", "--run", run], &["<polyline", ">step<", ">progress<"]),
    ] {
        let line = [&["plot"], line, &["--format", "svg"]].concat();
        let picture = lab.tell_on(&line, |console| console.terminal(60).colour(true)).ok();
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
        assert!(parts.iter().all(|part| picture.contains(part)), "{line:?} {picture}");
        assert!(!picture.contains('\u{1b}'), "no colours of a terminal: {picture}");
    }
    let line = ["plot", "metrics.loss", "--by", "params.k", "-o", "DIR/loss.svg"];
    lab.tell(&line).ok();
    assert!(std::fs::read_to_string(lab.path("loss.svg")).unwrap().starts_with("<svg "));
    let again = lab.tell(&line);
    assert!(again.code == 1 && again.err.contains("`--force`"), "{again:?}");
    lab.tell(&[&line[..], &["--force"]].concat()).ok();
    let none = lab.tell(&["plot", "metrics.loss", "--where", "false", "-o", "DIR/none.svg"]);
    assert!(none.code == 1 && !lab.path("none.svg").exists(), "{none:?}");
}

#[test]
fn what_cannot_be_drawn_is_told() {
    let lab = Lab::filled();
    for (line, code, part) in [
        (&["plot", "metrics.los"][..], 1, "did you mean `metrics.loss`?"),
        (&["plot", "params.mood", "--by", "params.k"], 2, "only numbers can be drawn"),
        (&["plot", "series.progress"], 2, "--run 3f1c"),
        (&["plot", "metrics.loss", "--where", "false"], 1, "there is nothing to draw"),
        (&["plot", "0 - params.k", "--log"], 1, "above zero"),
        (&["plot", "1; SELECT 2"], 1, "not valid SQL"),
    ] {
        let told = lab.tell(line);
        assert!(told.code == code && told.err.contains(part), "{line:?} {told:?}");
    }
    let partly = lab.tell(&["plot", "output.slope", "--by", "params.k"]);
    assert!(partly.code == 0 && partly.err.contains("note: 2 rows left out: no number there"), "{partly:?}");
}

#[test]
fn the_shell_answers_a_pipe_question_by_question() {
    let lab = Lab::filled();
    let told = piped(
        &lab,
        &["sql", "--format", "csv"],
        "select count(*) n from runs; -- and\nselect ';' as s;\n.mode json\nselect 1 as x",
    );
    assert_eq!((told.out.as_str(), told.err.as_str()), ("n\n5\ns\n;\n[\n  {\"x\":1}\n]\n", ""));
    let failed = piped(&lab, &["sql"], "select 1 as x;\nselec 2;\nselect 3 as x;");
    assert!(failed.code == 1 && failed.out.starts_with("x\n") && !failed.out.contains('3'), "{failed:?}");
    let tables =
        piped(&lab, &["sql"], ".tables\n.schema runs\n.timing on\nselect 1;\n.help\n.quit\nselect nothing;");
    for part in ["train_fine", "params.k", "took ", ".output [FILE]"] {
        assert!(tables.out.contains(part), "{tables:?}");
    }
    assert_eq!(tables.code, 0, "nothing behind `.quit` is asked");
    assert_eq!(piped(&lab, &["sql"], "").ok(), "");
}

#[test]
fn the_shell_reads_and_writes_files() {
    let lab = Lab::filled();
    let folder = lab.path("");
    let folder = folder.to_str().unwrap();
    std::fs::write(lab.path("ask.sql"), ".mode csv\nselect count(*) as n\nfrom runs;\n").unwrap();
    std::fs::write(lab.path("loop.sql"), format!(".read {folder}/loop.sql\n")).unwrap();
    let text = format!(
        ".output {folder}/answers.csv\n.read {folder}/ask.sql\n.output\n.mode line\nselect 1 as a, 'x' as bb;"
    );
    assert_eq!(piped(&lab, &["sql"], &text).ok(), "─ row 1\na   1\nbb  x\n(1 row)\n");
    assert_eq!(std::fs::read_to_string(lab.path("answers.csv")).unwrap(), "n\n5\n");
    for (text, part) in [
        (format!(".output {folder}/answers.csv"), "is already there"),
        (format!(".read {folder}/none.sql"), "cannot be read"),
        (format!(".read {folder}/loop.sql"), "does one of them read itself?"),
        (".output /no/such/folder/x".into(), "cannot be written"),
        (".nothing".into(), "hint: `.help` lists the commands"),
    ] {
        let told = piped(&lab, &["sql"], &text);
        assert!(told.code > 0 && told.err.contains(part), "{text} {told:?}");
    }
}

#[test]
fn an_answer_wider_than_the_terminal_tells_what_is_hidden() {
    let lab = Lab::filled();
    let line = ["query", "SELECT * FROM runs LIMIT 1"];
    let told = lab.tell_on(&line, |console| console.terminal(80));
    assert!(
        told.out.contains("no room for ") && told.err.contains("`--format line` shows all columns"),
        "{told:?}"
    );
    assert!(told.out.lines().rev().skip(1).all(|line| line.chars().count() <= 80), "{told:?}");
    let all = lab.tell_on(&[&line[..], &["--format", "line"]].concat(), |console| console.terminal(80));
    assert!(all.out.contains("\nplatform ") && all.err.is_empty(), "{all:?}");
}

#[test]
fn stores_are_asked_as_they_were_and_together() {
    let lab = Lab::empty();
    perform(training("fine", &[1, 2], 1), &lab.store());
    perform(training("fine", &[1, 2, 4], 1), &lab.store());
    perform(training("fine", &[2, 8], 1), &Store::create(lab.path("old").to_str().unwrap()).unwrap());
    let count = "SELECT count(*) AS n FROM runs";
    let first = "SELECT submission FROM submissions ORDER BY opened LIMIT 1";
    let first = lab.tell(&["query", first, "--format", "csv"]).ok();
    let first = first.lines().nth(1).unwrap();
    let tell = |words: &[&str]| lab.tell(&[words, &["--format", "csv"]].concat());
    assert_eq!(tell(&["query", count, "--as-of", first]).ok(), "n\n2\n");
    assert_eq!(tell(&["query", count, "--as-of", "2020-01-01"]).ok(), "n\n0\n");
    assert_eq!(tell(&["query", count, "--as-of", "2120-01-01 12:00"]).ok(), "n\n3\n");
    let then = |words: &[&str]| tell(&[words, &["--as-of", first]].concat()).ok();
    assert_eq!(then(&["runs"]).lines().count(), 3, "a head and two runs");
    assert_eq!(then(&["runs", "--where", "params.k > 1", "--columns", "params.k"]), "params.k\n2\n");
    assert_eq!(then(&["runs", "--where", "params.k > 0"]).lines().count(), 3);
    assert_eq!(then(&["experiments"]).lines().nth(1).unwrap().split(',').nth(3), Some("1"), "submissions");
    assert_eq!(then(&["export", "--columns", "param"]).lines().count(), 3);
    assert_eq!(then(&["plot", "metrics.loss", "--by", "params.k"]).lines().count(), 3);
    let late = lab.tell(&["query", "SELECT run_id FROM runs WHERE params.k = 4", "--format", "csv"]).ok();
    let late = late.lines().nth(1).unwrap();
    lab.tell(&["show", late]).ok();
    for line in [&["show", late][..], &["diff", late, late]] {
        let before = lab.tell(&[line, &["--as-of", first]].concat());
        assert!(before.code == 1 && before.err.contains("no run"), "{before:?}");
    }
    let all = "SELECT store, count(*) AS n FROM all.runs GROUP BY 1 ORDER BY 1";
    let attached = tell(&["query", all, "--attach", "old=DIR/old", "--attach", "same=DIR/runs"]);
    assert_eq!(attached.ok(), "store,n\nold,2\nsame,3\nthis,3\n");
    let line = ["sql", "--format", "csv", "--attach", "old=DIR/old"];
    assert_eq!(piped(&lab, &line, "SELECT count(*) AS n FROM old.runs;").ok(), "n\n2\n");
    for (line, code, part) in [
        (&["query", count, "--as-of", "00000000"][..], 1, "no submission of the store is called so"),
        (&["query", count, "--attach", "old=DIR/none"], 3, "`old` cannot be attached: there is no store at"),
        (&["query", count, "--attach", "Old Ones=DIR/old"], 2, "small letters"),
        (&["query", count, "--attach", "old=DIR/old", "--attach", "old=DIR/old"], 2, "taken"),
    ] {
        let told = lab.tell(line);
        assert!(told.code == code && told.err.contains(part), "{line:?} {told:?}");
    }
    for line in [["--as-of", "yesterday"], ["--attach", "DIR/old"], ["--attach", "=x"], ["--attach", "x="]] {
        let error = Args::parse_from(["metalab", "query", count, line[0], line[1]]).unwrap_err();
        assert!(error.to_string().contains("write a"), "{error}");
    }
    assert!(!lab.path("none").exists(), "a store that is asked along is not made");
}
