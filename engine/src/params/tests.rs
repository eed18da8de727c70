//! Sources against the plain way: lists that are combined element by element.

use std::collections::BTreeMap;

use metalab_cas::Value;
use proptest::prelude::*;

use super::{
    LatinHypercube, Params, Random, Sobol, Source, choice, grid, int_range, list, log_int, log_normal,
    log_uniform, normal, sample, uniform, weighted,
};

/// A set the plain way.
type Row = BTreeMap<String, i64>;

fn row(set: &Params) -> Row {
    set.iter()
        .map(|(name, value)| (name.to_owned(), value.clone().into_serde::<i64>().expect("integers")))
        .collect()
}

/// A source of integers and the list of its sets, made without it.
type Pair = (Source, Vec<Row>);

fn product(a: &[Row], b: &[Row]) -> Vec<Row> {
    a.iter()
        .flat_map(|a| b.iter().map(move |b| a.iter().chain(b).map(|(k, v)| (k.clone(), *v)).collect()))
        .collect()
}

fn leaf(name: String) -> impl Strategy<Value = Pair> {
    let axes = proptest::collection::vec(1_u64..5, 1..4);
    (axes, any::<bool>()).prop_map(move |(lengths, is_list)| {
        let mut source = grid();
        let mut rows = vec![Row::new()];
        for (number, length) in lengths.into_iter().enumerate() {
            let name = format!("{name}{number}");
            let values: Vec<i64> = (0..length as i64).collect();
            source = source.axis(&name, values.clone());
            let axis: Vec<Row> = values.iter().map(|value| Row::from([(name.clone(), *value)])).collect();
            rows = product(&rows, &axis);
        }
        if is_list { (list(rows.clone()), rows) } else { (source, rows) }
    })
}

/// Sources whose arguments begin with `name`, so that two of them can be combined.
fn source(name: &'static str, depth: u32) -> BoxedStrategy<Pair> {
    if depth == 0 {
        return leaf(name.to_owned()).boxed();
    }
    let (left, right): (&'static str, &'static str) =
        (Box::leak(format!("{name}l").into_boxed_str()), Box::leak(format!("{name}r").into_boxed_str()));
    let one = source(name, depth - 1);
    let two = (source(left, depth - 1), source(right, depth - 1));
    prop_oneof![
        leaf(name.to_owned()),
        two.clone().prop_map(|((a, x), (b, y))| (a.product(b), product(&x, &y))),
        two.clone().prop_map(|((a, x), (b, y))| {
            let length = x.len().min(y.len()) as u64;
            let rows = x
                .iter()
                .zip(&y)
                .map(|(x, y)| product(std::slice::from_ref(x), std::slice::from_ref(y)).remove(0))
                .collect();
            (a.slice(..length).zip(b.slice(..length)), rows)
        }),
        two.prop_map(|((a, x), (b, y))| (a.chain(b), x.into_iter().chain(y).collect())),
        (one.clone(), any::<(u64, u64)>()).prop_map(|((a, x), (from, to))| {
            let length = x.len() as u64;
            let from = from % length;
            let to = from + 1 + to % (length - from);
            (a.slice(from..to), x[from as usize..to as usize].to_vec())
        }),
        (one.clone(), 1_i64..4).prop_map(|((a, x), by)| {
            let keeps = move |row: &Row| row.values().sum::<i64>() % by == 0;
            let kept: Vec<Row> = x.iter().filter(|row| keeps(row)).cloned().collect();
            match kept.is_empty() {
                true => (a, x),
                false => (a.filter_with(move |set| keeps(&row(set))), kept),
            }
        }),
        one.prop_map(move |(a, x)| {
            if x.iter().any(|row| row.contains_key("sum")) {
                return (a, x);
            }
            let with = x.into_iter().map(|mut row| {
                let sum: i64 = row.values().sum();
                if sum % 3 != 0 {
                    row.insert("sum".to_owned(), sum);
                }
                row
            });
            (a.resolve("sum", SumOfSet), with.collect())
        }),
    ]
    .boxed()
}

