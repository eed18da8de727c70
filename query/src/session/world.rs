//! Everything a session knows of its store: tables, what the journal has beyond them, names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

use arrow::array::{Int64Array, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use metalab_cas::Digest;
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::index::Index;
use metalab_engine::journal::Cursor;
use metalab_engine::record::{Attempt, Record, SubmissionOpened};
use metalab_engine::store::Store;

use super::catalog::{Catalog, Counted, Kinds};
use super::compare::{Compared, Comparison};
use super::contents;
use super::coordinates::Coordinates;
use super::foreign::Cells;
use super::scan::{ADDRESS, Stored};
use super::tags::CaseTags;
use super::views::Sources;
use super::walk::find;
use crate::columns::{Admission, Path, Root, Shared};
use crate::error::QueryError;
use crate::fold::{Intake, Seen, described, read_submissions, settle};
use crate::tables::{Table, Tables, conform};

/// A store as it was at the last look.
pub(crate) struct World {
    store: Store,
    /// Where the files of its tables are registered.
    address: String,
    index: Arc<RwLock<Index>>,
    shared: Shared,
    seen: Seen,
    admission: Arc<Admission>,
    /// The snapshots and their rows that are small enough to hold.
    pub(crate) tables: Tables,
    folded_counts: Vec<Counted>,
    folded_runs: Vec<RecordBatch>,
    cells: Cells,
    /// How far the journal was read.
    reached: Cursor,
    live: BTreeMap<Table, Vec<RecordBatch>>,
    live_counts: Vec<Counted>,
    /// Attempts with series, inputs or data that are not folded, and how many of them were read.
    detailed: Vec<(RecordName, Arc<Attempt>)>,
    details_read: usize,
    /// Attempts whose submission was not visible.
    orphans: bool,
    catalog: Arc<Catalog>,
    /// Whether the catalog knows the experiments of metrics that were derived later.
    attributed: bool,
    coordinates: Arc<Coordinates>,
    case_tags: Option<Arc<CaseTags>>,
    /// Which cells and runs are exceptions, once that was looked for.
    compared: Option<Compared>,
    /// Records that are not in the tables.
    pub(crate) unfolded: u64,
}

impl World {
    /// Looks at a store. With `tables` of none, everything is read from the journal.
    pub(crate) async fn open(store: &Store, mut tables: Tables, index: Index) -> Result<Self, QueryError> {
        tables.check(index.cursor());
        let read = async |table: Table| match &tables.files {
            Some(files) => tables.get(table).read(files).await,
            None => Ok(Vec::new()),
        };
        let submissions = read_submissions(&read(Table::Submissions).await?);
        let folded_counts = read_counts(&read(Table::Columns).await?);
        let cells = Cells::new(&read(Table::Cells).await?);
        let folded_runs = read(Table::Superseded).await?;

        let index = Arc::new(RwLock::new(index));
        let (values, places) = (store.values(), Arc::clone(&index));
        let fetch = move |digest: &Digest| {
            let index = places.read().unwrap_or_else(|broken| broken.into_inner());
            values.get(digest, &index).ok().map(|bytes| bytes.to_vec())
        };
        let attempts = tables.get(Table::Attempts);
        let mut world = Self {
            store: store.clone(),
            address: ADDRESS.to_owned(),
            index,
            shared: Shared::new(fetch, submissions),
            seen: Seen::of(&tables),
            admission: Admission::new(attempts.columns.keys().cloned()),
            reached: attempts.cursor.clone(),
            tables,
            folded_counts,
            folded_runs,
            cells,
            live: BTreeMap::new(),
            live_counts: Vec::new(),
            detailed: Vec::new(),
            details_read: 0,
            orphans: false,
            catalog: Arc::default(),
            attributed: false,
            coordinates: Arc::default(),
            case_tags: None,
            compared: None,
            unfolded: 0,
        };
        world.absorb()?;
        Ok(world)
    }

    /// Looks again; `false` if it must be opened anew to be right.
    pub(crate) fn refresh(&mut self) -> Result<bool, QueryError> {
        let mut index = self.index.write().unwrap_or_else(|broken| broken.into_inner());
        settle(&mut index)?;
        let nothing = self.reached.covers(index.cursor());
        drop(index);
        if nothing {
            return Ok(true);
        }
        if self.orphans {
            return Ok(false);
        }
        self.absorb()?;
        Ok(true)
    }

    /// Reads what the index has and this has not.
    fn absorb(&mut self) -> Result<(), QueryError> {
        let index = self.index.read().unwrap_or_else(|broken| broken.into_inner());
        let to = index.cursor().clone();
        let mut records: Vec<(RecordName, Record)> = Vec::new();
        if !self.reached.covers(&to) {
            let scan =
                self.store.journal().scan(&self.reached).map_err(QueryError::store("listing its journal"))?;
            for scanned in scan {
                let scanned = scanned.map_err(QueryError::store("reading its journal"))?;
                if self.reached.contains(&scanned.name) || !to.contains(&scanned.name) {
                    continue;
                }
                let Ok(record) = scanned.decode() else { continue };
                self.shared.note(scanned.name, &record);
                records.push((scanned.name, record));
            }
        }
        self.unfolded += records.len() as u64;
        let mut intake = Intake::new(&self.shared, &index, &self.seen, &self.admission, false);
        for (name, record) in records {
            intake.take(&name, &record)?;
            if let Record::Attempt(attempt) = record {
                let submission = attempt.submission.as_ref();
                self.orphans |=
                    submission.is_some_and(|submission| self.shared.submission(submission).is_none());
                if !attempt.series.is_empty() || !attempt.inputs.is_empty() || !attempt.data.is_empty() {
                    self.detailed.push((name, Arc::new(*attempt)));
                }
            }
        }
        self.live_counts.extend(intake.finish()?);
        for (table, batches) in std::mem::take(&mut intake.batches) {
            self.live.entry(table).or_default().extend(batches);
        }
        drop(intake);
        let superseded = self.live.get(&Table::Superseded).map_or(&[][..], Vec::as_slice);
        let submissions = self.shared.submissions();
        self.cells.look(&self.store, &index, &submissions, &[&self.folded_runs, superseded])?;
        self.reached = to;
        self.compared = None;
        self.coordinates = Arc::new(Coordinates::of(&submissions, &self.shared, &self.coordinates));
        self.case_tags = CaseTags::of(&submissions, &self.shared, self.case_tags.as_deref());
        let counts = self.folded_counts.iter().chain(&self.live_counts);
        let counts = counts.chain(self.coordinates.counted()).cloned();
        let named = submissions.iter().map(|(_, opened)| opened.experiment.clone());
        let kept = metalab_engine::derived::expressions::of(&self.store, &index)
            .map_err(QueryError::store("reading kept expressions"))?;
        self.catalog = Arc::new(Catalog::new(counts, named, kept));
        self.attributed = false;
        Ok(())
    }

    /// Gives its files an address of their own, for a store that is asked along with others.
    pub(crate) fn call(&mut self, name: &str) {
        self.address = format!("metalab://tables-of-{}", name.replace('_', "-"));
    }

    /// The store.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Where the files of its tables are registered.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What must be compared before cells can be shown; `None` if that was done or need not be.
    pub(crate) fn uncompared(&self) -> Option<Comparison> {
        if self.compared.is_some() {
            return None;
        }
        let index = self.index.read().unwrap_or_else(|broken| broken.into_inner());
        Comparison::begin(&self.store, &index, &self.shared.submissions(), &self.coordinates)
    }

    /// Runs that comparing needs to know more of.
    pub(crate) fn unknown(&self, comparison: &Comparison) -> Result<Option<RecordBatch>, QueryError> {
        comparison.unknown(&self.index.read().unwrap_or_else(|broken| broken.into_inner()))
    }

    /// Notes what comparing has found.
    pub(crate) fn compared(&mut self, compared: Compared) {
        self.compared = Some(compared);
    }

    /// The run whose id begins like this.
    pub(crate) fn run(&self, function: &'static str, prefix: &str) -> Result<RunId, QueryError> {
        find(function, prefix, &self.index.read().unwrap_or_else(|broken| broken.into_inner()))
    }

    /// What reads the bytes of its values.
    pub(crate) fn reader(&self) -> contents::Reader {
        contents::Reader { store: self.store.clone(), index: Arc::clone(&self.index) }
    }

    /// All names.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// Whether it is not known yet which experiments have which derived metrics.
    pub(crate) fn is_unattributed(&self) -> bool {
        self.catalog.has_unattributed() && !self.attributed
    }

    /// Notes which experiments have which derived metrics.
    pub(crate) fn attribute(&mut self, found: BTreeMap<String, BTreeMap<Path, Kinds>>) {
        let catalog = Arc::make_mut(&mut self.catalog);
        for (experiment, paths) in found {
            let known = catalog.experiments.entry(experiment).or_default();
            for (path, kinds) in paths {
                known.entry(path).or_default().extend(kinds);
            }
        }
        self.attributed = true;
    }

    /// What the views of a query are made of; details (series, inputs and data) are read only when they are asked for.
    pub(crate) fn sources(&mut self, with_details: bool) -> Result<Sources, QueryError> {
        if with_details && self.details_read < self.detailed.len() {
            let index = self.index.read().unwrap_or_else(|broken| broken.into_inner());
            let mut intake = Intake::new(&self.shared, &index, &self.seen, &self.admission, false);
            for (name, attempt) in &self.detailed[self.details_read..] {
                intake.take_details(name, attempt)?;
            }
            intake.finish()?;
            for (table, batches) in std::mem::take(&mut intake.batches) {
                self.live.entry(table).or_default().extend(batches);
            }
            drop(intake);
            self.details_read = self.detailed.len();
        }
        let compared = self.compared.clone().unwrap_or_default();
        let sources = Sources {
            attempts: self.stored(Table::Attempts)?,
            superseded: self.stored(Table::Superseded)?,
            series: self.stored(Table::Series)?,
            artifacts: self.stored(Table::Artifacts)?,
            lineage: self.stored(Table::Lineage)?,
            data: self.stored(Table::Data)?,
            derived: self.stored(Table::Derived)?,
            derived_again: self.catalog.has_unattributed(),
            case_tags: self.case_tags.clone(),
            submissions: self.stored(Table::Submissions)?,
            completed: self.completed()?,
            foreign: self.cells.foreign().into_iter().chain(compared.extra).collect(),
            hidden: compared.hidden,
            coordinates: Arc::clone(&self.coordinates),
            experiments: self.experiments()?,
            columns: self.columns()?,
            catalog: self.catalog(),
        };
        Ok(sources)
    }

    /// Submissions whose steps are not as they were when they were opened.
    fn completed(&self) -> Result<Option<RecordBatch>, QueryError> {
        let submissions = self.shared.submissions();
        let rows: Vec<(String, (i64, String))> = submissions
            .completed()
            .map(|(name, opened)| (name.to_string(), described(&opened.steps)))
            .collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let schema = Schema::new(vec![
            Field::new("submission", DataType::Utf8View, true),
            Field::new("cells", DataType::Int64, true),
            Field::new("steps", DataType::Utf8View, true),
        ]);
        let batch = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringViewArray::from_iter_values(rows.iter().map(|(name, _)| name))),
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, (cells, _))| *cells))),
                Arc::new(StringViewArray::from_iter_values(rows.iter().map(|(_, (_, steps))| steps))),
            ],
        );
        batch.map(Some).map_err(QueryError::table("submissions", "listing steps"))
    }

    /// A stored table with what is not folded yet.
    fn stored(&mut self, table: Table) -> Result<Arc<Stored>, QueryError> {
        let snapshot = self.tables.get(table);
        let folded = snapshot.schema();
        let live = self.live.entry(table).or_default();
        let schema = union(&folded, live);
        for batch in live.iter_mut().filter(|batch| batch.schema() != schema) {
            *batch = conform(batch, &schema)
                .map_err(QueryError::table(table.name(), "reading what is not folded"))?;
        }
        let (files, live, address) = (snapshot.files.clone(), live.clone(), self.address.clone());
        Ok(Arc::new(Stored { schema, files, live, address }))
    }

    /// Experiments by name, from their submissions.
    fn experiments(&self) -> Result<RecordBatch, QueryError> {
        let submissions = self.shared.submissions();
        let mut by_name: BTreeMap<&str, Vec<&Arc<SubmissionOpened>>> = BTreeMap::new();
        for (_, opened) in submissions.iter() {
            by_name.entry(&opened.experiment).or_default().push(opened);
        }
        let versions = by_name.values().map(|all| {
            let versions: BTreeSet<&str> = all.iter().map(|opened| opened.version.as_str()).collect();
            versions.into_iter().collect::<Vec<_>>().join(", ")
        });
        let first = by_name.values().map(|all| all.iter().map(|opened| opened.time).min());
        let last = by_name.values().map(|all| all.iter().map(|opened| opened.time).max());
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let schema = Schema::new(vec![
            Field::new("experiment", DataType::Utf8, true),
            Field::new("versions", DataType::Utf8, true),
            Field::new("submissions", DataType::Int64, true),
            Field::new("first", time.clone(), true),
            Field::new("last", time, true),
        ]);
        let batch = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from_iter_values(by_name.keys())),
                Arc::new(StringArray::from_iter_values(versions)),
                Arc::new(Int64Array::from_iter_values(by_name.values().map(|all| all.len() as i64))),
                Arc::new(first.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
                Arc::new(last.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            ],
        );
        batch.map_err(QueryError::table("experiments", "listing experiments"))
    }

    /// The rows of the table `columns`.
    fn columns(&self) -> Result<RecordBatch, QueryError> {
        let counted = &self.catalog.counted;
        let parsed: Vec<_> = counted.iter().map(|row| crate::columns::Path::parse(&row.column)).collect();
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let fields = vec![
            text("path"),
            text("type"),
            text("experiment"),
            text("operation"),
            Field::new("count", DataType::Int64, true),
            text("stored"),
        ];
        let path = parsed.iter().map(|parsed| parsed.as_ref().map(|(path, _)| path.shown()));
        let kind = parsed.iter().map(|parsed| parsed.as_ref().map(|(_, kind)| kind.as_str()));
        // Coordinates are computed.
        let is_stored = |parsed: &Option<(crate::columns::Path, _)>| {
            parsed.as_ref().is_none_or(|(path, _)| path.root != Root::Upstream)
        };
        let stored = counted.iter().zip(&parsed);
        let stored = stored.map(|(row, parsed)| is_stored(parsed).then_some(row.column.as_str()));
        let batch = RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            vec![
                Arc::new(path.collect::<StringArray>()),
                Arc::new(kind.collect::<StringArray>()),
                Arc::new(counted.iter().map(|row| row.experiment.as_deref()).collect::<StringArray>()),
                Arc::new(counted.iter().map(|row| row.operation.as_deref()).collect::<StringArray>()),
                Arc::new(Int64Array::from_iter_values(counted.iter().map(|row| row.count))),
                Arc::new(stored.collect::<StringArray>()),
            ],
        );
        batch.map_err(QueryError::table("columns", "listing columns"))
    }
}

