//! Parameter sets drawn from distributions.

use std::sync::Arc;

use metalab_cas::Value;

use super::axis::Kind;
use super::draw::{Axis, Design, Draw};
use super::{AxisValues, Grid, ParamsError};

/// Parameter sets drawn from distributions, as a design says; every value of what is swept beside them is combined
/// with every set.
#[derive(Clone, Debug)]
pub struct Sample {
    design: Design,
    drawn: Vec<(String, AxisValues)>,
    /// What has one value or is swept.
    pub(super) beside: Grid,
}

impl Sample {
    /// The sets of a design, without arguments yet.
    pub fn new(design: impl Into<Design>) -> Self {
        Self { design: design.into(), drawn: Vec::new(), beside: Grid::new() }
    }

    /// Adds an argument: a distribution, a value, or values to combine with every set.
    #[must_use]
    pub fn axis(mut self, name: &str, values: AxisValues) -> Self {
        match &values.0 {
            Kind::Drawn(_) => self.drawn.push((name.to_owned(), values)),
            _ => self.beside = self.beside.axis(name, values),
        }
        self
    }

    /// The number of drawn sets, after checking the distributions.
    pub(super) fn check_drawn(&self) -> Result<u64, ParamsError> {
        if self.design.count() == 0 {
            return Err(ParamsError::NoTrials);
        }
        if self.drawn.is_empty() {
            return Err(ParamsError::NothingDrawn { sets: self.design.count() });
        }
        if self.drawn.len() > self.design.most() {
            return Err(ParamsError::Dimensions { drawn: self.drawn.len(), most: self.design.most() });
        }
        for (number, (name, values)) in self.drawn.iter().enumerate() {
            let is_given = self.drawn[..number].iter().any(|(other, _)| other == name)
                || self.beside.axes().any(|(other, ..)| other == name);
            if is_given {
                return Err(ParamsError::Duplicate { argument: name.clone() });
            }
            if let Kind::Drawn(draw) = &values.0 {
                draw.as_ref().map_err(|error| ParamsError::value(name, error))?.check(name)?;
            }
        }
        Ok(self.design.count())
    }

    /// The drawn arguments, ready to be computed; call [`Sample::check_drawn`] first.
    pub(super) fn draws(&self) -> Vec<(Arc<str>, Axis, Draw)> {
        let drawn = self.draws_as_written().enumerate();
        drawn
            .map(|(dimension, (name, draw))| {
                (Arc::from(name), self.design.axis(dimension, name), draw.clone())
            })
            .collect()
    }

    fn draws_as_written(&self) -> impl Iterator<Item = (&str, &Draw)> {
        self.drawn.iter().filter_map(|(name, values)| match &values.0 {
            Kind::Drawn(Ok(draw)) => Some((name.as_str(), draw)),
            _ => None,
        })
    }

    /// The sample by value: design, drawn arguments, and what is beside them.
    pub(super) fn describe(&self) -> Value {
        let drawn = self
            .draws_as_written()
            .map(|(name, draw)| Value::List(vec![Value::Text(name.to_owned()), draw.describe()]));
        let parts = vec![self.design.describe(), Value::List(drawn.collect()), self.beside.describe()];
        Value::Variant("sample".into(), Box::new(Value::List(parts)))
    }

    /// The sample that [`Sample::describe`] wrote; `None` for anything else.
    pub(super) fn from_parts(parts: &[Value]) -> Option<Self> {
        let [design, Value::List(drawn), Value::Variant(grid, axes)] = parts else { return None };
        let Value::List(axes) = &**axes else { return None };
        let drawn = drawn.iter().map(|one| match one {
            Value::List(one) => match one.as_slice() {
                [Value::Text(name), draw] => {
                    Some((name.clone(), AxisValues(Kind::Drawn(Ok(Draw::from_value(draw)?)))))
                }
                _ => None,
            },
            _ => None,
        });
        let (design, drawn) = (Design::from_value(design)?, drawn.collect::<Option<_>>()?);
        Some(Self { design, drawn, beside: Grid::from_axes(axes).filter(|_| grid == "grid")? })
    }
}
