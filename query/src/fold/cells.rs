//! Cells that reuse runs of other cells.
//!
//! An attempt carries the cell that wanted it, so most cells need no row of their own. The others are found from the
//! chunks of run ids that submissions name: a chunk whose runs are all there is looked through once per experiment and
//! step, its cells with a foreign run are written down, and a mark that this was done (a row without a run). Chunks
//! that still wait for runs are looked through by whoever asks.
//!
//! That holds for simple steps, in which a run has one place. Steps that are not simple (see [`intricate`]) have no
//! rows here: sessions compare their cells themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, BinaryViewArray, Int64Array, RecordBatch, StringViewArray};
use metalab_cas::Digest;
use metalab_engine::cells::read_chunk;
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::index::{Index, origin};
use metalab_engine::store::Store;

use super::rows::{Item, Rows};
use crate::columns::Submissions;

/// A step: its experiment and its name.
pub(crate) type Step = (String, String);

/// A chunk as a step of an experiment names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The experiment.
    pub(crate) experiment: String,
    /// The step.
    pub(crate) step: String,
    /// The chunk.
    pub(crate) chunk: Digest,
}

/// Who named a chunk first, and at which cell it begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    /// When the submission was opened.
    pub(crate) time: i64,
    /// The submission.
    pub(crate) submission: RecordName,
    /// The chunk's number in the step.
    pub(crate) ordinal: usize,
}

/// A cell with a run that another cell has wanted first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Where it is named.
    pub(crate) place: Arc<Place>,
    /// Its position in the chunk.
    pub(crate) position: i64,
    /// Its run.
    pub(crate) run: RunId,
}

/// What looking through a chunk found.
pub(crate) struct Looked {
    /// Whether all its runs are there.
    pub(crate) complete: bool,
    /// Its foreign cells.
    pub(crate) cells: Vec<Foreign>,
}

/// Steps in which a run may have several places, or a place several runs: those that have inputs, where equal inputs
/// make one run of several cells, and new inputs another run of the same cell; and those with several templates. A
/// step that is among them stays among them, whatever is recorded later.
pub(crate) fn intricate(submissions: &Submissions) -> BTreeSet<Step> {
    let mut templates: BTreeMap<(&str, &str), Digest> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (_, opened) in submissions.iter() {
        for step in &opened.steps {
            let first = *templates.entry((&opened.experiment, &step.name)).or_insert(step.template);
            if first != step.template || step.wiring.is_some() || step.dimensions.is_some() {
                found.insert((opened.experiment.clone(), step.name.clone()));
            }
        }
    }
    found
}

/// All chunks that submissions name, with who named them first. A function of the set of submissions.
pub(crate) fn places(submissions: &Submissions) -> BTreeMap<Place, Named> {
    let mut all: BTreeMap<Place, Named> = BTreeMap::new();
    for (name, opened) in submissions.iter() {
        for step in &opened.steps {
            for (ordinal, chunk) in step.chunks.iter().enumerate() {
                let place =
                    Place { experiment: opened.experiment.clone(), step: step.name.clone(), chunk: *chunk };
                let named = Named { time: opened.time, submission: *name, ordinal };
                match all.get_mut(&place) {
                    Some(known) if *known <= named => {}
                    Some(known) => *known = named,
                    None => {
                        all.insert(place, named);
                    }
                }
            }
        }
    }
    all
}

/// Whether any cell can be foreign at all: with one step of one experiment none is.
pub(crate) fn possible(places: &BTreeMap<Place, Named>) -> bool {
    let steps: BTreeSet<(&str, &str)> =
        places.keys().map(|p| (p.experiment.as_str(), p.step.as_str())).collect();
    steps.len() > 1
}

/// Looks through a chunk; `None` if it cannot be read.
pub(crate) fn look(store: &Store, index: &Index, place: &Arc<Place>) -> Option<Looked> {
    let ids = read_chunk(store, index, &place.chunk).ok()?;
    let own = origin(&place.experiment, &place.step);
    let mut looked = Looked { complete: true, cells: Vec::new() };
    for (position, run) in ids.into_iter().enumerate().filter(|(_, run)| *run != RunId::UNKNOWN) {
        match index.get(&run) {
            None => looked.complete = false,
            Some(entry) if entry.origin == own => {}
            Some(_) => {
                let cell = Foreign { place: Arc::clone(place), position: position as i64, run };
                looked.cells.push(cell);
            }
        }
    }
    Some(looked)
}

/// Appends a chunk that was looked through to rows of the table `cells`.
pub(crate) fn push(rows: &mut Rows, place: &Place, cells: &[Foreign]) {
    let chunk = place.chunk.to_hex();
    let mut row = |position, run| {
        rows.push(&[
            Item::Text(&place.experiment),
            Item::Text(&place.step),
            Item::Text(&chunk),
            position,
            run,
        ]);
    };
    row(Item::Null, Item::Null);
    for cell in cells {
        row(Item::Int(cell.position), Item::Bytes(cell.run.as_bytes()));
    }
}

/// Reads the table back: chunks that were looked through, and foreign cells.
pub(crate) fn read(batches: &[RecordBatch]) -> (BTreeSet<Place>, Vec<Foreign>) {
    let mut done = BTreeSet::new();
    let mut cells = Vec::new();
    for batch in batches {
        let text = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<StringViewArray>();
        let position = batch.column_by_name("position").and_then(|a| a.as_any().downcast_ref::<Int64Array>());
        let runs = batch.column_by_name("run_id").and_then(|a| a.as_any().downcast_ref::<BinaryViewArray>());
        let (Some(experiment), Some(step), Some(chunk), Some(position), Some(runs)) =
            (text("experiment"), text("step"), text("chunk"), position, runs)
        else {
            continue;
        };
        let mut last: Option<Arc<Place>> = None;
        for row in 0..batch.num_rows() {
            let Ok(chunk) = chunk.value(row).parse::<Digest>() else { continue };
            let place = match &last {
                Some(last)
                    if last.chunk == chunk
                        && last.experiment == experiment.value(row)
                        && last.step == step.value(row) =>
                {
                    Arc::clone(last)
                }
                _ => Arc::new(Place {
                    experiment: experiment.value(row).to_owned(),
                    step: step.value(row).to_owned(),
                    chunk,
                }),
            };
            last = Some(Arc::clone(&place));
            match (runs.is_null(row), <[u8; 32]>::try_from(runs.value(row))) {
                (false, Ok(id)) => {
                    let run = RunId(Digest::from_bytes(id));
                    cells.push(Foreign { place, position: position.value(row), run });
                }
                _ => {
                    done.insert((*place).clone());
                }
            }
        }
    }
    (done, cells)
}
