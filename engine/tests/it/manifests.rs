//! Manifests: listed, compared, damaged, and turned back into experiments.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use metalab::code::Code;
use metalab::experiment::Experiment;
use metalab::id::RunId;
use metalab::index::Index;
use metalab::inputs::{Gathered, Input, Upstream};
use metalab::journal::{Durability, Writer};
use metalab::manifest::{Manifest, RebuildError, Section, manifests};
use metalab::operation::{Description, LentKind, ParameterInfo, Registry, Run};
use metalab::params::{AxisValues, Grid, Sweep};
use metalab::plan::PlanError;
use metalab::record::{LEVEL, SubmissionOpened, kind, to_cbor};
use metalab::results::{Results, RunResult};
use metalab::schedule::{FailurePolicy, Policy, Resources, Retries};
use metalab::store::Store;
use metalab::{Capture, FilePath, SeedBundle, seeds};
use metalab_cas::Digest;

use crate::lab::{refusal, run, runner};

fn ids(results: &Results) -> Vec<(String, RunId)> {
    let runs = results.iter().map(|run| run.unwrap());
    runs.map(|run| (run.step().to_owned(), run.id())).collect()
}

fn last(store: &Store, experiment: &str) -> Manifest {
    manifests(store, experiment).unwrap().pop().unwrap()
}

/// Settings and data of the tests.
#[derive(metalab::Context, serde::Serialize, serde::Deserialize)]
#[context(name = "Manifested", crate = "metalab")]
struct Site {
    scale: f64,
    data: FilePath,
    #[context(skip)]
    token: String,
}

#[metalab::operation(crate = metalab)]
fn load(threshold: f64, site: &Site) -> Vec<i64> {
    let text = std::fs::read_to_string(&site.data).unwrap();
    text.lines()
        .filter_map(|line| line.parse().ok())
        .filter(|x| *x as f64 * site.scale >= threshold)
        .collect()
}

#[metalab::operation(crate = metalab, cpus = 2)]
fn score(data: Input<Vec<i64>>, k: i64, #[default(1)] power: u32, seeds: &SeedBundle) -> i64 {
    data.iter().sum::<i64>() * k.pow(power) + seeds.replicate() as i64
}

#[metalab::operation(crate = metalab)]
fn best(scores: Gathered<i64>) -> i64 {
    scores.iter().map(|score| **score).max().unwrap_or_default()
}

#[metalab::operation(crate = metalab)]
fn both(a: Input<i64>, b: Input<i64>) -> i64 {
    *a + *b
}

#[metalab::operation(crate = metalab)]
fn propose(count: i64) -> Vec<TryOutParams> {
    (0..count).map(|x| TryOutParams { x, label: format!("set {x}") }).collect()
}

#[metalab::operation(crate = metalab)]
fn try_out(x: i64, label: String, capture: &Capture) -> i64 {
    capture.metric("length", label.len() as i64);
    x * 2
}

fn data(folder: &Path) -> String {
    let path = folder.join("numbers.txt");
    std::fs::write(&path, "1\n2\n3\n").unwrap();
    path.to_str().unwrap().to_owned()
}

#[metalab::derived]
fn manifest_doubled(run: &RunResult) -> metalab::Result<f64> {
    Ok(run.replicate() as f64 * 2.0)
}

#[metalab::derived]
fn manifest_halved(run: &RunResult) -> metalab::Result<f64> {
    Ok(run.output::<i64>()? as f64 / 2.0)
}

/// Sweeps, lists, lists that come later, joins, zips, gathers, values of the store, names, resources, tags.
fn everything(data: &str) -> Experiment {
    let mut exp = Experiment::new("everything", "1.2")
        .description("one of each")
        .tag("demo")
        .tag("slow")
        .metadata("owner", "me")
        .metadata("limits", [1, 2])
        .seeds(seeds(42).replicates(2))
        .context(Site { scale: 0.5, data: data.into(), token: "hunter2".into() })
        .tag_cases("high", |case| case.number("threshold") >= 1.0 || case.number("k") > 1.0);
    let loaded = exp.step(Load::grid().threshold([0.0, 1.0]));
    let scores = exp.step(Score::grid().data(&loaded).k([1, 2, 3]).named("scored"));
    exp.step(Best::grid().scores(scores.gather().over(["k", "replicate"]).tolerate(1)));
    let all = exp.step(Best::grid().scores(scores.gather()).named("best of all"));
    exp.step(Both::grid().a(&scores).b(scores.zip()).named("zipped"));
    exp.step(Both::grid().a(&all).b(all.cross()).named("crossed"));
    let listed = exp.step(Propose::grid().count(3));
    let tried = exp.step(TryOut::list_from(&listed).tag_cases("odd", |case| case.number("x") % 2.0 == 1.0));
    exp.step(Both::grid().a(&tried).b(&tried).named("twice").resources(Resources::default().cpus(3)));
    let rows = ["a", "b"].map(|label| TryOutParams { x: 7, label: label.into() });
    exp.step(TryOut::list(rows).named("by hand").tag_sets("first", [0]));
    exp.derive(ManifestDoubled).derive_from("by hand", ManifestHalved)
}

