//! What a fraction is as a value.

use metalab_cas::Value;

use super::design::Axis;
use super::fraction::Fraction;
use super::math::{exp, ln, normal_quantile};
use crate::params::ParamsError;

/// A distribution without the type of its values.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::params) enum Draw {
    /// `single`: rounded to what an `f32` can hold.
    Real {
        shape: Shape,
        a: f64,
        b: f64,
        single: bool,
    },
    Whole {
        logarithmic: bool,
        low: i128,
        high: i128,
    },
    Choice(Vec<Value>),
    Weighted {
        values: Vec<Value>,
        weights: Vec<f64>,
    },
}

/// Distributions of real numbers with two parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::params) enum Shape {
    /// From `a` to `b`.
    Uniform,
    /// From `a` to `b`, even in the logarithm.
    LogUniform,
    /// Mean `a`, standard deviation `b`.
    Normal,
    /// The exponential of a normal variable with mean `a` and standard deviation `b`.
    LogNormal,
}

impl Shape {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Uniform, "uniform"),
        (Self::LogUniform, "log_uniform"),
        (Self::Normal, "normal"),
        (Self::LogNormal, "log_normal"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(shape, _)| *shape == self).map_or("", |(_, name)| name)
    }
}

impl Draw {
    /// Refuses what has no values.
    pub(in crate::params) fn check(&self, argument: &str) -> Result<(), ParamsError> {
        self.fault()
            .map_or(Ok(()), |reason| Err(ParamsError::Distribution { argument: argument.to_owned(), reason }))
    }

    fn fault(&self) -> Option<String> {
        match self {
            Self::Real { shape, a, b, .. } => real_fault(*shape, *a, *b),
            Self::Whole { low, high, .. } if low > high => {
                Some(format!("the range {low}..={high} is empty: its bounds are reversed"))
            }
            Self::Whole { logarithmic: true, low, .. } if *low < 1 => {
                Some(format!("a logarithmic range begins at 1 or above, not at {low}"))
            }
            Self::Whole { .. } => None,
            Self::Choice(values) if values.is_empty() => Some("there is nothing to choose from".into()),
            Self::Choice(values) => values_fault(values),
            Self::Weighted { values, .. } if values.is_empty() => {
                Some("there is nothing to choose from".into())
            }
            Self::Weighted { values, weights } => {
                let wrong = weights.iter().position(|weight| !weight.is_finite() || *weight < 0.0);
                if let Some(at) = wrong {
                    let (weight, value) = (weights[at], &values[at]);
                    return Some(format!(
                        "the weight {weight} of {value} is no share: weights are finite and not below zero"
                    ));
                }
                match weights.iter().sum::<f64>() {
                    0.0 => Some("all weights are zero".into()),
                    sum if sum.is_infinite() => Some("the weights add up to more than a double holds".into()),
                    _ => values_fault(values),
                }
            }
        }
    }

    /// The value in set number `at` of a sample.
    pub(in crate::params) fn at(&self, axis: &Axis, at: u64) -> Value {
        self.value(axis.fraction(at))
    }

    /// The value at a fraction; call [`Draw::check`] first.
    pub(super) fn value(&self, fraction: Fraction) -> Value {
        match self {
            Self::Real { shape, a, b, single } => {
                let x = real(*shape, *a, *b, fraction);
                Value::Float(if *single { f64::from(x as f32) } else { x })
            }
            Self::Whole { logarithmic, low, high } => {
                let number = match logarithmic {
                    false => low + fraction.below((high - low) as u128 + 1) as i128,
                    true => {
                        let (from, to) = (ln(*low as f64), ln(*high as f64 + 1.0));
                        // Beyond 2^53 only what a double can hold is drawn.
                        let x = exp(from + fraction.unit() * (to - from));
                        (x as i128).clamp(*low, *high)
                    }
                };
                Value::Int(number.into())
            }
            Self::Choice(values) => values[fraction.below(values.len() as u128) as usize].clone(),
            Self::Weighted { values, weights } => {
                let mut left = fraction.unit() * weights.iter().sum::<f64>();
                let mut last = 0;
                for (at, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                    last = at;
                    left -= weight;
                    if left < 0.0 {
                        break;
                    }
                }
                values[last].clone()
            }
        }
    }

