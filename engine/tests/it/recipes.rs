//! Golden run ids: every part of the recipe, every kind of value.
//!
//! A line of `golden/recipes.txt` is a name, the pre-image in hexadecimal, and the run id. A line that changes is a new
//! version of the recipe, not a new golden file. `METALAB_BLESS=1` writes the file for cases that are new.

use std::collections::BTreeMap;
use std::fmt::Write;

use metalab_cas::{Digest, Map, Value};
use metalab_engine::code::Grade;
use metalab_engine::recipe::{HeadParts, Input, RecipeHead, fields};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(Map::from_entries(entries.into_iter().map(|(key, value)| (text(key), value))).unwrap())
}

fn values() -> Vec<(&'static str, Value)> {
    let serde =
        |json: &str| Value::from_serde(&serde_json::from_str::<serde_json::Value>(json).unwrap()).unwrap();
    vec![
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        ("one", serde("1")),
        ("one-as-float", Value::Float(1.0)),
        ("one-as-text", text("1")),
        ("one-in-a-list", Value::List(vec![serde("1")])),
        ("minus-one", Value::from_serde(&-1_i8).unwrap()),
        ("u128-max", Value::from_serde(&u128::MAX).unwrap()),
        ("i128-min", Value::from_serde(&i128::MIN).unwrap()),
        ("minus-zero", Value::Float(-0.0)),
        ("zero", Value::Float(0.0)),
        ("third", Value::Float(1.0 / 3.0)),
        ("umlaut", text("Größe")),
        ("bytes", Value::Bytes(vec![0, 255, 16])),
        ("nested", map(vec![("b", Value::List(vec![Value::Null, text("x")])), ("a", map(vec![]))])),
        (
            "int-keys",
            Value::Map(Map::from_entries([(serde("2"), Value::Null), (serde("10"), Value::Null)]).unwrap()),
        ),
        ("unit-variant", Value::Variant("Adam".into(), Box::new(Value::Null))),
        ("variant", Value::Variant("Sgd".into(), Box::new(map(vec![("momentum", Value::Float(0.9))])))),
        ("file", Value::File(Digest::of(b"content"))),
        ("folder", Value::Folder(Digest::of(b"tree"))),
    ]
}

fn head(
    grade: Grade,
    code: Option<Digest>,
    contexts: &[(&str, Digest)],
    base_seed: Option<u64>,
) -> RecipeHead {
    reading(grade, code, contexts, base_seed, b"")
}

fn reading(
    grade: Grade,
    code: Option<Digest>,
    contexts: &[(&str, Digest)],
    base_seed: Option<u64>,
    metadata: &[u8],
) -> RecipeHead {
    let (namespace, name, version) = ("lab", "train", "2");
    let kind = "rust";
    RecipeHead::new(&HeadParts { kind, namespace, name, version, grade, code, contexts, base_seed, metadata })
}

/// Name, arguments, replicate and inputs of each case, with its head.
fn cases() -> BTreeMap<String, Vec<u8>> {
    let code = Digest::of(b"code");
    let mut found = BTreeMap::new();
    let mut add = |name: String, head: &RecipeHead, arguments: &[u8], replicate: u64, inputs: &[u8]| {
        let mut preimage = Vec::new();
        head.preimage(arguments, replicate, inputs, &mut preimage);
        assert!(found.insert(name, preimage).is_none());
    };
    let reach = head(Grade::Reach, Some(code), &[], None);
    add("no arguments".into(), &reach, &[], 7, &[]);
    for (name, value) in values() {
        add(format!("value {name}"), &reach, &map(vec![("x", value)]).to_bytes().unwrap(), 0, &[]);
    }
    let two = map(vec![("long_name", Value::Bool(false)), ("k", Value::Null)]).to_bytes().unwrap();
    add("two arguments".into(), &reach, &two, 0, &[]);
    add("grade body".into(), &head(Grade::Body, Some(code), &[], None), &[], 0, &[]);
    add("grade binary".into(), &head(Grade::Binary, Some(code), &[], None), &[], 0, &[]);
    add("grade manual".into(), &head(Grade::Manual, None, &[], None), &[], 0, &[]);
    let contexts = [("Data", Digest::of(b"data")), ("Site", Digest::of(b"site"))];
    add("contexts".into(), &head(Grade::Reach, Some(code), &contexts, None), &[], 0, &[]);
    let seeded = head(Grade::Reach, Some(code), &[], Some(42));
    add("seed, replicate 0".into(), &seeded, &[], 0, &[]);
    add("seed, replicate 300".into(), &seeded, &[], 300, &[]);
    add("seed max".into(), &head(Grade::Reach, Some(code), &[], Some(u64::MAX)), &two, u64::MAX, &[]);
    let artifact = map(vec![("model", Input::Artifact(Digest::of(b"model")).to_value())]).to_bytes().unwrap();
    add("input".into(), &seeded, &two, 1, &artifact);
    let at = |k: i64| map(vec![("k", Value::from_serde(&k).unwrap())]);
    let parts = vec![(at(10), Digest::of(b"ten")), (at(2), Digest::of(b"two"))];
    let gather = map(vec![("scores", Input::Gather(parts).to_value())]).to_bytes().unwrap();
    add("gather".into(), &reach, &[], 0, &gather);
    let metadata = map(vec![("site", text("north")), ("cohort", Value::from(2_u64))]).to_bytes().unwrap();
    add("metadata".into(), &reading(Grade::Reach, Some(code), &[], None, &metadata), &two, 0, &[]);
    let reads = reading(Grade::Reach, Some(code), &contexts, Some(1), &metadata);
    add("metadata and everything".into(), &reads, &two, 5, &artifact);
    let all = head(Grade::Reach, Some(code), &contexts, Some(1));
    add("everything".into(), &all, &two, 5, &artifact);
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn run_ids_are_golden() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/recipes.txt");
    let made = cases().into_iter().fold(String::new(), |mut all, (name, preimage)| {
        writeln!(all, "{name} | {} | {}", hex(&preimage), Digest::of(&preimage)).unwrap();
        all
    });
    if std::env::var_os("METALAB_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    for (made, golden) in made.lines().zip(golden.lines()) {
        assert_eq!(made, golden, "a recipe changed: that is a new version of the format");
    }
    assert_eq!(made.lines().count(), golden.lines().count());
}

#[test]
fn all_recipes_differ_but_for_the_zeros() {
    let cases = cases();
    let mut ids: BTreeMap<Digest, Vec<&str>> = BTreeMap::new();
    for (name, preimage) in &cases {
        ids.entry(Digest::of(preimage)).or_default().push(name);
        assert!(fields(preimage).is_some(), "{name}");
    }
    let equal: Vec<_> = ids.into_values().filter(|names| names.len() > 1).collect();
    assert_eq!(equal, [["value minus-zero", "value zero"]]);
}

#[test]
fn the_order_of_a_gather_does_not_matter() {
    let at = |k: u8| Value::from_serde(&k).unwrap();
    let (a, b) = ((at(1), Digest::of(b"a")), (at(2), Digest::of(b"b")));
    assert_eq!(Input::Gather(vec![a.clone(), b.clone()]).to_value(), Input::Gather(vec![b, a]).to_value());
}
