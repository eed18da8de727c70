//! What every command prints, compared with `tests/expected/*.txt`; `METALAB_BLESS=1` writes these anew.
//!
//! Run ids are the same everywhere: the operations are versioned by hand. What is not (times, sizes of what holds
//! times, names of writers, the machine) is replaced.

use std::path::Path;

use crate::lab::{Lab, Told};

/// Commands with what they print, as one file.
pub(crate) struct Transcript {
    name: &'static str,
    text: String,
}

impl Transcript {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, text: String::new() }
    }

    pub(crate) fn add(&mut self, line: &[&str], told: &Told) {
        self.text.push_str(&format!("$ metalab {}\n{}", line.join(" "), redact(&told.out)));
        if !told.err.is_empty() {
            self.text.push_str(&format!("--- standard error\n{}", redact(&told.err)));
        }
        self.text.push_str(&format!("--- code {}\n\n", told.code));
    }

    pub(crate) fn check(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/expected/{}.txt", self.name));
        if std::env::var_os("METALAB_BLESS").is_some() {
            std::fs::write(&path, &self.text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(expected == self.text, "{} differs; METALAB_BLESS=1 accepts:\n{}", path.display(), self.text);
    }
}

/// Replaces what is different on each day and machine.
fn redact(text: &str) -> String {
    let mut lines = Vec::new();
    // Outside of a repository there is no commit.
    for line in text.lines().filter(|line| !line.starts_with("  git commit")) {
        let name = line.split_whitespace().next().unwrap_or_default();
        let value = ["took", "host", "pid", "platform", "metalab", "peak", "segments", "packs", "levels"];
        let line = match line.strip_prefix("  ").filter(|_| value.contains(&name)) {
            Some(entry) => match entry.find("  ") {
                Some(gap) => format!("  {}  <{name}>", &entry[..gap]),
                None => line.to_owned(),
            },
            None => line.to_owned(),
        };
        lines.push(spaces(&times(&writers(&sizes(&line)))));
    }
    lines.join("\n") + if text.ends_with('\n') { "\n" } else { "" }
}

/// Sizes of the tables' files, which hold times, and the line where a panic is in `lab.rs`.
fn sizes(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if line.contains(" live file") {
        for at in 1..words.len() {
            if matches!(words[at].trim_end_matches(','), "B" | "KiB") {
                (words[at - 1], words[at]) = ("<size>", if words[at].ends_with(',') { "-," } else { "-" });
            }
        }
    }
    let line = words.join(" ");
    match line.split_once("lab.rs:") {
        Some((before, after)) => {
            format!("{before}lab.rs:<line>{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line,
    }
}

/// Names of records and stores: exactly 32 hexadecimal digits, perhaps with a number.
fn writers(line: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut text = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(word) {
        let end = rest[start..].find(|c| !word(c)).map_or(rest.len(), |end| start + end);
        let token = &rest[start..end];
        let head = token.split('-').next().unwrap_or_default();
        let is_name = head.len() == 32 && head.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.push_str(&rest[..start]);
        text.push_str(if is_name { "<name>" } else { token });
        rest = &rest[end..];
    }
    text + rest
}

/// Times of day and durations.
fn times(line: &str) -> String {
    if let Some((before, number)) = line.split_once("_time_s\": ") {
        return format!("{before}_time_s\": <duration>{}", if number.ends_with(',') { "," } else { "" });
    }
    let bytes = line.as_bytes();
    let shape = |pattern: &str, at: usize| {
        bytes.len() >= at + pattern.len()
            && pattern
                .bytes()
                .zip(&bytes[at..])
                .all(|(p, b)| if p == b'0' { b.is_ascii_digit() } else { p == *b })
    };
    let mut text = String::new();
    let mut at = 0;
    while at < line.len() {
        if shape("0000-00-00 00:00:00", at) {
            text.push_str("<time>");
            at += 19;
        } else if shape("00:00:00.000", at) {
            text.push_str("<time>");
            at += 12;
        } else if bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric()) {
            let end =
                at + line[at..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(line.len() - at);
            let unit = [" us", " ms", " s"].into_iter().find(|unit| line[end..].starts_with(unit));
            let whole = unit.is_some_and(|unit| !line[end + unit.len()..].starts_with(char::is_alphanumeric));
            text.push_str(if whole { "<duration>" } else { &line[at..end] });
            at = end + if whole { unit.unwrap_or_default().len() } else { 0 };
        } else {
            let length = line[at..].chars().next().map_or(1, char::len_utf8);
            text.push_str(&line[at..at + length]);
            at += length;
        }
    }
    text
}

/// Widths depend on what was replaced; that columns are aligned is tested elsewhere.
fn spaces(line: &str) -> String {
    let mut text = String::new();
    for c in line.chars() {
        let again = matches!(c, '─') && text.ends_with(c) || c == ' ' && text.ends_with("  ");
        if !again {
            text.push(c);
        }
    }
    text.trim_end().to_owned()
}

fn check(name: &'static str, lab: &Lab, lines: &[&[&str]]) {
    let mut transcript = Transcript::new(name);
    for line in lines {
        transcript.add(line, &lab.tell(line));
    }
    transcript.check();
}

#[test]
fn lists() {
    let lab = Lab::filled();
    check(
        "lists",
        &lab,
        &[
            &["experiments"],
            &["runs"],
            &["runs", "train_fine", "-n", "2"],
            &["runs", "--status", "failed"],
            &["runs", "--status", "cancelled", "--format", "json"],
            &["runs", "train_fien"],
        ],
    );
}

#[test]
fn lists_for_programs() {
    let lab = Lab::filled();
    let csv = lab.tell(&["runs", "--format", "csv"]).ok();
    let head = "run_id,status,operation,params.k,params.mood,replicate,started,duration_s,metrics.draw,metrics.loss,error";
    assert_eq!((csv.lines().next().unwrap(), csv.lines().count()), (head, 6));
    let json: serde_json::Value =
        serde_json::from_str(&lab.tell(&["runs", "--format", "json"]).ok()).unwrap();
    assert_eq!(json[0]["params"]["k"], 16);
    assert_eq!(json[1]["error"], "k = 8 is too large");
    assert_eq!(json[2]["metrics"]["loss"], 0.25);
    let lines = lab.tell(&["experiments", "--format", "ndjson"]).ok();
    assert_eq!(lines.lines().count(), 3);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["versions"], serde_json::json!(["1"]));
}

#[test]
fn one_run() {
    let lab = Lab::filled();
    let (fine, failed) = (lab.ids("succeeded"), lab.ids("failed"));
    check(
        "one_run",
        &lab,
        &[
            &["show", &fine[0][..12]],
            &["show", &failed[1][..8]],
            &["why", &fine[0][..12]],
            &["why", &fine[0][..12], &fine[1][..12]],
            &["why", &fine[0][..12], &fine[0]],
            &["logs", &fine[0]],
            &["artifacts", &fine[0][..12]],
            &["artifacts", &fine[0][..12], "notes"],
            &["artifacts", &fine[0][..12], "output"],
            &["artifacts", &fine[0][..12], "weigths"],
            &["artifacts", &failed[0][..12], "--format", "json"],
        ],
    );
}

#[test]
fn one_run_for_programs() {
    let lab = Lab::filled();
    let show = lab.tell(&["show", &lab.ids("succeeded")[0], "--format", "json"]).ok();
    let show: serde_json::Value = serde_json::from_str(&show).unwrap();
    assert_eq!((&show["output"]["value"]["slope"], &show["params"]["k"]), (&2.0.into(), &4.into()));
    assert_eq!(show["artifacts"].as_array().unwrap().len(), 2);
    let why = lab.tell(&["why", &lab.ids("succeeded")[0], "--format", "json"]).ok();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&why).unwrap()["confirmed"], true);
}

