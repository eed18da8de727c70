//! What changed from one parameter source to another, in words: a seed, a number of sets, an argument's range.
//!
//! Sources are compared by value, as submissions keep them ([`Source::describe`](crate::params::Source::describe)).
//! A filter, a slice or a resolver that came or went is one change; what it was put around is compared as well.

use std::collections::{BTreeMap, BTreeSet};

use metalab_cas::Value;

use super::Difference;

/// How many values of an argument are named.
const MOST: usize = 8;

/// The changes, outermost first; nothing for equal sources, and for lists that other steps return.
pub(crate) fn source_changes(old: &Value, new: &Value) -> Vec<Difference> {
    let mut changes = Changes { within: String::new(), found: Vec::new() };
    changes.sources(old, new);
    changes.found
}

/// A source as it is written down: its kind and its parts.
fn parts(source: &Value) -> Option<(&str, &[Value])> {
    match source {
        Value::Variant(kind, inner) => match &**inner {
            Value::List(parts) => Some((kind, parts)),
            _ => None,
        },
        _ => None,
    }
}

/// What is put around a source without making other arguments coordinates: name and text of each, outermost first.
fn peeled(source: &Value) -> (Vec<(String, String)>, &Value) {
    let mut around = Vec::new();
    let mut core = source;
    while let Some((kind, parts)) = parts(core) {
        let layer = match (kind, parts) {
            ("filter", [inner, by]) => {
                (("filter".to_owned(), by.as_text().unwrap_or("a closure").to_owned()), inner)
            }
            ("slice", [inner, start, end]) => {
                let end = if matches!(end, Value::Null) { String::new() } else { end.to_string() };
                (("slice".to_owned(), format!("{start}..{end}")), inner)
            }
            ("resolve", [inner, argument, by]) => {
                let [argument, by] = [argument, by].map(|text| text.as_text().unwrap_or_default());
                ((format!("argument {argument}"), format!("by resolver {by}")), inner)
            }
            _ => break,
        };
        around.push(layer.0);
        core = layer.1;
    }
    (around, core)
}

struct Changes {
    /// In which part of a combination, with a separator after it.
    within: String,
    found: Vec<Difference>,
}

impl Changes {
    fn changed(&mut self, part: &str, old: Option<String>, new: Option<String>) {
        if old != new {
            self.found.push(Difference::new(format!("{}{part}", self.within), old, new));
        }
    }

    fn said(&mut self, text: &str) {
        self.found.push(Difference::said(format!("{}{text}", self.within)));
    }

    fn sources(&mut self, old: &Value, new: &Value) {
        if old == new {
            return;
        }
        let ((old_around, old), (new_around, new)) = (peeled(old), peeled(new));
        self.around(&old_around, &new_around);
        let (Some((old_kind, old_parts)), Some((new_kind, new_parts))) = (parts(old), parts(new)) else {
            return;
        };
        match (old_kind, new_kind) {
            _ if old == new => {}
            ("grid", "grid") => self.arguments(&axes(old_parts), &axes(new_parts)),
            ("list", "list") => self.rows(old_parts, new_parts),
            ("sample", "sample") => self.samples(old_parts, new_parts),
            ("zip" | "product" | "chain", _) if old_kind == new_kind => {
                self.all(new_kind, old_parts, new_parts)
            }
            _ => self.said(&format!("{} instead of {}", words(new_kind), words(old_kind))),
        }
    }

    fn around(&mut self, old: &[(String, String)], new: &[(String, String)]) {
        let named = |all: &[(String, String)]| {
            let mut named: BTreeMap<String, String> = BTreeMap::new();
            for (name, text) in all {
                let texts = named.entry(name.clone()).or_default();
                texts.push_str(if texts.is_empty() { "" } else { ", then " });
                texts.push_str(text);
            }
            named
        };
        let (before, after) = (named(old), named(new));
        if before == after && old != new {
            self.said("filters, slices and resolvers in another order");
        }
        self.texts(&before, &after);
    }

