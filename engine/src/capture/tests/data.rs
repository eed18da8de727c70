//! Many metrics at once, and data.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::capture::data::{decode, encode};
use crate::capture::{Capture, Misuse};
use crate::codec::{Array, DataArray, Shaped};
use crate::record::Scalar;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(f64),
    Box { width: u8, height: u8 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    none: Option<u8>,
    yes: bool,
    float: f64,
    wide: u128,
    text: String,
    list: Vec<i32>,
    shapes: Vec<Shape>,
    map: BTreeMap<u32, f64>,
}

fn everything() -> Everything {
    Everything {
        none: None,
        yes: true,
        float: 0.5,
        wide: u128::MAX,
        text: "höhe".into(),
        list: vec![1, -2],
        shapes: vec![Shape::Dot, Shape::Circle(2.0), Shape::Box { width: 1, height: 2 }],
        map: BTreeMap::from([(1, f64::INFINITY), (2, f64::NEG_INFINITY)]),
    }
}

fn back<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let encoded = encode(value).unwrap();
    decode(encoded.codec, &encoded.bytes).unwrap()
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(back(&value), value);
}

#[test]
fn data_of_all_kinds_come_back_typed() {
    comes_back(everything());
    comes_back(7_u8);
    comes_back("text".to_owned());
    comes_back(vec!["a".to_owned(), "b".to_owned()]);
    comes_back(vec![1.5_f32, f32::NEG_INFINITY]);
    comes_back(vec![vec![1_u64, u64::MAX], vec![3, 4]]);
    comes_back(vec![vec![1.0], vec![2.0, 3.0], vec![]]);
    comes_back(vec![[true, false], [false, false]]);
    comes_back((0.5, 1.5));
    comes_back((1, 1.5, "x".to_owned()));
    comes_back(Vec::<f64>::new());
    comes_back(vec![Vec::<f64>::new(); 3]);
    comes_back(vec![Some(1.0), None]);
    comes_back(vec![u128::MAX]);
    assert!(back(&f64::NAN).is_nan());
    assert!(back(&vec![1.0, f64::NAN])[1].is_nan());
    assert!(back(&BTreeMap::from([("x".to_owned(), f64::NAN)]))["x"].is_nan());
}

#[test]
fn lists_of_numbers_are_arrays_with_their_type_and_shape() {
    let seen = |value: &dyn erased::Any| value.described();
    assert_eq!(seen(&vec![[1_u8, 2, 3], [4, 5, 6]]), ("npy", Some("|u1"), vec![2, 3]));
    assert_eq!(seen(&[1.0_f32]), ("npy", Some("<f4"), vec![1]));
    assert_eq!(seen(&vec![vec![true], vec![false]]), ("npy", Some("|b1"), vec![2, 1]));
    assert_eq!(seen(&vec![vec![1.0], vec![]]), ("value", None, vec![]));
    assert_eq!(seen(&(1_u8, 2_u16)), ("value", None, vec![]));
    assert_eq!(seen(&1.0), ("value", None, vec![]));
    let list = encode(&vec![[1_u8, 2, 3], [4, 5, 6]]).unwrap();
    let capture = Capture::memory();
    capture.data_array("x", &Shaped::new(&[2, 3], &[1_u8, 2, 3, 4, 5, 6]));
    assert_eq!(capture.finish().data[0].body, crate::capture::Body::Bytes(list.bytes));
}

/// `encode` for values of several types in one list.
mod erased {
    pub(super) trait Any {
        fn described(&self) -> (&'static str, Option<&'static str>, Vec<usize>);
    }

    impl<T: serde::Serialize> Any for T {
        fn described(&self) -> (&'static str, Option<&'static str>, Vec<usize>) {
            let encoded = super::encode(self).unwrap();
            (encoded.codec, encoded.dtype, encoded.shape)
        }
    }
}

