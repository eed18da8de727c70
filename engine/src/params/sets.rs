//! Sources made ready: any set at once.

use std::collections::HashMap;
use std::sync::Arc;

use metalab_cas::Value;

use super::bitmap::Bitmap;
use super::draw::{Axis, Draw};
use super::list::Table;
use super::resolver::{Params, ResolverRef};
use super::{Grid, MAX_SETS, ParamsError, Sample, Source};

/// The parameter sets of a [`Source`] by index.
#[derive(Clone, Debug)]
pub struct Sets(Arc<Node>);

impl Sets {
    pub(super) fn new(source: &Source) -> Result<Self, ParamsError> {
        let node = Node::new(source)?;
        let sets = u128::from(node.len);
        if node.len > MAX_SETS {
            return Err(ParamsError::TooMany { sets, axes: "all together".into() });
        }
        if node.len == 0 {
            return Err(ParamsError::EmptySource);
        }
        Ok(Self(Arc::new(node)))
    }

    /// The number of sets.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// Never: a source without sets is refused.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Set number `at`, if there are so many.
    pub fn get(&self, at: u64) -> Option<Params> {
        (at < self.0.len).then(|| self.0.at(at))
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = Params> {
        (0..self.len()).map(|at| self.0.at(at))
    }

    /// Names of the arguments. A set may lack some of them, where sources are chained or a resolver finds nothing.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.names.iter().map(|name| &**name)
    }
}

/// A source at the top of a step: the axes that make its coordinates.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) axes: Vec<PreparedAxis>,
    /// Arguments that are functions of the others, in the order in which they are found.
    pub(crate) resolved: Vec<(String, ResolverRef)>,
}

/// One coordinate of a step.
#[derive(Debug)]
pub(crate) enum PreparedAxis {
    /// One argument with all its values.
    Values { name: Arc<str>, values: Vec<Value>, is_fixed: bool },
    /// Several arguments, computed by index.
    Rows(Rows),
}

impl PreparedAxis {
    /// The number of its values.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Values { values, .. } => values.len() as u64,
            Self::Rows(rows) => rows.len(),
        }
    }

    fn names(&self) -> &[Arc<str>] {
        match self {
            Self::Values { name, .. } => std::slice::from_ref(name),
            Self::Rows(rows) => rows.names(),
        }
    }
}

/// Sets of several arguments, computed by index.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    node: Arc<Node>,
    /// The operation's own types have written all values.
    pub(crate) is_typed: bool,
}

impl Rows {
    pub(crate) fn len(&self) -> u64 {
        self.node.len
    }

    /// Names of all arguments that a set may have.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.node.names
    }

    /// Adds the arguments of a set to `out`.
    pub(crate) fn fill(&self, at: u64, out: &mut Vec<(Arc<str>, Value)>) {
        self.node.fill(at, out);
    }

    /// For a sample: values of each argument by which to see what the operation makes of them.
    pub(crate) fn probes(&self) -> Option<impl Iterator<Item = (&Arc<str>, Vec<Value>)>> {
        match &self.node.form {
            Form::Sample(draws) => Some(draws.iter().map(|(name, _, draw)| (name, draw.probes()))),
            _ => None,
        }
    }

    /// Whether a condition holds for any value, of which it may see some that do not occur.
    pub(crate) fn any(&self, condition: fn(&Value) -> bool) -> bool {
        self.node.any(condition)
    }
}

/// The axes of a source.
pub(crate) fn prepare(source: &Source) -> Result<Prepared, ParamsError> {
    let mut prepared = Prepared::default();
    prepared.add(source, true)?;
    distinct(prepared.names())?;
    Ok(prepared)
}

impl Prepared {
    fn add(&mut self, source: &Source, is_outermost: bool) -> Result<(), ParamsError> {
        match source {
            Source::Grid(grid) => {
                grid.check()?;
                self.grid(grid);
            }
            Source::Sample(sample) => {
                sample.beside.check()?;
                let rows = Rows { node: Arc::new(Node::drawn(sample)?), is_typed: true };
                self.grid(&sample.beside);
                self.axes.push(PreparedAxis::Rows(rows));
            }
            Source::Product(all) => all.iter().try_for_each(|one| self.add(one, false))?,
            Source::Resolve(inner, argument, by) if is_outermost => {
                self.add(inner, true)?;
                self.resolved.push((argument.clone(), *by));
            }
            _ => {
                let is_typed = matches!(source, Source::List(list) if list.is_typed);
                let rows = Rows { node: Arc::new(Node::new(source)?), is_typed };
                self.axes.push(PreparedAxis::Rows(rows));
            }
        }
        Ok(())
    }