    /// Compares texts by name.
    fn texts(&mut self, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            self.changed(name, old.get(name).cloned(), new.get(name).cloned());
        }
    }

    /// Compares arguments by name: values of axes, and distributions.
    fn arguments(&mut self, old: &BTreeMap<String, Argument>, new: &BTreeMap<String, Argument>) {
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (old.get(name), new.get(name));
            if before == after {
                continue;
            }
            let part = format!("argument {name}");
            match (before.map(Argument::to_string), after.map(Argument::to_string)) {
                // What differs is not among the values that are named.
                (Some(old), Some(new)) if old == new => self.said(&format!("{part}: other values")),
                (old, new) => self.changed(&part, old, new),
            }
        }
    }

    fn rows(&mut self, old: &[Value], new: &[Value]) {
        let text = |rows: &[Value]| -> BTreeSet<String> { rows.iter().map(Value::to_string).collect() };
        let (before, after) = (text(old), text(new));
        for row in after.difference(&before).take(MOST) {
            self.changed("parameter set", None, Some(row.clone()));
        }
        for row in before.difference(&after).take(MOST) {
            self.changed("parameter set", Some(row.clone()), None);
        }
        self.changed("parameter sets", Some(old.len().to_string()), Some(new.len().to_string()));
        if before == after && old.len() == new.len() {
            self.said("parameter sets in another order");
        }
    }

    fn samples(&mut self, old: &[Value], new: &[Value]) {
        let [(old_design, old_drawn, old_beside), (new_design, new_drawn, new_beside)] =
            [old, new].map(|parts| match parts {
                [design, Value::List(drawn), beside] => (Some(design), drawn.as_slice(), Some(beside)),
                _ => (None, &[][..], None),
            });
        self.texts(&design(old_design), &design(new_design));
        self.arguments(&of_sample(old_drawn, old_beside), &of_sample(new_drawn, new_beside));
        // A point of a Sobol sequence depends on the place of the argument.
        let names = |drawn: &[Value]| -> Vec<String> {
            drawn.iter().filter_map(drawn_argument).map(|(name, _)| name).collect()
        };
        let (before, after) = (names(old_drawn), names(new_drawn));
        let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        let is_sobol = new_design.and_then(parts).is_some_and(|(kind, _)| kind == "sobol");
        if is_sobol && before != after && sorted(&before) == sorted(&after) {
            self.changed("order of the drawn arguments", Some(before.join(", ")), Some(after.join(", ")));
        }
    }

    fn all(&mut self, kind: &str, old: &[Value], new: &[Value]) {
        if old.len() != new.len() {
            self.changed(
                &format!("sources of the {kind}"),
                Some(old.len().to_string()),
                Some(new.len().to_string()),
            );
        }
        for (number, (old, new)) in old.iter().zip(new).enumerate() {
            let outer = self.within.clone();
            self.within = format!("{outer}{kind}, source {}: ", number + 1);
            self.sources(old, new);
            self.within = outer;
        }
    }
}

/// What an argument is given.
#[derive(PartialEq)]
enum Argument<'a> {
    Fixed(&'a Value),
    Swept(&'a [Value]),
    Drawn(&'a Value),
}

impl std::fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "{value}"),
            Self::Swept(values) => f.write_str(&listed("", values, "")),
            Self::Drawn(distribution) => f.write_str(&drawn_words(distribution)),
        }
    }
}

fn listed(open: &str, values: &[Value], close: &str) -> String {
    let mut text = values.iter().take(MOST).map(Value::to_string).collect::<Vec<_>>().join(", ");
    if values.len() > MOST {
        text.push_str(&format!(" and {} more", values.len() - MOST));
    }
    format!("{open}{text}{close}")
}

/// The arguments of a grid.
fn axes(grid: &[Value]) -> BTreeMap<String, Argument<'_>> {
    grid.iter().filter_map(axis).collect()
}

fn axis(axis: &Value) -> Option<(String, Argument<'_>)> {
    let Value::List(parts) = axis else { return None };
    match parts.as_slice() {
        [Value::Text(name), Value::Bool(true), Value::List(values)] => {
            Some((name.clone(), Argument::Fixed(values.first()?)))
        }
        [Value::Text(name), Value::Bool(false), Value::List(values)] => {
            Some((name.clone(), Argument::Swept(values)))
        }
        _ => None,
    }
}

/// The arguments of a sample: those that are drawn, and those beside them.
fn of_sample<'a>(drawn: &'a [Value], beside: Option<&'a Value>) -> BTreeMap<String, Argument<'a>> {
    let mut all = beside.and_then(parts).map(|(_, parts)| axes(parts)).unwrap_or_default();
    all.extend(drawn.iter().filter_map(drawn_argument));
    all
}

