//! The executors pass the suite of the port, and do what else they promise.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

extern crate metalab_engine as metalab;

mod deeds;
mod derived;
mod lab;
mod processes;
mod refusals;
mod sources;
mod status;
mod workflows;

use std::sync::Arc;

use metalab_engine::running::{Executor, conformance};
use metalab_engine::store::Store;
use metalab_executors::Threads;

fn memory() -> Store {
    Store::memory().unwrap()
}

#[test]
fn threads_conform() {
    conformance::executor(|| Arc::new(Threads::new(2).unwrap()), memory);
}

#[test]
fn one_thread_conforms() {
    conformance::executor(|| Arc::new(Threads::new(1).unwrap()), memory);
}

#[test]
fn processes_conform() {
    let lab = lab::Lab::new();
    let make = |processes| -> Arc<dyn Executor> { Arc::new(lab::processes(processes)) };
    for processes in [1, 2] {
        conformance::executor(|| make(processes), || lab.store());
    }
}