#[test]
fn a_panic_keeps_its_backtrace_to_itself() {
    let lab = Lab::filled();
    let panicked = &lab.ids("failed")[0];
    let short = lab.tell(&["show", panicked]).ok();
    assert!(short.contains("no more") && short.contains("--backtrace") && !short.contains("0: "), "{short}");
    let long = lab.tell(&["show", panicked, "--backtrace"]).ok();
    assert!(long.contains("\nbacktrace\n"), "{long}");
}

#[test]
fn other_attempts_are_shown() {
    let lab = Lab::filled();
    crate::lab::perform(crate::lab::training("fail", &[8], 1), &lab.store());
    let told = lab.tell(&["show", &lab.ids("failed")[1]]).ok();
    assert!(told.contains("other attempts\n") && told.contains("failed, "), "{told}");
    let again = lab.tell(&["show", &lab.ids("failed")[0], "--format", "json"]).ok();
    assert!(again.contains("other_attempts"));
}

#[test]
fn plans_and_the_store() {
    let lab = Lab::filled();
    check(
        "store",
        &lab,
        &[
            &["plan", "train_fine"],
            &["plan", "train_fail", "--format", "json"],
            &["plan", "digits"],
            &["store", "info"],
            &["store", "rebuild"],
            &["store", "info"],
            &["store", "rebuild", "--index"],
            &["runs", "-n", "1"],
        ],
    );
}

