//! The golden vectors of samples: they change never, or experiments would have other runs. `METALAB_BLESS=1` writes the
//! file for cases that are new.

use std::fmt::Write;

use super::fraction::Fraction;
use super::*;

const GOLDEN: &str = include_str!("../../../tests/golden/draws.txt");

#[test]
fn golden_vectors() {
    let mut text =
        String::from("# Fractions of designs, then values of distributions; see src/params/draw/mod.rs\n");
    let designs: [(&str, Design); 9] = [
        ("random 1000000 seed 0", Random::new(1_000_000).into()),
        ("random 10 seed 7", Random::new(10).seed(7).into()),
        ("random 10 seed 18446744073709551615", Random::new(10).seed(u64::MAX).into()),
        ("latin_hypercube 1 seed 0", LatinHypercube::new(1).into()),
        ("latin_hypercube 10 seed 7", LatinHypercube::new(10).seed(7).into()),
        ("latin_hypercube 1000000 seed 7", LatinHypercube::new(1_000_000).seed(7).into()),
        ("sobol 1000000 seed 0", Sobol::new(1_000_000).into()),
        ("sobol 10 seed 7", Sobol::new(10).seed(7).into()),
        ("sobol 1000000 unscrambled", Sobol::new(1_000_000).unscrambled().into()),
    ];
    for (words, design) in designs {
        for (dimension, name) in [(0, "lr"), (1, ""), (17, "höhe"), (999, "z")] {
            let axis = design.axis(dimension, name);
            write!(text, "\n{words} {dimension} `{name}`").unwrap();
            let last = design.count() - 1;
            for at in [0, 1, 2, 9, 12_345, 999_999].into_iter().filter(|at| *at <= last) {
                write!(text, "\n{at} {:032x}", axis.fraction(at).0).unwrap();
            }
            writeln!(text).unwrap();
        }
    }
    let draws = [
        uniform(-2.0, 3.0).draw.unwrap(),
        uniform(0.1_f32, 0.7).draw.unwrap(),
        log_uniform(1e-5, 1e-1).draw.unwrap(),
        normal(1.0, 2.5).draw.unwrap(),
        log_normal(0.5, 1.5).draw.unwrap(),
        int_range(-3..=7).draw.unwrap(),
        int_range(0..=u64::MAX).draw.unwrap(),
        log_int(1..=1_000_000).draw.unwrap(),
        choice(["a", "b", "c"]).draw.unwrap(),
        weighted([("a", 1.0), ("b", 0.0), ("c", 2.5)]).draw.unwrap(),
    ];
    for draw in draws {
        write!(text, "\n{}", draw.describe()).unwrap();
        for fraction in [0, 1 << 64, u128::MAX / 7, 1 << 127, u128::MAX / 9 * 8, u128::MAX] {
            let value = draw.value(Fraction(fraction));
            let bits = value.as_f64().map_or(0, f64::to_bits);
            write!(text, "\n{fraction:032x} {value} {bits:016x}").unwrap();
        }
        writeln!(text).unwrap();
    }
    if std::env::var_os("METALAB_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/draws.txt"), &text).unwrap();
        return;
    }
    assert!(text == GOLDEN, "the format of samples changed; it is now\n{text}");
}
