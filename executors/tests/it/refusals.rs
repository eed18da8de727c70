//! What is refused in words before anything runs.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use metalab::Context;
use metalab::code::Code;
use metalab::codec::Json;
use metalab::operation::{Description, Operation, Registry, Run};
use metalab_engine::Experiment;
use metalab_engine::store::Store;
use metalab_executors::Processes;

use crate::deeds::deeds;
use crate::lab::{Lab, builder, processes, refused};

#[test]
fn a_program_without_init_starts_nothing() {
    let error = Processes::new(2).unwrap_err().to_string();
    assert!(error.contains("never called `metalab::init()`"), "{error}");
}

fn refused_with(worker: metalab_executors::ProcessesBuilder) -> String {
    let lab = Lab::new();
    refused(deeds(&["succeed"], 1), &lab.store(), &worker.build().unwrap())
}

#[test]
fn programs_that_are_no_workers_are_refused() {
    let error = refused_with(Processes::builder(1).worker("/bin/true"));
    assert!(error.contains("`/bin/true` ended before it said hello (exit: code 0"), "{error}");
    let error = refused_with(Processes::builder(1).worker("/nowhere/at/all"));
    assert!(error.contains("`/nowhere/at/all`") && error.contains("No such file"), "{error}");
    let start = Instant::now();
    let patience = Duration::from_millis(300);
    let error =
        refused_with(Processes::builder(1).worker("/bin/sleep").arguments(["100"]).patience(patience));
    assert!(error.contains("did not say hello within 300ms"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// Connects as a worker would, and babbles.
#[test]
fn impostor() {
    let Ok(spec) = std::env::var("METALAB_WORKER") else { return };
    let mut pipe = UnixStream::connect(spec.splitn(5, ' ').nth(4).unwrap()).unwrap();
    pipe.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
    std::thread::sleep(Duration::from_secs(100));
}

#[test]
fn a_worker_that_speaks_otherwise_is_refused() {
    let error = refused_with(builder(1).arguments(["--exact", "refusals::impostor", "--nocapture"]));
    assert!(error.contains("no metalab program"), "{error}");
}

#[test]
fn a_store_in_memory_is_refused() {
    let error = refused(deeds(&["succeed"], 1), &Store::memory().unwrap(), &processes(1));
    assert!(error.contains("lives in this process alone") && error.contains("name a folder"), "{error}");
}

/// A worker without operations.
#[test]
fn empty_worker() {
    metalab_executors::serve_with(Registry::new());
}

struct Twin<const VERSION: u8>;

#[derive(serde::Serialize, serde::Deserialize)]
struct TwinParams {}

impl<const VERSION: u8> Operation for Twin<VERSION> {
    type Params = TwinParams;
    type Output = u8;
    type Codec = Json;

    fn describe() -> Description {
        let version = if VERSION == 1 { "1" } else { "2" };
        Description::new("refusals", "twin", version, Code::manual())
    }

    fn call(_: TwinParams, _: &Run<'_>) -> metalab::Result<u8> {
        Ok(VERSION)
    }
}

/// A worker with an operation of another version.
#[test]
fn other_worker() {
    metalab_executors::serve_with(Registry::new().with::<Twin<2>>().unwrap());
}

#[test]
fn operations_that_the_worker_lacks_or_has_otherwise_are_refused() {
    let error = refused_with(builder(1).arguments(["--exact", "refusals::empty_worker", "--nocapture"]));
    assert!(error.contains("knows no operation `metalab-executors::deed` (it knows none)"), "{error}");
    let lab = Lab::new();
    let grid = metalab::params::Grid::new();
    let exp = Experiment::new("twins", "1").sweep(metalab::params::Sweep::grid::<Twin<1>>(grid));
    let other = builder(1).arguments(["--exact", "refusals::other_worker", "--nocapture"]).build().unwrap();
    let error = refused(exp, &lab.store(), &other);
    assert!(error.contains("`refusals::twin` of the worker has other code"), "{error}");
    assert!(error.contains("version 2") && error.contains("instead of version 1"), "{error}");
}

/// Serde can write it, and not read it.
#[derive(serde::Serialize, Clone)]
struct OneWay(u8);

#[derive(Context)]
struct Stuck {
    way: OneWay,
}

#[metalab::operation(code = "manual")]
fn go(stuck: &Stuck) -> u8 {
    stuck.way.0
}

/// What borrows can be written and not read.
#[derive(Context)]
struct Borrowing {
    name: &'static str,
}

#[metalab::operation(code = "manual")]
fn stay(borrowing: &Borrowing) -> usize {
    borrowing.name.len()
}

#[test]
fn a_context_that_borrows_is_refused() {
    let lab = Lab::new();
    let exp = Experiment::new("borrowing", "1").sweep(Stay::grid()).context(Borrowing { name: "x" });
    let error = refused(exp, &lab.store(), &processes(1));
    assert!(error.contains("step `stay`") && error.contains("field `name` of type `&str`"), "{error}");
}

#[test]
fn a_context_that_cannot_travel_is_refused() {
    let lab = Lab::new();
    let exp = Experiment::new("stuck", "1").sweep(Go::grid()).context(Stuck { way: OneWay(1) });
    let error = refused(exp, &lab.store(), &processes(1));
    assert!(error.contains("step `go`") && error.contains("field `way`"), "{error}");
    assert!(error.contains("Serialize"), "{error}");
}
