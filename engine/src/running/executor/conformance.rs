//! What every executor must do, as a suite for their tests.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Executor;
use crate::code::Code;
use crate::codec::Json;
use crate::experiment::Experiment;
use crate::failure::Result;
use crate::operation::{Description, Lent, LentKind, Operation, ParameterInfo, Registry, Run, Runtime};
use crate::params::{AxisValues, Grid, Sweep};
use crate::record::{Closing, Outcome};
use crate::running::{Event, Handle, Runner};
use crate::schedule::{FailurePolicy, Policy, Retries};
use crate::store::Store;

/// What the operation of the suite is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Deed {
    Succeed,
    Fail,
    Panic,
    /// Wait until asked to stop.
    Wait,
}

#[derive(Serialize, Deserialize)]
struct DoParams {
    deed: Deed,
    number: u64,
}

struct Do;

impl Operation for Do {
    type Params = DoParams;
    type Output = u64;
    type Codec = Json;

    fn describe() -> Description {
        Description::new("conformance", "do", "1", Code::manual())
            .parameter(ParameterInfo::required("deed", "Deed"))
            .parameter(ParameterInfo::required("number", "u64"))
            .lent(LentKind::Runtime)
    }

    fn call(params: DoParams, run: &Run<'_>) -> Result<u64> {
        match params.deed {
            Deed::Succeed => Ok(params.number * 2),
            Deed::Fail => Err(format!("number {} fails", params.number).into()),
            Deed::Panic => panic!("number {} panics", params.number),
            Deed::Wait => {
                let runtime = Runtime::lend(run)?;
                while !runtime.should_stop() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err("stopped as asked".into())
            }
        }
    }
}

fn experiment(deed: Deed, numbers: u64) -> Experiment {
    let grid =
        Grid::new().axis("deed", AxisValues::fixed(&deed)).axis("number", AxisValues::swept(0..numbers));
    Experiment::new("conformance", "1").sweep(Sweep::grid::<Do>(grid))
}

/// The operations of the suite, for the workers of an executor of other processes.
pub fn registry() -> Registry {
    Registry::new().with::<Do>().expect("one operation has one name")
}

/// Runs the whole suite against executors that `make` gives, on new stores that `store` gives.
///
/// # Panics
/// When an executor does not conform.
pub fn executor(make: impl Fn() -> Arc<dyn Executor>, store: impl Fn() -> Store) {
    assert!(make().slots() > 0, "an executor has a slot");
    let suite = Suite { make: &make, store: &store };
    suite.every_run_is_performed_once();
    suite.failures_and_panics_are_failed_runs();
    suite.retries_are_tried();
    suite.fail_fast_starts_no_more();
    suite.a_cancelled_submission_ends();
    suite.two_submissions_share_an_executor();
}

struct Suite<'a> {
    make: &'a dyn Fn() -> Arc<dyn Executor>,
    store: &'a dyn Fn() -> Store,
}

fn wait_until_running(handle: &Handle) {
    while handle.status().counts.running == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Suite<'_> {
    fn runner(&self, experiment: Experiment) -> Runner {
        Runner::new(experiment, (self.store)(), (self.make)())
    }

    fn every_run_is_performed_once(&self) {
        let runner = self.runner(experiment(Deed::Succeed, 2_000));
        let results = runner.clone().start().and_then(|handle| handle.wait()).expect("it succeeds");
        assert_eq!(results.closing(), Closing::Complete);
        let outputs: Vec<u64> =
            results.iter().map(|run| run.and_then(|run| run.output()).expect("an output")).collect();
        assert_eq!(outputs, (0..2_000).map(|number| number * 2).collect::<Vec<_>>());
        let again = runner.start().and_then(|handle| handle.wait()).expect("it succeeds");
        assert_eq!(again.summary().map(|summary| (summary.reused, summary.succeeded)), Some((2_000, 0)));
    }

    fn failures_and_panics_are_failed_runs(&self) {
        for (deed, cause) in [(Deed::Fail, "error"), (Deed::Panic, "panic")] {
            let handle = self.runner(experiment(deed, 20)).start().expect("it starts");
            let results = handle.wait().expect("failed runs are no error of the submission");
            assert_eq!(results.closing(), Closing::Incomplete);
            for run in results.iter() {
                let run = run.expect("a record");
                assert_eq!(run.outcome(), Some(Outcome::Failed));
                assert_eq!(run.error().map(|error| error.cause.as_str()), Some(cause));
            }
            assert!(results.ok().is_err(), "asked for, failed runs are an error");
        }
    }

    fn retries_are_tried(&self) {
        let policy = Policy { retries: Retries { most: 2, backoff: Duration::ZERO }, ..Policy::default() };
        let handle = self.runner(experiment(Deed::Fail, 5)).policy(policy).spawn().expect("it starts");
        let finished = handle.events().filter_map(|event| match event {
            Event::Finished { runs } => Some(runs),
            _ => None,
        });
        let tries: Vec<bool> = finished.flatten().map(|run| run.again).collect();
        assert_eq!(tries.len(), 15);
        assert_eq!(tries.iter().filter(|again| **again).count(), 10);
        assert_eq!(handle.status().counts.failed, 5);
    }

    fn fail_fast_starts_no_more(&self) {
        let policy = Policy { failure: FailurePolicy::FailFast, ..Policy::default() };
        let handle = self.runner(experiment(Deed::Fail, 100_000)).policy(policy).start().expect("it starts");
        let results = handle.wait().expect("it ends");
        let summary = results.summary().expect("a summary").clone();
        assert!(summary.failed >= 1 && summary.cancelled > 0, "{summary:?}");
        assert_eq!(summary.failed + summary.cancelled, 100_000);
    }

    fn a_cancelled_submission_ends(&self) {
        let handle = self.runner(experiment(Deed::Wait, 50)).start().expect("it starts");
        wait_until_running(&handle);
        handle.cancel();
        handle.cancel();
        let results = handle.wait().expect("it ends");
        assert_eq!(results.closing(), Closing::Cancelled);
        assert_eq!(results.summary().map(|summary| summary.cancelled), Some(50));
    }

    fn two_submissions_share_an_executor(&self) {
        let (executor, store) = ((self.make)(), (self.store)());
        let start = || Runner::new(experiment(Deed::Succeed, 500), store.clone(), executor.clone()).start();
        let (first, second) = (start().expect("it starts"), start().expect("it starts"));
        for handle in [first, second] {
            assert_eq!(handle.wait().expect("it ends").closing(), Closing::Complete);
        }
    }
}