#[test]
fn a_manifest_becomes_the_same_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let store = Store::memory().unwrap();
    let first = run(everything(&path), &store).ok().unwrap();
    let manifest = last(&store, "everything");
    assert_eq!(manifest.problems, Vec::<String>::new());
    assert_eq!(manifest.steps.iter().find(|step| step.name == "try_out").unwrap().sets, None);
    // The absolute path is not recorded, and without it the experiment cannot be made.
    let error = manifest.experiment().unwrap_err();
    assert!(matches!(&error, RebuildError::Elsewhere { name } if name == "numbers.txt"), "{error}");
    let experiment = manifest.rebuild().path("numbers.txt", &path).experiment().unwrap();
    let second = run(experiment, &store).ok().unwrap();
    assert_eq!(ids(&second), ids(&first));
    assert_eq!(second.summary().unwrap().succeeded, 0);
    let all = manifests(&store, "everything").unwrap();
    assert_eq!(all.len(), 2);
    let diff = all[0].diff(&all[1]);
    assert_eq!(diff.to_string(), "nothing changed");
    assert_eq!(all[0].digest, all[1].digest);
    // Tags by a rule are kept by number: of the list that was not known yet there are none.
    let tags = |results: &Results| -> Vec<(String, Vec<String>)> {
        let runs = results.iter().map(|run| run.unwrap()).filter(|run| run.step() != "try_out");
        runs.map(|run| (run.step().to_owned(), run.tags().to_vec())).collect()
    };
    assert_eq!(tags(&first), tags(&second));
    let text = manifest.to_json();
    assert!(!text.contains("hunter2") && !text.contains(folder.path().to_str().unwrap()), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["derived"][1]["step"], "by hand");
    assert!(second.iter().all(|run| run.unwrap().derived("manifest_doubled").is_some()));
    assert_eq!(json["steps"][1]["name"], "scored");
    assert_eq!(json["metadata"]["owner"], "me");
    assert_eq!(json["contexts"][0]["fields"][1]["kind"], "file");
    assert_eq!(json["contexts"][0]["fields"][1]["paths"][0]["path"], "numbers.txt");
    assert_eq!(json["contexts"][0]["skipped"][0], "token");
}

#[test]
fn nothing_secret_or_local_is_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let store = Store::memory().unwrap();
    let mut exp = everything(&path);
    exp.step(Read::grid().file(path.as_str()));
    run(exp, &store).ok().unwrap();
    for (name, bytes) in crate::stores::content(&store) {
        let holds = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
        assert!(!holds("hunter2") && !holds(folder.path().to_str().unwrap()), "{name}");
    }
}

#[metalab::operation(crate = metalab)]
fn read(file: FilePath) -> u64 {
    file.metadata().unwrap().len()
}

#[metalab::operation(crate = metalab)]
fn square(x: i64) -> i64 {
    x * x
}

#[metalab::operation(crate = metalab, code = "manual")]
fn cube(x: i64, #[default(0)] shift: i64, seeds: &SeedBundle) -> i64 {
    x * x * x + shift + seeds.replicate() as i64
}

fn small(xs: &[i64]) -> Experiment {
    Experiment::new("small", "1").sweep(Square::grid().x(xs))
}

#[test]
fn equal_manifests_cost_nothing() {
    let store = Store::memory().unwrap();
    for _ in 0..3 {
        run(small(&[1, 2]), &store);
    }
    run(small(&[1, 2, 3]), &store);
    let all = manifests(&store, "small").unwrap();
    let digests: Vec<Digest> = all.iter().filter_map(|manifest| manifest.digest).collect();
    assert_eq!(digests.len(), 4);
    assert_eq!(digests[..3].iter().collect::<BTreeSet<_>>().len(), 1);
    assert_ne!(digests[2], digests[3]);
    assert!(all[0].diff(&all[2]).is_empty());
    assert_eq!(all[0].diff(&all[2]).to_string(), "nothing changed");
    assert_eq!((all[3].cells(), all[3].submission), (3, last(&store, "small").submission));
    assert!(all.windows(2).all(|pair| pair[0].time <= pair[1].time));
    assert!(manifests(&store, "none").unwrap_err().to_string().contains("`none`"));
}

