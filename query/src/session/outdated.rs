//! Runs whose place in an experiment was taken by a newer run.
//!
//! A cell is (experiment, step, coordinates). When code, a context or the base seed changed and the experiment was run
//! again, the same coordinates name another run; the one before is still in the store, but no longer what the
//! experiment says. The template decides: of the runs at one place, those of the template that was asked for last
//! stand. Only steps with several templates are looked at, and most have one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, BinaryViewBuilder, Int64Array, RecordBatch, StringViewBuilder,
};
use arrow::datatypes::{DataType, Field, Schema};
use metalab_engine::id::RecordName;

use super::world::Submissions;
use crate::error::QueryError;

/// When each template of a step was asked for last, by its hexadecimal digest.
type Ranks = HashMap<String, (i64, RecordName)>;

/// The steps that have several templates: (experiment, step) to their ranks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions(BTreeMap<(String, String), Ranks>);

impl Versions {
    /// As these submissions say.
    pub(crate) fn of(submissions: &Submissions) -> Self {
        let mut all: BTreeMap<(String, String), Ranks> = BTreeMap::new();
        for (name, opened) in submissions {
            for step in &opened.steps {
                let ranks = all.entry((opened.experiment.clone(), step.name.clone())).or_default();
                let rank = ranks.entry(step.template.to_hex()).or_insert((opened.time, *name));
                *rank = (opened.time, *name).max(*rank);
            }
        }
        all.retain(|_, ranks| ranks.len() > 1);
        Self(all)
    }

    /// Whether there is anything to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The experiments to look at.
    pub(crate) fn experiments(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.keys().map(|(experiment, _)| experiment.clone()).collect();
        names.dedup();
        names
    }

    /// Finds the outdated among rows of (experiment, step, run_id, coordinates, template).
    pub(crate) fn outdated(&self, rows: &[RecordBatch]) -> Result<Option<RecordBatch>, QueryError> {
        struct Row<'a> {
            step: &'a (String, String),
            run: Vec<u8>,
            rank: (i64, RecordName),
        }
        let mut places: HashMap<(&(String, String), i64), Vec<Row<'_>>> = HashMap::new();
        for batch in rows {
            let text = |at: usize| arrow::compute::cast(batch.column(at), &DataType::Utf8);
            let failed = QueryError::table::<arrow::error::ArrowError>;
            let experiment = text(0).map_err(failed("attempts", "comparing versions"))?;
            let step = text(1).map_err(failed("attempts", "comparing versions"))?;
            let template = text(4).map_err(failed("attempts", "comparing versions"))?;
            let strings =
                |array: &ArrayRef| array.as_any().downcast_ref::<arrow::array::StringArray>().cloned();
            let (Some(experiment), Some(step), Some(template), Some(run), Some(coordinates)) = (
                strings(&experiment),
                strings(&step),
                strings(&template),
                batch.column(2).as_any().downcast_ref::<BinaryViewArray>(),
                batch.column(3).as_any().downcast_ref::<Int64Array>(),
            ) else {
                continue;
            };
            for row in 0..batch.num_rows() {
                let key = (experiment.value(row).to_owned(), step.value(row).to_owned());
                let Some((key, ranks)) = self.0.get_key_value(&key) else { continue };
                // A run made for another experiment may have a template that this one never named.
                let Some(rank) = ranks.get(template.value(row)) else { continue };
                let found = Row { step: key, run: run.value(row).to_vec(), rank: *rank };
                places.entry((key, coordinates.value(row))).or_default().push(found);
            }
        }
        let mut experiments = StringViewBuilder::new();
        let mut steps = StringViewBuilder::new();
        let mut runs = BinaryViewBuilder::new();
        for rows in places.values() {
            let newest = rows.iter().map(|row| row.rank).max();
            for row in rows.iter().filter(|row| Some(row.rank) != newest) {
                experiments.append_value(&row.step.0);
                steps.append_value(&row.step.1);
                runs.append_value(&row.run);
            }
        }
        let runs = runs.finish();
        if runs.is_empty() {
            return Ok(None);
        }
        let fields = vec![
            Field::new("experiment", DataType::Utf8View, true),
            Field::new("step", DataType::Utf8View, true),
            Field::new("run_id", DataType::BinaryView, true),
        ];
        let columns: Vec<ArrayRef> =
            vec![Arc::new(experiments.finish()), Arc::new(steps.finish()), Arc::new(runs)];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
        batch.map(Some).map_err(QueryError::table("attempts", "comparing versions"))
    }
}