#[crate::resolver(crate = "crate")]
fn sum_of_set(set: &Params) -> Option<i64> {
    let sum = row(set).values().sum::<i64>();
    (sum % 3 != 0).then_some(sum)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_set_by_its_index_is_that_of_the_list((source, rows) in source("a", 3)) {
        match source.sets() {
            Ok(sets) => {
                prop_assert_eq!(sets.len(), rows.len() as u64);
                prop_assert_eq!(source.check().unwrap(), rows.len() as u64);
                prop_assert!(sets.get(sets.len()).is_none());
                for (at, expected) in rows.iter().enumerate().rev() {
                    prop_assert_eq!(&row(&sets.get(at as u64).unwrap()), expected);
                }
            }
            // Both sides of a product or zip have got the argument `sum`.
            Err(error) => prop_assert!(error.to_string().contains("`sum` is given twice"), "{}", error),
        }
    }

    #[test]
    fn a_source_by_value_is_the_source((source, _) in source("a", 3)) {
        let described = source.describe();
        match Source::from_value(&described) {
            Ok(again) => {
                prop_assert_eq!(again.describe(), described);
                if let (Ok(before), Ok(after)) = (source.sets(), again.sets()) {
                    prop_assert!(before.iter().eq(after.iter()));
                }
            }
            Err(error) => prop_assert!(error.to_string().contains("a closure"), "{}", error),
        }
    }

    #[test]
    fn what_is_drawn_lies_within_its_bounds(
        seed in any::<u64>(), at in 0_u64..1000, low in any::<i64>(), high in any::<i64>(),
        a in -1e300_f64..1e300, b in -1e300_f64..1e300, exponents in (-300.0_f64..300.0, -300.0_f64..300.0),
    ) {
        let (low, high, a, b) = (low.min(high), low.max(high), a.min(b), a.max(b));
        let bound = |exponent: f64| 10_f64.powf(exponent);
        let (c, d) = (bound(exponents.0.min(exponents.1)), bound(exponents.0.max(exponents.1)));
        for design in [super::Design::from(Random::new(1000).seed(seed)), LatinHypercube::new(1000).seed(seed).into(), Sobol::new(1000).seed(seed).into()] {
            let set = sample(design)
                .draw("whole", int_range(low..=high))
                .draw("unsigned", int_range(0..=u64::MAX))
                .draw("log", log_int(1..=high.unsigned_abs().max(1)))
                .draw("real", uniform(a, b))
                .draw("magnitude", log_uniform(c, d))
                .draw("single", uniform(-1.0_f32, 1.0))
                .draw("normal", normal(0.0, 1.0))
                .sets().unwrap().get(at).unwrap();
            let real = |name: &str| set.get::<f64>(name).unwrap();
            prop_assert!((low..=high).contains(&set.get::<i64>("whole").unwrap()));
            prop_assert!((1..=high.unsigned_abs().max(1)).contains(&set.get::<u64>("log").unwrap()));
            prop_assert!((a..=b).contains(&real("real")));
            prop_assert!((c..=d).contains(&real("magnitude")));
            prop_assert_eq!(f64::from(real("single") as f32), real("single"));
            prop_assert!(real("normal").abs() < 9.0);
        }
    }
}

/// Every distribution and design comes back from its value with the same sets.
#[test]
fn samples_come_back_from_their_values() {
    for design in [
        super::Design::from(Random::new(40).seed(u64::MAX)),
        LatinHypercube::new(40).seed(3).into(),
        Sobol::new(40).into(),
        Sobol::new(40).unscrambled().into(),
    ] {
        let source = sample(design)
            .draw("a", uniform(0.0, 1.0))
            .draw("b", log_uniform(1e-3_f32, 1.0))
            .draw("c", normal(1.0, 2.0))
            .draw("d", log_normal(0.0, 0.5))
            .draw("e", int_range(i64::MIN..=i64::MAX))
            .draw("f", log_int(1..=u64::MAX))
            .draw("g", choice([Some("x"), None]))
            .draw("h", weighted([(vec![1, 2], 0.5), (vec![], 3.0)]))
            .axis("i", [true, false])
            .set("j", &1.5);
        let again = Source::from_value(&source.describe()).unwrap();
        assert_eq!(again.describe(), source.describe());
        let (sets, others) = (source.sets().unwrap(), again.sets().unwrap());
        assert_eq!(sets.len(), 80);
        assert!(sets.iter().eq(others.iter()));
    }
}