fn drawn_argument(drawn: &Value) -> Option<(String, Argument<'_>)> {
    match drawn {
        Value::List(pair) => match pair.as_slice() {
            [Value::Text(name), distribution] => Some((name.clone(), Argument::Drawn(distribution))),
            _ => None,
        },
        _ => None,
    }
}

/// A distribution as it is written in a program.
fn drawn_words(distribution: &Value) -> String {
    match parts(distribution) {
        Some((name @ ("int_range" | "log_int"), [low, high])) => format!("{name}({low}..={high})"),
        Some((name @ ("choice" | "weighted"), values)) => listed(&format!("{name}(["), values, "])"),
        // The last part says how many bits the numbers have.
        Some((name, [a, b, _])) => format!("{name}({a}, {b})"),
        _ => distribution.to_string(),
    }
}

/// The parts of a design by name.
fn design(design: Option<&Value>) -> BTreeMap<String, String> {
    let Some((kind, [sets, seed])) = design.and_then(parts) else { return BTreeMap::new() };
    let seed = if matches!(seed, Value::Null) { "not scrambled".to_owned() } else { seed.to_string() };
    [("design", kind.to_owned()), ("sets", sets.to_string()), ("seed", seed)]
        .map(|(name, text)| (format!("sample {name}"), text))
        .into()
}

