//! Choosing cells: by outcome, parameter, metric, tag, expression.

use std::cell::OnceCell;
use std::ops::RangeBounds;

use super::expression::{Datum, Expression, Field, Row, Seen};
use super::fields;
use super::view::Cells;
use super::{ExpressionError, ResultError, Results, RunResult};
use crate::index::Entry;
use crate::record::{Outcome, Scalar};

impl Results {
    /// The cells for whose runs an [expression](super::expression) is true.
    ///
    /// ```standalone_crate
    /// # extern crate metalab_engine as metalab;
    /// # fn look(results: &metalab::results::Results) -> metalab::Result<()> {
    /// let good = results.where_("params.lr < 0.01 and metrics.loss > 0 and status = 'succeeded'")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the expression cannot be read, names what no run has, or is neither true nor false for a run; when a record
    /// cannot be read.
    pub fn where_(&self, expression: &str) -> Result<Self, ResultError> {
        let expression = Expression::parse(expression)?;
        let seen = Seen::default();
        let mut cells = Vec::new();
        for (step, cell) in self.positions() {
            let row = CellRow { results: self, step, cell, run: OnceCell::new() };
            if expression.is_true(&row, &seen)? {
                cells.push((step, cell));
            }
        }
        match seen.misspelt() {
            None => Ok(self.view(cells)),
            Some(field) => Err(self.no_field(&field)?.into()),
        }
    }

    /// The error that names the fields there are.
    fn no_field(&self, field: &Field) -> Result<ExpressionError, ResultError> {
        const LOOKED_AT: usize = 100;
        let mut known: Vec<String> = Vec::new();
        for run in self.iter().take(LOOKED_AT) {
            for name in fields::of(field, &run?) {
                if !known.contains(&name) {
                    known.push(name);
                }
            }
        }
        Ok(ExpressionError::no_field(field, known))
    }

    /// Refuses a name that no run of this view has, if no other of the submission has it either: it is misspelt. Nothing
    /// can be said where there is no `evidence`, a run that would have it.
    fn refuse_unknown(
        &self,
        field: &Field,
        has: impl Fn(&RunResult) -> bool,
        evidence: impl Fn(&RunResult) -> bool,
    ) -> Result<(), ResultError> {
        let all = Self { cells: Cells::All, ..self.clone() };
        let mut could_have_it = false;
        for run in all.iter() {
            let run = run?;
            if has(&run) {
                return Ok(());
            }
            could_have_it |= evidence(&run);
        }
        if could_have_it { Err(all.no_field(field)?.into()) } else { Ok(()) }
    }

    /// The cells whose run succeeded.
    pub fn successful(&self) -> Self {
        self.status(Outcome::Succeeded)
    }

    /// The cells whose run ended so.
    pub fn status(&self, outcome: Outcome) -> Self {
        self.by_entry(|entry| entry.is_some_and(|entry| entry.outcome == outcome))
    }

    /// The cells whose run did not succeed, those without a run among them.
    pub fn failed(&self) -> Self {
        self.by_entry(|entry| entry.is_none_or(|entry| entry.outcome != Outcome::Succeeded))
    }

    /// Chooses by what the index knows; no record is read.
    fn by_entry(&self, keep: impl Fn(Option<Entry>) -> bool) -> Self {
        let entry = |step: usize, cell: u64| self.index().get(&self.source.steps[step].ids[cell as usize]);
        self.view(self.positions().filter(|(step, cell)| keep(entry(*step, *cell))).collect())
    }

    /// The cells with this value of a parameter, of their step or of one before it (`prepare.threshold`). 1 and 1.0 are
    /// equal. A run without the parameter is left out.
    ///
    /// # Errors
    /// When no run of the submission has such a parameter; when a record cannot be read.
    pub fn param(&self, name: &str, value: impl Into<Scalar>) -> Result<Self, ResultError> {
        let wanted = Datum::from(value.into());
        let mut is_known = false;
        let chosen = self.filter(|run| {
            let value = run.param_value(name);
            is_known |= value.is_some();
            value.is_some_and(|value| Datum::from(&value).equals(&wanted))
        })?;
        if !is_known {
            let has = |run: &RunResult| run.param_value(name).is_some();
            self.refuse_unknown(&Field::Param(name.to_owned()), has, RunResult::has_record)?;
        }
        Ok(chosen)
    }

    /// The cells with a metric in a range: `.metric("loss", ..0.5)`. A run without it, or whose value is no number or
    /// NaN, is left out.
    ///
    /// # Errors
    /// When runs have succeeded and no run of the submission has such a metric; when a record cannot be read.
    pub fn metric(&self, name: &str, range: impl RangeBounds<f64>) -> Result<Self, ResultError> {
        let mut is_known = false;
        let chosen = self.filter(|run| {
            is_known |= run.metric(name).is_some();
            run.metric_f64(name).is_ok_and(|value| !value.is_nan() && range.contains(&value))
        })?;
        if !is_known {
            let has_succeeded = |run: &RunResult| run.outcome() == Some(Outcome::Succeeded);
            let has = |run: &RunResult| run.metric(name).is_some();
            self.refuse_unknown(&Field::Metric(name.to_owned()), has, has_succeeded)?;
        }
        Ok(chosen)
    }

    /// The cells with this tag, of their own or of the experiment.
    pub fn tag(&self, tag: &str) -> Self {
        let has = |(step, cell): &(usize, u64)| self.source.steps[*step].has_tag(*cell, tag);
        self.view(self.positions().filter(has).collect())
    }
}

/// A cell whose record is read when it is needed.
struct CellRow<'r> {
    results: &'r Results,
    step: usize,
    cell: u64,
    run: OnceCell<RunResult>,
}

impl CellRow<'_> {
    fn entry(&self) -> Option<Entry> {
        self.results.index().get(&self.results.source.steps[self.step].ids[self.cell as usize])
    }

    fn result(&self) -> Result<&RunResult, ResultError> {
        if let Some(run) = self.run.get() {
            return Ok(run);
        }
        let run = self.results.run_at(self.step, self.cell)?;
        Ok(self.run.get_or_init(|| run))
    }
}

impl Row for CellRow<'_> {
    fn run(&self) -> String {
        self.results.source.steps[self.step].ids[self.cell as usize].short()
    }

    fn field(&self, field: &Field) -> Result<Datum, ResultError> {
        let cells = &self.results.source.steps[self.step];
        Ok(match field {
            Field::RunId => Datum::Text(cells.ids[self.cell as usize].to_string()),
            Field::Step => Datum::Text(cells.name.clone()),
            Field::Replicate => match cells.replicates {
                1 => Datum::Null,
                _ => Datum::Int((self.cell / cells.sets.max(1)) as i64),
            },
            Field::Status => {
                Datum::Text(self.entry().map_or("not run", |entry| entry.outcome.as_str()).into())
            }
            Field::Started => {
                self.entry().map_or(Datum::Null, |entry| Datum::Float(entry.started as f64 / 1e6))
            }
            _ => fields::value(field, self.result()?),
        })
    }

    fn tags(&self) -> Vec<String> {
        self.results.source.steps[self.step].place(self.cell).tags
    }

    fn succeeded(&self) -> bool {
        self.entry().is_some_and(|entry| entry.succeeded())
    }
}
