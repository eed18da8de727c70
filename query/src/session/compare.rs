//! Which run stands at which place, in steps where that takes more than a look at the run.
//!
//! A place is an experiment, a step and all coordinates of a cell: its arguments, the replicate and the arguments of
//! earlier steps. Of the submissions that asked for a place, the newest that has a record of it decides on its run: when
//! code, a context, the base seed or an input changed, the run of before is still in the store, but no longer what the
//! experiment says. Every cell of such a submission has one row, also when equal inputs made one run of several cells.
//!
//! Most rows are an attempt with the cell it was made for. Here the exceptions are found: cells that need a row of
//! their own, and runs whose own cell must not be shown. Only [`intricate`](crate::fold::intricate) steps are looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, Int64Array, RecordBatch, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use metalab_cas::{Digest, Hasher, Value};
use metalab_engine::cells::read_chunk;
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::index::Index;
use metalab_engine::record::{StepRecord, SubmissionOpened};
use metalab_engine::results::Dimensions;
use metalab_engine::store::Store;

use super::coordinates::Coordinates;
use super::foreign::{Row, batch};
use crate::columns::{Submissions, small};
use crate::error::QueryError;
use crate::fold::{Step, intricate};

/// The columns that [`Comparison::take`] reads.
pub(crate) const COLUMNS: [&str; 6] = ["run_id", "experiment", "step", "submission", "cell", "coordinates"];

/// What comparing has found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    /// Cells that need a row of their own (see [`batch`]).
    pub(crate) extra: Option<RecordBatch>,
    /// Runs whose own cell must not be shown: a column `run_id`.
    pub(crate) hidden: Option<RecordBatch>,
}

/// The steps to compare, and what is known of their runs.
pub(crate) struct Comparison {
    steps: Vec<Step>,
    numbers: HashMap<Step, usize>,
    /// Per step, the submissions that asked for it, the newest first.
    askers: Vec<Vec<Asker>>,
    facts: HashMap<RunId, Fact>,
}

/// A step as one submission asked for it.
struct Asker {
    name: RecordName,
    opened: Arc<SubmissionOpened>,
    sets: u64,
    axes: Vec<Axis>,
    /// The runs of its cells as the submission names them; unknown ones among them.
    named: Vec<RunId>,
    /// The same as attempts say, for cells whose run the submission does not name (yet).
    claimed: BTreeMap<u64, RunId>,
}

/// A coordinate taken over from another step, with a number for each of its values.
struct Axis {
    stride: u64,
    length: u64,
    numbers: Vec<u128>,
}

/// What an attempt that stands says of its run.
struct Fact {
    /// The number of its arguments.
    coordinates: i64,
    /// The cell it was made for, if that is of one of the steps.
    own: Option<(Own, u64)>,
}

/// Number of a step, and of one of its askers.
type Own = (usize, usize);

/// A place in a step: arguments, replicate, and the arguments of earlier steps.
type Place = (i64, u64, u128);

impl Comparison {
    /// What there is to compare; `None` if there is nothing.
    pub(crate) fn begin(
        store: &Store,
        index: &Index,
        submissions: &Submissions,
        coordinates: &Coordinates,
    ) -> Option<Self> {
        let steps: Vec<Step> = intricate(submissions).into_iter().collect();
        if steps.is_empty() {
            return None;
        }
        let numbers: HashMap<Step, usize> =
            steps.iter().enumerate().map(|(number, step)| (step.clone(), number)).collect();
        let mut askers: Vec<Vec<Asker>> = steps.iter().map(|_| Vec::new()).collect();
        let mut chunks = HashMap::new();
        for (name, opened) in submissions.iter() {
            for step in &opened.steps {
                let Some(number) = numbers.get(&(opened.experiment.clone(), step.name.clone())) else {
                    continue;
                };
                askers[*number].push(Asker {
                    name: *name,
                    opened: Arc::clone(opened),
                    sets: step.sets,
                    axes: coordinates.dimensions(step).map(|all| axes(all)).unwrap_or_default(),
                    named: named(store, index, step, &mut chunks),
                    claimed: BTreeMap::new(),
                });
            }
        }
        for askers in &mut askers {
            askers.sort_by_key(|asker| std::cmp::Reverse((asker.opened.time, asker.name)));
        }
        Some(Self { steps, numbers, askers, facts: HashMap::new() })
    }

