//! Sources made ready, nested as they were written: any set at once, by its number.

use std::sync::Arc;

use metalab_cas::Value;

use super::bitmap::Bitmap;
use super::draw::{Axis, Draw};
use super::found::{Found, evaluate};
use super::list::Table;
use super::resolver::Params;
use super::{Grid, MAX_SETS, ParamsError, Sample, Source};

/// A source made ready: checked, with filters and resolvers evaluated.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) len: u64,
    pub(super) names: Vec<Arc<str>>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Values and stride of each axis.
    Grid(Vec<(Arc<str>, Vec<Value>, u64)>),
    Table(Arc<Table>),
    Sample(Vec<(Arc<str>, Axis, Draw)>),
    Zip(Vec<Node>),
    /// Factors with their strides.
    Product(Vec<(Node, u64)>),
    /// Parts with the numbers of their first sets.
    Chain(Vec<(Node, u64)>),
    Filter(Box<Node>, Bitmap),
    Slice(Box<Node>, u64),
    Resolve(Box<Node>, Found),
}

impl Node {
    pub(super) fn new(source: &Source) -> Result<Self, ParamsError> {
        match source {
            Source::Grid(grid) => Self::grid(grid),
            Source::List(list) => {
                let len = list.check()?;
                let table = list.table()?.clone();
                Ok(Self { len, names: table.names.clone(), form: Form::Table(table) })
            }
            Source::Sample(sample) => Self::product(vec![Self::grid(&sample.beside)?, Self::drawn(sample)?]),
            Source::Zip(all) => Self::zip(Self::all(all)?),
            Source::Product(all) => Self::product(Self::all(all)?),
            Source::Chain(all) => Self::chain(Self::all(all)?),
            Source::Filter(inner, filter) => {
                let inner = Self::new(inner)?;
                let kept = evaluate(inner.len, |at| {
                    let set = inner.at(at);
                    let keeps = filter.keeps(&set);
                    keeps.map_err(|reason| ParamsError::Filter { at, set: set.to_string(), reason })
                })?;
                let kept = Bitmap::new(&kept);
                if kept.count() == 0 {
                    return Err(ParamsError::NothingKept { sets: inner.len });
                }
                let names = inner.names.clone();
                Ok(Self { len: kept.count(), names, form: Form::Filter(Box::new(inner), kept) })
            }
            Source::Slice(inner, start, end) => {
                let inner = Self::new(inner)?;
                let last = end.unwrap_or(inner.len);
                if *start >= last || last > inner.len {
                    return Err(ParamsError::Slice { start: *start, end: *end, sets: inner.len });
                }
                let names = inner.names.clone();
                Ok(Self { len: last - start, names, form: Form::Slice(Box::new(inner), *start) })
            }
            Source::Resolve(inner, argument, by) => {
                let inner = Self::new(inner)?;
                let mut names = inner.names.clone();
                names.push(argument.as_str().into());
                distinct(names.iter().map(|name| &**name))?;
                let found = Found::new(argument, by, inner.len, |at| inner.at(at))?;
                Ok(Self { len: inner.len, names, form: Form::Resolve(Box::new(inner), found) })
            }
            Source::Later(_) => Err(ParamsError::LaterInside),
            Source::Mixed { argument } => Err(ParamsError::Mixed { argument: argument.clone() }),
        }
    }

    fn all(sources: &[Source]) -> Result<Vec<Self>, ParamsError> {
        sources.iter().map(Self::new).collect()
    }

    fn grid(grid: &Grid) -> Result<Self, ParamsError> {
        let len = length(grid.check_axes()?)?;
        let mut stride = len;
        let axes = grid.axes().map(|(name, values, _)| {
            stride /= values.len() as u64;
            (Arc::from(name), values.to_vec(), stride)
        });
        let axes: Vec<(Arc<str>, _, _)> = axes.collect();
        Ok(Self { len, names: axes.iter().map(|(name, ..)| name.clone()).collect(), form: Form::Grid(axes) })
    }

    /// The drawn arguments of a sample.
    pub(super) fn drawn(sample: &Sample) -> Result<Self, ParamsError> {
        let len = sample.check_drawn()?;
        if len > MAX_SETS {
            return Err(ParamsError::TooMany { sets: len.into(), axes: "sample".into() });
        }
        let draws = sample.draws();
        Ok(Self {
            len,
            names: draws.iter().map(|(name, ..)| name.clone()).collect(),
            form: Form::Sample(draws),
        })
    }