    fn grid(&mut self, grid: &Grid) {
        self.axes.extend(grid.axes().map(|(name, values, is_fixed)| PreparedAxis::Values {
            name: name.into(),
            values: values.to_vec(),
            is_fixed,
        }));
    }

    /// Names of all arguments.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        let of_axes = self.axes.iter().flat_map(PreparedAxis::names).map(|name| &**name);
        of_axes.chain(self.resolved.iter().map(|(name, _)| name.as_str()))
    }

    /// The number of sets.
    pub(crate) fn sets(&self) -> Result<u64, ParamsError> {
        let lengths = self.axes.iter().map(|axis| (axis.names().join("+"), axis.len()));
        let lengths: Vec<_> = lengths.collect();
        let product = lengths.iter().fold(1_u128, |product, (_, n)| product.saturating_mul(u128::from(*n)));
        u64::try_from(product).ok().filter(|sets| *sets <= MAX_SETS).ok_or_else(|| {
            let axes = lengths.into_iter().filter(|(_, n)| *n > 1).map(|(name, n)| format!("{name}: {n}"));
            ParamsError::TooMany { sets: product, axes: axes.collect::<Vec<_>>().join(", ") }
        })
    }
}

/// A source made ready: checked, with filters and resolvers evaluated.
#[derive(Debug)]
struct Node {
    len: u64,
    names: Vec<Arc<str>>,
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

/// What a resolver found: each value once, and which one each set has.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) values: Vec<Option<Value>>,
    pub(crate) of_set: Vec<u32>,
}

impl Node {
    fn new(source: &Source) -> Result<Self, ParamsError> {
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
    fn drawn(sample: &Sample) -> Result<Self, ParamsError> {
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

    fn at(&self, at: u64) -> Params {
        let mut entries = Vec::with_capacity(self.names.len());
        self.fill(at, &mut entries);
        Params { entries }
    }

    fn fill(&self, at: u64, out: &mut Vec<(Arc<str>, Value)>) {
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

    fn any(&self, condition: fn(&Value) -> bool) -> bool {
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

impl Found {
    /// Asks a resolver about every set.
    pub(crate) fn new(
        argument: &str,
        by: &ResolverRef,
        sets: u64,
        set: impl Fn(u64) -> Params + Sync,
    ) -> Result<Self, ParamsError> {
        let fault = |at, set: &Params, reason| ParamsError::Resolver {
            argument: argument.to_owned(),
            resolver: by.name.to_owned(),
            at,
            set: set.to_string(),
            reason,
        };
        let found = evaluate(sets, |at| {
            let set = set(at);
            let value = by.call(&set).map_err(|reason| fault(at, &set, reason))?;
            let bytes = value.as_ref().map(Value::to_bytes).transpose();
            bytes.map_err(|error| fault(at, &set, error.to_string()))
        })?;
        let mut numbers: HashMap<Option<Vec<u8>>, u32> = HashMap::new();
        let mut values = Vec::new();
        let number = |bytes: Option<Vec<u8>>| match numbers.get(&bytes) {
            Some(number) => *number,
            None => {
                let number = values.len() as u32;
                values.push(bytes.as_deref().and_then(|bytes| Value::decode(bytes).ok()));
                numbers.insert(bytes, number);
                number
            }
        };
        let of_set = found.into_iter().map(number).collect();
        Ok(Self { values, of_set })
    }

    pub(crate) fn at(&self, set: u64) -> Option<&Value> {
        self.values[self.of_set[set as usize] as usize].as_ref()
    }
}

fn length(sets: u128) -> Result<u64, ParamsError> {
    u64::try_from(sets).map_err(|_| ParamsError::TooMany { sets, axes: "all together".into() })
}

fn distinct<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<(), ParamsError> {
    for (number, name) in names.clone().enumerate() {
        if names.clone().take(number).any(|other| other == name) {
            return Err(ParamsError::Duplicate { argument: name.to_owned() });
        }
    }
    Ok(())
}

/// Does something for every set, on all cores where there are many; the first error in order of the sets counts.
pub(crate) fn evaluate<T: Send, E: Send + From<ParamsError>>(
    sets: u64,
    work: impl Fn(u64) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    /// Fewer are not worth a thread.
    const MANY: u64 = 10_000;
    if sets > MAX_SETS {
        return Err(ParamsError::TooMany { sets: sets.into(), axes: "before filtering".into() }.into());
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let part = if sets < MANY { sets.max(1) } else { sets.div_ceil(threads) };
    let work = &work;
    let parts: Vec<Result<Vec<T>, E>> = std::thread::scope(|scope| {
        let bounds = (0..sets).step_by(part as usize).map(|start| start..sets.min(start + part));
        let running: Vec<_> =
            bounds.map(|range| scope.spawn(move || range.map(work).collect::<Result<Vec<T>, E>>())).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Vec::with_capacity(sets as usize);
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}