    /// The experiments to look at.
    pub(crate) fn experiments(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.steps.iter().map(|(experiment, _)| experiment).collect();
        names.into_iter().cloned().collect()
    }

    /// Takes attempts with the columns [`COLUMNS`] and `stands`. Those that do not stand say only which run a cell has.
    pub(crate) fn take(&mut self, rows: &[RecordBatch]) -> Result<(), QueryError> {
        rows.iter().try_for_each(|rows| self.take_batch(rows)).map_err(failed)
    }

    fn take_batch(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let texts = [1, 2, 3].map(|at| column::<StringViewArray>(rows, at, &DataType::Utf8View));
        let [experiments, steps, submissions] = texts;
        let (experiments, steps, submissions) = (experiments?, steps?, submissions?);
        let runs = column::<BinaryViewArray>(rows, 0, &DataType::BinaryView)?;
        let cells = column::<Int64Array>(rows, 4, &DataType::Int64)?;
        let coordinates = column::<Int64Array>(rows, 5, &DataType::Int64)?;
        let stands = column::<BooleanArray>(rows, 6, &DataType::Boolean)?;
        let mut last: Option<([u128; 3], Option<Own>)> = None;
        for row in 0..rows.num_rows() {
            let Ok(run) = <[u8; 32]>::try_from(runs.value(row)) else { continue };
            let run = RunId(Digest::from_bytes(run));
            let views = [&experiments, &steps, &submissions].map(|array| array.views()[row]);
            let of_none = experiments.is_null(row) || steps.is_null(row) || submissions.is_null(row);
            let own = match last {
                // What the view of a null holds says nothing.
                _ if of_none => None,
                Some((known, own)) if known == views => own,
                _ => {
                    let step = (experiments.value(row).to_owned(), steps.value(row).to_owned());
                    let own = self.own(&step, submissions.value(row));
                    last = Some((views, own));
                    own
                }
            };
            let cell = u64::try_from(cells.value(row)).unwrap_or(0);
            if let Some((step, asker)) = own {
                let asker = &mut self.askers[step][asker];
                if asker.named.get(cell as usize).is_none_or(|run| *run == RunId::UNKNOWN) {
                    // Of several, the choice must not depend on their order.
                    let known = asker.claimed.entry(cell).or_insert(run);
                    *known = run.min(*known);
                }
            }
            if stands.value(row) {
                let own = own.map(|own| (own, cell));
                self.facts.insert(run, Fact { coordinates: coordinates.value(row), own });
            }
        }
        Ok(())
    }

    fn own(&self, step: &Step, submission: &str) -> Option<Own> {
        let number = *self.numbers.get(step)?;
        let name: RecordName = submission.parse().ok()?;
        Some((number, self.askers[number].iter().position(|asker| asker.name == name)?))
    }

    /// Runs of cells that were executed for other steps, as rows of `run_id`: more is to be taken of them.
    pub(crate) fn unknown(&self, index: &Index) -> Result<Option<RecordBatch>, QueryError> {
        let cells = self.askers.iter().flatten().flat_map(|asker| asker.cells().map(|(_, run)| run));
        let unknown: BTreeSet<RunId> =
            cells.filter(|run| !self.facts.contains_key(run) && index.get(run).is_some()).collect();
        ids(&unknown)
    }

    /// The exceptions.
    pub(crate) fn finish(self) -> Result<Compared, QueryError> {
        let mut extra: Vec<(RunId, Row)> = Vec::new();
        let mut shown: HashSet<RunId> = HashSet::new();
        for (number, askers) in self.askers.iter().enumerate() {
            let mut taken: HashMap<Place, usize> = HashMap::new();
            for (age, asker) in askers.iter().enumerate() {
                for (cell, run) in asker.cells() {
                    let Some(fact) = self.facts.get(&run) else { continue };
                    let place = asker.place(cell, fact);
                    if *taken.entry(place).or_insert(age) != age {
                        continue;
                    }
                    let own = fact.own.filter(|((step, _), _)| *step == number);
                    let own = own.map(|((_, asker), cell)| askers[asker].place(cell, fact));
                    if own == Some(place) && shown.insert(run) {
                        continue;
                    }
                    extra.push((run, asker.row(&self.steps[number].1, cell)));
                }
            }
        }
        let is_hidden = |(run, fact): &(&RunId, &Fact)| fact.own.is_some() && !shown.contains(run);
        let hidden: BTreeSet<RunId> = self.facts.iter().filter(is_hidden).map(|(run, _)| *run).collect();
        Ok(Compared { extra: (!extra.is_empty()).then(|| batch(extra)).transpose()?, hidden: ids(&hidden)? })
    }
}