#[test]
fn what_changed_is_told_in_lines() {
    let store = Store::memory().unwrap();
    let cubes = |exp: &mut Experiment, shift: i64| {
        exp.step(Cube::grid().x([1, 2]).shift(shift));
    };
    let mut before = Experiment::new("changing", "1").seeds(seeds(1).replicates(2)).metadata("owner", "me");
    before = before.tag("old").tag("both").sweep(Square::grid().x([1, 2, 4]).tag_sets("small", [0, 1]));
    cubes(&mut before, 1);
    run(before, &store);
    let mut after = Experiment::new("changing", "2").seeds(seeds(1).replicates(3)).metadata("owner", "you");
    after = after.tag("both").tag("new").metadata("cohort", 7).sweep(Square::grid().x([1, 2, 3, 5]));
    cubes(&mut after, 2);
    after.step(Square::grid().x(9).named("more").resources(Resources::default().gpus(1)));
    let policy = Policy {
        failure: FailurePolicy::FailFast,
        retries: Retries { most: 2, backoff: Duration::from_secs(1) },
    };
    let rules = runner(after, &store).policy(policy).timeout(Duration::from_secs(60));
    rules.start().unwrap().wait().unwrap();
    let all = manifests(&store, "changing").unwrap();
    let diff = all[0].diff(&all[1]);
    let expected = [
        "experiment version: 1 -> 2",
        "experiment tags: added new; removed old",
        "metadata cohort: 7 (was not there)",
        "metadata owner: \"me\" -> \"you\"",
        "seeds replicates: 2 -> 3",
        "step square: argument x: added 3, 5; removed 4",
        "step square: case tag small: gone (was 2 parameter sets)",
        "step square: cells: 3 -> 4",
        "step cube: argument shift: 1 -> 2",
        "step cube: cells: 4 -> 6",
        "step more: added",
        "rules backoff: 0ns -> 1s",
        "rules failure: keep going -> fail fast",
        "rules retries: 0 -> 2",
        "rules timeout: 60s (was not there)",
    ];
    assert_eq!(diff.to_string().lines().collect::<Vec<_>>(), expected);
    let back = all[1].diff(&all[0]);
    assert_eq!(back.changes.len(), diff.changes.len());
    assert!(back.to_string().contains("step more: removed"));
    let axis = diff.changes.iter().find(|change| change.what == "argument x").unwrap();
    assert_eq!((axis.section, axis.step.as_deref()), (Section::Step, Some("square")));
    assert_eq!(
        (&axis.added[..], &axis.removed[..]),
        (&["3".to_owned(), "5".to_owned()][..], &["4".to_owned()][..])
    );
}

/// The file in the store that holds a value, and the place of the value in it.
fn tamper(store: &Store, digest: &Digest, change: impl Fn(&mut [u8])) {
    for pack in crate::stores::files(store, ".pack") {
        crate::stores::edit(store, &pack, |bytes| {
            let at = bytes.windows(32).position(|window| window == digest.as_bytes());
            if let Some(at) = at {
                change(&mut bytes[at + 32..]);
            }
        });
    }
}

#[test]
fn a_damaged_manifest_hides_no_other() {
    let store = Store::memory().unwrap();
    run(small(&[1]), &store);
    run(small(&[1, 2]), &store);
    let whole = manifests(&store, "small").unwrap();
    tamper(&store, &whole[0].digest.unwrap(), |bytes| bytes[8] ^= 0xff);
    let all = manifests(&store, "small").unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[1].is_complete() && !all[0].is_complete());
    assert!(all[0].problems[0].contains("damaged"), "{:?}", all[0].problems);
    // The record of the submission says the most of it all the same.
    let experiment = all[0].experiment().unwrap();
    assert_eq!(ids(&run(experiment, &store)), ids(&run(small(&[1]), &store)));
    // The packs are gone: everything is told, nothing is an error.
    for pack in crate::stores::files(&store, ".pack") {
        store.backend().delete(&pack).unwrap();
    }
    let all = manifests(&store, "small").unwrap();
    assert!(all.iter().all(|manifest| manifest.problems.len() > 1));
    assert!(matches!(all[1].experiment().unwrap_err(), RebuildError::Step { .. }));
    assert_eq!(all[0].diff(&all[1]).to_string(), "step square: cells: 1 -> 2");
}

