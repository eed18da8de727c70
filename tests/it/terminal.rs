//! The program on a terminal and in shells, as people use it.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use metalab::{Experiment, seeds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_metalab");
/// Nothing here takes so long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

#[metalab::operation]
fn halved(k: u64) -> metalab::Result<f64> {
    Ok(k as f64 / 2.0)
}

fn lab() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let experiment = Experiment::new("halves", "1").sweep(Halved::grid().k([1, 2, 3])).seeds(seeds(1));
    metalab::run(experiment).store(folder.path().join("runs")).blocking().unwrap();
    folder
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("skipped: there is no `{program}` here");
    }
    found.is_ok()
}

/// A program on a pseudo-terminal of 80 columns, by way of `script`.
struct Terminal {
    child: Child,
    seen: Arc<Mutex<String>>,
    read: usize,
}

impl Terminal {
    fn start(folder: &tempfile::TempDir, arguments: &str) -> Self {
        let mut command = Command::new("script");
        command.args(["-qfec", &format!("stty cols 80 rows 24; exec {PROGRAM} {arguments}"), "/dev/null"]);
        command
            .current_dir(folder.path())
            .env("TERM", "xterm")
            .env("XDG_STATE_HOME", folder.path().join("state"));
        command.env_remove("NO_COLOR").env("PAGER", "cat").env_remove("METALAB_STORE");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let seen: Arc<Mutex<String>> = Arc::default();
        let sink = seen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { child, seen, read: 0 }
    }

    fn send(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Waits until a text has come, behind what was waited for before.
    fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let seen = self.seen.lock().unwrap();
            if let Some(at) = seen[self.read..].find(text) {
                self.read += at + text.len();
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "`{text}` did not come: {}", &seen[self.read..]);
            drop(seen);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses Ctrl-C until a question is stopped: pressed too early, it only drops what was typed.
    fn interrupt(&mut self) {
        let begun = Instant::now();
        while !self.seen.lock().unwrap()[self.read..].contains("interrupted") {
            assert!(begun.elapsed() < PATIENCE, "the question went on");
            self.send("\u{3}");
            std::thread::sleep(Duration::from_millis(300));
        }
        self.wait_for("interrupted");
    }

    fn end(mut self) {
        self.send("\u{4}");
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn the_shell_is_talked_with_on_a_terminal() {
    if !is_there("script") {
        return;
    }
    let folder = lab();
    let mut shell = Terminal::start(&folder, "sql");
    shell.wait_for("metalab> ");
    // Several lines, and completion of a column.
    shell.send("select sum(params.");
    shell.send("\t");
    shell.wait_for("params.k");
    shell.send(") as total\r");
    shell.send("from runs;\r");
    shell.wait_for("(1 row)");
    shell.wait_for("metalab> ");
    // A question that would never end is stopped, the shell is not.
    shell.send("select count(*) from generate_series(1, 100000000) a, generate_series(1, 100000000) b;\r");
    shell.interrupt();
    shell.wait_for("metalab> ");
    shell.send("selec 1;\r");
    shell.wait_for("not valid SQL");
    shell.wait_for("metalab> ");
    shell.send("half of a question\u{3}");
    shell.wait_for("metalab> ");
    shell.send(".mode line\r");
    shell.wait_for("metalab> ");
    shell.send("select 7 as seven;\r");
    shell.wait_for("seven  7");
    shell.wait_for("metalab> ");
    shell.send(" select 'not kept';\r");
    shell.wait_for("(1 row)");
    shell.wait_for("metalab> ");
    shell.end();
    let history = std::fs::read_to_string(folder.path().join("state/metalab/history")).unwrap();
    assert!(history.contains("select 7 as seven;") && !history.contains("not kept"), "{history}");
    assert!(history.contains("total\\nfrom runs;"), "one entry for several lines: {history}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = folder.path().join("state/metalab/history").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // The next one has the history.
    let mut again = Terminal::start(&folder, "query");
    again.wait_for("metalab> ");
    again.send("\u{1b}[A");
    again.wait_for("select 7 as seven;");
    again.send("\u{3}");
    again.wait_for("metalab> ");
    again.end();
}

fn completed(shell: &str, script: &str, folder: &tempfile::TempDir) -> String {
    let bin = std::path::Path::new(PROGRAM).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(shell);
    command.args(["-c", script]).current_dir(folder.path()).env("PATH", path).env_remove("METALAB_STORE");
    let output = command.env("HOME", folder.path()).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn bash(words: &[&str], folder: &tempfile::TempDir) -> Vec<String> {
    let last = words.len() - 1;
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(metalab completions bash); COMP_WORDS=({}); COMP_CWORD={last}; COMP_TYPE=9; \
         _clap_complete_metalab metalab {} x 2>&1; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        quoted[last],
    );
    completed("bash", &script, folder)
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty() && !line.starts_with('-'))
        .collect()
}

#[test]
fn bash_completes_what_is_in_the_store() {
    if !is_there("bash") {
        return;
    }
    let folder = lab();
    let runs = bash(&["metalab", "show", ""], &folder);
    assert_eq!(runs.len(), 3, "{runs:?}");
    assert_eq!(bash(&["metalab", "show", &runs[0][..5]], &folder), [runs[0].as_str()]);
    assert_eq!(bash(&["metalab", "why", &runs[0], &runs[1][..6]], &folder), [runs[1].as_str()]);
    assert_eq!(bash(&["metalab", "status", "ha"], &folder), ["halves"]);
    assert!(bash(&["metalab", "sta"], &folder).contains(&"status".to_owned()));
    let store = folder.path().join("runs");
    let elsewhere = tempfile::tempdir().unwrap();
    let store = store.to_str().unwrap();
    assert_eq!(bash(&["metalab", "--store", store, "status", ""], &elsewhere), ["halves"]);
    // What cannot be read is completed with nothing, and nothing is said or written.
    assert_eq!(bash(&["metalab", "show", ""], &elsewhere), [""; 0]);
    assert_eq!(bash(&["metalab", "status", "h"], &elsewhere), [""; 0]);
    assert!(std::fs::read_dir(elsewhere.path()).unwrap().next().is_none());
    std::fs::write(elsewhere.path().join("runs"), "a file").unwrap();
    assert_eq!(bash(&["metalab", "show", "3f1c"], &elsewhere), [""; 0]);
    std::fs::write(folder.path().join("runs/metalab.json"), "{\"format\": 999}").unwrap();
    assert_eq!(bash(&["metalab", "show", ""], &folder), [""; 0]);
}

#[test]
fn fish_completes_what_is_in_the_store() {
    if !is_there("fish") {
        return;
    }
    let folder = lab();
    let script =
        "metalab completions fish | source; complete -C 'metalab status h'; complete -C 'metalab show '";
    let text = completed("fish", script, &folder);
    assert!(text.starts_with("halves\n") && text.matches("succeeded").count() == 3, "{text}");
}

#[test]
fn zsh_takes_the_script() {
    if !is_there("zsh") {
        return;
    }
    let folder = lab();
    let script =
        "autoload -U compinit && compinit -u -D; source <(metalab completions zsh); print $_comps[metalab]";
    assert!(
        completed("zsh", script, &folder).contains("_clap_dynamic_completer"),
        "the function is registered"
    );
}