impl Asker {
    /// The cells whose run is known.
    fn cells(&self) -> impl Iterator<Item = (u64, RunId)> {
        let named = (0..).zip(self.named.iter().copied()).filter(|(_, run)| *run != RunId::UNKNOWN);
        named.chain(self.claimed.iter().map(|(cell, run)| (*cell, *run)))
    }

    fn place(&self, cell: u64, fact: &Fact) -> Place {
        let replicate = cell.checked_div(self.sets).unwrap_or(0);
        let number = |axis: &Axis| axis.numbers.get((cell / axis.stride % axis.length) as usize).copied();
        let upstream = self.axes.iter().filter_map(number).fold(0, u128::wrapping_add);
        (fact.coordinates, replicate, upstream)
    }

    fn row(&self, step: &str, cell: u64) -> Row {
        let tags = &self.opened.tags;
        Row {
            experiment: self.opened.experiment.clone(),
            version: self.opened.version.clone(),
            step: step.to_owned(),
            cell: Some(small(cell)),
            submission: self.name.to_string(),
            tags: (!tags.is_empty()).then(|| tags.join(",")),
        }
    }
}

/// The runs that a submission names for the cells of a step.
fn named(
    store: &Store,
    index: &Index,
    step: &StepRecord,
    chunks: &mut HashMap<Digest, Arc<Vec<RunId>>>,
) -> Vec<RunId> {
    let mut all = Vec::new();
    for digest in &step.chunks {
        let known = chunks.get(digest).cloned();
        // Without one of the chunks the numbers of all cells after it are lost.
        let Some(ids) = known.or_else(|| read_chunk(store, index, digest).ok().map(Arc::new)) else { break };
        all.extend_from_slice(&ids);
        chunks.insert(*digest, ids);
    }
    all
}

/// A number for each coordinate: sums of numbers of (name, value), so that neither order nor grouping matters.
fn axes(dimensions: &Dimensions) -> Vec<Axis> {
    let number = |(name, value): (&String, &Value)| {
        let mut hasher = Hasher::new();
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(&value.to_bytes().unwrap_or_default());
        let digest = hasher.finish();
        let first: [u8; 16] = *digest.as_bytes().first_chunk().expect("a digest has 32 bytes");
        u128::from_le_bytes(first)
    };
    let axis = |dimension: &metalab_engine::results::Dimension| Axis {
        stride: dimension.stride,
        length: dimension.length,
        numbers: dimension
            .values
            .iter()
            .map(|values| dimension.names.iter().zip(values).map(number).fold(0, u128::wrapping_add))
            .collect(),
    };
    dimensions.iter().map(axis).collect()
}

fn column<T: Array + Clone + 'static>(
    rows: &RecordBatch,
    at: usize,
    kind: &DataType,
) -> Result<T, ArrowError> {
    let array = cast(rows.column(at), kind)?;
    let wrong = || ArrowError::CastError(format!("column {at} is no {kind}"));
    array.as_any().downcast_ref::<T>().cloned().ok_or_else(wrong)
}

/// Run ids as rows; `None` if there are none.
fn ids(runs: &BTreeSet<RunId>) -> Result<Option<RecordBatch>, QueryError> {
    if runs.is_empty() {
        return Ok(None);
    }
    let ids = BinaryViewArray::from_iter_values(runs.iter().map(|run| run.as_bytes()));
    let schema = Schema::new(vec![Field::new("run_id", DataType::BinaryView, true)]);
    let ids: ArrayRef = Arc::new(ids);
    RecordBatch::try_new(Arc::new(schema), vec![ids]).map(Some).map_err(failed)
}

fn failed(error: ArrowError) -> QueryError {
    QueryError::table("attempts", "comparing the runs of cells")(error)
}