/// What a kind of source is called.
fn words(kind: &str) -> &str {
    match kind {
        "grid" => "a grid",
        "list" => "a list of parameter sets",
        "sample" => "a sample",
        "zip" => "zipped sources",
        "product" => "a product of sources",
        "chain" => "chained sources",
        "later" => "a list that another step returns",
        other => other,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::params::{
        Design, LatinHypercube, Params, Random, Sobol, Source, choice, csv_text, grid, int_range,
        log_uniform, sample, uniform, weighted,
    };

    #[crate::resolver(crate = "crate")]
    fn is_small(_set: &Params) -> bool {
        true
    }

    #[crate::resolver(crate = "crate")]
    fn twice(set: &Params) -> Option<f64> {
        set.get::<f64>("x").ok().map(|x| 2.0 * x)
    }

    fn told(old: &Source, new: &Source) -> Vec<String> {
        source_changes(&old.describe(), &new.describe()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_changed_sample_is_told_by_its_parts() {
        let base = || sample(Random::new(100).seed(7)).draw("lr", uniform(0.0, 1.0)).axis("k", [1, 2]);
        assert!(told(&base(), &base()).is_empty());
        let more = sample(Random::new(200).seed(8)).draw("lr", uniform(0.0, 1.0)).axis("k", [1, 2]);
        assert_eq!(told(&base(), &more), ["sample seed: 7 -> 8", "sample sets: 100 -> 200"]);
        let other = sample(Sobol::new(100).seed(7)).draw("lr", log_uniform(1e-3, 1.0)).set("k", &1);
        let changes = [
            "sample design: random -> sobol",
            "argument k: 1, 2 -> 1",
            "argument lr: uniform(0.0, 1.0) -> log_uniform(0.001, 1.0)",
        ];
        assert_eq!(told(&base(), &other), changes);
        // Drawn, and fixed or not given.
        let drawn = sample(LatinHypercube::new(9)).draw("lr", uniform(0.0, 1.0)).draw("k", int_range(1..=9));
        let fixed = sample(LatinHypercube::new(9)).draw("lr", uniform(0.0, 1.0)).set("k", &4);
        let bare = sample(LatinHypercube::new(9)).draw("lr", uniform(0.0, 1.0));
        assert_eq!(told(&drawn, &fixed), ["argument k: int_range(1..=9) -> 4"]);
        assert_eq!(told(&drawn, &bare), ["argument k: gone (was int_range(1..=9))"]);
        assert_eq!(told(&bare, &drawn), ["argument k: int_range(1..=9) (was not there)"]);
    }

    #[test]
    fn distributions_are_told_as_they_are_written() {
        let of = |choice| sample(Random::new(2)).draw("o", choice);
        let found = told(&of(choice(["a", "b"])), &of(weighted([("a", 1.0), ("b", 3.0)])));
        assert_eq!(found, [r#"argument o: choice(["a", "b"]) -> weighted([["a", 1.0], ["b", 3.0]])"#]);
        // The order of the drawn arguments is part of a Sobol sample, and of no other.
        let pair = |design: Design, names: [&str; 2]| {
            names.iter().fold(sample(design), |sample, name| sample.draw(name, uniform(0.0, 1.0)))
        };
        let sobol = |names| pair(Sobol::new(4).into(), names);
        assert_eq!(
            told(&sobol(["a", "b"]), &sobol(["b", "a"])),
            ["order of the drawn arguments: a, b -> b, a"]
        );
        let plain =
            sample(Sobol::new(4).unscrambled()).draw("a", uniform(0.0, 1.0)).draw("b", uniform(0.0, 1.0));
        assert_eq!(told(&sobol(["a", "b"]), &plain), ["sample seed: 0 -> not scrambled"]);
        let random = |names| pair(Random::new(4).into(), names);
        assert!(told(&random(["a", "b"]), &random(["b", "a"])).is_empty());
    }

    #[test]
    fn what_is_around_a_source_and_inside_is_told_by_its_place() {
        let models = || grid().axis("depth", [2, 4]);
        let points = |seed| sample(Random::new(10).seed(seed)).draw("x", uniform(0.0, 1.0));
        let base = || models().product(points(1));
        assert_eq!(told(&base(), &models().product(points(2))), ["product, source 2: sample seed: 1 -> 2"]);
        assert_eq!(told(&base(), &base().product(grid().axis("y", [1]))), ["sources of the product: 2 -> 3"]);
        // What came around it does not hide what changed inside.
        let small = models().product(points(2)).filter(IsSmall).slice(..10).resolve("twice", Twice);
        let name = |resolver: &str| format!("{}::{resolver}", env!("CARGO_PKG_NAME"));
        let expected = [
            format!("argument twice: by resolver {} (was not there)", name("twice")),
            format!("filter: {} (was not there)", name("is_small")),
            "slice: 0..10 (was not there)".into(),
            "product, source 2: sample seed: 1 -> 2".into(),
        ];
        assert_eq!(told(&base(), &small), expected);
        assert_eq!(told(&base().slice(..10), &base().slice(5..)), ["slice: 0..10 -> 5.."]);
        assert_eq!(
            told(&base().slice(..10).filter(IsSmall), &base().filter(IsSmall).slice(..10)),
            ["filters, slices and resolvers in another order"]
        );
        assert_eq!(told(&base().filter(IsSmall), &base().filter_with(|_| true)).len(), 1);
    }

    #[test]
    fn other_sources_and_many_values_are_told_in_short() {
        let csv = |text: &str| csv_text(text).unwrap();
        assert_eq!(told(&grid().axis("x", [1]), &points()), ["a sample instead of a grid"]);
        assert_eq!(told(&points(), &csv("x\n1\n")), ["a list of parameter sets instead of a sample"]);
        let sets = told(&csv("x\n1\n2\n"), &csv("x\n1\n3\n4\n"));
        let expected = [
            "parameter set: {x: 3} (was not there)",
            "parameter set: {x: 4} (was not there)",
            "parameter set: gone (was {x: 2})",
            "parameter sets: 2 -> 3",
        ];
        assert_eq!(sets, expected);
        assert_eq!(told(&csv("x\n1\n2\n"), &csv("x\n2\n1\n")), ["parameter sets in another order"]);
        let many = |last: u64| grid().axis("x", (0..20).chain([last])).product(grid().axis("y", [1]));
        let found = told(&many(20), &many(21));
        assert_eq!(found, ["product, source 1: argument x: other values"]);
        let found = told(&many(20), &grid().axis("x", [1]).product(grid().axis("y", [1])));
        assert_eq!(found, ["product, source 1: argument x: 0, 1, 2, 3, 4, 5, 6, 7 and 13 more -> 1"]);
    }

    fn points() -> Source {
        sample(Random::new(3)).draw("x", uniform(0.0, 1.0))
    }

    #[test]
    fn what_is_no_source_is_no_panic() {
        let text = Value::Text("x".into());
        for odd in
            [Value::Null, text.clone(), Value::Variant("sample".into(), Box::new(Value::List(vec![text])))]
        {
            source_changes(&odd, &points().describe());
            source_changes(&points().describe(), &odd);
        }
    }
}
