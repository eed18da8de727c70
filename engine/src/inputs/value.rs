//! Inputs as operations have them.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use metalab_cas::{Digest, Value};
use serde::de::DeserializeOwned;

/// A value that another step made, owned by an operation as an argument.
///
/// It derefs to the value, which several runs may share. In a unit test, `Input::from(value)` makes one.
///
/// ```
/// use metalab_engine::inputs::Input;
/// fn largest(data: Input<Vec<f64>>) -> Option<f64> {
///     data.iter().copied().reduce(f64::max)
/// }
/// assert_eq!(largest(Input::from(vec![1.0, 3.0, 2.0])), Some(3.0));
/// ```
pub struct Input<T> {
    value: Arc<T>,
    digest: Option<Digest>,
}

impl<T> Input<T> {
    pub(crate) fn new(value: Arc<T>, digest: Digest) -> Self {
        Self { value, digest: Some(digest) }
    }

    /// BLAKE3 of the bytes it was read from; `None` for a value that was not read.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The value itself; it is cloned if another run uses it too.
    pub fn into_inner(self) -> T
    where
        T: Clone,
    {
        Arc::unwrap_or_clone(self.value)
    }

    /// The value, shared.
    pub fn share(&self) -> Arc<T> {
        self.value.clone()
    }
}

impl<T> Clone for Input<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), digest: self.digest }
    }
}

impl<T> Deref for Input<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> From<T> for Input<T> {
    fn from(value: T) -> Self {
        Self { value: Arc::new(value), digest: None }
    }
}

impl<T: fmt::Debug> fmt::Debug for Input<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Values of many runs of a step, with the coordinates over which they were gathered, in the order of those.
///
/// All of them are in memory.
///
/// ```
/// use metalab_engine::inputs::Gathered;
/// fn mean(scores: Gathered<f64>) -> f64 {
///     scores.iter().map(|score| **score).sum::<f64>() / scores.len() as f64
/// }
/// assert_eq!(mean(Gathered::from_iter([1.0, 2.0, 6.0])), 3.0);
/// ```
pub struct Gathered<T>(Vec<GatheredItem<T>>);

/// One of the values of a [`Gathered`]; derefs to it.
pub struct GatheredItem<T> {
    coordinates: Value,
    value: Input<T>,
}

impl<T> GatheredItem<T> {
    pub(crate) fn new(coordinates: Value, value: Input<T>) -> Self {
        Self { coordinates, value }
    }

    /// The coordinates: a map from the names of the axes that were gathered over to their values.
    pub fn coordinates(&self) -> &Value {
        &self.coordinates
    }

    /// The coordinate of this name, as a value.
    pub fn coordinate(&self, axis: &str) -> Option<&Value> {
        match &self.coordinates {
            Value::Map(map) => map.get(axis),
            _ => None,
        }
    }

    /// The coordinate of this name, as `C`.
    ///
    /// # Errors
    /// When there is no such axis, or its values are of another type; the message names the axes there are.
    pub fn at<C: DeserializeOwned>(&self, axis: &str) -> crate::Result<C> {
        let found = self.coordinate(axis).ok_or_else(|| {
            let known = match &self.coordinates {
                Value::Map(map) => map.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>().join(", "),
                _ => String::new(),
            };
            format!("the gathered values have no coordinate `{axis}`; they have {known}")
        })?;
        Ok(found.clone().into_serde().map_err(|error| format!("coordinate `{axis}`: {error}"))?)
    }

    /// The value, as an input of its own.
    pub fn input(&self) -> &Input<T> {
        &self.value
    }
}

impl<T> Deref for GatheredItem<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Gathered<T> {
    pub(crate) fn new(items: Vec<GatheredItem<T>>) -> Self {
        Self(items)
    }

    /// The values for a unit test, each with its coordinates: a map, or a struct with one field per axis.
    ///
    /// # Errors
    /// When coordinates cannot be written as a value.
    pub fn with_coordinates<C: serde::Serialize>(
        items: impl IntoIterator<Item = (C, T)>,
    ) -> crate::Result<Self> {
        let item = |(at, value): (C, T)| Ok(GatheredItem::new(Value::from_serde(&at)?, Input::from(value)));
        Ok(Self(items.into_iter().map(item).collect::<crate::Result<_>>()?))
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values in the order of their coordinates.
    pub fn iter(&self) -> std::slice::Iter<'_, GatheredItem<T>> {
        self.0.iter()
    }
}

impl<T> FromIterator<T> for Gathered<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let item = |value| GatheredItem::new(Value::Null, Input::from(value));
        Self(values.into_iter().map(item).collect())
    }
}

impl<T> IntoIterator for Gathered<T> {
    type Item = GatheredItem<T>;
    type IntoIter = std::vec::IntoIter<GatheredItem<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Gathered<T> {
    type Item = &'a GatheredItem<T>;
    type IntoIter = std::slice::Iter<'a, GatheredItem<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for Gathered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for GatheredItem<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.coordinates, &*self.value)
    }
}
