//! Where derived metrics and kept expressions lie in the journal.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use super::Index;
use super::level::Description;
use crate::id::{RecordName, RunId};
use crate::journal::RecordPlace;
use crate::record::DerivedBatch;

/// Where a batch of derived metrics lies, and which runs can be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct DerivedPlace {
    /// The record.
    #[n(0)]
    pub record: RecordName,
    /// Where it lies.
    #[n(1)]
    pub place: RecordPlace,
    /// The lowest id of its runs.
    #[n(2)]
    pub first: RunId,
    /// The highest.
    #[n(3)]
    pub last: RunId,
}

impl DerivedPlace {
    /// That of a batch; `None` for one without rows.
    pub fn of(record: RecordName, place: RecordPlace, batch: &DerivedBatch) -> Option<Self> {
        let runs = batch.rows.iter().map(|(run, _)| *run);
        Some(Self { record, place, first: runs.clone().min()?, last: runs.max()? })
    }
}

/// All that are known, in the order of their records, and which of them no level has.
#[derive(Clone, Debug, Default)]
pub(super) struct Derivations {
    batches: BTreeSet<DerivedPlace>,
    expressions: BTreeSet<(RecordName, RecordPlace)>,
    new_batches: Vec<DerivedPlace>,
    new_expressions: Vec<(RecordName, RecordPlace)>,
}

impl Derivations {
    /// Those of levels.
    pub(super) fn of<'a>(levels: impl Iterator<Item = &'a Description> + Clone) -> Self {
        Self {
            batches: levels.clone().flat_map(|level| level.derived.iter().flatten().copied()).collect(),
            expressions: levels.flat_map(|level| level.expressions.iter().flatten().copied()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn insert(&mut self, place: DerivedPlace) {
        if self.batches.insert(place) {
            self.new_batches.push(place);
        }
    }

    pub(super) fn insert_expression(&mut self, record: RecordName, place: RecordPlace) {
        if self.expressions.insert((record, place)) {
            self.new_expressions.push((record, place));
        }
    }

    /// What no level has has been written into one.
    pub(super) fn published(&mut self) {
        self.new_batches.clear();
        self.new_expressions.clear();
    }

    pub(super) fn new_batches(&self) -> Option<Vec<DerivedPlace>> {
        sorted(self.new_batches.iter())
    }

    pub(super) fn new_expressions(&self) -> Option<Vec<(RecordName, RecordPlace)>> {
        sorted(self.new_expressions.iter())
    }

    pub(super) fn all_batches(&self) -> Option<Vec<DerivedPlace>> {
        sorted(self.batches.iter())
    }

    pub(super) fn all_expressions(&self) -> Option<Vec<(RecordName, RecordPlace)>> {
        sorted(self.expressions.iter())
    }
}

/// Nothing for nothing: an absent field.
fn sorted<'a, T: Copy + Ord + 'a>(all: impl Iterator<Item = &'a T>) -> Option<Vec<T>> {
    let mut all: Vec<T> = all.copied().collect();
    all.sort_unstable();
    (!all.is_empty()).then_some(all)
}

impl Index {
    /// Notes a batch of derived metrics that was just committed, or read.
    pub fn derived(&mut self, place: DerivedPlace) {
        self.derivations.insert(place);
    }

    /// Notes an expression that was just kept, or read.
    pub fn expression(&mut self, record: RecordName, place: RecordPlace) {
        self.derivations.insert_expression(record, place);
    }

    /// Where all batches of derived metrics lie, in the order of their records.
    pub fn derived_places(&self) -> impl Iterator<Item = DerivedPlace> + '_ {
        self.derivations.batches.iter().copied()
    }

    /// Where batches lie that may have derived metrics of a run.
    pub fn derived_of(&self, run: &RunId) -> impl Iterator<Item = DerivedPlace> + '_ {
        let run = *run;
        self.derived_places().filter(move |place| place.first <= run && run <= place.last)
    }

    /// Record and place of every kept expression.
    pub fn expressions(&self) -> impl Iterator<Item = (RecordName, RecordPlace)> + '_ {
        self.derivations.expressions.iter().copied()
    }
}
