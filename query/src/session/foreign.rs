//! Cells of simple steps whose run another step wanted first, as one batch beside the attempts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, BinaryViewArray, BinaryViewBuilder, Int64Builder, RecordBatch, StringViewBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use metalab_cas::Digest;
use metalab_engine::cells::read_chunk;
use metalab_engine::id::RunId;
use metalab_engine::index::{Index, origin};
use metalab_engine::record::Record;
use metalab_engine::store::Store;

use crate::columns::{Submissions, small};
use crate::error::QueryError;
use crate::fold::{Foreign, Named, Place, Step, intricate, look, places, possible, read_cells};

/// What is known of foreign cells.
pub(crate) struct Cells {
    /// Chunks that were looked through for good.
    done: BTreeSet<Place>,
    /// Their foreign cells.
    found: Vec<Foreign>,
    batch: Option<RecordBatch>,
    lengths: HashMap<Digest, i64>,
}

/// A cell as it will stand in `runs`.
pub(super) struct Row {
    pub(super) experiment: String,
    pub(super) version: String,
    pub(super) step: String,
    pub(super) cell: Option<i64>,
    pub(super) submission: String,
    pub(super) tags: Option<String>,
}

/// What prefers one description of a cell over another: an attempt that was made for it, then the first submission.
type Rank = (u8, i64, String, Option<i64>);

impl Cells {
    /// From the rows of the table `cells`.
    pub(crate) fn new(batches: &[RecordBatch]) -> Self {
        let (done, found) = read_cells(batches);
        Self { done, found, batch: None, lengths: HashMap::new() }
    }

    /// The foreign cells as of the last look.
    pub(crate) fn foreign(&self) -> Option<RecordBatch> {
        self.batch.clone()
    }

    /// Looks through what is new; a function of the set of records alone.
    pub(crate) fn look(
        &mut self,
        store: &Store,
        index: &Index,
        submissions: &Submissions,
        superseded: &[&[RecordBatch]],
    ) -> Result<(), QueryError> {
        let places = places(submissions);
        self.batch = None;
        if !possible(&places) {
            return Ok(());
        }
        let intricate = intricate(submissions);
        let simple = |place: &Place| !intricate.contains(&(place.experiment.clone(), place.step.clone()));
        let mut waiting = Vec::new();
        let new = places.keys().filter(|place| !self.done.contains(place) && simple(place));
        for place in new.cloned().collect::<Vec<_>>() {
            let Some(looked) = look(store, index, &Arc::new(place.clone())) else { continue };
            if looked.complete {
                self.done.insert(place);
                self.found.extend(looked.cells);
            } else {
                waiting.extend(looked.cells);
            }
        }
        let mut rows: HashMap<(u64, RunId), (Rank, Row)> = HashMap::new();
        for run in runs(superseded) {
            displaced(store, index, submissions, &intricate, run, &mut rows)?;
        }
        for cell in self.found.clone().iter().chain(&waiting).filter(|cell| simple(&cell.place)) {
            self.reused(store, index, submissions, &places, cell, &mut rows);
        }
        let rows: Vec<(RunId, Row)> = rows.into_iter().map(|((_, run), (_, row))| (run, row)).collect();
        self.batch = (!rows.is_empty()).then(|| batch(rows)).transpose()?;
        Ok(())
    }

    /// A cell whose run another step of another experiment has wanted first.
    fn reused(
        &mut self,
        store: &Store,
        index: &Index,
        submissions: &Submissions,
        places: &BTreeMap<Place, Named>,
        cell: &Foreign,
        rows: &mut HashMap<(u64, RunId), (Rank, Row)>,
    ) {
        let own = origin(&cell.place.experiment, &cell.place.step);
        // Since it was written down, an attempt made for this very cell may have come to stand.
        if index.get(&cell.run).is_none_or(|entry| entry.origin == own) {
            return;
        }
        let Some(named) = places.get(&*cell.place) else { return };
        let Some(opened) = submissions.get(&named.submission) else { return };
        let step = opened.steps.iter().find(|step| step.name == cell.place.step);
        let before = step.map_or(&[][..], |step| &step.chunks[..named.ordinal.min(step.chunks.len())]);
        let mut base = Some(0);
        for chunk in before {
            let length = match self.lengths.get(chunk) {
                Some(length) => Some(*length),
                None => read_chunk(store, index, chunk).ok().map(|ids| ids.len() as i64),
            };
            if let Some(length) = length {
                self.lengths.insert(*chunk, length);
            }
            base = base.zip(length).map(|(base, length)| base + length);
        }
        let cell_index = base.map(|base| base + cell.position);
        let rank = (1, named.time, named.submission.to_string(), cell_index);
        keep(rows, (own, cell.run), rank, || Row {
            experiment: opened.experiment.clone(),
            version: opened.version.clone(),
            step: cell.place.step.clone(),
            cell: cell_index,
            submission: named.submission.to_string(),
            tags: (!opened.tags.is_empty()).then(|| opened.tags.join(",")),
        });
    }
}

