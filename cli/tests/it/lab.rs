//! A store to look into, and what a command says about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metalab_cli::{Args, Console, run};
use metalab_engine::code::Code;
use metalab_engine::codec::Json;
use metalab_engine::operation::{Description, Lent, LentKind, Operation, ParameterInfo, Run};
use metalab_engine::params::{AxisValues, Grid, Sweep};
use metalab_engine::plan::Rerun;
use metalab_engine::results::Results;
use metalab_engine::running::Runner;
use metalab_engine::{Capture, Experiment, SeedBundle, Store, seeds};
use metalab_executors::Threads;
use serde::{Deserialize, Serialize};

/// An operation that captures one of everything, and fails as asked.
pub(crate) struct Train;

#[derive(Serialize, Deserialize)]
pub(crate) struct TrainParams {
    k: u64,
    mood: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Trained {
    slope: f64,
    label: String,
}

#[derive(Debug, thiserror::Error)]
#[error("k = {k} is too large")]
struct TooLarge {
    k: u64,
    source: std::num::ParseIntError,
}

impl Operation for Train {
    type Params = TrainParams;
    type Output = Trained;
    type Codec = Json;

    fn describe() -> Description {
        Description::new("lab", "train", "1", Code::manual())
            .parameter(ParameterInfo::required("k", "u64"))
            .parameter(ParameterInfo::required("mood", "String"))
            .lent(LentKind::Seeds)
            .lent(LentKind::Capture)
    }

    fn call(params: TrainParams, run: &Run<'_>) -> metalab_engine::Result<Trained> {
        let capture = Capture::lend(run)?;
        let seeds = SeedBundle::lend(run)?;
        // Runs start at different microseconds, so that lists have one order.
        std::thread::sleep(Duration::from_millis(1));
        let k = params.k;
        capture.log(format!("training with k = {k}"));
        capture.metric("loss", 1.0 / k as f64);
        capture.metric("draw", (seeds.seed("draw") % 100) as i64);
        match params.mood.as_str() {
            "fail" => Err(TooLarge { k, source: "many".parse::<u64>().unwrap_err() })?,
            "panic" => panic!("no more"),
            _ => {}
        }
        for step in 0..3 {
            capture.step("progress", step, step as f64);
        }
        capture.artifact_text("notes", "two\nlines\n");
        capture.artifact_bytes("weights", vec![0, 159, 146, 150]);
        capture.log("done");
        Ok(Trained { slope: k as f64 / 2.0, label: format!("k{k}") })
    }
}

pub(crate) fn training(mood: &str, ks: &[u64], replicates: u64) -> Experiment {
    let grid = Grid::new().axis("k", AxisValues::swept(ks)).axis("mood", AxisValues::fixed(&mood));
    Experiment::new(format!("train_{mood}"), "1")
        .description("How large may k be?")
        .sweep(Sweep::grid::<Train>(grid))
        .seeds(seeds(7).replicates(replicates))
}

/// Runs an experiment on one thread, so in the order of its cells.
pub(crate) fn perform(experiment: Experiment, store: &Store) -> Results {
    again(experiment, store, Rerun::Never)
}

/// The same, with what is to run again.
pub(crate) fn again(experiment: Experiment, store: &Store, rerun: Rerun) -> Results {
    let threads = Arc::new(Threads::new(1).unwrap());
    Runner::new(experiment, store.clone(), threads).rerun(rerun).start().unwrap().wait().unwrap()
}

/// A folder with a store in it.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Three runs that succeeded, one that failed, one that panicked.
    pub(crate) fn filled() -> Self {
        let lab = Self::empty();
        let store = lab.store();
        perform(training("fine", &[1, 2, 4], 1), &store);
        perform(training("fail", &[8], 1), &store);
        perform(training("panic", &[16], 1), &store);
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        Store::create(self.path("runs").to_str().unwrap()).unwrap()
    }

    /// The command line, with `DIR` standing for the folder.
    pub(crate) fn args(&self, line: &[&str]) -> Args {
        let folder = self.folder.path().to_str().unwrap();
        let store = format!("{folder}/runs");
        let mut words = vec!["metalab".to_owned(), "--store".into(), store];
        words.extend(line.iter().map(|word| word.replace("DIR", folder)));
        Args::parse_from(words).unwrap()
    }

    pub(crate) fn tell(&self, line: &[&str]) -> Told {
        self.tell_on(line, |console| console)
    }

    pub(crate) fn tell_on(&self, line: &[&str], set: impl FnOnce(Console<'_>) -> Console<'_>) -> Told {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = set(Console::new(&mut out, &mut err));
        let result = run(self.args(line), &mut console);
        drop(console);
        self.told(result, &out, &err)
    }

    pub(crate) fn told(&self, result: Result<(), metalab_cli::CliError>, out: &[u8], err: &[u8]) -> Told {
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(folder, "DIR");
        let (code, error) = match result {
            Ok(()) => (0, String::new()),
            Err(error) => (error.code(), error.report().replace(folder, "DIR")),
        };
        Told { code, out: text(out), err: text(err) + &error }
    }

    /// Ids of runs by status, newest first.
    pub(crate) fn ids(&self, status: &str) -> Vec<String> {
        let told = self.tell(&["runs", "--status", status, "--format", "csv"]);
        told.out.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    }

    /// Every file of the store with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path("runs"), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.push((path.clone(), Vec::new()));
            collect(&path, files);
        } else {
            files.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
}

/// What a command printed.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Told {
    /// Standard output of a command that did what it was asked for.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }
}

/// A flag that operations wait for.
pub(crate) static RELEASED: AtomicBool = AtomicBool::new(false);

/// Logs a line, waits until it is released, logs another; and to a stream before, to another one after.
pub(crate) struct Wait;

#[derive(Serialize, Deserialize)]
pub(crate) struct WaitParams {}

impl Operation for Wait {
    type Params = WaitParams;
    type Output = ();
    type Codec = Json;

    fn describe() -> Description {
        Description::new("lab", "wait", "1", Code::manual()).lent(LentKind::Capture)
    }

    fn call(_: WaitParams, run: &Run<'_>) -> metalab_engine::Result<()> {
        let capture = Capture::lend(run)?;
        capture.log_to("early", "one");
        capture.log("waiting");
        while !RELEASED.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        capture.log("released");
        capture.log_to("late", "two");
        Ok(())
    }
}
