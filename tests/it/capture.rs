//! An operation that captures everything, in threads and in processes, read back from the store.

use std::path::Path;
use std::process::Command;

use metalab::capture::{ArtifactCodec, LogLevel};
use metalab::cas::Value;
use metalab::codec::{Npz, Shaped};
use metalab::executors::Processes;
use metalab::operation::Registry;
use metalab::record::{Outcome, Scalar};
use metalab::results::{Results, RunResult};
use metalab::store::{Access, Store};
use metalab::{Capture, Experiment, Secret};

/// This program as a worker; passed over in a plain run of all tests.
#[test]
fn worker() {
    metalab::executors::serve_with(Registry::new().with::<Everything>().unwrap());
}

#[derive(metalab::Context)]
struct Site {
    region: String,
    #[context(skip)]
    token: Secret,
}

/// A model and a format for it.
#[derive(Debug, PartialEq)]
struct Model(Vec<f32>);

struct ModelCodec;

impl ArtifactCodec<Model> for ModelCodec {
    fn kind(&self) -> &str {
        "model"
    }
    fn format(&self) -> &str {
        "plain-model-1"
    }
    fn metadata(&self, model: &Model) -> Vec<(String, Value)> {
        vec![("weights".into(), model.0.len().into())]
    }
    fn encode(&self, model: &Model, out: &mut Vec<u8>) -> metalab::Result<()> {
        model.0.iter().for_each(|weight| out.extend(weight.to_le_bytes()));
        Ok(())
    }
    fn decode(&self, bytes: &[u8]) -> metalab::Result<Model> {
        let (weights, rest) = bytes.as_chunks();
        match rest {
            [] => Ok(Model(weights.iter().map(|weight| f32::from_le_bytes(*weight)).collect())),
            _ => Err("half a weight".into()),
        }
    }
}

/// Captures something of every kind; number 13 fails, 14 panics, 15 ends its process.
#[metalab::operation(code = "manual")]
fn everything(x: u64, site: &Site, capture: &Capture) -> metalab::Result<u64> {
    capture.metric("region", site.region.as_str());
    capture.metrics(serde_json::json!({"loss": 0.5, "top": {"one": 0.75, "five": 1.0}}));
    let loss = capture.series("loss");
    (0..1_000).for_each(|step| loss.push(step, 1.0 / (step + 1) as f64));
    capture.steps(7, [("accuracy", 0.5), ("recall", f64::NAN)]);
    capture.data("loss", &[0.5, f64::INFINITY]);
    capture.data("labels", &["cat", "dog"]);
    capture.data("large", &(0..50_000).map(|n| n as f64).collect::<Vec<_>>());
    capture.data_array("weights", &Shaped::new(&[2, 3], &[x as f32; 6]));
    capture.artifact_npz("arrays", &[("x", &[1.0, 2.0]), ("n", &vec![[x, 2]; 3])]);
    capture.artifact_with(&ModelCodec, "model", &Model(vec![0.5, x as f32]));
    capture.figure_svg("curve", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    capture.log(format_args!("the token is {}", site.token.expose()));
    tracing::info!(x, token = site.token.expose(), "begins");
    tracing::debug!("in detail");
    capture.log_to("solver", "residual 0.5");
    let script = "echo out; echo \"$TOKEN\" >&2";
    capture.run_command(Command::new("sh").args(["-c", script]).env("TOKEN", site.token.expose()))?;
    match x {
        13 => Err(format!("the server refused {}", site.token.expose()).into()),
        14 => panic!("no use for {}", site.token.expose()),
        15 => std::process::exit(3),
        _ => Ok(x),
    }
}

/// Any variable that is always set and long enough to be found in files.
fn secret() -> Secret {
    Secret::from_env("PATH").unwrap()
}

fn experiment(xs: &[u64]) -> Experiment {
    Experiment::new("everything", "1")
        .context(Site { region: "north".into(), token: secret() })
        .sweep(Everything::grid().x(xs.to_vec()))
}

fn processes() -> Processes {
    let arguments = ["--exact", "capture::worker", "--nocapture", "--test-threads=1"];
    Processes::builder(2).worker(std::env::current_exe().unwrap()).arguments(arguments).build().unwrap()
}

/// Without the time of day.
fn lines(log: &str) -> Vec<&str> {
    log.lines().map(|line| &line[13..]).collect()
}

fn check(run: &RunResult, x: u64) {
    assert_eq!(run.outcome(), Some(Outcome::Succeeded), "{:?}", run.error());
    let names: Vec<_> = run.metrics().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["region", "loss", "top.five", "top.one"]);
    assert_eq!(run.metric("top.one"), Some(&Scalar::Float(0.75)));
    assert_eq!(run.series("loss").unwrap().len(), 1_000);
    assert!(run.series("recall").unwrap()[0].1.is_nan());
    assert_eq!(run.data::<Vec<f64>>("loss").unwrap(), [0.5, f64::INFINITY]);
    assert_eq!(run.data::<Vec<String>>("labels").unwrap(), ["cat", "dog"]);
    assert_eq!(run.data_array::<f64>("large").unwrap().data()[49_999], 49_999.0);
    assert_eq!(run.data_array::<f32>("weights").unwrap().shape(), [2, 3]);
    assert_eq!(run.data::<Vec<[f32; 3]>>("weights").unwrap(), [[x as f32; 3]; 2]);
    let shapes: Vec<_> =
        run.data_refs().iter().map(|data| (&*data.name, &*data.codec, &data.shape[..])).collect();
    assert_eq!(shapes[1], ("labels", "value", &[][..]));
    assert_eq!(shapes[3], ("weights", "npy", &[2, 3][..]));
    let arrays = run.artifact("arrays").unwrap();
    assert_eq!(Npz::read(&arrays).unwrap().get::<u64>("n").unwrap().data(), [x, 2, x, 2, x, 2]);
    assert_eq!(run.artifact_with(&ModelCodec, "model").unwrap(), Model(vec![0.5, x as f32]));
    assert_eq!(run.artifact_ref("model").unwrap().format.as_deref(), Some("plain-model-1"));
    assert_eq!(run.artifact_metadata("model").unwrap(), [("weights".to_owned(), Value::from(2_u8))]);
    assert_eq!(run.artifact_ref("curve").unwrap().kind, "figure");
    assert_eq!(run.streams().collect::<Vec<_>>().len(), 3);
    assert_eq!(run.stream("solver").unwrap(), "residual 0.5\n");
    assert_eq!(run.stream("stdout").unwrap(), "out\n");
    assert_eq!(run.stream("stderr").unwrap(), "***\n");
    let begins = format!("INFO it::capture: begins x={x} token=\"***\"");
    assert_eq!(lines(&run.log().unwrap()), ["the token is ***", &begins]);
}

