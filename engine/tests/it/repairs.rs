//! Outputs that are gone, damaged, or of a type that their operation no longer has are made again, and nothing else is.

use metalab::Input;
use metalab::code::Code;
use metalab::codec::Json;
use metalab::experiment::Experiment;
use metalab::operation::{Description, Operation, ParameterInfo, Run};
use metalab::params::Sweep;
use metalab::record::Outcome;
use metalab::results::Results;
use metalab::store::Store;

use crate::lab::{executed, log, outputs, run};

#[metalab::operation]
fn large(tag: String, seed: u64) -> Vec<u64> {
    log(&tag, format!("large {seed}"));
    (0..100_000).map(|x| x * seed).collect()
}

#[metalab::operation]
fn measure(tag: String, data: Input<Vec<u64>>, tail: i64) -> u64 {
    log(&tag, format!("measure {tail}"));
    data.iter().sum::<u64>() + tail as u64
}

#[test]
fn a_lost_value_is_repaired_and_nothing_else_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs");
    let store = Store::create(path.to_str().unwrap()).unwrap();
    let tag = "repair";
    let exp = |tail: i64| {
        let mut exp = Experiment::new("repair", "1");
        let large = exp.step(Large::grid().tag(tag).seed([1, 2]));
        exp.step(Measure::grid().tag(tag).data(&large).tail(tail));
        exp
    };
    let first = run(exp(0), &store);
    assert_eq!(executed(tag).len(), 4);
    let blob = |results: &Results| {
        let large = results.step("large").iter().next().unwrap().unwrap();
        large.attempt().unwrap().output.as_ref().unwrap().value.digest
    };
    let file = |digest: &metalab_cas::Digest| {
        let hex = digest.to_string();
        path.join("cas").join(&hex[..2]).join(&hex[2..])
    };
    let digest = blob(&first);
    // Deleted: seen at the start.
    std::fs::remove_file(file(&digest)).unwrap();
    let repaired = run(exp(0), &store);
    assert_eq!(executed(tag), ["large 1"], "what was made from it is still fresh");
    assert_eq!(repaired.summary().unwrap().reused, 3);
    let attempts: Vec<_> = repaired.step("large").iter().map(|run| run.unwrap()).collect();
    assert_eq!(blob(&repaired), digest);
    assert!(file(&digest).is_file(), "{attempts:?}");
    // Damaged: seen when it is used.
    let mut bytes = std::fs::read(file(&digest)).unwrap();
    bytes[1000] ^= 1;
    let damaged = file(&digest);
    let mut permissions = std::fs::metadata(&damaged).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a test damages a blob")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&damaged, permissions).unwrap();
    std::fs::write(&damaged, bytes).unwrap();
    let results = run(exp(1), &store);
    assert_eq!(executed(tag), ["large 1", "measure 1", "measure 1"]);
    assert_eq!(results.failed().len(), 0, "{:?}", results.failed().iter().next());
    let decisions = results.step("large").iter().next().unwrap().unwrap();
    assert_eq!(decisions.outcome(), Some(Outcome::Succeeded));
}

/// The same operation as `shape` before its output changed, which nobody said. By hand: two of one name cannot both
/// register themselves.
struct ShapeThen;

impl Operation for ShapeThen {
    type Params = ShapeParams;
    type Output = String;
    type Codec = Json;

    fn describe() -> Description {
        let parameter = ParameterInfo::required("x", "i64");
        Description::new(env!("CARGO_PKG_NAME"), "shape", "1", Code::manual()).parameter(parameter)
    }

    fn call(params: ShapeParams, _: &Run<'_>) -> metalab::Result<String> {
        Ok(format!("{} once", params.x))
    }
}

#[test]
fn an_output_of_a_former_type_is_made_again() {
    let store = Store::memory().unwrap();
    let mut exp = Experiment::new("shapes", "1");
    exp.step(Sweep::list::<ShapeThen>([ShapeParams { x: 1 }]));
    run(exp, &store);
    let mut exp = Experiment::new("shapes", "1");
    let shape = exp.step(Shape::grid().x(1));
    exp.step(Twice::grid().of(&shape));
    let results = run(exp, &store);
    assert_eq!(outputs(&results, "twice"), [2], "{:?}", results.failed().iter().next());
    assert_eq!(results.summary().unwrap().succeeded, 2);
}

#[metalab::operation(code = "manual")]
fn shape(x: i64) -> i64 {
    x
}

#[metalab::operation]
fn twice(of: Input<i64>) -> i64 {
    *of * 2
}
