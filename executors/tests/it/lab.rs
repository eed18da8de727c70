//! What the tests of processes share.

use std::cell::Cell;
use std::sync::Arc;

use metalab_engine::operation::Registry;
use metalab_engine::results::Results;
use metalab_engine::running::{Runner, conformance};
use metalab_engine::store::Store;
use metalab_engine::{Experiment, RunError};
use metalab_executors::{Processes, ProcessesBuilder};

/// This program as a worker: started by the tests below, and passed over in a plain run of all tests.
#[test]
fn worker() {
    let mut registry = Registry::automatic().unwrap();
    for operation in conformance::registry().iter() {
        registry.insert(operation.clone()).unwrap();
    }
    metalab_executors::serve_with(registry);
}

/// Processes of this test program.
pub(crate) fn builder(processes: usize) -> ProcessesBuilder {
    Processes::builder(processes).worker(std::env::current_exe().unwrap()).arguments([
        "--exact",
        "lab::worker",
        "--nocapture",
        "--test-threads=1",
    ])
}

pub(crate) fn processes(processes: usize) -> Processes {
    builder(processes).build().unwrap()
}

/// A folder for stores.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    stores: Cell<u32>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), stores: Cell::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).into_os_string().into_string().unwrap()
    }

    /// A new store.
    pub(crate) fn store(&self) -> Store {
        let number = self.stores.get() + 1;
        self.stores.set(number);
        Store::create(&self.path(&format!("store-{number}"))).unwrap()
    }
}

pub(crate) fn runner(experiment: Experiment, store: &Store, processes: &Processes) -> Runner {
    Runner::new(experiment, store.clone(), Arc::new(processes.clone()))
}

pub(crate) fn run(experiment: Experiment, store: &Store, processes: &Processes) -> Results {
    runner(experiment, store, processes).start().unwrap().wait().unwrap()
}

/// Why an experiment is refused, and that it left nothing in the store.
pub(crate) fn refused(experiment: Experiment, store: &Store, processes: &Processes) -> String {
    let name = experiment.name().to_owned();
    match runner(experiment, store, processes).start() {
        Err(error @ RunError::Executor { .. }) => {
            assert!(Results::load(store, &name).is_err(), "something was written");
            error.to_string()
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// Whether a process is there; a zombie is not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit_once(") ").map_or("", |(_, rest)| rest);
    !state.is_empty() && !state.starts_with('Z')
}

/// Waits until a process is gone, for some seconds at most.
pub(crate) fn is_gone(pid: u32) -> bool {
    (0..500).any(|_| {
        if is_alive(pid) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        !is_alive(pid)
    })
}
