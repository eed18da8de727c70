//! What a submission reached, read from the journal run by run.

mod data;
mod dimensions;
mod export;
mod groups;
mod run;
mod table;

pub use dimensions::{Dimension, Dimensions};
pub use export::ExportError;
pub use groups::{Group, Groups};
pub use run::{ResultError, RunResult};
pub(crate) use run::{decode_template, read_template};
pub use table::Table;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use metalab_cas::{Digest, Value};

use crate::cells;
use crate::id::{RecordName, RunId};
use crate::index::Index;
use crate::plan::{Decisions, Plan};
use crate::record::{Closing, Outcome, Record, Template};
use crate::running::{RunError, Summary};
use crate::store::Store;
use crate::submission;
use crate::tags::CaseTags;

/// The cells of a submission and what became of them.
///
/// Cheap to clone and to hold: records are read when a run is looked at.
#[derive(Clone)]
pub struct Results {
    source: Arc<Source>,
    /// The cells of this view: step and cell.
    cells: Cells,
}

#[derive(Clone)]
enum Cells {
    All,
    Some(Arc<Vec<(usize, u64)>>),
}

struct Source {
    store: Store,
    experiment: String,
    submission: RecordName,
    /// Tags of the experiment.
    tags: Vec<String>,
    steps: Vec<StepCells>,
    index: Index,
    closing: Option<Closing>,
    summary: Option<Summary>,
    templates: Mutex<HashMap<Digest, Arc<Template>>>,
}

pub(crate) struct StepCells {
    pub(crate) name: String,
    pub(crate) axes: Vec<String>,
    pub(crate) sets: u64,
    pub(crate) replicates: u64,
    pub(crate) dimensions: Dimensions,
    pub(crate) case_tags: Arc<CaseTags>,
    pub(crate) ids: Vec<RunId>,
}

impl Results {
    pub(crate) fn new(
        store: Store,
        plan: Arc<Plan>,
        decisions: Decisions,
        index: Index,
        submission: RecordName,
        closing: Closing,
        summary: Summary,
    ) -> Self {
        let steps = plan.steps().zip(decisions.steps).map(|(step, decided)| StepCells {
            name: step.name.clone(),
            axes: step.arguments.coordinates.clone(),
            sets: step.sets(),
            replicates: step.replicates,
            dimensions: Dimensions::decode(&step.dimensions()),
            case_tags: step.case_tags.clone(),
            ids: decided.ids,
        });
        let source = Source {
            store,
            experiment: plan.name().to_owned(),
            submission,
            tags: plan.experiment.tags.clone(),
            steps: steps.collect(),
            index,
            closing: Some(closing),
            summary: Some(summary),
            templates: Mutex::default(),
        };
        Self { source: Arc::new(source), cells: Cells::All }
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
        let steps = opened.steps.iter().map(|step| {
            let ids = cells::read(store, &index, step).collect::<Result<_, _>>()?;
            let (axes, sets, replicates) = (step.axes.clone(), step.sets, step.replicates);
            let dimensions = Dimensions::of(step, store, &index)?;
            // Tags that cannot be read hide no result.
            let tags = step.case_tags.as_ref().and_then(|digest| store.values().get(digest, &index).ok());
            let case_tags = Arc::new(tags.and_then(|bytes| CaseTags::decode(&bytes)).unwrap_or_default());
            Ok(StepCells { name: step.name.clone(), axes, sets, replicates, dimensions, case_tags, ids })
        });
        let steps = steps.collect::<Result<Vec<_>, ResultError>>()?;
        let source = Source {
            store: store.clone(),
            experiment: experiment.to_owned(),
            submission: name,
            tags: opened.tags.clone(),
            steps,
            index,
            closing: None,
            summary: None,
            templates: Mutex::default(),
        };
        Ok(Self { source: Arc::new(source), cells: Cells::All })
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

    /// The store they are in.
    pub(crate) fn store(&self) -> &Store {
        &self.source.store
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        match &self.cells {
            Cells::All => self.source.steps.iter().map(|step| step.ids.len()).sum(),
            Cells::Some(cells) => cells.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn positions(&self) -> Box<dyn Iterator<Item = (usize, u64)> + '_> {
        match &self.cells {
            Cells::All => {
                let steps = self.source.steps.iter().enumerate();
                Box::new(
                    steps.flat_map(|(number, step)| {
                        (0..step.ids.len() as u64).map(move |cell| (number, cell))
                    }),
                )
            }
            Cells::Some(cells) => Box::new(cells.iter().copied()),
        }
    }

    /// The runs of all cells, in order of steps and indices.
    pub fn iter(&self) -> impl Iterator<Item = Result<RunResult, ResultError>> + '_ {
        self.positions().map(|(step, cell)| self.run_at(step, cell))
    }

    /// The cells for whose runs `keep` is true. Cells without a record are left out.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn filter(&self, mut keep: impl FnMut(&RunResult) -> bool) -> Result<Self, ResultError> {
        let mut cells = Vec::new();
        for (step, cell) in self.positions() {
            let run = self.run_at(step, cell)?;
            if run.has_record() && keep(&run) {
                cells.push((step, cell));
            }
        }
        Ok(self.view(cells))
    }

