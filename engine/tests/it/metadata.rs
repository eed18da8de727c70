//! Metadata of the experiment: free for those who do not read it, hashed for those who do.

use metalab::Metadata;
use metalab::code::Code;
use metalab::experiment::Experiment;
use metalab::index::Glance;
use metalab::inspect::why;
use metalab::operation::{Description, LentKind, Operation, Run};
use metalab::params::{Grid, Sweep};
use metalab::store::Store;

use crate::lab::{refusal, run};

#[metalab::operation(crate = metalab, metadata("cohort", "limits"))]
fn label(case: u64, metadata: &Metadata) -> metalab::Result<String> {
    let limits: Vec<f64> = metadata.get("limits")?;
    Ok(format!("{}-{case}-{}", metadata.get::<String>("cohort")?, limits.len()))
}

#[metalab::operation(crate = metalab)]
fn indifferent(case: u64) -> u64 {
    case
}

#[metalab::operation(crate = metalab, metadata("cohort"))]
fn curious(metadata: &Metadata) -> metalab::Result<String> {
    metadata.get("owner")
}

fn experiment(cohort: &str, owner: &str) -> Experiment {
    Experiment::new("labels", "1")
        .metadata("cohort", cohort)
        .metadata("owner", owner)
        .metadata("limits", [0.5, 1.5])
        .sweep(Label::grid().case([1, 2]))
        .sweep(Indifferent::grid().case([1, 2]))
}

#[test]
fn only_what_is_read_counts() {
    let store = Store::memory().unwrap();
    let north = run(experiment("north", "me"), &store);
    assert_eq!(north.summary().unwrap().succeeded, 4);
    let first = north.iter().next().unwrap().unwrap();
    assert_eq!(first.output::<String>().unwrap(), "north-1-2");
    assert_eq!(run(experiment("north", "you"), &store).summary().unwrap().reused, 4);
    let south = run(experiment("south", "me"), &store);
    assert_eq!((south.summary().unwrap().reused, south.summary().unwrap().succeeded), (2, 2));
    let second = south.iter().next().unwrap().unwrap();
    let glance = Glance::at(&store).unwrap();
    let why = why(&glance, &first.id(), Some(&second.id())).unwrap();
    assert!(why.confirmed);
    assert!(why.hashed.contains(&("metadata cohort".into(), "\"north\"".into())), "{:?}", why.hashed);
    assert!(!why.hashed.iter().any(|(name, _)| name == "metadata owner"));
    let lines: Vec<_> = why.differences.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["metadata cohort: \"north\" -> \"south\""]);
}

#[test]
fn what_is_missing_or_not_declared_is_told_with_the_remedy() {
    let bare = || Experiment::new("labels", "1").sweep(Label::grid().case(1)).metadata("limits", [1.0]);
    let error = refusal(bare().metadata("owner", "me")).to_string();
    assert!(error.contains("reads the metadata `cohort`") && error.contains("`limits`, `owner`"), "{error}");
    assert!(error.contains(".metadata(\"cohort\", ...)"), "{error}");
    let path = refusal(bare().metadata("cohort", metalab::FilePath::from("data.csv"))).to_string();
    assert!(path.contains("metadata `cohort`") && path.contains("as an argument"), "{path}");
    let store = Store::memory().unwrap();
    let curious =
        Experiment::new("c", "1").metadata("cohort", 1).metadata("owner", "me").sweep(Curious::grid());
    let results = run(curious, &store);
    let failed = results.iter().next().unwrap().unwrap();
    let chain = failed.error().unwrap().chain.join(": ");
    assert!(chain.contains("does not declare that it reads the metadata `owner`"), "{chain}");
    let wrong = Experiment::new("c", "1").metadata("cohort", 1).metadata("limits", "none");
    let results = run(wrong.sweep(Label::grid().case(1)), &store);
    let chain = results.iter().next().unwrap().unwrap().error().unwrap().chain.join(": ");
    assert!(chain.contains("metadata `limits`"), "{chain}");
}

/// Takes metadata and says nothing of it.
struct Silent;

#[derive(serde::Serialize, serde::Deserialize)]
struct SilentParams {}

impl Operation for Silent {
    type Params = SilentParams;
    type Output = u64;
    type Codec = metalab::codec::Json;

    fn describe() -> Description {
        Description::new("lab", "silent", "1", Code::manual()).lent(LentKind::Metadata)
    }

    fn call(_: SilentParams, _: &Run<'_>) -> metalab::Result<u64> {
        Ok(0)
    }
}

#[test]
fn an_operation_by_hand_has_to_declare_too() {
    let silent = Experiment::new("s", "1").metadata("x", 1).sweep(Sweep::grid::<Silent>(Grid::new()));
    assert!(refusal(silent).to_string().contains("must both take `&Metadata` and declare"));
}

#[test]
fn a_plain_call_needs_no_experiment() {
    let metadata = Metadata::new().with("cohort", "x").with("limits", [1.0]);
    assert_eq!(label(3, &metadata).unwrap(), "x-3-1");
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["cohort", "limits"]);
    let nan = Metadata::new().with("cohort", "x").with("limits", std::collections::BTreeMap::from([(1, 2)]));
    assert!(label(3, &nan).is_err());
}
