//! Records to rows of all tables.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use metalab_engine::capture::series;
use metalab_engine::id::{RecordName, RunId};
use metalab_engine::index::Index;
use metalab_engine::journal::Cursor;
use metalab_engine::record::{Attempt, DerivedBatch, Record};

use super::rows::{Item, Rows};
use super::{data, derived, lineage, submissions};
use crate::columns::{Admission, AttemptsBuilder, Path, Root, Shared, scalar_leaf, small};
use crate::error::QueryError;
use crate::session::Counted;
use crate::tables::{Table, Tables};

/// Rows of a batch: what stays in a processor's cache while it is built.
const BATCH: usize = 16 * 1024;

/// What each table has seen already.
#[derive(Clone, Debug)]
pub(crate) struct Seen(BTreeMap<Table, Cursor>);

impl Seen {
    /// As of these tables.
    pub(crate) fn of(tables: &Tables) -> Self {
        Self(Table::ALL.into_iter().map(|table| (table, tables.cursor(table))).collect())
    }

    fn has(&self, table: Table, name: &RecordName) -> bool {
        self.0[&table].contains(name)
    }
}

/// Turns records into batches of every table that has not seen them.
pub(crate) struct Intake<'s> {
    shared: &'s Shared,
    index: &'s Index,
    seen: &'s Seen,
    admission: Arc<Admission>,
    with_details: bool,
    attempts: AttemptsBuilder<'s>,
    rows: BTreeMap<Table, Rows>,
    several: HashSet<RunId>,
    counts: BTreeMap<(Option<String>, Option<String>, String), i64>,
    /// Values that records name and nobody has, in words.
    pub(crate) missing: Vec<String>,
    /// Finished batches, to be taken by the caller.
    pub(crate) batches: BTreeMap<Table, Vec<RecordBatch>>,
}

impl<'s> Intake<'s> {
    /// An intake; without details, stepped metrics and inputs are passed over (they are many, and few questions need
    /// them).
    pub(crate) fn new(
        shared: &'s Shared,
        index: &'s Index,
        seen: &'s Seen,
        admission: &Arc<Admission>,
        with_details: bool,
    ) -> Self {
        Self {
            shared,
            index,
            seen,
            admission: Arc::clone(admission),
            with_details,
            attempts: AttemptsBuilder::new(shared, Arc::clone(admission)),
            rows: Table::ALL.into_iter().map(|table| (table, Rows::new(table))).collect(),
            several: HashSet::new(),
            counts: BTreeMap::new(),
            missing: Vec::new(),
            batches: BTreeMap::new(),
        }
    }

    /// Takes a record.
    pub(crate) fn take(&mut self, name: &RecordName, record: &Record) -> Result<(), QueryError> {
        match record {
            Record::Attempt(attempt) => self.attempt(name, attempt),
            Record::Opened(opened) if !self.seen.has(Table::Submissions, name) => {
                let shared = self.shared;
                submissions::push_opened(self.rows(Table::Submissions), name, opened, shared);
                self.full(Table::Submissions)
            }
            Record::Closed(closed) if !self.seen.has(Table::Submissions, name) => {
                submissions::push_closed(self.rows(Table::Submissions), closed);
                self.full(Table::Submissions)
            }
            Record::Resolved(resolved) if !self.seen.has(Table::Submissions, name) => {
                submissions::push_resolved(self.rows(Table::Submissions), name, resolved);
                self.full(Table::Submissions)
            }
            Record::Derived(batch) => self.derived_later(name, batch),
            Record::Expression(kept) if !self.seen.has(Table::Expressions, name) => {
                derived::push_expression(self.rows(Table::Expressions), name, kept);
                self.full(Table::Expressions)
            }
            _ => Ok(()),
        }
    }

    /// What was derived after the runs had ended. It belongs to no experiment of its own: a run may be in several.
    fn derived_later(&mut self, name: &RecordName, batch: &DerivedBatch) -> Result<(), QueryError> {
        if !self.seen.has(Table::Columns, name) {
            for (metric, value) in batch.rows.iter().flat_map(|(_, derived)| &derived.values) {
                let path = Path { root: Root::Derived, parts: vec![metric.clone()] };
                let column = path.stored(scalar_leaf(value).kind());
                *self.counts.entry((None, None, column)).or_default() += 1;
            }
        }
        if self.seen.has(Table::Derived, name) {
            return Ok(());
        }
        derived::push_batch(self.rows(Table::Derived), name, batch);
        self.full(Table::Derived)
    }

    /// Takes the stepped metrics, the inputs and the data of an attempt alone.
    pub(crate) fn take_details(&mut self, name: &RecordName, attempt: &Attempt) -> Result<(), QueryError> {
        self.series(name, attempt)?;
        self.inputs(name, attempt)?;
        self.data(name, attempt)
    }

    fn data(&mut self, name: &RecordName, attempt: &Attempt) -> Result<(), QueryError> {
        if attempt.data.is_empty() || self.seen.has(Table::Data, name) {
            return Ok(());
        }
        let shared = self.shared;
        let unread = data::push(self.rows(Table::Data), name, attempt, shared);
        self.missing.extend(unread);
        self.full(Table::Data)
    }