#[test]
fn golden_data() {
    let golden = include_str!("../../../tests/golden/data.txt");
    let golden: Vec<_> = golden.lines().filter(|line| !line.starts_with('#')).collect();
    let ours = [
        encode(&everything()),
        encode(&f64::NAN),
        encode(&vec!["a", "b"]),
        encode(&vec![vec![1.0], vec![]]),
        encode(&[[1_i32, 2], [3, -4]]),
        encode(&[0.5_f32, f32::NEG_INFINITY]),
        encode(&[true]),
    ];
    let ours: Vec<_> = ours
        .into_iter()
        .map(|encoded| {
            let encoded = encoded.unwrap();
            let hex: String = encoded.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {} {:?} {hex}", encoded.codec, encoded.dtype.unwrap_or("-"), encoded.shape)
        })
        .collect();
    assert_eq!(ours, golden, "the encoding of data has changed");
}

#[test]
fn data_that_cannot_be_kept_say_why() {
    let said = |work: &dyn Fn(&Capture)| {
        let capture = Capture::memory();
        work(&capture);
        capture.misuse().unwrap()
    };
    assert_eq!(
        said(&|capture| {
            capture.data("x", &1);
            capture.data("x", &2);
        }),
        "capture the data `x`: the run has data of this name already; give each a name of its own"
    );
    assert_eq!(
        said(&|capture| capture.data("x", &(1, vec![crate::FilePath::from("data.csv")]))),
        "capture data `x`: in `1.0`: this is a path, which means nothing elsewhere; \
         capture what is there by `artifact_file` or `artifact_folder`"
    );
    assert_eq!(
        said(&|capture| capture.data_array("x", &Shaped::new(&[2, 2], &[1.0, 2.0, 3.0]))),
        "capture the data `x`: 3 elements do not fit the shape [2, 2]"
    );
    assert!(said(&|capture| capture.data("a/b", &1)).starts_with("capture a data: `a/b` cannot be a name"));
    #[derive(Serialize)]
    struct Deep(Option<Box<Deep>>, ());
    let deep = (0..10_000).fold(Deep(None, ()), |inner, _| Deep(Some(Box::new(inner)), ()));
    let text = said(&|capture| capture.data("x", &deep));
    assert!(text.contains("nested more than 126 levels deep") && text.len() < 1_000, "{text}");
    let mut deep = deep;
    while let Some(inner) = deep.0.take() {
        deep = *inner;
    }
}

#[test]
fn a_metric_a_series_data_and_an_artifact_may_share_a_name() {
    let capture = Capture::memory();
    capture.metric("score", 1);
    capture.step("score", 0, 1.0);
    capture.data("score", &[1.0]);
    capture.artifact_text("score", "1");
    assert_eq!(capture.misuse(), None);
    assert_eq!(capture.get_data::<Vec<f64>>("score"), Some(vec![1.0]));
    assert_eq!(capture.get_data::<String>("score"), None);
    let captured = capture.finish();
    let counts =
        (captured.metrics.len(), captured.series.len(), captured.data.len(), captured.artifacts.len());
    assert_eq!(counts, (1, 1, 1, 1));
}

#[test]
fn arrays_come_back_with_their_shape() {
    let capture = Capture::memory();
    let weights = DataArray::new(vec![2, 1, 2], vec![1.0, f64::NAN, 3.0, 4.0]).unwrap();
    capture.data_array("weights", &weights);
    let arrays: [(&str, &dyn Array); 2] = [("a", &[1_u8, 2]), ("b", &vec![[0.5_f32; 3]; 2])];
    arrays.iter().for_each(|(name, array)| capture.data_array(name, *array));
    assert_eq!(capture.get_data_array::<f64>("weights").unwrap().shape(), [2, 1, 2]);
    assert_eq!(capture.get_data_array::<f32>("weights"), None);
    assert_eq!(capture.get_data_array::<u8>("a").unwrap().data(), [1, 2]);
    assert_eq!(capture.get_data::<Vec<Vec<f32>>>("b"), Some(vec![vec![0.5; 3]; 2]));
}

