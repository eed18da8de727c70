//! The cells of a submission, and views of some of them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::source::{Source, StepCells};
use super::{CellPlace, Groups, ResultError, RunResult, Table};
use crate::derived::Book;
use crate::id::RunId;
use crate::running::RunError;

/// The cells of a submission and what became of them.
///
/// Cheap to clone and to hold: records are read when a run is looked at.
///
/// ```standalone_crate
/// # extern crate metalab_engine as metalab;
/// # fn look(results: &metalab::results::Results) -> metalab::Result<()> {
/// for run in results {
///     let run = run?;
///     println!("{} {:?} {:?}", run.id().short(), run.params(), run.metric("loss"));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Results {
    pub(super) source: Arc<Source>,
    /// The cells of this view: step and cell.
    pub(super) cells: Cells,
    /// What was derived since they were read.
    pub(super) overlay: Option<Arc<Book>>,
}

#[derive(Clone)]
pub(super) enum Cells {
    All,
    Some(Arc<Vec<(usize, u64)>>),
}

impl Results {
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

    pub(super) fn positions(&self) -> Box<dyn Iterator<Item = (usize, u64)> + '_> {
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

    pub(super) fn view(&self, cells: Vec<(usize, u64)>) -> Self {
        Self { cells: Cells::Some(Arc::new(cells)), ..self.clone() }
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

    pub(super) fn run_at(&self, step: usize, cell: u64) -> Result<RunResult, ResultError> {
        let cells = &self.source.steps[step];
        self.read(cells.ids[cell as usize], cells.place(cell))
    }

    fn read(&self, id: RunId, place: CellPlace) -> Result<RunResult, ResultError> {
        self.source.reader.read(&self.source.index, id, place, self.overlay.as_deref())
    }

    /// Run and place of every cell.
    pub(crate) fn places(&self) -> impl Iterator<Item = (RunId, CellPlace)> + '_ {
        self.positions().map(|(step, cell)| {
            let cells = &self.source.steps[step];
            (cells.ids[cell as usize], cells.place(cell))
        })
    }

    /// What was derived since they were read.
    pub(crate) fn overlay(&self) -> Option<&Book> {
        self.overlay.as_deref()
    }

    /// The same cells with what was derived since.
    pub(crate) fn with_overlay(&self, overlay: Arc<Book>) -> Self {
        Self { overlay: Some(overlay), ..self.clone() }
    }

    /// A table of parameters, replicate, status, output, metrics and derived metrics, one row per cell.
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

    /// Groups the successful cells by parameters or other [fields](super::expression#fields) and aggregates output, metrics and
    /// derived metrics.
    ///
    /// # Errors
    /// When a record cannot be read, or no run has what is grouped by.
    pub fn group_by(&self, by: &[&str]) -> Result<Groups, ResultError> {
        Groups::of(self, by)
    }

    /// As [`Results::group_by`], for printing: of each group and metric n, mean, standard deviation, median, and the 95 %
    /// confidence interval of the mean.
    ///
    /// # Errors
    /// When a record cannot be read, or no run has what is grouped by.
    pub fn display(&self, by: &[&str]) -> Result<impl fmt::Display + use<>, ResultError> {
        Ok(self.group_by(by)?.table())
    }

    /// The run of a cell, by its number in this view; `None` when there are not so many.
    ///
    /// # Errors
    /// When its record cannot be read.
    pub fn at(&self, number: usize) -> Result<Option<RunResult>, ResultError> {
        let position = match &self.cells {
            Cells::All => {
                let mut rest = number;
                self.source.steps.iter().enumerate().find_map(|(step, cells)| {
                    let found = (rest < cells.ids.len()).then_some((step, rest as u64));
                    rest = rest.saturating_sub(cells.ids.len());
                    found
                })
            }
            Cells::Some(cells) => cells.get(number).copied(),
        };
        position.map(|(step, cell)| self.run_at(step, cell)).transpose()
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
    pub(super) fn steps(&self) -> impl Iterator<Item = &StepCells> {
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
    /// ```standalone_crate
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
                None => found.push(self.read(id, CellPlace::outside())?),
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

impl<'r> IntoIterator for &'r Results {
    type Item = Result<RunResult, ResultError>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'r>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Results({}, {} cells)", self.source.experiment, self.len())
    }
}
