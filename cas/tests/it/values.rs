//! Canonical values: golden data, both directions, and everything that is refused.

use std::collections::{BTreeMap, HashMap};

use metalab_cas::value::{FILE, MAX_DEPTH};
use metalab_cas::{Digest, Int, Map, Value, ValueError};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// What a golden line describes: JSON, or `!Name JSON` for a variant.
fn described(text: &str) -> Value {
    match text.strip_prefix('!') {
        Some(variant) => {
            let (name, inner) = variant.split_once(' ').unwrap();
            Value::Variant(name.to_owned(), Box::new(Value::from_json_text(inner).unwrap()))
        }
        None => Value::from_json_text(text).unwrap(),
    }
}

#[test]
fn golden_values_hold() {
    let golden = include_str!("../golden/values.txt");
    let mut lines = 0;
    for line in golden.lines().filter(|l| !l.starts_with('#')) {
        let (rest, digest) = line.rsplit_once(" | ").unwrap();
        let (text, encoding) = rest.rsplit_once(" | ").unwrap();
        let value = described(text);
        let bytes = value.to_bytes().unwrap();
        assert_eq!(hex(&bytes), encoding, "the encoding of {text} changed");
        assert_eq!(value.digest().unwrap().to_hex(), digest, "the digest of {text} changed");
        assert_eq!(Value::decode(&unhex(encoding)).unwrap(), value, "{text}");
        if !text.starts_with('!') {
            assert_eq!(Value::from_json_text(&value.to_json_text()).unwrap(), value, "{text}");
        }
        lines += 1;
    }
    assert!(lines > 70, "the golden file was cut");
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Kernel {
    Linear,
    Rbf(f64),
    Poly(u8, f64),
    Custom { name: String, scale: Option<f32> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Meters(f32);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Marker;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Everything {
    b: bool,
    i: (i8, i16, i32, i64, i128),
    u: (u8, u16, u32, u64, u128),
    f: (f32, f64),
    c: char,
    s: String,
    none: Option<u8>,
    some: Option<u8>,
    unit: (),
    marker: Marker,
    newtype: Meters,
    kernels: Vec<Kernel>,
    by_number: BTreeMap<i32, String>,
    by_kernel_name: HashMap<String, Vec<u8>>,
    array: [[u8; 2]; 2],
}

fn everything() -> Everything {
    Everything {
        b: true,
        i: (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN),
        u: (u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX),
        f: (0.1, 0.1),
        c: 'é',
        s: "text".into(),
        none: None,
        some: Some(3),
        unit: (),
        marker: Marker,
        newtype: Meters(1.5),
        kernels: vec![
            Kernel::Linear,
            Kernel::Rbf(0.5),
            Kernel::Poly(3, 1.0),
            Kernel::Custom { name: "x".into(), scale: Some(2.0) },
        ],
        by_number: [(-1, "a".into()), (10, "b".into()), (2, "c".into())].into(),
        by_kernel_name: [("z".into(), vec![1, 2]), ("a".into(), vec![])].into(),
        array: [[1, 2], [3, 4]],
    }
}

#[test]
fn every_serde_kind_comes_back() {
    let value = Value::from_serde(&everything()).unwrap();
    let decoded = Value::decode(&value.to_bytes().unwrap()).unwrap();
    assert_eq!(decoded, value);
    assert_eq!(decoded.into_serde::<Everything>().unwrap(), everything());
}

#[test]
fn every_serde_kind_comes_back_through_json() {
    let value = Value::from_serde(&everything()).unwrap();
    let read = Value::from_json_text(&value.to_json_text()).unwrap();
    assert_eq!(read.into_serde::<Everything>().unwrap(), everything());
}

#[test]
fn kinds_do_not_meet_and_widths_do_not_count() {
    let texts = ["1", "1.0", "\"1\"", "true", "[1]", "{\"1\":1}", "{\"$bytes\":\"31\"}", "null"];
    let all: std::collections::HashSet<Digest> =
        texts.iter().map(|t| Value::from_json_text(t).unwrap().digest().unwrap()).collect();
    assert_eq!(all.len(), texts.len());
    assert_eq!(Value::from_serde(&1u8).unwrap(), Value::from_serde(&1i128).unwrap());
    assert_eq!(Value::from_serde(&0.1f32).unwrap(), Value::from_serde(&f64::from(0.1f32)).unwrap());
    assert_ne!(Value::from_serde(&0.1f32).unwrap(), Value::from_serde(&0.1f64).unwrap());
    assert_eq!(Value::from_serde(&-0.0).unwrap().to_bytes(), Value::from_serde(&0.0).unwrap().to_bytes());
    assert_eq!(Value::Float(-0.0).to_bytes(), Value::Float(0.0).to_bytes());
}

#[test]
fn the_order_of_fields_does_not_count() {
    #[derive(Serialize)]
    struct Ab {
        a: u8,
        b: u8,
    }
    #[derive(Serialize)]
    struct Ba {
        b: u8,
        a: u8,
    }
    let (x, y) = (Value::from_serde(&Ab { a: 1, b: 2 }), Value::from_serde(&Ba { b: 2, a: 1 }));
    assert_eq!(x.unwrap().to_bytes(), y.unwrap().to_bytes());
}

#[test]
fn paths_become_variants_and_are_read_from_text() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(rename = "$metalab::file")]
    struct Path(String);
    let value = Value::from_serde(&Path("a/b.csv".into())).unwrap();
    assert_eq!(value, Value::Variant(FILE.into(), Box::new("a/b.csv".into())));
    assert_eq!(value.into_serde::<Path>().unwrap(), Path("a/b.csv".into()));
    assert_eq!(Value::from("x").into_serde::<Path>().unwrap(), Path("x".into()));
    assert!(Value::File(Digest::of(b"")).into_serde::<Path>().is_err());
}

#[test]
fn self_describing_types_work() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Words(Vec<String>),
        Kernel(Kernel),
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "kind")]
    enum Tagged {
        A { x: u8 },
        B,
    }
    for either in [
        Either::Number(1.5),
        Either::Words(vec!["a".into()]),
        Either::Kernel(Kernel::Linear),
        Either::Kernel(Kernel::Rbf(2.0)),
    ] {
        assert_eq!(Value::from_serde(&either).unwrap().into_serde::<Either>().unwrap(), either);
    }
    for tagged in [Tagged::A { x: 1 }, Tagged::B] {
        assert_eq!(Value::from_serde(&tagged).unwrap().into_serde::<Tagged>().unwrap(), tagged);
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    #[derive(Serialize)]
    struct Inner {
        x: f64,
    }
    #[derive(Serialize)]
    struct Outer {
        lr: Vec<Inner>,
    }
    let bad = Outer { lr: vec![Inner { x: 1.0 }, Inner { x: f64::NAN }] };
    let error = Value::from_serde(&bad).unwrap_err();
    assert!(error.to_string().starts_with("lr[1].x: not a finite number (NaN)"), "{error}");
    let map = Map::from_entries([("a", Value::List(vec![Value::Float(f64::INFINITY)]))]).unwrap();
    let error = Value::Map(map).to_bytes().unwrap_err();
    assert!(error.to_string().starts_with("a[0]: not a finite number (inf)"), "{error}");
    let error = Value::from_json_text(r#"{"k":{"Poly":[3,"x"]}}"#).unwrap();
    let error = error.into_serde::<HashMap<String, Kernel>>().unwrap_err();
    assert!(error.to_string().starts_with("k.Poly[1]: invalid type: string \"x\""), "{error}");
    let error = Value::from(300).into_serde::<u8>().unwrap_err();
    assert!(error.to_string().contains("300"), "{error}");
}

#[test]
fn a_failed_encoding_leaves_the_buffer_alone() {
    let mut out = b"before".to_vec();
    assert!(Value::List(vec![1.into(), Value::Float(f64::NAN)]).encode(&mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn deep_nesting_is_refused_everywhere() {
    let nested = |n: usize| (0..n).fold(Value::Null, |v, _| Value::List(vec![v]));
    assert!(nested(MAX_DEPTH).to_bytes().is_ok());
    assert_eq!(nested(MAX_DEPTH + 1).to_bytes(), Err(ValueError::TooDeep));
    let mut bytes = [0x08, 0x01].repeat(100_000);
    bytes.push(0);
    assert_eq!(Value::decode(&bytes), Err(ValueError::TooDeep));
    let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Value::from_json_text(&text), Err(ValueError::TooDeep));
    let text = r#"{"a":"#.repeat(100_000);
    assert_eq!(Value::from_json_text(&text), Err(ValueError::TooDeep));
}

#[test]
fn only_the_canonical_encoding_is_decoded() {
    for (bad, why) in [
        ("", "nothing"),
        ("0000", "more than one"),
        ("0d", "unknown tag"),
        ("030100", "leading zero"),
        ("03020001", "leading zero"),
        ("0311ffffffffffffffffffffffffffffffffff", "17 bytes"),
        ("038100ff", "length not minimal"),
        ("05000000000000f07f", "infinity"),
        ("05000000000000f87f", "NaN"),
        ("050000000000000080", "-0.0"),
        ("0601ff", "not UTF-8"),
        ("0602", "cut off"),
        ("08ffffffffffffffffff01", "a count beyond the end"),
        ("06ffffffffffffffffff7f", "more than 64 bits"),
        ("0902060162000601610000", "keys not sorted"),
        ("0902060161000601610000", "a key twice"),
        ("0b00", "a short digest"),
    ] {
        assert!(Value::decode(&unhex(bad)).is_err(), "{why}: {bad}");
    }
}

#[test]
fn bad_json_is_refused() {
    for bad in [
        "",
        "nul",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "-",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":1,}",
        "\"x",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\n\"",
        "1 2",
        "1e999",
        "{\"a\":1,\"a\":2}",
        "NaN",
    ] {
        assert!(Value::from_json_text(bad).is_err(), "{bad}");
    }
    let large = "340282366920938463463374607431768211456";
    assert!(Value::from_json_text(large).is_err());
    assert_eq!(Value::from_json_text(r#""\ud83e\uddea\u0041\/""#).unwrap(), Value::from("🧪A/"));
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i128>().prop_map(Value::from),
        any::<u128>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(|f| Value::Float(f + 0.0)),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        any::<[u8; 32]>().prop_map(|d| Value::File(Digest::from_bytes(d))),
        any::<[u8; 32]>().prop_map(|d| Value::Folder(Digest::from_bytes(d))),
    ]
}

fn value(variants: bool) -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 64, 8, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List).boxed();
        let map = prop::collection::vec((inner.clone(), inner.clone()), 0..8)
            .prop_filter_map("no key twice", |e| Map::from_entries(e).ok().map(Value::Map))
            .boxed();
        let named = prop::collection::vec((any::<String>(), inner.clone()), 0..8)
            .prop_filter_map("no key twice", |e| Map::from_entries(e).ok().map(Value::Map))
            .boxed();
        let variant = (any::<String>(), inner).prop_map(|(n, v)| Value::Variant(n, Box::new(v))).boxed();
        prop_oneof![list.clone(), map, named, if variants { variant } else { list }]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(v in value(true)) {
        let bytes = v.to_bytes().unwrap();
        prop_assert_eq!(Value::decode(&bytes).unwrap(), v);
    }

    #[test]
    fn without_variants_json_keeps_everything(v in value(false)) {
        prop_assert_eq!(Value::from_json_text(&v.to_json_text()).unwrap(), v);
    }

    #[test]
    fn decoded_bytes_are_the_only_encoding(bytes in prop::collection::vec(0u8..16, 0..40)) {
        if let Ok(v) = Value::decode(&bytes) {
            prop_assert_eq!(v.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn one_flipped_bit_is_another_value_or_none(v in value(true), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = v.to_bytes().unwrap();
        let i = at.index(bytes.len());
        bytes[i] ^= 1u8 << bit;
        if let Ok(other) = Value::decode(&bytes) {
            prop_assert_ne!(other, v);
        }
    }

    #[test]
    fn the_order_of_entries_does_not_count(
        map in prop::collection::btree_map(any::<String>(), any::<i64>(), 0..20).prop_shuffle_pair()
    ) {
        let (one, other) = map;
        let a = Map::from_entries(one).unwrap();
        let b = Map::from_entries(other).unwrap();
        prop_assert_eq!(Value::Map(a).to_bytes(), Value::Map(b).to_bytes());
    }

    #[test]
    fn any_text_as_json_never_panics(text in "[\\[\\]{}\",:0-9eE+\\-.\\\\u\\$a-z ]{0,40}") {
        if let Ok(v) = Value::from_json_text(&text) {
            prop_assert_eq!(Value::from_json_text(&v.to_json_text()).unwrap(), v);
        }
    }

    #[test]
    fn integers_keep_their_order_and_value(a in any::<i128>(), b in any::<i128>()) {
        prop_assert_eq!(Int::from(a).cmp(&Int::from(b)), a.cmp(&b));
        prop_assert_eq!(i128::try_from(Int::from(a)).unwrap(), a);
        prop_assert_eq!(Int::from(a).to_string(), a.to_string());
    }
}

trait ShufflePair {
    /// The entries twice, the second time in another order.
    fn prop_shuffle_pair(self) -> BoxedStrategy<(Entries, Entries)>;
}

type Entries = Vec<(String, i64)>;

impl<S: Strategy<Value = BTreeMap<String, i64>> + 'static> ShufflePair for S {
    fn prop_shuffle_pair(self) -> BoxedStrategy<(Entries, Entries)> {
        self.prop_flat_map(|map| {
            let entries: Entries = map.into_iter().collect();
            (Just(entries.clone()), Just(entries).prop_shuffle())
        })
        .boxed()
    }
}