/// Cells of attempts that do not stand, where the one that does was made for another cell.
fn displaced(
    store: &Store,
    index: &Index,
    submissions: &Submissions,
    intricate: &BTreeSet<Step>,
    run: RunId,
    rows: &mut HashMap<(u64, RunId), (Rank, Row)>,
) -> Result<(), QueryError> {
    let entries = index.others(&run);
    let Some(standing) = entries.first() else { return Ok(()) };
    for entry in entries[1..].iter().filter(|entry| entry.origin != standing.origin && entry.origin != 0) {
        let Ok(Record::Attempt(attempt)) = store.journal().read(&entry.place) else { continue };
        let Some(name) = attempt.submission else { continue };
        let Some(opened) = submissions.get(&name) else { continue };
        let Some(step) = opened.steps.get(attempt.step.unwrap_or(0) as usize) else { continue };
        if intricate.contains(&(opened.experiment.clone(), step.name.clone())) {
            continue;
        }
        let cell = attempt.cell.map(small);
        let rank = (0, entry.started, entry.name.to_string(), cell);
        keep(rows, (entry.origin, run), rank, || Row {
            experiment: opened.experiment.clone(),
            version: opened.version.clone(),
            step: step.name.clone(),
            cell,
            submission: name.to_string(),
            tags: (!opened.tags.is_empty()).then(|| opened.tags.join(",")),
        });
    }
    Ok(())
}

fn keep(
    rows: &mut HashMap<(u64, RunId), (Rank, Row)>,
    key: (u64, RunId),
    rank: Rank,
    row: impl FnOnce() -> Row,
) {
    match rows.get_mut(&key) {
        Some((known, _)) if *known <= rank => {}
        Some(known) => *known = (rank, row()),
        None => {
            rows.insert(key, (rank, row()));
        }
    }
}

/// The distinct runs of rows of `superseded`.
fn runs(superseded: &[&[RecordBatch]]) -> BTreeSet<RunId> {
    let mut runs = BTreeSet::new();
    for batch in superseded.iter().flat_map(|batches| batches.iter()) {
        let Some(column) = batch.column_by_name("run_id") else { continue };
        let Ok(column) = arrow::compute::cast(column, &DataType::BinaryView) else { continue };
        let Some(ids) = column.as_any().downcast_ref::<BinaryViewArray>() else { continue };
        let ids = (0..ids.len()).filter_map(|row| <[u8; 32]>::try_from(ids.value(row)).ok());
        runs.extend(ids.map(|id| RunId(Digest::from_bytes(id))));
    }
    runs
}

/// Cells and their runs as rows that views join with the attempts.
pub(super) fn batch(mut rows: Vec<(RunId, Row)>) -> Result<RecordBatch, QueryError> {
    rows.sort_by(|(a, x), (b, y)| {
        (&x.experiment, &x.step, x.cell, a).cmp(&(&y.experiment, &y.step, y.cell, b))
    });
    let mut texts: [StringViewBuilder; 5] = std::array::from_fn(|_| StringViewBuilder::new());
    let mut cell = Int64Builder::new();
    let mut run_id = BinaryViewBuilder::new();
    for (run, row) in &rows {
        texts[0].append_value(&row.experiment);
        texts[1].append_value(&row.version);
        texts[2].append_value(&row.step);
        texts[3].append_value(&row.submission);
        texts[4].append_option(row.tags.as_deref());
        cell.append_option(row.cell);
        run_id.append_value(run.as_bytes());
    }
    let names = ["experiment", "experiment_version", "step", "submission", "tags"];
    let mut fields: Vec<Field> = names.map(|name| Field::new(name, DataType::Utf8View, true)).to_vec();
    fields.push(Field::new("cell", DataType::Int64, true));
    fields.push(Field::new("run_id", DataType::BinaryView, true));
    let mut columns: Vec<arrow::array::ArrayRef> = Vec::new();
    for mut text in texts {
        columns.push(Arc::new(text.finish()));
    }
    columns.push(Arc::new(cell.finish()));
    columns.push(Arc::new(run_id.finish()));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(QueryError::table("cells", "listing cells"))
}
