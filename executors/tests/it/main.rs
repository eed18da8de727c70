//! The thread executor passes the suite of the port.

use std::sync::Arc;

use metalab_engine::running::conformance;
use metalab_executors::Threads;

#[test]
fn threads_conform() {
    conformance::executor(|| Arc::new(Threads::new(2).expect("threads are to be had")));
}

#[test]
fn one_thread_conforms() {
    conformance::executor(|| Arc::new(Threads::new(1).expect("threads are to be had")));
}
