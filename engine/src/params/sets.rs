//! The parameter sets of a source, and the axes it gives to a step.

use std::sync::Arc;

use metalab_cas::Value;

use super::node::{Node, distinct};
use super::resolver::{Params, ResolverRef};
use super::{Grid, MAX_SETS, ParamsError, Source};

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
        self.node.probes()
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