fn no_file_holds(folder: &Path, text: &str) {
    let files = super::lab::snapshot(folder);
    assert!(files.len() > 3);
    for (name, bytes) in files {
        let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!found, "{name} holds the secret");
    }
}

#[test]
fn everything_captured_comes_back_from_threads_and_processes() {
    for in_processes in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let run = metalab::run(experiment(&[1, 2, 13, 14])).store(folder.path());
        let results = if in_processes { run.executor(processes()) } else { run }.blocking().unwrap();
        assert_eq!(results.summary().unwrap().succeeded, 2);
        let store = Store::open(folder.path().to_str().unwrap(), Access::ReadOnly).unwrap();
        for results in [results, Results::load(&store, "everything").unwrap()] {
            for (run, x) in results.iter().zip([1, 2, 13, 14]) {
                let run = run.unwrap();
                match x {
                    13 => assert_eq!(run.error().unwrap().chain, ["the server refused ***"]),
                    14 => assert!(run.error().unwrap().chain[0].ends_with("no use for ***")),
                    _ => check(&run, x),
                }
                // What was captured before a failure is kept.
                assert_eq!(run.stream("stdout").unwrap(), "out\n");
            }
        }
        no_file_holds(folder.path(), secret().expose());
        let live = folder.path().join("live/logs");
        assert_eq!(std::fs::read_dir(live).unwrap().count(), 0, "running logs are left over");
    }
}

#[test]
fn a_crash_keeps_what_was_logged() {
    let folder = tempfile::tempdir().unwrap();
    let run = metalab::run(experiment(&[15])).store(folder.path()).executor(processes());
    let results = run.log_level(LogLevel::Debug).blocking().unwrap();
    let run = results.iter().next().unwrap().unwrap();
    assert_eq!(run.error().unwrap().cause, "crash");
    assert_eq!(lines(&run.log().unwrap())[2], "DEBUG it::capture: in detail");
    let mut streams: Vec<_> = run.streams().collect();
    streams.sort_unstable();
    assert_eq!(streams, ["solver", "stderr", "stdout"]);
    assert_eq!(run.stream("stdout").unwrap(), "out\n");
    no_file_holds(folder.path(), secret().expose());
}

#[test]
fn a_secret_by_value_stays_in_its_process() {
    let site = || Site { region: "north".into(), token: Secret::new("hush-hush-42".to_owned()) };
    let exp = || Experiment::new("site", "1").context(site()).sweep(Everything::grid().x([1]));
    let folder = tempfile::tempdir().unwrap();
    let error = metalab::run(exp()).store(folder.path()).executor(processes()).blocking().unwrap_err();
    assert!(metalab::run(exp()).store(folder.path()).blocking().unwrap().ok().is_ok());
    let text = error.to_string();
    assert!(text.contains("Secret::from_env") && !text.contains("hush-hush-42"), "{text}");
}