/// Kolmogorov and Smirnov's distance between drawn numbers and their distribution, beyond 1.95 / sqrt(n) once in a
/// thousand times.
#[test]
fn distributions_are_what_they_say() {
    let n = 10_000_u64;
    let design = Random::new(n).seed(11);
    let distance = |source: Source, cumulative: &dyn Fn(f64) -> f64| {
        let mut drawn: Vec<f64> =
            source.sets().unwrap().iter().map(|set| set.get::<f64>("x").unwrap()).collect();
        drawn.sort_by(f64::total_cmp);
        let gaps = drawn.iter().enumerate().map(|(rank, x)| (cumulative(*x) - rank as f64 / n as f64).abs());
        gaps.fold(0.0, f64::max)
    };
    let bound = 1.95 / (n as f64).sqrt();
    assert!(distance(sample(design).draw("x", uniform(-2.0, 3.0)), &|x| (x + 2.0) / 5.0) < bound);
    let logarithmic = sample(design).draw("x", log_uniform(1e-4, 10.0));
    assert!(distance(logarithmic, &|x| (x / 1e-4).log10() / 5.0) < bound);
    // An approximation of the normal distribution that is good to 1e-7 (Abramowitz and Stegun 26.2.17).
    let normal_cumulative = |x: f64| {
        let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
        let tail = (-x * x / 2.0).exp() / (std::f64::consts::TAU).sqrt()
            * t
            * (0.319_381_530
                + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
        if x < 0.0 { tail } else { 1.0 - tail }
    };
    assert!(
        distance(sample(design).draw("x", normal(5.0, 2.0)), &|x| normal_cumulative((x - 5.0) / 2.0)) < bound
    );
    let log = sample(design).draw("x", log_normal(1.0, 0.5));
    assert!(distance(log, &|x| normal_cumulative((x.ln() - 1.0) / 0.5)) < bound);
}

/// Chi-square of integers, choices and weights.
#[test]
fn counts_are_as_they_should_be() {
    let n = 60_000_u64;
    let square = |source: Source, shares: &[f64]| {
        let mut counts = vec![0.0; shares.len()];
        source.sets().unwrap().iter().for_each(|set| counts[set.get::<usize>("x").unwrap()] += 1.0);
        let part = |(count, share): (&f64, &f64)| (count - share * n as f64).powi(2) / (share * n as f64);
        counts.iter().zip(shares).map(part).sum::<f64>()
    };
    let design = Random::new(n).seed(5);
    // Five degrees of freedom: beyond 25.7 once in ten thousand times.
    assert!(square(sample(design).draw("x", int_range(0..=5)), &[1.0 / 6.0; 6]) < 25.7);
    assert!(square(sample(design).draw("x", choice(0..6)), &[1.0 / 6.0; 6]) < 25.7);
    let weights = [0.1, 0.4, 0.2, 0.05, 0.15, 0.1];
    let weighted = weighted(weights.into_iter().enumerate().map(|(at, weight)| (at, weight * 7.0)));
    assert!(square(sample(design).draw("x", weighted), &weights) < 25.7);
    let share = |k: f64| ((k + 1.0) / k).ln() / 6_f64.ln();
    let shares = [1e-9, share(1.0), share(2.0), share(3.0), share(4.0), share(5.0)];
    assert!(square(sample(design).draw("x", log_int(1..=5)), &shares) < 25.7);
}

/// Neither another argument nor more sets change what an argument of a random sample is.
#[test]
fn arguments_of_a_sample_do_not_touch_each_other() {
    let base = |n| sample(Random::new(n).seed(1)).draw("x", uniform(0.0, 1.0));
    let xs = |source: Source| -> Vec<Value> {
        source.sets().unwrap().iter().take(10).map(|set| set.value("x").unwrap().clone()).collect()
    };
    let expected = xs(base(10));
    assert_eq!(xs(base(1000)), expected);
    assert_eq!(xs(base(10).draw("y", uniform(0.0, 1.0))), expected);
    assert_ne!(xs(sample(Random::new(10).seed(2)).draw("x", uniform(0.0, 1.0))), expected);
}

#[test]
fn a_slice_of_what_is_too_much_is_not() {
    let axis = || 0..1000_u32;
    let huge = grid().axis("a", axis()).axis("b", axis()).axis("c", axis()).axis("d", axis());
    assert!(huge.check().unwrap_err().to_string().contains("1000000000000 parameter sets"));
    let part = huge.clone().slice(999_999_999_990..).sets().unwrap();
    assert_eq!(part.len(), 10);
    assert_eq!(part.get(9).unwrap().to_string(), "{a: 999, b: 999, c: 999, d: 999}");
    assert!(huge.filter_with(|_| true).check().unwrap_err().to_string().contains("before filtering"));
}

#[test]
fn what_is_no_source_is_refused() {
    for value in [
        Value::Null,
        Value::Variant("spiral".into(), Box::new(Value::List(vec![]))),
        Value::Variant("slice".into(), Box::new(Value::List(vec![Value::Null]))),
        Value::Variant("sample".into(), Box::new(Value::List(vec![Value::Null; 3]))),
        Value::Variant("zip".into(), Box::new(Value::List(vec![Value::Null]))),
        Value::Variant("later".into(), Box::new(Value::Null)),
    ] {
        assert!(Source::from_value(&value).is_err(), "{value}");
    }
    let names = vec![grid().describe(), "gone".into()];
    let gone = Source::from_value(&Value::Variant("filter".into(), Box::new(Value::List(names))));
    assert!(gone.unwrap_err().to_string().contains("this program has no resolver `gone`"));
    let closure = grid().axis("x", [1]).filter_with(|_| true).describe();
    assert!(Source::from_value(&closure).unwrap_err().to_string().contains("register it"));
}