    fn zip(all: Vec<Self>) -> Result<Self, ParamsError> {
        let len = all.first().map_or(0, |first| first.len);
        if let Some(other) = all.iter().find(|node| node.len != len) {
            return Err(ParamsError::Zip { first: len, other: other.len });
        }
        Ok(Self { len, names: Self::joined(&all)?, form: Form::Zip(all) })
    }

    fn product(all: Vec<Self>) -> Result<Self, ParamsError> {
        let names = Self::joined(&all)?;
        let len = all.iter().fold(1_u128, |product, node| product.saturating_mul(node.len.into()));
        let len = length(len)?;
        let mut stride = len;
        let strided = all.into_iter().map(|node| {
            stride /= node.len.max(1);
            (node, stride)
        });
        Ok(Self { len, names, form: Form::Product(strided.collect()) })
    }

    fn chain(all: Vec<Self>) -> Result<Self, ParamsError> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut len = 0_u128;
        let mut parts = Vec::with_capacity(all.len());
        for node in all {
            names.extend(node.names.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
            let start = length(len)?;
            len += u128::from(node.len);
            parts.push((node, start));
        }
        Ok(Self { len: length(len)?, names, form: Form::Chain(parts) })
    }

    /// The names of nodes that have no name in common.
    fn joined(all: &[Self]) -> Result<Vec<Arc<str>>, ParamsError> {
        let names: Vec<_> = all.iter().flat_map(|node| &node.names).cloned().collect();
        distinct(names.iter().map(|name| &**name))?;
        Ok(names)
    }

    pub(super) fn at(&self, at: u64) -> Params {
        let mut entries = Vec::with_capacity(self.names.len());
        self.fill(at, &mut entries);
        Params { entries }
    }

    pub(super) fn fill(&self, at: u64, out: &mut Vec<(Arc<str>, Value)>) {
        match &self.form {
            Form::Grid(axes) => out.extend(axes.iter().map(|(name, values, stride)| {
                (name.clone(), values[(at / stride) as usize % values.len()].clone())
            })),
            Form::Table(table) => table.fill(at, out),
            Form::Sample(draws) => {
                out.extend(draws.iter().map(|(name, axis, draw)| (name.clone(), draw.at(axis, at))));
            }
            Form::Zip(all) => all.iter().for_each(|node| node.fill(at, out)),
            Form::Product(all) => {
                all.iter().for_each(|(node, stride)| node.fill(at / stride % node.len, out))
            }
            Form::Chain(all) => {
                let part = all.partition_point(|(_, start)| *start <= at) - 1;
                all[part].0.fill(at - all[part].1, out);
            }
            Form::Filter(inner, kept) => inner.fill(kept.place(at), out),
            Form::Slice(inner, start) => inner.fill(start + at, out),
            Form::Resolve(inner, found) => {
                inner.fill(at, out);
                if let Some(value) = found.at(at) {
                    out.push((self.names[self.names.len() - 1].clone(), value.clone()));
                }
            }
        }
    }

    /// For a sample: values of each argument by which to see what the operation makes of them.
    pub(super) fn probes(&self) -> Option<impl Iterator<Item = (&Arc<str>, Vec<Value>)>> {
        match &self.form {
            Form::Sample(draws) => Some(draws.iter().map(|(name, _, draw)| (name, draw.probes()))),
            _ => None,
        }
    }

    /// Whether a condition holds for any value, of which it may see some that do not occur.
    pub(super) fn any(&self, condition: fn(&Value) -> bool) -> bool {
        match &self.form {
            Form::Grid(axes) => axes.iter().any(|(_, values, _)| values.iter().any(condition)),
            Form::Table(table) => table.any(condition),
            Form::Sample(draws) => draws.iter().any(|(_, _, draw)| draw.probes().iter().any(condition)),
            Form::Zip(all) => all.iter().any(|node| node.any(condition)),
            Form::Product(all) | Form::Chain(all) => all.iter().any(|(node, _)| node.any(condition)),
            Form::Filter(inner, _) | Form::Slice(inner, _) => inner.any(condition),
            Form::Resolve(inner, found) => {
                inner.any(condition) || found.values.iter().flatten().any(condition)
            }
        }
    }
}

fn length(sets: u128) -> Result<u64, ParamsError> {
    u64::try_from(sets).map_err(|_| ParamsError::TooMany { sets, axes: "all together".into() })
}

/// That no name is there twice.
pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<(), ParamsError> {
    for (number, name) in names.clone().enumerate() {
        if names.clone().take(number).any(|other| other == name) {
            return Err(ParamsError::Duplicate { argument: name.to_owned() });
        }
    }
    Ok(())
}
