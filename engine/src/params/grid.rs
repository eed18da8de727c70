//! The product of axes.

use std::collections::HashMap;

use metalab_cas::Value;

use super::axis::Kind;
use super::{AxisValues, MAX_SETS, ParamsError};

/// The product of axes; the first axis varies slowest.
///
/// ```
/// use metalab_engine::params::{AxisValues, Grid};
/// let grid = Grid::new().axis("lr", AxisValues::swept([0.1, 0.01])).axis("depth", AxisValues::swept([2, 4, 8]));
/// assert_eq!(grid.check().unwrap(), 6);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Grid {
    axes: Vec<(String, AxisValues)>,
}

impl Grid {
    /// A grid of one parameter set without arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument and its values.
    #[must_use]
    pub fn axis(mut self, name: &str, values: AxisValues) -> Self {
        self.axes.push((name.to_owned(), values));
        self
    }

    /// The number of parameter sets, after checking every axis.
    ///
    /// # Errors
    /// An axis without values or with a value twice, a name given twice, a value that cannot be hashed, a
    /// distribution, or a product above [`MAX_SETS`].
    pub fn check(&self) -> Result<u64, ParamsError> {
        let product = self.check_axes()?;
        u64::try_from(product).ok().filter(|sets| *sets <= MAX_SETS).ok_or_else(|| {
            let lengths = self.axes().filter(|(_, values, _)| values.len() > 1);
            let lengths: Vec<_> =
                lengths.map(|(name, values, _)| format!("{name}: {}", values.len())).collect();
            ParamsError::TooMany { sets: product, axes: lengths.join(", ") }
        })
    }

    /// The product of the lengths, after checking every axis.
    pub(super) fn check_axes(&self) -> Result<u128, ParamsError> {
        let mut product = 1_u128;
        for (number, (name, values)) in self.axes.iter().enumerate() {
            if self.axes[..number].iter().any(|(other, _)| other == name) {
                return Err(ParamsError::Duplicate { argument: name.clone() });
            }
            let values: &[Value] = match &values.0 {
                Kind::Fixed(value) => {
                    std::slice::from_ref(value.as_ref().map_err(|error| ParamsError::value(name, error))?)
                }
                Kind::Swept(values) => values.as_ref().map_err(|error| ParamsError::value(name, error))?,
                Kind::Drawn(_) => return Err(ParamsError::DrawnInGrid { argument: name.clone() }),
                // Taken out before (see `Source::with`).
                Kind::Resolved(_) => return Err(ParamsError::Duplicate { argument: name.clone() }),
            };
            if values.is_empty() {
                return Err(ParamsError::EmptyAxis { axis: name.clone() });
            }
            let mut seen = HashMap::with_capacity(values.len());
            for (position, value) in values.iter().enumerate() {
                let bytes = value.to_bytes().map_err(|error| ParamsError::value(name, &error))?;
                if let Some(first) = seen.insert(bytes, position) {
                    let (axis, value) = (name.clone(), value.to_string());
                    return Err(ParamsError::Repeated { axis, value, first, second: position });
                }
            }
            product = product.saturating_mul(values.len() as u128);
        }
        Ok(product)
    }

    /// Name, values and whether it is fixed, of each axis; call [`Grid::check`] first.
    pub(crate) fn axes(&self) -> impl Iterator<Item = (&str, &[Value], bool)> {
        self.axes.iter().map(|(name, values)| match &values.0 {
            Kind::Fixed(Ok(value)) => (name.as_str(), std::slice::from_ref(value), true),
            Kind::Swept(Ok(values)) => (name.as_str(), values.as_slice(), false),
            _ => (name.as_str(), [].as_slice(), false),
        })
    }

    /// The grid by value, as a submission keeps it.
    pub(crate) fn describe(&self) -> Value {
        let axes = self.axes().map(|(name, values, fixed)| {
            Value::List(vec![Value::Text(name.into()), Value::Bool(fixed), Value::List(values.to_vec())])
        });
        Value::Variant("grid".into(), Box::new(Value::List(axes.collect())))
    }

    /// The grid that [`Grid::describe`] wrote; `None` for anything else.
    pub(super) fn from_axes(axes: &[Value]) -> Option<Self> {
        let axis = |value: &Value| {
            let Value::List(parts) = value else { return None };
            let [Value::Text(name), Value::Bool(fixed), Value::List(values)] = parts.as_slice() else {
                return None;
            };
            let kind = match (fixed, values.as_slice()) {
                (true, [value]) => Kind::Fixed(Ok(value.clone())),
                (true, _) => return None,
                (false, values) => Kind::Swept(Ok(values.to_vec())),
            };
            Some((name.clone(), AxisValues(kind)))
        };
        Some(Self { axes: axes.iter().map(axis).collect::<Option<_>>()? })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_bad_axis_is_named() {
        let error = |grid: Grid| grid.check().unwrap_err().to_string();
        let grid = Grid::new;
        assert!(error(grid().axis("lr", AxisValues::swept([0.1, f64::NAN]))).starts_with("argument `lr`"));
        assert!(error(grid().axis("k", AxisValues::swept::<u8>([]))).contains("axis `k` has no values"));
        assert!(error(grid().axis("k", AxisValues::swept([1, 2, 1]))).contains("positions 0 and 2"));
        assert!(
            error(grid().axis("k", AxisValues::fixed(&1)).axis("k", AxisValues::fixed(&2)))
                .contains("given twice")
        );
        let thousand = || AxisValues::swept(0..1000);
        let huge = ["a", "b", "c", "d"].iter().fold(grid(), |grid, name| grid.axis(name, thousand()));
        assert!(error(huge).starts_with("1000000000000 parameter sets (a: 1000, b: 1000"));
    }
}