#[test]
fn queries() {
    let lab = Lab::filled();
    let sql = "SELECT params.k, avg(metrics.loss), count(*) AS n FROM runs WHERE status = 'succeeded' GROUP BY 1 ORDER BY 1";
    check(
        "query",
        &lab,
        &[
            &["query", sql],
            &["query", sql, "--format", "csv"],
            &["query", sql, "--format", "json"],
            &["query", sql, "--format", "ndjson", "--read-only"],
            &[
                "query",
                "SELECT output.slope, output.label FROM runs WHERE output.slope > 0.5 ORDER BY 1 DESC",
            ],
            &["query", "SHOW TABLES"],
        ],
    );
}

#[test]
fn a_question_comes_from_a_file_or_a_pipe() {
    let lab = Lab::filled();
    std::fs::write(lab.path("n.sql"), "SELECT count(*) AS n FROM runs").unwrap();
    assert_eq!(lab.tell(&["query", "-f", "DIR/n.sql", "--format", "csv"]).ok(), "n\n5\n");
    for line in [&["query", "-", "--format", "csv"][..], &["query", "--format", "csv"]] {
        let mut piped = &b"SELECT 1 AS one"[..];
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = metalab_cli::Console::new(&mut out, &mut err).input(&mut piped);
        metalab_cli::run(lab.args(line), &mut console).unwrap();
        assert_eq!(out, b"one\n1\n");
    }
}

#[test]
fn answers_go_to_files() {
    let lab = Lab::filled();
    let ask = |rest: &[&str]| lab.tell(&[&["query", "SELECT count(*) AS n FROM runs", "-o"], rest].concat());
    assert_eq!(ask(&["DIR/n.csv"]).ok(), "");
    assert_eq!(std::fs::read_to_string(lab.path("n.csv")).unwrap(), "n\n5\n");
    ask(&["DIR/n.parquet"]).ok();
    assert!(std::fs::read(lab.path("n.parquet")).unwrap().starts_with(b"PAR1"));
    ask(&["DIR/n.csv", "--force", "--format", "json"]).ok();
    assert_eq!(std::fs::read_to_string(lab.path("n.csv")).unwrap(), "[\n  {\"n\":5}\n]\n");
}

#[test]
fn artifacts_go_to_files() {
    let lab = Lab::filled();
    let run = &lab.ids("succeeded")[0];
    lab.tell(&["artifacts", run, "weights", "-o", "DIR/weights.bin"]).ok();
    assert_eq!(std::fs::read(lab.path("weights.bin")).unwrap(), [0, 159, 146, 150]);
}

#[test]
fn looking_changes_nothing() {
    let lab = Lab::filled();
    let run = lab.ids("succeeded")[0].clone();
    let before = lab.files();
    for line in [
        &["experiments"][..],
        &["runs"],
        &["show", &run],
        &["logs", &run],
        &["artifacts", &run],
        &["plan", "train_fine"],
        &["why", &run],
        &["graph", "train_fine"],
        &["graph", "--run", &run],
        &["store", "info"],
        &["query", "SELECT count(*) FROM runs", "--read-only"],
    ] {
        lab.tell(line).ok();
        assert!(lab.files() == before, "{line:?} changed the store");
    }
}

#[test]
fn a_terminal_gets_tables_that_fit_and_colours() {
    let lab = Lab::filled();
    let told = lab.tell_on(&["runs"], |console| console.terminal(100)).ok();
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    let told = lab.tell_on(&["runs"], |console| console.terminal(100).colour(true)).ok();
    assert!(told.contains("\u{1b}[31mfailed"), "{told}");
}
