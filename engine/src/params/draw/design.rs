//! Designs: where in the unit cube the sets of a sample lie.

use metalab_cas::Value;

use super::fraction::{Fraction, multiply_high};
use super::permutation::{Permutation, ROUNDS};
use super::sobol::{self, Directions};
use crate::recipe::uvar;
use crate::seeds::Tape;

/// Independent sets. Set number `i` depends on seed, `i` and the arguments' names alone: asked for more, a sample keeps
/// the sets that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random {
    count: u64,
    seed: u64,
}

/// Sets that divide the range of every argument into as many equal parts as there are sets, one set in each part.
///
/// The parts depend on the number of sets: a sample of another size has other sets. To be able to ask for more, take
/// [`Sobol`] or [`Random`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatinHypercube {
    count: u64,
    seed: u64,
}

/// The sets of a Sobol sequence: they fill the space evenly, also several arguments together, and asked for more, a
/// sample keeps the sets that it had. Powers of two are best.
///
/// The sequence is scrambled (with seed 0 if nothing is said), which keeps what makes it even and takes out the set
/// that lies in the corner. Its first coordinates are the best: give the arguments that matter most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sobol {
    count: u64,
    seed: Option<u64>,
}

macro_rules! designs {
    ($($design:ident)*) => {$(
        impl $design {
            /// So many sets, with seed 0.
            pub const fn new(count: u64) -> Self {
                Self { count, ..Self::EMPTY }
            }
        }

        impl From<$design> for Design {
            fn from(design: $design) -> Self {
                Self::$design(design)
            }
        }
    )*};
}

designs!(Random LatinHypercube Sobol);

impl Random {
    const EMPTY: Self = Self { count: 0, seed: 0 };

    /// Other sets.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

impl LatinHypercube {
    const EMPTY: Self = Self { count: 0, seed: 0 };

    /// Other sets.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

impl Sobol {
    const EMPTY: Self = Self { count: 0, seed: Some(0) };

    /// Another scramble.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The sequence as it is published; its first set takes the least value of every argument.
    #[must_use]
    pub const fn unscrambled(self) -> Self {
        Self { seed: None, ..self }
    }
}

/// Where in the unit cube the sets of a sample lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Independent sets.
    Random(Random),
    /// One set in each part of every argument's range.
    LatinHypercube(LatinHypercube),
    /// Evenly spread sets.
    Sobol(Sobol),
}

impl Design {
    /// The number of sets.
    pub const fn count(&self) -> u64 {
        match self {
            Self::Random(Random { count, .. })
            | Self::LatinHypercube(LatinHypercube { count, .. })
            | Self::Sobol(Sobol { count, .. }) => *count,
        }
    }

    /// The most arguments that can be drawn.
    pub(in crate::params) const fn most(&self) -> usize {
        match self {
            Self::Sobol(_) => sobol::DIMENSIONS,
            _ => usize::MAX,
        }
    }

    /// The fractions of the argument with this name, which is number `dimension` of those that are drawn.
    pub(in crate::params) fn axis(&self, dimension: usize, name: &str) -> Axis {
        match *self {
            Self::Random(Random { seed, .. }) => Axis::Random(tape(0, seed, name)),
            Self::LatinHypercube(LatinHypercube { count, seed }) => {
                let keys = tape(2, seed, name);
                let keys: [u64; ROUNDS] = std::array::from_fn(|round| keys.number(round as u64) as u64);
                Axis::Latin {
                    count: u128::from(count),
                    jitter: tape(1, seed, name),
                    permutation: Permutation::new(count, keys),
                }
            }
            Self::Sobol(Sobol { seed, .. }) => Axis::Sobol {
                directions: Box::new(Directions::new(dimension)),
                keys: seed.map(|seed| {
                    let key = tape(3, seed, name).number(0);
                    [key as u64, (key >> 64) as u64]
                }),
            },
        }
    }

    pub(in crate::params) fn describe(&self) -> Value {
        let (name, count, seed) = match *self {
            Self::Random(Random { count, seed }) => ("random", count, Some(seed)),
            Self::LatinHypercube(LatinHypercube { count, seed }) => ("latin_hypercube", count, Some(seed)),
            Self::Sobol(Sobol { count, seed }) => ("sobol", count, seed),
        };
        let parts = vec![Value::from(count), seed.map_or(Value::Null, Value::from)];
        Value::Variant(name.into(), Box::new(Value::List(parts)))
    }

