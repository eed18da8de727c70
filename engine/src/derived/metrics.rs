//! What a function over a run returns.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::collect;
use crate::name::NameError;
use crate::record::Scalar;

/// Derived metrics by name, in order.
///
/// A function may return a number, text or truth value (a metric called like the function), `None` (nothing), a struct, a
/// map, a list of pairs, or this.
///
/// ```
/// use metalab_engine::derived::Metrics;
///
/// let metrics = Metrics::new().with("gap", 0.25).with("better", true);
/// assert_eq!(metrics.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(pub(super) Vec<(String, Scalar)>);

/// Why what a function returned is no set of metrics.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A name breaks a rule.
    #[error("a derived metric cannot be called so")]
    Name(#[from] NameError),
    /// A name twice.
    #[error("the derived metric `{name}` is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A name that belongs to another function.
    #[error("the derived metric `{name}` is given by `{other}` too; rename one of them")]
    Taken {
        /// The name.
        name: String,
        /// The other function.
        other: String,
    },
    /// A metric that is no number, truth value or text.
    #[error("the derived metric `{name}` is {found}, not a number, truth value or text")]
    Nested {
        /// Its name; empty when it has none yet.
        name: String,
        /// What it is.
        found: &'static str,
    },
    /// The value could not be looked at.
    #[error("what the function returned cannot be read: {0}")]
    Other(String),
}

impl serde::ser::Error for MetricsError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
}

impl Metrics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Scalar>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds one.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Scalar>) {
        self.0.push((name.into(), value.into()));
    }

    /// What a function called `function` returned.
    ///
    /// # Errors
    /// When it is not made of numbers, truth values and texts, or a name is wrong or there twice.
    pub fn of(function: &str, returned: &impl Serialize) -> Result<Self, MetricsError> {
        let metrics = collect::collect(function, returned)?;
        for (at, (name, _)) in metrics.0.iter().enumerate() {
            crate::name::check(name)?;
            if metrics.0[..at].iter().any(|(other, _)| other == name) {
                return Err(MetricsError::Twice { name: name.clone() });
            }
        }
        Ok(metrics)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<Scalar>> FromIterator<(N, V)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        Self(all.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// A map in the order of the metrics.
impl Serialize for Metrics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            match value {
                Scalar::Float(x) => map.serialize_entry(name, x)?,
                Scalar::Int(x) => map.serialize_entry(name, x)?,
                Scalar::Bool(x) => map.serialize_entry(name, x)?,
                Scalar::Text(x) => map.serialize_entry(name, x)?,
            }
        }
        map.end()
    }
}