/// The columns of a table and of rows beside it, as queries see them.
fn union(folded: &SchemaRef, live: &[RecordBatch]) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = folded.fields().iter().cloned().collect();
    let mut known: BTreeSet<String> = fields.iter().map(|field| field.name().clone()).collect();
    for field in live.iter().flat_map(|batch| batch.schema().fields().iter().cloned().collect::<Vec<_>>()) {
        if known.insert(field.name().clone()) {
            fields.push(Arc::new(crate::tables::Type::of(field.data_type()).field(field.name())));
        }
    }
    if fields.len() == folded.fields().len() { Arc::clone(folded) } else { Arc::new(Schema::new(fields)) }
}

/// Reads the table `columns` back.
fn read_counts(batches: &[RecordBatch]) -> Vec<Counted> {
    use arrow::array::{Array, StringViewArray};
    let mut counts = Vec::new();
    for batch in batches {
        let text = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<StringViewArray>();
        let count =
            batch.column_by_name("count").and_then(|array| array.as_any().downcast_ref::<Int64Array>());
        let (Some(experiment), Some(operation), Some(column), Some(count)) =
            (text("experiment"), text("operation"), text("column"), count)
        else {
            continue;
        };
        let get =
            |array: &StringViewArray, row: usize| array.is_valid(row).then(|| array.value(row).to_owned());
        counts.extend((0..batch.num_rows()).map(|row| Counted {
            experiment: get(experiment, row),
            operation: get(operation, row),
            column: column.value(row).to_owned(),
            count: count.value(row),
        }));
    }
    counts
}
