//! The cells of a step: the coordinates it takes over from its inputs, and its own.

use std::fmt;
use std::sync::Arc;

use metalab_cas::{Map, Value};

use super::PlanError;
use super::arguments::Arguments;
use crate::inputs::{Axes, InputSource, Join};
use crate::schedule::{Digit, Edge, Link};

/// The name of the axis of replicates.
pub(crate) const REPLICATE: &str = "replicate";

/// One coordinate of a step's cells.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    id: AxisId,
    /// Names of the arguments it sets; more than one for a list of parameter sets.
    pub(crate) names: Vec<String>,
    /// What tells arguments of equal name apart: the step it is of, after the inputs that made a copy of it.
    label: String,
    pub(crate) length: u64,
    /// What has its values.
    arguments: Option<Arc<Arguments>>,
}

/// What makes two axes the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AxisId {
    Replicate,
    Of {
        /// The step it is an axis of, and its number there.
        step: usize,
        axis: usize,
        /// Inputs (step, number) that crossed it: each makes an axis of its own.
        crossed: Vec<(usize, usize)>,
    },
}

impl Axis {
    pub(crate) fn replicate(length: u64) -> Self {
        Self {
            id: AxisId::Replicate,
            names: vec![REPLICATE.into()],
            label: String::new(),
            length,
            arguments: None,
        }
    }

    /// The axes that the arguments of a step make.
    pub(crate) fn own(step: usize, label: &str, arguments: &Arc<Arguments>) -> Vec<Self> {
        let axes = arguments.own_axes().into_iter().enumerate();
        axes.map(|(axis, (names, length))| Self {
            id: AxisId::Of { step, axis, crossed: Vec::new() },
            names,
            label: label.to_owned(),
            length,
            arguments: Some(arguments.clone()),
        })
        .collect()
    }

    fn is_replicate(&self) -> bool {
        self.id == AxisId::Replicate
    }

    fn crossed(mut self, step: usize, input: usize, name: &str) -> Self {
        if let AxisId::Of { crossed, .. } = &mut self.id {
            crossed.push((step, input));
            self.label = format!("{name}.{}", self.label);
        }
        self
    }

    /// `step.argument`, as columns and coordinates of other steps are called.
    fn qualified(&self, name: &str) -> String {
        if self.is_replicate() { name.to_owned() } else { format!("{}.{name}", self.label) }
    }

    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name || self.qualified(own) == name)
    }

    /// What its arguments are at a coordinate, by content.
    fn values(&self, at: u64) -> Vec<Value> {
        match (&self.id, &self.arguments) {
            (AxisId::Of { axis, .. }, Some(arguments)) => arguments.coordinate(*axis, at),
            _ => vec![Value::from(at)],
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names.iter().map(|name| self.qualified(name)).collect();
        f.write_str(&names.join("+"))
    }
}

/// All coordinates of a step's cells, slowest first; replicates are the slowest of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    pub(crate) axes: Vec<Axis>,
}

impl Space {
    /// The number of cells; `None` when it is beyond all bounds.
    pub(crate) fn cells(&self) -> Option<u64> {
        self.axes.iter().try_fold(1_u64, |product, axis| product.checked_mul(axis.length))
    }

    /// Number of replicates; 1 where there is no such axis.
    pub(crate) fn replicates(&self) -> u64 {
        self.axes.first().filter(|axis| axis.is_replicate()).map_or(1, |axis| axis.length)
    }

    fn digits(&self) -> Vec<Digit> {
        let mut stride = 1;
        let mut digits: Vec<Digit> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let digit = Digit { stride, length: axis.length };
                stride *= axis.length;
                digit
            })
            .collect();
        digits.reverse();
        digits
    }

    fn position(&self, id: &AxisId) -> Option<usize> {
        self.axes.iter().position(|axis| axis.id == *id)
    }

    /// The axes that are called so, by their place.
    fn find(&self, name: &str, input: &str) -> Result<usize, PlanError> {
        let mut found = (0..self.axes.len()).filter(|at| self.axes[*at].is_called(name));
        let Some(first) = found.next() else {
            let known: Vec<_> = self.axes.iter().map(|axis| format!("`{axis}`")).collect();
            let known = if known.is_empty() { "none: it is a single cell".into() } else { known.join(", ") };
            return Err(PlanError::NoAxis { input: input.into(), axis: name.into(), known });
        };
        match found.next() {
            None => Ok(first),
            Some(second) => {
                let (a, b) = (&self.axes[first], &self.axes[second]);
                Err(PlanError::AmbiguousAxis {
                    input: input.into(),
                    axis: name.into(),
                    first: a.to_string(),
                    second: b.to_string(),
                })
            }
        }
    }

    /// Which axes a gather removes.
    fn removed(&self, axes: &Axes, input: &str) -> Result<Vec<bool>, PlanError> {
        let named = |names: &[String]| {
            let mut at = vec![false; self.axes.len()];
            for name in names {
                at[self.find(name, input)?] = true;
            }
            Ok::<_, PlanError>(at)
        };
        Ok(match axes {
            Axes::All => vec![true; self.axes.len()],
            Axes::Over(names) => named(names)?,
            Axes::By(names) => named(names)?.into_iter().map(|kept| !kept).collect(),
        })
    }
}