#[test]
fn many_metrics_at_once() {
    #[derive(Serialize)]
    struct Report {
        loss: f32,
        none: Option<f64>,
        some: Option<i64>,
        kind: Shape,
        detail: Shape,
        by_class: BTreeMap<u8, f64>,
    }
    let capture = Capture::memory();
    capture.metrics(&Report {
        loss: f32::NAN,
        none: None,
        some: Some(-3),
        kind: Shape::Dot,
        detail: Shape::Box { width: 2, height: 3 },
        by_class: BTreeMap::from([(0, 0.5), (1, 0.25)]),
    });
    capture.metrics([("a", 1.0), ("b", 2.0)]);
    capture.metrics((("c", 1), ("d", "text")));
    capture.metrics(BTreeMap::from([("a", true)]));
    let metrics = capture.get_metrics();
    let names: Vec<_> = metrics.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "loss",
            "some",
            "kind",
            "detail.Box.width",
            "detail.Box.height",
            "by_class.0",
            "by_class.1",
            "a",
            "b",
            "c",
            "d"
        ]
    );
    assert_eq!(capture.get_metric("kind"), Some(Scalar::Text("Dot".into())));
    assert_eq!(capture.get_metric("a"), Some(Scalar::Bool(true)));
    assert_eq!(capture.get_metric("d"), Some(Scalar::Text("text".into())));
    assert_eq!(capture.misuse(), None);
}

#[test]
fn what_is_no_metric_is_named_and_the_rest_is_kept() {
    let said = |values: &dyn erased_metrics::Values| {
        let capture = Capture::memory();
        values.capture(&capture);
        (capture.get_metrics().len(), capture.misuse().unwrap())
    };
    let (kept, why) = said(&BTreeMap::from([("a", vec![1.0]), ("b", vec![2.0])]));
    assert_eq!(kept, 0);
    assert!(why.starts_with("capture metrics `a`: this is a list; a metric is a number"), "{why}");
    let (kept, why) = said(&(("a", 1), ("b", vec![1]), ("c", 3)));
    assert_eq!(kept, 2);
    assert!(why.starts_with("capture metrics `b`: this is a list;"), "{why}");
    assert!(said(&3.0).1.contains("this is a number"), "a number has no name");
    assert!(said(&[1.0, 2.0]).1.contains("no pair of name and value"));
    assert!(said(&[("../a", 1)]).1.contains("`../a` cannot be a name"));
    let capture = Capture::memory();
    capture.metrics([("", 1)]);
    assert!(matches!(capture.finish().misuse, Some(Misuse::Name { what: "metric", .. })));
}

mod erased_metrics {
    pub(super) trait Values {
        fn capture(&self, capture: &super::Capture);
    }

    impl<T: serde::Serialize> Values for T {
        fn capture(&self, capture: &super::Capture) {
            capture.metrics(self);
        }
    }
}

#[test]
fn handles_and_calls_add_to_one_series() {
    let capture = Capture::memory();
    let loss = capture.series("loss");
    let other = loss.clone();
    loss.push(5, 1.0);
    capture.step("loss", 5, 2.0);
    std::thread::spawn(move || other.push(1, f64::NAN)).join().unwrap();
    capture.steps(6, [("loss", 3.0), ("accuracy", 0.5)]);
    let series = capture.get_series("loss");
    assert_eq!(series.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [5, 5, 1, 6]);
    capture.series("never used");
    capture.series("a/b").push(0, 1.0);
    let captured = capture.finish();
    assert_eq!(
        captured.series.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["loss", "accuracy"]
    );
    assert!(matches!(captured.misuse, Some(Misuse::Name { what: "stepped metric", .. })));
    loss.push(9, 9.0);
    assert_eq!(captured.series[0].1.len(), 4);
    assert!(capture.finish().is_empty());
    capture.series("late").push(0, 0.0);
    assert!(capture.finish().is_empty());
}