    /// Every value of a choice; for the others, values at the ends and between, by which to see whether the
    /// operation takes them.
    pub(in crate::params) fn probes(&self) -> Vec<Value> {
        match self {
            Self::Choice(values) | Self::Weighted { values, .. } => values.clone(),
            _ => {
                let parts = [0, 3, 7, 11, 13, 17, 23, 29, 31].map(|part: u128| part * (u128::MAX / 32));
                parts.into_iter().chain([u128::MAX]).map(|x| self.value(Fraction(x))).collect()
            }
        }
    }

    pub(in crate::params) fn describe(&self) -> Value {
        let variant = |name: &str, parts| Value::Variant(name.to_owned(), Box::new(Value::List(parts)));
        match self {
            Self::Real { shape, a, b, single } => {
                variant(shape.name(), vec![Value::Float(*a), Value::Float(*b), Value::Bool(*single)])
            }
            Self::Whole { logarithmic, low, high } => {
                let name = if *logarithmic { "log_int" } else { "int_range" };
                variant(name, vec![Value::Int((*low).into()), Value::Int((*high).into())])
            }
            Self::Choice(values) => variant("choice", values.clone()),
            Self::Weighted { values, weights } => {
                let pairs = values.iter().zip(weights);
                let pairs =
                    pairs.map(|(value, weight)| Value::List(vec![value.clone(), Value::Float(*weight)]));
                variant("weighted", pairs.collect())
            }
        }
    }

    pub(in crate::params) fn from_value(value: &Value) -> Option<Self> {
        let Value::Variant(name, inner) = value else { return None };
        let Value::List(parts) = &**inner else { return None };
        let whole = |logarithmic| {
            let (low, high) = (**inner).clone().into_serde().ok()?;
            Some(Self::Whole { logarithmic, low, high })
        };
        match name.as_str() {
            "int_range" => whole(false),
            "log_int" => whole(true),
            "choice" => Some(Self::Choice(parts.clone())),
            "weighted" => {
                let pairs = parts.iter().map(|pair| match pair {
                    Value::List(pair) => match pair.as_slice() {
                        [value, weight] => Some((value.clone(), weight.as_f64()?)),
                        _ => None,
                    },
                    _ => None,
                });
                let (values, weights) = pairs.collect::<Option<Vec<_>>>()?.into_iter().unzip();
                Some(Self::Weighted { values, weights })
            }
            name => {
                let (shape, _) = Shape::ALL.into_iter().find(|(_, known)| *known == name)?;
                let (a, b, single) = (**inner).clone().into_serde().ok()?;
                Some(Self::Real { shape, a, b, single })
            }
        }
    }
}

fn real_fault(shape: Shape, a: f64, b: f64) -> Option<String> {
    let name = shape.name();
    if !a.is_finite() || !b.is_finite() {
        return Some(format!("{name}({a}, {b}): both numbers must be finite"));
    }
    match shape {
        Shape::Uniform | Shape::LogUniform if a > b => {
            Some(format!("{name}({a}, {b}): the bounds are reversed, the lower one comes first"))
        }
        Shape::LogUniform if a <= 0.0 => {
            Some(format!("{name}({a}, {b}): the logarithm needs bounds above zero"))
        }
        Shape::Uniform if (b - a).is_infinite() => {
            Some(format!("{name}({a}, {b}): the range is wider than a double holds"))
        }
        Shape::Normal | Shape::LogNormal if b < 0.0 => {
            Some(format!("{name}({a}, {b}): a standard deviation is not below zero"))
        }
        // The outermost fraction lies about 8.3 standard deviations from the mean.
        Shape::Normal if !(a.abs() + 9.0 * b).is_finite() => {
            Some(format!("{name}({a}, {b}): it reaches beyond what a double holds"))
        }
        Shape::LogNormal if a + 9.0 * b > 709.0 => Some(format!(
            "{name}({a}, {b}): it reaches beyond what a double holds; the parameters are those of the logarithm"
        )),
        _ => None,
    }
}

fn values_fault(values: &[Value]) -> Option<String> {
    values.iter().find_map(|value| value.to_bytes().err().map(|error| error.to_string()))
}

fn real(shape: Shape, a: f64, b: f64, fraction: Fraction) -> f64 {
    let between = |a: f64, b: f64| a + fraction.unit() * (b - a);
    match shape {
        Shape::Uniform => between(a, b).clamp(a, b),
        Shape::LogUniform => exp(between(ln(a), ln(b))).clamp(a, b),
        Shape::Normal => a + b * normal_quantile(fraction.open_unit()),
        Shape::LogNormal => exp(a + b * normal_quantile(fraction.open_unit())),
    }
}