/// How an input that comes from a step reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) edge: Edge,
    /// The gathered axes: their keys in the coordinates that the operation sees.
    gathered: Vec<(Axis, Vec<String>)>,
    /// Axes that come in by a zip, whose coordinates are no coordinates of the space.
    zipped: Vec<(Axis, Digit)>,
}

impl Wire {
    /// The coordinates of a needed cell, over those axes that are gathered: what enters the identity.
    pub(crate) fn coordinates(&self, needed: u64) -> Value {
        let mut map = Map::new();
        for ((axis, keys), digit) in self.gathered.iter().zip(&self.edge.gathered) {
            for (key, value) in keys.iter().zip(axis.values(digit.of(needed))) {
                map.insert(key.clone(), value);
            }
        }
        Value::Map(map)
    }
}

/// An input of the step under construction.
pub(crate) struct Incoming<'a> {
    /// Its number among the inputs, and its name.
    pub(crate) number: usize,
    pub(crate) name: &'a str,
    pub(crate) source: &'a InputSource,
    /// The step it comes from, and that step's cells.
    pub(crate) from: usize,
    pub(crate) space: &'a Space,
}

/// An input's axes in the space of the step that takes it.
struct Joined {
    /// Per axis of the giving step: its id here, or `None` when it is gathered over.
    kept: Vec<Option<AxisId>>,
    /// Axes of the giving step that are zipped, by their place there, with those here they run along.
    zip: Option<(Vec<usize>, Vec<AxisId>)>,
    /// Axes that come in by the zip, as they are called here.
    zipped: Vec<Axis>,
}

