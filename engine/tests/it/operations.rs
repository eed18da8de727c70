//! The attribute `#[operation]` and the derive `Context`, through everything they write.

use metalab::code::Grade;
use metalab::context::Field;
use metalab::operation::{Cancellation, Contexts, LentKind, Operation, Registry, Run, Runtime};
use metalab::params::IntoSweep;
use metalab::{Capture, SeedBundle};
use metalab_cas::Value;

/// Throws darts.
///
/// At a square.
#[expect(clippy::too_many_arguments, reason = "one of every kind")]
#[metalab::operation(version = "2")]
fn throw_darts(
    /// How many.
    darts: u64,
    #[default(1.0)] radius: f64,
    #[default("uniform")] kind: String,
    #[rename("grid_size")] grid: Option<u32>,
    r#type: u8,
    seeds: &SeedBundle,
    capture: &Capture,
    _runtime: &Runtime,
    site: &Site,
) -> metalab::Result<f64> {
    if darts == 0 {
        return Err("no darts".into());
    }
    capture.metric("radius", radius);
    let total =
        seeds.seed("darts") % 2 + u64::from(grid.unwrap_or(0)) + u64::from(r#type) + kind.len() as u64;
    Ok(helper(total as f64) + site.offset)
}

fn helper(x: f64) -> f64 {
    x * 1.0
}

#[derive(metalab::Context)]
#[context(name = "laboratory")]
struct Site {
    offset: f64,
    #[context(skip)]
    verbose: bool,
}

#[metalab::operation(type = "Plain", params = "PlainArguments", name = "bare", code = "manual")]
fn plain(values: Vec<f64>) -> Vec<f64> {
    values
}

#[metalab::operation]
fn nothing() {}

/// Another error type than the library's.
#[metalab::operation(code = "body")]
fn parsed(text: String) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

#[metalab::operation(code = "binary", uses())]
fn raw() -> Vec<u8> {
    vec![1, 2]
}

#[metalab::operation(uses(helper, tempfile))]
fn using() -> f64 {
    1.0
}

mod inner {
    pub(super) mod deeper {
        #[metalab::operation]
        pub(crate) fn far_away(x: super::Pair, own: Option<super::Pair>) -> super::Pair {
            own.unwrap_or(x)
        }
    }

    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Pair {
        pub(crate) left: f64,
        pub(crate) right: f64,
    }
}

fn site() -> Site {
    Site { offset: 0.5, verbose: true }
}

#[test]
fn the_function_can_be_called_as_it_is() {
    let pi = throw_darts(
        1,
        1.0,
        String::new(),
        None,
        0,
        &SeedBundle::fixed(7),
        &Capture::memory(),
        &Runtime::default(),
        &site(),
    );
    assert!(pi.unwrap() >= 0.5);
}

#[test]
fn the_description_says_what_the_signature_says() {
    let about = ThrowDarts::describe();
    assert_eq!((about.namespace, about.name, about.version), ("metalab-engine", "throw_darts", "2"));
    assert_eq!(about.doc, "Throws darts.\n\nAt a square.");
    assert_eq!(about.module, module_path!());
    let names: Vec<_> = about.parameters.iter().map(|p| (p.name, p.type_name, p.default.is_some())).collect();
    assert_eq!(
        names,
        [
            ("darts", "u64", false),
            ("radius", "f64", true),
            ("kind", "String", true),
            ("grid_size", "Option<u32>", false),
            ("type", "u8", false)
        ]
    );
    let default = |at: usize| about.parameters[at].default.unwrap()().unwrap();
    assert_eq!(default(1), Value::Float(1.0));
    assert_eq!(default(2), Value::Text("uniform".into()));
    assert_eq!(
        about.lent,
        [LentKind::Seeds, LentKind::Capture, LentKind::Runtime, LentKind::Context("laboratory")]
    );
    let fields = metalab::Context::fields(&site()).unwrap();
    assert_eq!(fields, [Field::new("offset", Value::Float(0.5))]);
}

#[test]
fn code_is_counted_by_grade() {
    let code = ThrowDarts::describe().code;
    assert_eq!(code.grade, Grade::Reach);
    assert_eq!(code.digest.map(str::len), Some(64));
    let items: Vec<&str> = code.items.iter().map(|item| item.name).collect();
    assert!(items.contains(&"fn throw_darts"), "{items:?}");
    assert!(items.contains(&"fn operations::helper"), "{items:?}");
    assert!(items.contains(&"struct operations::Site"), "{items:?}");
    assert!(!items.contains(&"fn operations::plain"), "{items:?}");
    let helper = code.items.iter().find(|item| item.name == "fn operations::helper").unwrap();
    assert!(helper.place.starts_with("tests/it/operations.rs:"), "{}", helper.place);

    assert_eq!(Plain::describe().code.grade, Grade::Manual);
    assert!(Plain::describe().code.digest.is_none());
    let body = Parsed::describe().code;
    assert_eq!((body.grade, body.items.len(), body.digest.is_some()), (Grade::Body, 1, true));
    assert_eq!(Raw::describe().code.grade, Grade::Binary);
    let using: Vec<&str> = Using::describe().code.items.iter().map(|item| item.name).collect();
    assert!(using.contains(&"fn operations::helper"), "{using:?}");
    assert!(using.iter().any(|name| name.starts_with("crate tempfile 3.")), "{using:?}");
}

#[test]
fn calls_get_what_they_own_and_borrow() {
    let (seeds, capture, runtime) = (SeedBundle::fixed(7), Capture::memory(), Runtime::default());
    let mut contexts = Contexts::default();
    contexts.insert(site());
    let run = Run::new(Some(&seeds), &capture, &runtime, &contexts);
    let params =
        |darts| ThrowDartsParams { darts, radius: 2.0, kind: String::new(), grid_size: Some(3), r#type: 4 };
    let value = ThrowDarts::call(params(1), &run).unwrap();
    assert!(value == 7.5 || value == 8.5, "{value}");
    assert_eq!(ThrowDarts::call(params(0), &run).unwrap_err().to_string(), "no darts");

    assert_eq!(Parsed::call(ParsedParams { text: "-3".into() }, &run).unwrap(), -3);
    assert!(
        Parsed::call(ParsedParams { text: "x".into() }, &run)
            .unwrap_err()
            .to_string()
            .contains("invalid digit")
    );
    Nothing::call(NothingParams {}, &run).unwrap();
    assert_eq!(Plain::call(PlainArguments { values: vec![1.0] }, &run).unwrap(), [1.0]);
    let pair = inner::Pair { left: 1.0, right: 2.0 };
    let far =
        inner::deeper::FarAway::call(inner::deeper::FarAwayParams { x: pair, own: None }, &run).unwrap();
    assert_eq!((far.left, far.right), (1.0, 2.0));

    let without = Contexts::default();
    let bare = Run::new(None, &capture, &runtime, &without);
    assert!(ThrowDarts::call(params(1), &bare).unwrap_err().to_string().contains("has no seeds"));
    let lonely = Run::new(Some(&seeds), &capture, &runtime, &without);
    assert!(
        ThrowDarts::call(params(1), &lonely).unwrap_err().to_string().contains("no context `laboratory`")
    );
}

#[test]
fn arguments_may_be_left_out_and_not_misspelt() {
    let operation = ThrowDarts::operation();
    let (one, none, text) = (Value::from_serde(&1_u8).unwrap(), Value::Null, Value::Text("normal".into()));
    let given = [("darts", &one), ("grid_size", &none), ("type", &one)];
    let all = operation.normalise(&given).unwrap();
    let other = operation.normalise(&[&given[..], &[("kind", &text)]].concat()).unwrap();
    assert_ne!(all, other);
    let error = operation.normalise(&[&given[..], &[("radios", &one)]].concat()).unwrap_err().to_string();
    assert!(error.contains("radios"), "{error}");
    let error = operation.normalise(&given[..2]).unwrap_err().to_string();
    assert!(error.contains("type"), "{error}");
}

#[test]
fn codecs_follow_the_output() {
    let names = [
        ThrowDarts::operation().codec().0,
        Plain::operation().codec().0,
        Raw::operation().codec().0,
        Nothing::operation().codec().0,
    ];
    assert_eq!(names, ["json", "npy", "raw", "json"]);
}

#[test]
fn builders_and_lists_are_sweeps() {
    let sweep =
        ThrowDarts::grid().darts([1, 2, 3]).r#type(1).grid_size(None).radius(vec![1.0, 2.0]).named("darts");
    let sweep = sweep.into_sweep();
    assert_eq!(sweep.step_name(), "darts");
    assert_eq!(sweep.operation().description().name, "throw_darts");
    assert_eq!(Nothing::grid().into_sweep().step_name(), "nothing");
    let rows = ["1", "2"].map(|text| ParsedParams { text: text.into() });
    assert_eq!(Parsed::list(rows).into_sweep().step_name(), "parsed");
}

#[test]
fn operations_register_themselves() {
    let registry = Registry::automatic().unwrap();
    for name in ["throw_darts", "bare", "nothing", "parsed", "raw", "using", "far_away"] {
        assert!(registry.get(&format!("metalab-engine::{name}")).is_some(), "{name}");
    }
    Registry::new().with::<ThrowDarts>().unwrap();
    assert!(!Cancellation::default().is_cancelled());
}

#[test]
fn an_operation_may_stand_in_a_function() {
    const STEP: f64 = 2.0;
    #[metalab::operation]
    fn local(x: f64) -> f64 {
        x + STEP
    }
    let items: Vec<&str> = Local::describe().code.items.iter().map(|item| item.name).collect();
    assert!(
        items.iter().any(|name| name.ends_with("an_operation_may_stand_in_a_function()::STEP")),
        "{items:?}"
    );
    assert_eq!(local(1.0), 3.0);
    let _ = Local::grid().x([1.0]).into_sweep();
}