#[test]
fn a_manifest_of_a_newer_format_is_refused_by_name() {
    let store = Store::memory().unwrap();
    let newer = metalab_cas::Value::from_serde(&std::collections::BTreeMap::from([("format", 9)])).unwrap();
    let malformed =
        metalab_cas::Value::from_serde(&std::collections::BTreeMap::from([("format", 1)])).unwrap();
    let mut writer = Writer::new(&store, Durability::Full).unwrap();
    let values = [newer.to_bytes().unwrap(), malformed.to_bytes().unwrap(), b"nonsense".to_vec()];
    for (number, bytes) in values.iter().enumerate() {
        writer.put_value(Digest::of(bytes), bytes);
        let opened = SubmissionOpened {
            experiment: "foreign".into(),
            version: "1".into(),
            time: number as i64,
            environment: Digest::of(b"none"),
            steps: Vec::new(),
            base_seed: Some(3),
            replicates: 2,
            metadata: Vec::new(),
            tags: vec!["x".into()],
            description: None,
            rerun: None,
            manifest: Some(Digest::of(bytes)),
        };
        writer.append(kind::SUBMISSION_OPENED, LEVEL, &to_cbor(&opened));
    }
    writer.commit().unwrap();
    writer.close();
    let all = manifests(&store, "foreign").unwrap();
    let problem = |number: usize| all[number].problems.last().unwrap().clone();
    assert!(problem(0).contains("of format 9, and this metalab reads up to 1"), "{}", problem(0));
    assert!(problem(1).contains("it has no rules"), "{}", problem(1));
    assert!(problem(2).contains("cannot be read"), "{}", problem(2));
    assert!(all.iter().all(|manifest| manifest.tags == ["x"] && manifest.seeds.is_some()));
    assert!(matches!(all[0].experiment().unwrap_err(), RebuildError::Empty { .. }));
}

#[test]
fn operations_and_contexts_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let store = Store::memory().unwrap();
    run(everything(&path), &store);
    let manifest = last(&store, "everything");
    let registry = Registry::new().with::<Load>().unwrap();
    let error = manifest.rebuild().registry(registry).path("numbers.txt", &path).experiment().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("step `scored`") && text.contains("no operation `metalab-engine::score`"),
        "{text}"
    );
    assert!(text.contains("`metalab-engine::load`"), "{text}");
    let mut foreign = manifest.clone();
    foreign.steps[0].template.as_mut().unwrap().name = "gone".into();
    let text = foreign.experiment().unwrap_err().to_string();
    assert!(text.contains("no operation `metalab-engine::gone` (it has `"), "{text}");
    // A context by hand takes the place of the recorded one.
    let site = Site { scale: 2.0, data: path.as_str().into(), token: String::new() };
    let other = manifest.rebuild().context(site).experiment().unwrap();
    run(other, &store);
    let diff = manifest.diff(&last(&store, "everything"));
    assert_eq!(diff.changes[0].to_string(), "context Manifested.scale: 0.5 -> 2.0");
    let mut lost = manifest.clone();
    lost.contexts[0].name = "Another".into();
    let error = lost.experiment().unwrap_err().to_string();
    assert!(error.contains("`Manifested`") && error.contains(".rebuild().context("), "{error}");
    lost.steps.clear();
    assert!(matches!(lost.experiment().unwrap_err(), RebuildError::Empty { .. }));
}

#[test]
fn a_context_that_serde_cannot_write_stays_and_says_why() {
    #[derive(serde::Serialize)]
    struct OneWay(f64);
    #[derive(metalab::Context)]
    #[context(name = "OneWayContext", crate = "metalab")]
    struct Stays {
        x: OneWay,
    }
    #[metalab::operation(crate = metalab)]
    fn with_one_way(stays: &Stays) -> f64 {
        stays.x.0
    }
    let exp = || Experiment::new("stays", "1").context(Stays { x: OneWay(0.5) }).sweep(WithOneWay::grid());
    let store = Store::memory().unwrap();
    let first = run(exp(), &store);
    let manifest = last(&store, "stays");
    let error = manifest.experiment().unwrap_err().to_string();
    assert!(error.contains("`OneWayContext`") && error.contains("field `x`"), "{error}");
    let again = manifest.rebuild().context(Stays { x: OneWay(0.5) }).experiment().unwrap();
    assert_eq!(ids(&run(again, &store)), ids(&first));
}