    /// The cells of one step.
    pub fn step(&self, name: &str) -> Self {
        let is_named = |(step, _): &(usize, u64)| self.source.steps[*step].name == name;
        self.view(self.positions().filter(is_named).collect())
    }

    /// The cells whose run did not succeed.
    pub fn failed(&self) -> Self {
        let failed = |(step, cell): &(usize, u64)| {
            let entry = self.source.index.get(&self.source.steps[*step].ids[*cell as usize]);
            entry.is_none_or(|entry| entry.outcome != Outcome::Succeeded)
        };
        self.view(self.positions().filter(failed).collect())
    }

    fn view(&self, cells: Vec<(usize, u64)>) -> Self {
        Self { source: self.source.clone(), cells: Cells::Some(Arc::new(cells)) }
    }

    /// Turns runs that did not succeed into an error that names the first.
    ///
    /// # Errors
    /// When any cell has no successful run.
    pub fn ok(self) -> Result<Self, RunError> {
        let failed = self.failed();
        let Some((step, cell)) = failed.positions().next() else { return Ok(self) };
        let error = match failed.run_at(step, cell) {
            Ok(run) => {
                run.error().map_or_else(|| "it was not executed".into(), |error| error.chain.join(": "))
            }
            Err(error) => error.to_string(),
        };
        let source = &self.source.steps[step];
        Err(RunError::Runs {
            count: failed.len() as u64,
            cells: self.len() as u64,
            step: source.name.clone(),
            run: source.ids[cell as usize].short(),
            error,
        })
    }

    /// The run with this id, if the submission has it.
    ///
    /// # Errors
    /// When its record cannot be read.
    pub fn get(&self, id: &RunId) -> Result<Option<RunResult>, ResultError> {
        let is_it = |(step, cell): &(usize, u64)| self.source.steps[*step].ids[*cell as usize] == *id;
        let found = self.positions().find(is_it);
        found.map(|(step, cell)| self.run_at(step, cell)).transpose()
    }

    fn run_at(&self, step: usize, cell: u64) -> Result<RunResult, ResultError> {
        let cells = &self.source.steps[step];
        let id = cells.ids[cell as usize];
        let place = CellPlace {
            step: cells.name.clone(),
            cell,
            replicate: (cells.replicates > 1).then(|| cell / cells.sets.max(1)),
            coordinates: cells.dimensions.at(cell),
            tags: self.tags_of(cells, cell),
        };
        self.run_of(id, place)
    }

    /// The tags of a cell: those of the experiment, then its own.
    fn tags_of(&self, cells: &StepCells, cell: u64) -> Vec<String> {
        let mut tags = self.source.tags.clone();
        let own = cells.case_tags.of(cell % cells.sets.max(1));
        own.for_each(|tag| {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        });
        tags
    }

    fn run_of(&self, id: RunId, place: CellPlace) -> Result<RunResult, ResultError> {
        let Some(entry) = self.source.index.get(&id) else {
            return Ok(RunResult::missing(self.source.store.clone(), id, place));
        };
        match self.source.store.journal().read(&entry.place)? {
            Record::Attempt(attempt) => {
                let template = self.template(&attempt.template)?;
                Ok(RunResult::new(self.source.store.clone(), &self.source.index, *attempt, template, place))
            }
            _ => Err(ResultError::NotAnAttempt { record: entry.name }),
        }
    }