/// Joins the inputs of a step with its own axes.
pub(crate) fn join(
    step: usize,
    inputs: &[Incoming<'_>],
    replicates: Option<u64>,
    own: Vec<Axis>,
) -> Result<(Space, Vec<Wire>), PlanError> {
    let mut space = Space::default();
    let mut joined = Vec::with_capacity(inputs.len());
    for input in inputs {
        joined.push(enter(step, input, &mut space)?);
    }
    let replicate = space.position(&AxisId::Replicate).map(|at| space.axes.remove(at));
    let replicate = replicate.or(replicates.map(Axis::replicate));
    space.axes.splice(0..0, replicate);
    space.axes.extend(own);
    let digits = space.digits();
    let wires = inputs.iter().zip(joined).map(|(input, joined)| wire(input, &joined, &space, &digits));
    let wires = wires.collect::<Result<_, _>>()?;
    Ok((space, wires))
}

/// Takes over the axes of an input.
fn enter(step: usize, input: &Incoming<'_>, space: &mut Space) -> Result<Joined, PlanError> {
    let removed = match &input.source.gather {
        Some(gather) => input.space.removed(&gather.axes, input.name)?,
        None => vec![false; input.space.axes.len()],
    };
    let cross = input.source.join == Join::Cross;
    let here = |axis: &Axis| match cross {
        true => axis.clone().crossed(step, input.number, input.name),
        false => axis.clone(),
    };
    let kept: Vec<Option<Axis>> =
        input.space.axes.iter().zip(&removed).map(|(axis, removed)| (!removed).then(|| here(axis))).collect();
    let ids = kept.iter().map(|axis| axis.as_ref().map(|axis| axis.id.clone())).collect();
    let new: Vec<usize> = (0..kept.len())
        .filter(|at| kept[*at].as_ref().is_some_and(|axis| space.position(&axis.id).is_none()))
        .collect();
    if input.source.join != Join::Zip {
        space.axes.extend(new.into_iter().filter_map(|at| kept[at].clone()));
        return Ok(Joined { kept: ids, zip: None, zipped: Vec::new() });
    }
    let is_shared = |axis: &Axis| kept.iter().flatten().any(|kept| kept.id == axis.id);
    let along: Vec<&Axis> =
        space.axes.iter().filter(|axis| !is_shared(axis) && !axis.is_replicate()).collect();
    let theirs: Vec<usize> =
        new.into_iter().filter(|at| kept[*at].as_ref().is_some_and(|axis| !axis.is_replicate())).collect();
    let zipped: Vec<Axis> = theirs.iter().filter_map(|at| kept[*at].clone()).collect();
    let length = |axes: &mut dyn Iterator<Item = u64>| axes.product::<u64>();
    let (ours, others) = (
        length(&mut along.iter().map(|axis| axis.length)),
        length(&mut zipped.iter().map(|axis| axis.length)),
    );
    if ours != others {
        return Err(PlanError::Zip { input: input.name.into(), before: ours, own: others });
    }
    let along = along.into_iter().map(|axis| axis.id.clone()).collect();
    if let Some(replicate) = kept.iter().flatten().find(|axis| axis.is_replicate())
        && space.position(&AxisId::Replicate).is_none()
    {
        space.axes.push(replicate.clone());
    }
    Ok(Joined { kept: ids, zip: Some((theirs, along)), zipped })
}

fn wire(input: &Incoming<'_>, joined: &Joined, space: &Space, digits: &[Digit]) -> Result<Wire, PlanError> {
    let there = input.space.digits();
    let mut linked = vec![false; space.axes.len()];
    let mut links = Vec::new();
    let mut gathered = Vec::new();
    let mut gathered_digits = Vec::new();
    for (at, id) in joined.kept.iter().enumerate() {
        match id.as_ref().map(|id| space.position(id)) {
            None => {
                gathered.push(input.space.axes[at].clone());
                gathered_digits.push(there[at]);
            }
            Some(Some(place)) => {
                linked[place] = true;
                links.push(Link {
                    here: digits[place].stride,
                    there: there[at].stride,
                    length: digits[place].length,
                });
            }
            // Zipped, see below.
            Some(None) => {}
        }
    }
    let mut zipped = Vec::new();
    if let Some((theirs, along)) = &joined.zip {
        let places: Vec<usize> = along.iter().filter_map(|id| space.position(id)).collect();
        if places.windows(2).any(|pair| pair[1] != pair[0] + 1) {
            return Err(PlanError::ZipApart { input: input.name.into() });
        }
        places.iter().for_each(|place| linked[*place] = true);
        let mut stride = places.last().map_or(1, |place| digits[*place].stride);
        for (at, axis) in theirs.iter().zip(&joined.zipped).rev() {
            links.push(Link { here: stride, there: there[*at].stride, length: axis.length });
            zipped.push((axis.clone(), Digit { stride, length: axis.length }));
            stride *= axis.length;
        }
    }
    let free = (0..digits.len()).filter(|place| !linked[*place]).map(|place| digits[place]).collect();
    let tolerated = match input.source.gather.as_ref().map(|gather| gather.missing) {
        None | Some(crate::inputs::Missing::Refuse) => Some(0),
        Some(crate::inputs::Missing::Tolerate(most)) => Some(most),
        Some(crate::inputs::Missing::Ignore) => None,
    };
    let edge = Edge { from: input.from, links, gathered: gathered_digits, free, tolerated };
    Ok(Wire { edge, gathered: keyed(gathered), zipped })
}

/// Names the coordinates of gathered axes: by the argument alone where that is unique.
fn keyed(axes: Vec<Axis>) -> Vec<(Axis, Vec<String>)> {
    let all: Vec<String> = axes.iter().flat_map(|axis| axis.names.clone()).collect();
    let key = |axis: &Axis, name: &String| match all.iter().filter(|other| *other == name).count() {
        1 => name.clone(),
        _ => axis.qualified(name),
    };
    axes.into_iter()
        .map(|axis| {
            let keys = axis.names.iter().map(|name| key(&axis, name)).collect();
            (axis, keys)
        })
        .collect()
}

/// The coordinates that a step takes over from other steps, as a submission keeps them: a list of
/// `[[names], stride, length, [[values], ...]]`, where the coordinate of a cell is `cell / stride % length`.
///
/// `None` for a step that takes over none.
pub(crate) fn describe<'a>(
    step: usize,
    space: &Space,
    wires: impl Iterator<Item = &'a Wire>,
) -> Option<Value> {
    let is_foreign = |axis: &Axis| matches!(&axis.id, AxisId::Of { step: of, .. } if *of != step);
    let own = space.axes.iter().cloned().zip(space.digits()).filter(|(axis, _)| is_foreign(axis));
    let zipped = wires.flat_map(|wire| wire.zipped.iter().cloned());
    let described: Vec<Value> = own
        .chain(zipped)
        .map(|(axis, digit)| {
            let names = axis.names.iter().map(|name| Value::Text(axis.qualified(name))).collect();
            let values = (0..digit.length).map(|at| Value::List(axis.values(at)));
            Value::List(vec![
                Value::List(names),
                Value::from(digit.stride),
                Value::from(digit.length),
                Value::List(values.collect()),
            ])
        })
        .collect();
    (!described.is_empty()).then_some(Value::List(described))
}
