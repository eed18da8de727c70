//! Round trips, determinism and the golden texts.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{Debug, Write};

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Codec, CodecError, Json};

const GOLDEN: &str = include_str!("../../../tests/golden/json.txt");

fn encode<T: Serialize + DeserializeOwned>(value: &T) -> String {
    let mut out = Vec::new();
    Json::encode(value, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Encodes, reads back, compares.
#[track_caller]
fn there_and_back<T: Serialize + DeserializeOwned + Debug + PartialEq>(value: T) -> String {
    let text = encode(&value);
    let back: T = Json::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(back, value, "{text}");
    // What we write is JSON.
    serde_json::from_str::<serde::de::IgnoredAny>(&text).unwrap();
    text
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Clone, Copy, Serialize, Deserialize)]
enum Colour {
    Red,
    #[serde(rename = "$blue")]
    Blue,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    New(f64),
    Pair(i8, String),
    Named { side: f32, more: Option<Box<Shape>> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(u8);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    z: f64,
    a: bool,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(f64),
    Words(Vec<String>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Circle { r: f64 },
}

/// A byte string by hand, as `serde_bytes` makes it.
#[derive(Debug, PartialEq)]
struct Octets(Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl serde::de::Visitor<'_> for V {
            type Value = Octets;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Octets, E> {
                Ok(Octets(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(V)
    }
}

#[test]
fn golden_texts() {
    let mut text = String::from("# what values of the test look like as `json`; see src/codec/json/mod.rs\n");
    let mut line = |json: String| writeln!(text, "{json}").unwrap();
    line(there_and_back(()));
    line(there_and_back((true, false, 'x', "tab\t\"q\" \u{1f} é 😀".to_owned())));
    line(there_and_back((0_u8, i64::MIN, u64::MAX, i128::MIN, u128::MAX)));
    line(there_and_back(vec![0.0, -0.0, 0.1, 1.0, 1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY]));
    line(there_and_back((0.1_f32, f32::MAX, f32::MIN_POSITIVE)));
    line(encode(&(f64::NAN, f32::NAN, -f64::NAN)));
    line(there_and_back((Unit, Wrapped(7), Some(1), None::<u8>)));
    line(there_and_back(vec![
        Shape::Unit,
        Shape::New(f64::INFINITY),
        Shape::Pair(-1, "p".into()),
        Shape::Named { side: 0.5, more: Some(Box::new(Shape::Unit)) },
    ]));
    line(there_and_back(HashMap::from(
        [(10, "ten"), (9, "nine"), (-1, "minus")].map(|(k, v)| (k, v.to_owned())),
    )));
    line(there_and_back(HashMap::from([(Colour::Red, 1), (Colour::Blue, 2)])));
    line(there_and_back(HashMap::from([(false, 0), (true, 1)])));
    line(there_and_back(vec![Colour::Red, Colour::Blue]));
    line(there_and_back(Flat { z: 1.0, a: true, rest: BTreeMap::from([("m".into(), 1), ("b".into(), 2)]) }));
    line(there_and_back(HashMap::from(
        [("$float", "NaN"), ("$", ""), ("$$", "")].map(|(k, v)| (k.to_owned(), v.to_owned())),
    )));
    line(there_and_back(HashMap::from([("$float".to_owned(), "NaN".to_owned())])));
    line(there_and_back(vec![Octets(vec![]), Octets(vec![0, 0xab, 255])]));
    line(there_and_back((Either::Number(f64::INFINITY), Either::Words(vec!["$".into()]))));
    line(there_and_back(Tagged::Circle { r: f64::NEG_INFINITY }));
    assert!(text == GOLDEN, "the format `json` changed; it is now\n{text}");
}

#[test]
fn maps_are_written_in_one_order() {
    let keys: Vec<String> = (0..500).map(|n| format!("k{}", n * 7919 % 500)).collect();
    let sorted: BTreeMap<_, _> = keys.iter().map(|key| (key.clone(), key.len())).collect();
    let text = there_and_back(sorted);
    for _ in 0..5 {
        // Each `HashMap` has an order of its own.
        let map: HashMap<_, _> = keys.iter().map(|key| (key.clone(), key.len())).collect();
        assert_eq!(encode(&map), text);
    }
}

#[test]
fn nan_comes_back() {
    let back: (f64, f32) = Json::decode(encode(&(f64::NAN, f32::NAN)).as_bytes()).unwrap();
    assert!(back.0.is_nan() && back.1.is_nan());
}

#[test]
fn keys_that_are_no_texts_are_refused_in_words() {
    let mut out = Vec::new();
    let error = Json::encode(&BTreeMap::from([((1, 2), 3)]), &mut out).unwrap_err();
    assert!(matches!(error, CodecError::Key { found: "a tuple" }), "{error}");
    #[derive(Serialize, Deserialize, PartialEq, Eq, Hash)]
    struct Same(#[serde(serialize_with = "always_x")] u8);
    fn always_x<S: serde::Serializer>(_: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("x")
    }
    let error = Json::encode(&HashMap::from([(Same(1), 1), (Same(2), 2)]), &mut out).unwrap_err();
    assert_eq!(error.to_string(), "encode as json: the map key `x` occurs twice");
}

#[test]
fn depth_has_an_end_and_what_is_written_can_be_read() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nest(Vec<Nest>, f64);
    let nest = |depth: usize| (0..depth).fold(Nest(vec![], f64::INFINITY), |inner, _| Nest(vec![inner], 0.0));
    // Each level is a tuple and a list.
    there_and_back(nest(49));
    let mut out = Vec::new();
    let error = Json::encode(&nest(51), &mut out).unwrap_err();
    assert!(matches!(error, CodecError::TooDeep { limit: 100 }), "{error}");
    let bomb = "[".repeat(100_000);
    assert!(<Json as Codec<Vec<()>>>::decode(bomb.as_bytes()).is_err());
}

#[test]
fn foreign_text_is_refused_in_words() {
    let refused =
        |text: &str| <Json as Codec<HashMap<String, f64>>>::decode(text.as_bytes()).unwrap_err().to_string();
    for (text, what) in [
        ("", "the text ends too early (at byte 0)"),
        ("{} x", "something follows the value (at byte 3)"),
        ("{\"a\":tru}", "no value begins like this (at byte 5)"),
        ("{\"a\":01}", "expected `,` (at byte 6)"),
        ("{\"a\":1.}", "a digit is missing (at byte 7)"),
        ("{\"a\":1e999}", "the number `1e999` is too large"),
        ("{\"a", "a text does not end (at byte 3)"),
        ("{\"\\ud800\":1}", "half a character (at byte 8)"),
        ("{\"\\x\":1}", "an unknown escape (at byte 4)"),
        ("{\"$new\":1}", "a key begins with `$` and is none of `$float`, `$bytes` (at byte 0)"),
        ("[1,2]", "invalid type: sequence, expected a map"),
        ("{\"a\":\"x\"}", "invalid type: string \"x\", expected f64"),
    ] {
        assert_eq!(refused(text), format!("decode as json: {what}"), "{text}");
    }
    assert!(<Json as Codec<u8>>::decode(b"\xff").is_err());
    assert!(<Json as Codec<(u8, u8)>>::decode(b"[1,2,3]").is_err());
    assert!(<Json as Codec<u8>>::decode(b"256").is_err());
}

#[test]
fn what_others_write_can_be_read() {
    let text = " { \"a\" : [ 1 , 2.5e0 , -3E+2 ] ,\n\"\\u00e9\\ud83d\\ude00\" : [ ] } ";
    let back: BTreeMap<String, Vec<f64>> = Json::decode(text.as_bytes()).unwrap();
    assert_eq!(back["a"], [1.0, 2.5, -300.0]);
    assert_eq!(back["é😀"], [0.0; 0]);
}

/// Anything serde can say, in one recursive type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Any {
    Unit,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(String),
    Maybe(Option<Box<Any>>),
    List(Vec<Any>),
    Map(BTreeMap<String, Any>),
    Numbered(HashMap<u16, Any>),
    Named { a: Box<Any>, dollar: BTreeMap<String, f32> },
}

fn anything() -> impl Strategy<Value = Any> {
    let key = prop_oneof![".{0,6}", "\\$+[a-z]{0,5}", Just("$float".to_owned()), Just("$bytes".to_owned())];
    let leaf = prop_oneof![
        Just(Any::Unit),
        any::<bool>().prop_map(Any::Bool),
        any::<i128>().prop_map(Any::Whole),
        prop_oneof![8 => any::<f64>(), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY)]
            .prop_map(Any::Float),
        ".{0,12}".prop_map(Any::Text),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let keys = || key.clone();
        prop_oneof![
            proptest::option::of(inner.clone()).prop_map(|x| Any::Maybe(x.map(Box::new))),
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Any::List),
            proptest::collection::btree_map(keys(), inner.clone(), 0..5).prop_map(Any::Map),
            proptest::collection::hash_map(any::<u16>(), inner.clone(), 0..5).prop_map(Any::Numbered),
            (inner, proptest::collection::btree_map(keys(), -1e9_f32..1e9, 0..3))
                .prop_map(|(a, dollar)| Any::Named { a: Box::new(a), dollar }),
        ]
    })
}

proptest! {
    #[test]
    fn everything_comes_back(value in anything()) {
        let text = encode(&value);
        let back: Any = Json::decode(text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(encode(&back), text);
    }

    #[test]
    fn damaged_text_never_panics(value in anything(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&value).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = <Json as Codec<Any>>::decode(&bytes);
        let _ = <Json as Codec<Any>>::decode(&bytes[..at]);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = <Json as Codec<Any>>::decode(&bytes);
        let _ = <crate::codec::Npy as Codec<Vec<f64>>>::decode(&bytes);
        let _ = crate::capture::series::decode(&bytes);
    }
}
