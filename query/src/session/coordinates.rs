//! Coordinates of cells: the arguments of earlier steps, as columns that are computed, not stored.
//!
//! A cell knows its submission, its step and its number; the submission says which coordinates its steps take over
//! from others and how a cell's number tells them (`cell / stride % length`). So a column such as `prepare.threshold`
//! is a look-up, and it is right for whatever cell a row stands for: also for one that shares the run of another.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringViewArray};
use arrow::compute::concat;
use metalab_cas::Digest;
use metalab_engine::id::RecordName;
use metalab_engine::record::StepRecord;
use metalab_engine::results::{Dimension, Dimensions};

use super::catalog::Counted;
use super::lookup::{Lookup, Part};
use crate::columns::{Kind, Leaf, Path, Root, Shared, Submissions, small, value_leaves};

/// All columns of coordinates of a store.
#[derive(Debug, Default)]
pub(crate) struct Coordinates {
    columns: BTreeMap<(Path, Kind), Arc<Lookup>>,
    /// The replicate of a cell, for steps with replicates whose operation need not take seeds.
    replicate: Option<Arc<Lookup>>,
    dimensions: HashMap<Digest, Arc<Dimensions>>,
    counted: Vec<Counted>,
}

/// One argument of an earlier step, or a part of one, at every coordinate of a dimension.
struct Values {
    path: Path,
    kind: Kind,
    leaves: Vec<Option<Leaf>>,
}

/// Where the values of a dimension were put, by column.
type Placed = Vec<((Path, Kind), Part, u64)>;

impl Coordinates {
    /// As these submissions say; what was read for `before` is not read again.
    pub(crate) fn of(submissions: &Submissions, shared: &Shared, before: &Self) -> Self {
        let mut all = Self::default();
        let mut arrays: BTreeMap<(Path, Kind), Vec<ArrayRef>> = BTreeMap::new();
        let mut lengths: HashMap<(Path, Kind), u64> = HashMap::new();
        let mut lookups: BTreeMap<(Path, Kind), Lookup> = BTreeMap::new();
        let mut placed: HashMap<Digest, Placed> = HashMap::new();
        let mut replicates = Lookup::new("replicate");
        let mut most = 0;
        let newest = newest(submissions);
        for (name, opened) in submissions.iter() {
            let submission = name.to_string();
            for step in &opened.steps {
                if step.replicates > 1 && step.sets > 0 {
                    let part = Part { stride: step.sets, length: step.replicates, from: 0 };
                    replicates.put(&submission, &step.name, part);
                    most = most.max(step.replicates);
                }
                let Some(digest) = step.dimensions else { continue };
                let Some(dimensions) = all.read(&digest, shared, before) else { continue };
                let places = placed.entry(digest).or_insert_with(|| {
                    let values = dimensions.iter().flat_map(|dimension| {
                        columns(dimension).into_iter().map(move |values| (dimension, values))
                    });
                    let mut places = Placed::new();
                    for (dimension, values) in values {
                        let key = (values.path, values.kind);
                        let from = lengths.entry(key.clone()).or_default();
                        let part = Part { stride: dimension.stride, length: dimension.length, from: *from };
                        *from += values.leaves.len() as u64;
                        let some = values.leaves.iter().flatten().count() as u64;
                        arrays.entry(key.clone()).or_default().push(array(key.1, &values.leaves));
                        places.push((key, part, some));
                    }
                    places
                });
                let is_newest = newest.get(&(&opened.experiment, &step.name)) == Some(&(opened.time, *name));
                for (key, part, some) in &*places {
                    let lookup =
                        lookups.entry(key.clone()).or_insert_with(|| Lookup::new(&key.0.stored(key.1)));
                    lookup.put(&submission, &step.name, *part);
                    let cells = if is_newest { cells(step) / part.length * some } else { 0 };
                    all.counted.push(Counted {
                        experiment: Some(opened.experiment.clone()),
                        operation: shared.operation(&step.template),
                        column: key.0.stored(key.1),
                        count: small(cells),
                    });
                }
            }
        }
        for (key, mut lookup) in lookups {
            let parts: Vec<_> = arrays[&key].iter().map(|array| &**array).collect();
            // Arrays of one type and few values can be put together.
            let Ok(values) = concat(&parts) else { continue };
            lookup.values = values;
            all.columns.insert(key, Arc::new(lookup));
        }
        if most > 0 {
            replicates.values = Arc::new(Int64Array::from_iter_values(0..small(most)));
            all.replicate = Some(Arc::new(replicates));
        }
        all
    }

