//! Distributions as they are written, with the type of their values.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use metalab_cas::Value;
use metalab_cas::value::ValueError;
use serde::Serialize;

use super::distribution::{Draw, Shape};

/// A distribution of values of type `T`: what the setter of an argument takes in a sample.
///
/// Whether it makes sense (bounds in order, weights that are shares) is checked when the experiment is planned.
#[derive(Clone, Debug)]
pub struct Distribution<T> {
    pub(in crate::params) draw: Result<Draw, ValueError>,
    values: PhantomData<fn() -> T>,
}

impl<T> Distribution<T> {
    fn of(draw: Draw) -> Self {
        Self { draw: Ok(draw), values: PhantomData }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Floating-point numbers: `f64` and `f32`.
pub trait Real: sealed::Sealed + Copy + Into<f64> {
    #[doc(hidden)]
    const SINGLE: bool;
}

/// Integers that can be drawn: all of Rust's up to 64 bits.
pub trait Whole: sealed::Sealed + Copy {
    #[doc(hidden)]
    fn wide(self) -> i128;
}

impl sealed::Sealed for f64 {}
impl sealed::Sealed for f32 {}

impl Real for f64 {
    const SINGLE: bool = false;
}

impl Real for f32 {
    const SINGLE: bool = true;
}

macro_rules! whole {
    ($($integer:ty)*) => {$(
        impl sealed::Sealed for $integer {}
        impl Whole for $integer {
            fn wide(self) -> i128 {
                self as i128
            }
        }
    )*};
}

whole!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

fn real<F: Real>(shape: Shape, a: F, b: F) -> Distribution<F> {
    Distribution::of(Draw::Real { shape, a: a.into(), b: b.into(), single: F::SINGLE })
}

/// Numbers from `low` to `high`, all equally likely. Equal bounds are a constant.
pub fn uniform<F: Real>(low: F, high: F) -> Distribution<F> {
    real(Shape::Uniform, low, high)
}

/// Numbers from `low` to `high`, all magnitudes equally likely; `low` is above zero.
///
/// ```
/// use metalab_engine::params::{Random, log_uniform, sample};
/// let sets = sample(Random::new(3).seed(7)).draw("lr", log_uniform(1e-5, 1e-1)).sets()?;
/// let lr: f64 = sets.get(2).unwrap().get("lr")?;
/// assert!((1e-5..=1e-1).contains(&lr));
/// # Ok::<(), metalab_engine::Failure>(())
/// ```
pub fn log_uniform<F: Real>(low: F, high: F) -> Distribution<F> {
    real(Shape::LogUniform, low, high)
}

/// Normal numbers. They have no bounds; the outermost that are drawn lie about 8 standard deviations out.
pub fn normal<F: Real>(mean: F, standard_deviation: F) -> Distribution<F> {
    real(Shape::Normal, mean, standard_deviation)
}

/// Numbers whose logarithm is normal with this mean and standard deviation. Their median is the exponential of `mean`.
pub fn log_normal<F: Real>(mean: F, standard_deviation: F) -> Distribution<F> {
    real(Shape::LogNormal, mean, standard_deviation)
}

/// Integers of a range, both ends included, all equally likely.
pub fn int_range<I: Whole>(range: RangeInclusive<I>) -> Distribution<I> {
    whole(false, &range)
}

/// Integers of a range from 1 or above, both ends included, all magnitudes equally likely: `k` has a share
/// proportional to the logarithm of `(k + 1) / k`.
pub fn log_int<I: Whole>(range: RangeInclusive<I>) -> Distribution<I> {
    whole(true, &range)
}

fn whole<I: Whole>(logarithmic: bool, range: &RangeInclusive<I>) -> Distribution<I> {
    Distribution::of(Draw::Whole { logarithmic, low: range.start().wide(), high: range.end().wide() })
}

/// One of these values, all equally likely. A value given twice is twice as likely.
pub fn choice<T: Serialize>(values: impl IntoIterator<Item = T>) -> Distribution<T> {
    let values: Result<_, _> = values.into_iter().map(|value| Value::from_serde(&value)).collect();
    Distribution { draw: values.map(Draw::Choice), values: PhantomData }
}

/// One of these values, each as likely as its weight says; the weights need not add up to one.
///
/// ```
/// use metalab_engine::params::{Sobol, sample, weighted};
/// let sets = sample(Sobol::new(64)).draw("optimizer", weighted([("adam", 3.0), ("sgd", 1.0)])).sets()?;
/// let adam = (0..64).filter(|set| sets.get(*set).unwrap().get::<String>("optimizer").unwrap() == "adam");
/// assert_eq!(adam.count(), 48);
/// # Ok::<(), metalab_engine::Failure>(())
/// ```
pub fn weighted<T: Serialize>(values: impl IntoIterator<Item = (T, f64)>) -> Distribution<T> {
    let pairs = values.into_iter().map(|(value, weight)| Ok((Value::from_serde(&value)?, weight)));
    let pairs: Result<(Vec<_>, Vec<_>), ValueError> = pairs.collect();
    let draw = pairs.map(|(values, weights)| Draw::Weighted { values, weights });
    Distribution { draw, values: PhantomData }
}