    fn template(&self, digest: &Digest) -> Result<Arc<Template>, ResultError> {
        let mut templates = self.source.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = templates.get(digest) {
            return Ok(template.clone());
        }
        let template = Arc::new(run::read_template(&self.source.store, &self.source.index, digest)?);
        templates.insert(*digest, template.clone());
        Ok(template)
    }

    /// A table of parameters, replicate, status, output and metrics, one row per cell.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn rows(&self) -> Result<Table, ResultError> {
        Table::of(self)
    }

    /// As [`Results::rows`], for printing: what cannot be read is said in its place.
    pub fn table(&self) -> impl fmt::Display {
        match self.rows() {
            Ok(table) => table.to_string(),
            Err(error) => format!("the results cannot be read: {error}"),
        }
    }

    /// Groups the successful cells by parameters (or `step`, `replicate`) and aggregates output and metrics.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn group_by(&self, by: &[&str]) -> Result<Groups, ResultError> {
        Groups::of(self, by)
    }

    pub(crate) fn axes(&self) -> Vec<String> {
        let mut axes: Vec<String> = Vec::new();
        let foreign = self.steps().flat_map(|step| step.dimensions.names());
        for axis in foreign.chain(self.steps().flat_map(|step| step.axes.iter().map(String::as_str))) {
            if !axes.iter().any(|known| known == axis) {
                axes.push(axis.to_owned());
            }
        }
        axes
    }

    /// The steps that have cells in this view.
    fn steps(&self) -> impl Iterator<Item = &StepCells> {
        let wanted: Vec<usize> = match &self.cells {
            Cells::All => (0..self.source.steps.len()).collect(),
            Cells::Some(cells) => {
                cells.iter().map(|(step, _)| *step).collect::<BTreeSet<_>>().into_iter().collect()
            }
        };
        wanted.into_iter().map(|step| &self.source.steps[step])
    }

    /// The runs that a run took its inputs from, in the order of its inputs: from a report to what it reports on.
    /// Values of the store that no run is known to have made are left out.
    ///
    /// ```
    /// # extern crate metalab_engine as metalab;
    /// # use metalab::{Experiment, Input};
    /// # #[metalab::operation]
    /// # fn square(x: f64) -> f64 { x * x }
    /// # #[metalab::operation]
    /// # fn half(value: Input<f64>) -> f64 { *value / 2.0 }
    /// # fn look(results: &metalab::results::Results) -> metalab::Result<()> {
    /// for half in results.step("half").iter() {
    ///     let behind = results.upstream(&half?)?;
    ///     println!("{}", behind[0].output::<f64>()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a record or the list of a gather cannot be read.
    pub fn upstream(&self, run: &RunResult) -> Result<Vec<RunResult>, ResultError> {
        let mut found = Vec::new();
        for id in run.input_runs()? {
            match self.cell_of(&id) {
                Some((step, cell)) => found.push(self.run_at(step, cell)?),
                None => found.push(self.run_of(id, CellPlace::outside())?),
            }
        }
        Ok(found)
    }

    fn cell_of(&self, id: &RunId) -> Option<(usize, u64)> {
        self.source.steps.iter().enumerate().find_map(|(number, step)| {
            let cell = step.ids.iter().position(|other| other == id)?;
            Some((number, cell as u64))
        })
    }

    pub(crate) fn has_replicates(&self) -> bool {
        self.steps().any(|step| step.replicates > 1)
    }

    pub(crate) fn has_steps(&self) -> bool {
        self.steps().count() > 1
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Results({}, {} cells)", self.source.experiment, self.len())
    }
}

impl CellPlace {
    /// The place of a run that is no cell of the experiment.
    fn outside() -> Self {
        Self { step: String::new(), cell: 0, replicate: None, coordinates: Vec::new(), tags: Vec::new() }
    }
}

/// Where a run stands in its experiment.
#[derive(Clone, Debug)]
pub(crate) struct CellPlace {
    pub(crate) step: String,
    pub(crate) cell: u64,
    /// `None` for a step without replicates.
    pub(crate) replicate: Option<u64>,
    /// Of other steps: `prepare.threshold` and its value.
    pub(crate) coordinates: Vec<(String, Value)>,
    /// Of the experiment and of the cell.
    pub(crate) tags: Vec<String>,
}