    fn read(&mut self, digest: &Digest, shared: &Shared, before: &Self) -> Option<Arc<Dimensions>> {
        if let Some(known) = self.dimensions.get(digest).or_else(|| before.dimensions.get(digest)).cloned() {
            self.dimensions.insert(*digest, Arc::clone(&known));
            return Some(known);
        }
        let read = Arc::new(Dimensions::decode(&shared.fetch(digest)?));
        self.dimensions.insert(*digest, Arc::clone(&read));
        Some(read)
    }

    /// What has the values of a column of this type.
    pub(crate) fn column(&self, path: &Path, kind: Kind) -> Option<&Arc<Lookup>> {
        self.columns.get(&(path.clone(), kind))
    }

    /// What has the replicates of cells, if any step has several.
    pub(crate) fn replicate(&self) -> Option<&Arc<Lookup>> {
        self.replicate.as_ref()
    }

    /// The coordinates that a step takes over; `None` if it takes over none, or they cannot be read.
    pub(crate) fn dimensions(&self, step: &StepRecord) -> Option<&Arc<Dimensions>> {
        self.dimensions.get(step.dimensions.as_ref()?)
    }

    /// The columns by experiment and operation, with the number of cells of the last submission that have a value.
    pub(crate) fn counted(&self) -> &[Counted] {
        &self.counted
    }
}

fn cells(step: &StepRecord) -> u64 {
    step.sets.saturating_mul(step.replicates)
}

/// The submission that asked last for each step of each experiment.
fn newest(submissions: &Submissions) -> HashMap<(&String, &String), (i64, RecordName)> {
    let mut newest = HashMap::new();
    for (name, opened) in submissions.iter() {
        for step in &opened.steps {
            let known = newest.entry((&opened.experiment, &step.name)).or_insert((opened.time, *name));
            *known = (opened.time, *name).max(*known);
        }
    }
    newest
}

/// The columns of a dimension. The name of a coordinate is that of a step, which may have dots, and of an argument.
fn columns(dimension: &Dimension) -> Vec<Values> {
    let mut all: Vec<Values> = Vec::new();
    for (at, name) in dimension.names.iter().enumerate() {
        let Some((step, argument)) = name.rsplit_once('.') else { continue };
        for (coordinate, values) in dimension.values.iter().enumerate() {
            let Some(value) = values.get(at) else { continue };
            value_leaves(value, &mut vec![argument], &mut |parts, leaf| {
                let kind = leaf.kind();
                let is_it = |known: &&mut Values| {
                    let path = &known.path.parts;
                    known.kind == kind && path[0] == step && path[1..].iter().eq(parts.iter())
                };
                let found = match all.iter_mut().find(is_it) {
                    Some(found) => found,
                    None => {
                        let parts = std::iter::once(&step).chain(parts).map(|part| (*part).to_owned());
                        let path = Path { root: Root::Upstream, parts: parts.collect() };
                        all.push(Values { path, kind, leaves: vec![None; dimension.values.len()] });
                        let last = all.len() - 1;
                        &mut all[last]
                    }
                };
                found.leaves[coordinate] = Some(leaf);
            });
        }
    }
    all
}

/// Leaves of one kind as an array; the type is the one that queries see.
fn array(kind: Kind, leaves: &[Option<Leaf>]) -> ArrayRef {
    let leaves = leaves.iter().map(Option::as_ref);
    match kind {
        Kind::F64 => Arc::new(leaves.map(|leaf| as_f64(leaf?)).collect::<Float64Array>()),
        Kind::I64 => Arc::new(leaves.map(|leaf| as_i64(leaf?)).collect::<Int64Array>()),
        Kind::Bool => Arc::new(leaves.map(|leaf| as_bool(leaf?)).collect::<BooleanArray>()),
        Kind::Text | Kind::Json => Arc::new(leaves.map(|leaf| as_text(leaf?)).collect::<StringViewArray>()),
    }
}

fn as_f64(leaf: &Leaf) -> Option<f64> {
    if let Leaf::F64(x) = leaf { Some(*x) } else { None }
}

fn as_i64(leaf: &Leaf) -> Option<i64> {
    if let Leaf::I64(x) = leaf { Some(*x) } else { None }
}

fn as_bool(leaf: &Leaf) -> Option<bool> {
    if let Leaf::Bool(x) = leaf { Some(*x) } else { None }
}

fn as_text(leaf: &Leaf) -> Option<&str> {
    match leaf {
        Leaf::Text(x) | Leaf::Json(x) | Leaf::Content(x) => Some(x),
        _ => None,
    }
}
