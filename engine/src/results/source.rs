//! Where results come from: a submission that has just ended, or one that a store remembers.

use std::sync::Arc;

use super::view::Cells;
use super::{CellPlace, Dimensions, ResultError, Results, RunReader};
use crate::cells;
use crate::id::{RecordName, RunId};
use crate::index::Index;
use crate::inspect::{self, ExperimentInfo};
use crate::plan::{Decisions, Plan, StepPlan};
use crate::record::{Closing, Outcome, Record, StepRecord, SubmissionOpened};
use crate::running::Summary;
use crate::store::Store;
use crate::submission;
use crate::tags::CaseTags;

/// What all views of some results share.
pub(super) struct Source {
    pub(super) experiment: String,
    pub(super) submission: RecordName,
    pub(super) steps: Vec<StepCells>,
    pub(super) index: Index,
    pub(super) closing: Option<Closing>,
    pub(super) summary: Option<Summary>,
    pub(super) reader: RunReader,
}

/// The cells of a step.
#[derive(Clone, Debug)]
pub(crate) struct StepCells {
    pub(crate) name: String,
    pub(crate) axes: Vec<String>,
    pub(crate) sets: u64,
    pub(crate) replicates: u64,
    pub(crate) dimensions: Dimensions,
    /// Tags of the experiment.
    pub(crate) tags: Arc<Vec<String>>,
    pub(crate) case_tags: Arc<CaseTags>,
    pub(crate) ids: Vec<RunId>,
}

impl StepCells {
    /// Those that a submission's record names.
    fn of(
        step: &StepRecord,
        tags: &Arc<Vec<String>>,
        store: &Store,
        index: &Index,
    ) -> Result<Self, ResultError> {
        // Tags that cannot be read hide no result.
        let case_tags = step.case_tags.as_ref().and_then(|digest| store.values().get(digest, index).ok());
        Ok(Self {
            name: step.name.clone(),
            axes: step.axes.clone(),
            sets: step.sets,
            replicates: step.replicates,
            dimensions: Dimensions::of(step, store, index)?,
            tags: tags.clone(),
            case_tags: Arc::new(case_tags.and_then(|bytes| CaseTags::decode(&bytes)).unwrap_or_default()),
            ids: cells::read(store, index, step).collect::<Result<_, _>>()?,
        })
    }

    /// Those of a plan whose run ids are known by now.
    pub(crate) fn planned(plan: &Plan, decisions: &Decisions) -> Vec<Self> {
        let steps = plan.steps().zip(&decisions.steps);
        steps.map(|(step, decided)| Self { ids: decided.ids.clone(), ..Self::of_plan(step) }).collect()
    }

    /// Those of a step, without run ids.
    pub(crate) fn of_plan(step: &StepPlan) -> Self {
        Self {
            name: step.name.clone(),
            axes: step.arguments.coordinates.clone(),
            sets: step.sets(),
            replicates: step.replicates,
            dimensions: Dimensions::decode(&step.dimensions()),
            tags: step.tags.clone(),
            case_tags: step.case_tags.clone(),
            ids: Vec::new(),
        }
    }

    pub(crate) fn place(&self, cell: u64) -> CellPlace {
        CellPlace {
            step: self.name.clone(),
            cell,
            replicate: (self.replicates > 1).then(|| cell / self.sets.max(1)),
            coordinates: self.dimensions.at(cell),
            tags: self.tags_of(cell),
        }
    }

    /// Whether a cell, or the experiment, has a tag.
    pub(super) fn has_tag(&self, cell: u64, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
            || self.case_tags.of(cell % self.sets.max(1)).any(|own| own == tag)
    }

    /// The tags of a cell: those of the experiment, then its own.
    fn tags_of(&self, cell: u64) -> Vec<String> {
        let mut tags = (*self.tags).clone();
        for tag in self.case_tags.of(cell % self.sets.max(1)) {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags
    }
}

impl Results {
    pub(crate) fn new(
        store: Store,
        plan: &Plan,
        decisions: &Decisions,
        index: Index,
        submission: RecordName,
        closing: Closing,
        summary: Summary,
    ) -> Self {
        Self::of(Source {
            experiment: plan.name().to_owned(),
            submission,
            steps: StepCells::planned(plan, decisions),
            index,
            closing: Some(closing),
            summary: Some(summary),
            reader: RunReader::new(store),
        })
    }

    /// The results of the last submission of an experiment in a store, finished or not.
    ///
    /// # Errors
    /// When the store cannot be read or has no such experiment.
    pub fn load(store: &Store, experiment: &str) -> Result<Self, ResultError> {
        let index = Index::load(store)?;
        let found = submission::last(store, &index, Some(experiment))?;
        let (name, opened) =
            found.ok_or_else(|| ResultError::NoExperiment { experiment: experiment.to_owned() })?;
        Self::loaded(store, index, name, opened)
    }

    /// The results of one submission of a store, by the name of its record; finished or not.
    ///
    /// # Errors
    /// When the store cannot be read or has no such submission.
    pub fn load_submission(store: &Store, submission: RecordName) -> Result<Self, ResultError> {
        let index = Index::load(store)?;
        let missing = || ResultError::NoSubmission { submission };
        let place = index.submission(&submission).ok_or_else(missing)?;
        let Record::Opened(mut opened) = store.journal().read(&place)? else { return Err(missing()) };
        submission::complete(store, &index, &submission, &mut opened);
        Self::loaded(store, index, submission, *opened)
    }

    fn loaded(
        store: &Store,
        index: Index,
        submission: RecordName,
        opened: SubmissionOpened,
    ) -> Result<Self, ResultError> {
        let tags = Arc::new(opened.tags);
        let steps = opened.steps.iter().map(|step| StepCells::of(step, &tags, store, &index));
        let steps = steps.collect::<Result<Vec<_>, ResultError>>()?;
        Ok(Self::of(Source {
            experiment: opened.experiment,
            submission,
            steps,
            index,
            closing: None,
            summary: None,
            reader: RunReader::new(store.clone()),
        }))
    }

    fn of(source: Source) -> Self {
        Self { source: Arc::new(source), cells: Cells::All, overlay: None }
    }

    /// Name of the experiment.
    pub fn experiment(&self) -> &str {
        &self.source.experiment
    }

    /// The record of the submission.
    pub fn submission(&self) -> RecordName {
        self.source.submission
    }

    /// What the submission reached; `None` when loaded from a store.
    pub fn summary(&self) -> Option<&Summary> {
        self.source.summary.as_ref()
    }

    /// How the submission ended; [`Closing::Incomplete`] when loaded from a store while cells lack a success.
    pub fn closing(&self) -> Closing {
        self.source.closing.unwrap_or_else(|| {
            let done = |id: &RunId| {
                self.source.index.get(id).is_some_and(|entry| entry.outcome == Outcome::Succeeded)
            };
            let complete = self.source.steps.iter().all(|step| step.ids.iter().all(done));
            if complete { Closing::Complete } else { Closing::Incomplete }
        })
    }

    /// What was known of the store's runs when they were read.
    pub(crate) fn index(&self) -> &Index {
        &self.source.index
    }

    pub(crate) fn reader(&self) -> &RunReader {
        &self.source.reader
    }

    /// The store they are in.
    pub(crate) fn store(&self) -> &Store {
        self.source.reader.store()
    }
}

/// The experiments of a store, by name.
///
/// # Errors
/// When the store cannot be read.
pub fn experiments(store: &Store) -> Result<Vec<ExperimentInfo>, ResultError> {
    Ok(inspect::experiments(store, &Index::load(store)?)?)
}
