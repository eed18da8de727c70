//! Random graphs, killed at random points, resumed, and compared with an undisturbed run.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use metalab::engine::running::Event;
use metalab::engine::store::{Access, Store};
use metalab::inputs::Step;
use metalab::results::Results;
use metalab::{Experiment, Gathered, Input, SeedBundle, seeds};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const STORE: &str = "METALAB_TEST_GRAPH_STORE";
const GRAPH: &str = "METALAB_TEST_GRAPH";
/// Cells of a graph that is not too large to be tried often.
const MOST: usize = 400;

#[metalab::operation(code = "manual")]
fn number(x: i64) -> i64 {
    x
}

#[metalab::operation(code = "manual")]
fn noise(value: Input<i64>, seeds: &SeedBundle) -> i64 {
    value.wrapping_mul(100).wrapping_add((seeds.seed("noise") % 100) as i64)
}

#[metalab::operation(code = "manual")]
fn combine(a: Input<i64>, b: Input<i64>, weight: i64) -> i64 {
    a.wrapping_mul(weight).wrapping_add(*b)
}

/// Too large for a record: it goes through packs.
#[metalab::operation(code = "manual")]
fn widen(value: Input<i64>) -> Vec<i64> {
    (0..500).map(|x| x ^ *value).collect()
}

#[metalab::operation(code = "manual")]
fn narrow(values: Gathered<Vec<i64>>) -> i64 {
    values.iter().flat_map(|part| part.iter()).fold(0, |sum, x| sum.wrapping_mul(7).wrapping_add(*x))
}

#[metalab::operation(code = "manual")]
fn total(values: Gathered<i64>) -> i64 {
    values.iter().fold(1, |sum, value| sum.wrapping_mul(31).wrapping_add(**value))
}

/// A step by four numbers: what it does, from which steps it takes, and how.
type Line = [u8; 4];

fn graph(lines: &[Line]) -> Experiment {
    let mut exp = Experiment::new("graph", "1").seeds(seeds(3).replicates(2));
    let mut steps: Vec<Step<i64>> = Vec::new();
    for (at, [kind, first, second, how]) in lines.iter().enumerate() {
        let name = |what: &str| format!("{what}-{at}");
        let pick = |number: &u8| steps[usize::from(*number) % steps.len()].clone();
        let step = match kind % 6 {
            _ if steps.is_empty() => exp.step(Number::grid().x([1, 2]).named(name("number"))),
            0 => exp.step(
                Number::grid().x((0..i64::from(how % 3) + 1).collect::<Vec<_>>()).named(name("number")),
            ),
            1 => exp.step(Noise::grid().value(pick(first)).named(name("noise"))),
            2 => {
                let (a, b) = (pick(first), pick(second));
                let b = if how % 3 == 0 { b.cross() } else { b.output() };
                let weights = if how % 2 == 0 { vec![3] } else { vec![3, 5] };
                exp.step(Combine::grid().a(a).b(b).weight(weights).named(name("combine")))
            }
            3 => {
                let wide = exp.step(Widen::grid().value(pick(first)).named(name("widen")));
                exp.step(Narrow::grid().values(wide.gather()).named(name("narrow")))
            }
            4 => exp.step(Total::grid().values(pick(first).gather()).named(name("total"))),
            _ => {
                let gather = pick(first).gather().over([] as [&str; 0]);
                exp.step(Total::grid().values(gather).named(name("each")))
            }
        };
        steps.push(step);
    }
    exp
}

/// The program that is killed: reports every run that is done, as soon as it is told.
#[test]
fn child() {
    let (Ok(store), Ok(text)) = (std::env::var(STORE), std::env::var(GRAPH)) else { return };
    let numbers: Vec<u8> = text.split(',').map(|number| number.parse().unwrap()).collect();
    let lines: Vec<Line> = numbers.as_chunks::<4>().0.to_vec();
    let handle = metalab::run(graph(&lines)).store(store.as_str()).start().unwrap();
    for event in handle.events() {
        if let Event::Finished { runs } = event {
            runs.iter().for_each(|run| println!("done {}", run.run));
        }
    }
    handle.wait().unwrap().ok().unwrap();
}

fn run(store: &Path, lines: &[Line], crash: Option<String>) -> Output {
    let text = lines.concat().iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["graphs::child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(STORE, store).env(GRAPH, text).env_remove("METALAB_CRASH");
    if let Some(crash) = crash {
        command.env("METALAB_CRASH", crash);
    }
    command.output().unwrap()
}

fn told(output: &Output) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| Some(line.split_once("done ")?.1.to_owned())).collect()
}

/// Step, cell, run and output of every cell, in the words of a store that was loaded afresh.
fn outputs(store: &Path) -> Vec<(String, u64, String, Vec<u8>)> {
    let store = Store::open(store.to_str().unwrap(), Access::ReadOnly).unwrap();
    let results = Results::load(&store, "graph").unwrap();
    let cell = |run: metalab::results::RunResult| {
        (run.step().to_owned(), run.index(), run.id().to_string(), run.output_bytes().unwrap())
    };
    results.iter().map(|run| cell(run.unwrap())).collect()
}

#[test]
fn killed_graphs_end_as_undisturbed_ones() {
    let cases = if std::env::var_os("METALAB_LONG").is_some() { 400 } else { 10 };
    let line = prop::array::uniform4(any::<u8>());
    let strategy =
        (prop::collection::vec(line, 2..7), prop::collection::vec((any::<bool>(), 1_u64..30), 1..4));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20, ..Config::default() };
    let tried = std::cell::Cell::new((0, 0));
    let result = TestRunner::new(config).run(&strategy, |(lines, kills)| {
        let folder = tempfile::tempdir().unwrap();
        let undisturbed = folder.path().join("undisturbed");
        let planned = metalab::plan(graph(&lines)).store("memory://").report().unwrap();
        prop_assume!(planned.steps.iter().map(|step| step.cells).sum::<u64>() < MOST as u64);
        let whole = run(&undisturbed, &lines, None);
        prop_assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));

        let store = folder.path().join("killed");
        let mut done = BTreeSet::new();
        for (before, at) in kills {
            let when = if before { "before" } else { "after" };
            let killed = run(&store, &lines, Some(format!("{when}:{at}")));
            tried.set((tried.get().0 + 1, tried.get().1 + u32::from(!killed.status.success())));
            let told = told(&killed);
            prop_assert!(told.is_disjoint(&done), "what was reported done was executed again");
            done.extend(told);
        }
        let last = run(&store, &lines, None);
        prop_assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
        prop_assert!(told(&last).is_disjoint(&done), "what was reported done was executed again");
        prop_assert_eq!(outputs(&store), outputs(&undisturbed));
        prop_assert!(told(&run(&store, &lines, None)).is_empty(), "a finished graph runs nothing");
        Ok(())
    });
    result.unwrap();
    let (tried, killed) = tried.get();
    assert!(killed * 4 > tried, "only {killed} of {tried} programs were killed: is `crash-points` on?");
}