#[test]
fn values_of_the_store_are_wired_again() {
    let store = Store::memory().unwrap();
    let first = run(small(&[3]), &store);
    let run_id = first.iter().next().unwrap().unwrap().id();
    let mut exp = Experiment::new("upstream", "1");
    let from = Upstream::<i64>::run(run_id.to_string());
    exp.step(Both::grid().a(&from).b(&from));
    let first = run(exp, &store).ok().unwrap();
    let again = run(last(&store, "upstream").experiment().unwrap(), &store);
    assert_eq!(ids(&again), ids(&first));
}

#[test]
fn what_cannot_be_written_down_is_refused() {
    let nan = refusal(small(&[1]).metadata("limit", f64::NAN)).to_string();
    assert!(nan.starts_with("metadata `limit`:") && nan.contains("NaN"), "{nan}");
    let deep = refusal(small(&[1]).metadata("x", [[1.0, f64::INFINITY]])).to_string();
    assert!(deep.starts_with("metadata `x`:"), "{deep}");
    assert!(matches!(&*refusal(Experiment::new("", "1").sweep(Square::grid().x(1))), PlanError::Name { .. }));
    assert!(matches!(&*refusal(small(&[1]).tag("")), PlanError::Name { what: "tag", .. }));
    assert!(matches!(&*refusal(small(&[1]).metadata("", 1)), PlanError::Name { what: "metadata key", .. }));
}

/// An operation whose code never changes.
#[derive(Debug)]
struct Fixed;

#[derive(serde::Serialize, serde::Deserialize)]
struct FixedParams {
    x: i64,
}

impl metalab::Operation for Fixed {
    type Params = FixedParams;
    type Output = i64;
    type Codec = metalab::codec::Json;

    fn describe() -> Description {
        let of_x = ParameterInfo::required("x", "i64");
        let site = LentKind::Context("Golden");
        Description::new("lab", "fixed", "3", Code::manual()).parameter(of_x).lent(site).lent(LentKind::Seeds)
    }

    fn call(params: FixedParams, _: &Run<'_>) -> metalab::Result<i64> {
        Ok(params.x)
    }
}

#[derive(metalab::Context)]
#[context(name = "Golden", crate = "metalab")]
struct GoldenContext {
    scale: f64,
    data: FilePath,
    more: Vec<FilePath>,
    #[context(skip)]
    verbose: bool,
}

/// Lines of `golden/manifest.txt` are a name and the bytes of a value in hexadecimal. A line that changes is a new
/// version of the format. `METALAB_BLESS=1` writes the file.
#[test]
fn the_format_is_golden() {
    let folder = tempfile::tempdir().unwrap();
    let path = data(folder.path());
    let store = Store::memory().unwrap();
    let more = vec![path.as_str().into(), path.as_str().into()];
    let exp = Experiment::new("golden", "1.0")
        .description("one of each")
        .tag("demo")
        .metadata("owner", "me")
        .seeds(seeds(7).replicates(2))
        .context(GoldenContext { scale: 0.5, data: path.as_str().into(), more, verbose: true })
        .sweep(
            Sweep::grid::<Fixed>(Grid::new().axis("x", AxisValues::swept([1, 2, 3])))
                .resources(Resources::default().cpus(2))
                .tag_sets("ends", [0, 2]),
        )
        .sweep(Sweep::list::<Fixed>([FixedParams { x: 5 }]).named("listed"));
    let policy = Policy {
        failure: FailurePolicy::FailFast,
        retries: Retries { most: 2, backoff: Duration::from_secs(1) },
    };
    let rules = runner(exp, &store).policy(policy).timeout(Duration::from_secs(60));
    rules.start().unwrap().wait().unwrap();
    let index = Index::load(&store).unwrap();
    let manifest = last(&store, "golden");
    let mut made = String::new();
    let mut line = |name: &str, digest: &Digest| {
        let bytes = store.values().get(digest, &index).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        made.push_str(&format!("{name} | {hex}\n"));
    };
    line("manifest", &manifest.digest.unwrap());
    let value = metalab_cas::Value::List(vec![metalab_cas::Value::List(vec![
        metalab_cas::Value::Text("ends".into()),
        metalab_cas::Value::from_serde(&[[0, 1], [2, 1]]).unwrap(),
    ])]);
    line("case tags", &value.digest().unwrap());
    line("source", &manifest.steps[0].source.as_ref().unwrap().digest().unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/manifest.txt");
    if std::env::var_os("METALAB_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(made, std::fs::read_to_string(path).unwrap());
    let tags: Vec<_> =
        manifest.steps[0].case_tags.iter().map(|(tag, ranges)| (tag, ranges.to_vec())).collect();
    assert_eq!(tags, [("ends", vec![0..1, 2..3])]);
}