    pub(in crate::params) fn from_value(value: &Value) -> Option<Self> {
        let Value::Variant(name, inner) = value else { return None };
        let (count, seed): (u64, Option<u64>) = (**inner).clone().into_serde().ok()?;
        Some(match (name.as_str(), seed) {
            ("random", Some(seed)) => Self::Random(Random { count, seed }),
            ("latin_hypercube", Some(seed)) => Self::LatinHypercube(LatinHypercube { count, seed }),
            ("sobol", seed) => Self::Sobol(Sobol { count, seed }),
            _ => return None,
        })
    }
}

/// The fractions of one argument.
#[derive(Clone, Debug)]
pub(in crate::params) enum Axis {
    Random(Tape),
    Latin { count: u128, jitter: Tape, permutation: Permutation },
    Sobol { directions: Box<Directions>, keys: Option<[u64; 2]> },
}

impl Axis {
    /// That of set number `index`.
    pub(super) fn fraction(&self, index: u64) -> Fraction {
        Fraction(match self {
            Self::Random(tape) => tape.number(index),
            Self::Latin { count: 1, jitter, .. } => jitter.number(index),
            Self::Latin { count, jitter, permutation } => {
                let part = u128::from(permutation.at(index));
                // 2^128 = whole * count + rest, so that part begins at part * 2^128 / count without an overflow.
                let (whole, rest) = (u128::MAX / count, u128::MAX % count + 1);
                let start = |part: u128| part.wrapping_mul(whole).wrapping_add(part * rest / count);
                let length = start(part + 1).wrapping_sub(start(part));
                start(part) + multiply_high(jitter.number(index), length)
            }
            Self::Sobol { directions, keys } => {
                let point = directions.point(index);
                u128::from(keys.map_or(point, |keys| sobol::scramble(point, keys))) << 64
            }
        })
    }
}

fn tape(kind: u8, seed: u64, name: &str) -> Tape {
    let mut image = Vec::with_capacity(32 + name.len());
    image.extend_from_slice(b"metalab draw 1\0");
    image.push(kind);
    image.extend_from_slice(&seed.to_le_bytes());
    uvar(name.len() as u64, &mut image);
    image.extend_from_slice(name.as_bytes());
    Tape::new(blake3::hash(&image).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latin_hypercube_has_one_set_in_each_part() {
        for count in [1_u64, 2, 3, 10, 1000, 1023] {
            let axis = Design::from(LatinHypercube::new(count).seed(7)).axis(0, "x");
            let mut parts: Vec<u128> =
                (0..count).map(|index| axis.fraction(index).below(u128::from(count))).collect();
            parts.sort_unstable();
            assert!(parts.into_iter().eq(0..u128::from(count)), "{count}");
        }
    }

    /// Chi-square over 64 classes: 63 degrees of freedom, beyond 130 once in a million times.
    #[test]
    fn fractions_are_even() {
        let count = 64_000;
        for design in [
            Design::from(Random::new(count).seed(1)),
            LatinHypercube::new(count).seed(2).into(),
            Sobol::new(count).into(),
        ] {
            for name in ["a", "b"] {
                let axis = design.axis(1, name);
                let mut classes = [0_f64; 64];
                (0..count).for_each(|index| classes[axis.fraction(index).below(64) as usize] += 1.0);
                let square: f64 = classes.iter().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
                assert!(square < 130.0, "{design:?}: {square}");
            }
        }
    }

    #[test]
    fn arguments_are_independent_of_each_other() {
        for design in
            [Design::from(Random::new(4096)), LatinHypercube::new(4096).into(), Sobol::new(4096).into()]
        {
            let (a, b) = (design.axis(0, "a"), design.axis(1, "b"));
            let both = (0..4096).map(|i| (a.fraction(i).unit() - 0.5) * (b.fraction(i).unit() - 0.5));
            let correlation = both.sum::<f64>() / 4096.0 * 12.0;
            assert!(correlation.abs() < 0.08, "{design:?}: {correlation}");
        }
    }
}