    fn inputs(&mut self, name: &RecordName, attempt: &Attempt) -> Result<(), QueryError> {
        if attempt.inputs.is_empty() || self.seen.has(Table::Lineage, name) {
            return Ok(());
        }
        let shared = self.shared;
        let unread = lineage::push(self.rows(Table::Lineage), name, attempt, shared);
        self.missing.extend(unread);
        self.full(Table::Lineage)
    }

    fn series(&mut self, name: &RecordName, attempt: &Attempt) -> Result<(), QueryError> {
        if attempt.series.is_empty() || self.seen.has(Table::Series, name) {
            return Ok(());
        }
        let writer = name.writer.to_string();
        for stepped in &attempt.series {
            let Some(points) = self.shared.fetch(&stepped.value.digest).and_then(|b| series::decode(&b).ok())
            else {
                self.missing.push(format!("the steps of `{}` in record {name} cannot be read", stepped.name));
                continue;
            };
            for (step, value) in points {
                self.rows(Table::Series).push(&[
                    Item::Bytes(attempt.run.as_bytes()),
                    Item::Text(&stepped.name),
                    Item::Int(small(step)),
                    Item::Float(value),
                    Item::Text(&writer),
                    Item::Int(small(name.sequence)),
                ]);
                self.full(Table::Series)?;
            }
        }
        Ok(())
    }

    fn attempt(&mut self, name: &RecordName, attempt: &Attempt) -> Result<(), QueryError> {
        if !self.seen.has(Table::Attempts, name) {
            self.attempts.push(name, attempt, !self.seen.has(Table::Columns, name));
            if self.attempts.len() >= BATCH {
                self.finish_attempts()?;
            }
        }
        if self.with_details {
            self.take_details(name, attempt)?;
        }
        if !attempt.derived.is_empty() && !self.seen.has(Table::Derived, name) {
            derived::push_of_attempt(self.rows(Table::Derived), name, attempt);
            self.full(Table::Derived)?;
        }
        if !attempt.artifacts.is_empty() && !self.seen.has(Table::Artifacts, name) {
            self.artifacts(name, attempt)?;
        }
        if !self.seen.has(Table::Superseded, name) {
            self.superseded(attempt.run)?;
        }
        Ok(())
    }

    fn artifacts(&mut self, name: &RecordName, attempt: &Attempt) -> Result<(), QueryError> {
        let writer = name.writer.to_string();
        for artifact in &attempt.artifacts {
            self.rows(Table::Artifacts).push(&[
                Item::Bytes(attempt.run.as_bytes()),
                Item::Text(&artifact.name),
                Item::Text(&artifact.kind),
                Item::Text(&artifact.value.digest.to_hex()),
                Item::Int(small(artifact.value.size)),
                artifact.extension.as_deref().into(),
                Item::Text(&writer),
                Item::Int(small(name.sequence)),
            ]);
        }
        self.full(Table::Artifacts)
    }

    /// Names all attempts of a run that do not stand. A new attempt can only add to them, so they are never taken back.
    fn superseded(&mut self, run: RunId) -> Result<(), QueryError> {
        if !self.index.get(&run).is_some_and(|entry| entry.several) || !self.several.insert(run) {
            return Ok(());
        }
        for entry in self.index.others(&run).into_iter().skip(1) {
            self.rows(Table::Superseded).push(&[
                Item::Bytes(run.as_bytes()),
                Item::Text(&entry.name.writer.to_string()),
                Item::Int(small(entry.name.sequence)),
            ]);
        }
        self.full(Table::Superseded)
    }

    fn rows(&mut self, table: Table) -> &mut Rows {
        self.rows.entry(table).or_insert_with(|| Rows::new(table))
    }

    fn full(&mut self, table: Table) -> Result<(), QueryError> {
        let rows = self.rows(table);
        if rows.len() >= BATCH {
            let batch = rows.finish().map_err(QueryError::table(table.name(), "building rows"))?;
            self.batches.entry(table).or_default().push(batch);
        }
        Ok(())
    }

    fn finish_attempts(&mut self) -> Result<(), QueryError> {
        let next = AttemptsBuilder::new(self.shared, Arc::clone(&self.admission));
        let attempts = std::mem::replace(&mut self.attempts, next);
        let built = attempts.finish().map_err(QueryError::table(Table::Attempts.name(), "building rows"))?;
        for (experiment, operation, column, count) in built.counts {
            *self.counts.entry((experiment, operation, column)).or_default() += count;
        }
        self.batches.entry(Table::Attempts).or_default().push(built.batch);
        Ok(())
    }

    /// Ends all batches and gives the counts of values.
    pub(crate) fn finish(&mut self) -> Result<Vec<Counted>, QueryError> {
        if self.attempts.len() > 0 {
            self.finish_attempts()?;
        }
        for table in Table::ALL {
            if self.rows(table).len() > 0 {
                let batch =
                    self.rows(table).finish().map_err(QueryError::table(table.name(), "building rows"))?;
                self.batches.entry(table).or_default().push(batch);
            }
        }
        let counts = std::mem::take(&mut self.counts).into_iter();
        Ok(counts
            .map(|((experiment, operation, column), count)| Counted { experiment, operation, column, count })
            .collect())
    }
}

/// Appends counts to rows of the table `columns`.
pub(crate) fn push_counts(rows: &mut Rows, counts: &[Counted]) {
    for row in counts {
        let items = [
            row.experiment.as_deref().into(),
            row.operation.as_deref().into(),
            Item::Text(&row.column),
            Item::Int(row.count),
        ];
        rows.push(&items);
    }
}
