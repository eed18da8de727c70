//! Submissions as rows, and back.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use metalab_cas::Digest;
use metalab_cas::value::Value;
use metalab_engine::id::RecordName;
use metalab_engine::record::{Closing, StepRecord, SubmissionClosed, SubmissionOpened};
use serde::{Deserialize, Serialize};

use super::rows::{Item, Rows};
use crate::columns::{Shared, small};

/// The word for an opening in the column `event`.
pub(crate) const OPENED: &str = "opened";
/// The word for a closing in the column `event`.
pub(crate) const CLOSED: &str = "closed";

/// A step as it stands in the column `steps`.
#[derive(Serialize, Deserialize)]
struct StepText {
    name: String,
    template: Digest,
    source: Digest,
    axes: Vec<String>,
    sets: u64,
    replicates: u64,
    chunks: Vec<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dimensions: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wiring: Option<Digest>,
}

/// Appends the row of an opening.
pub(crate) fn push_opened(rows: &mut Rows, name: &RecordName, opened: &SubmissionOpened, shared: &Shared) {
    let steps: Vec<StepText> = opened.steps.iter().map(StepText::from).collect();
    let cells: u64 = opened.steps.iter().map(|step| step.sets.saturating_mul(step.replicates)).sum();
    let steps = serde_json::to_string(&steps).unwrap_or_default();
    let metadata = match opened.metadata.is_empty() {
        true => None,
        false => Value::decode(&opened.metadata).ok().map(|value| value.to_json_text()),
    };
    let tags = (!opened.tags.is_empty()).then(|| opened.tags.join(","));
    let environment = shared.environment(&opened.environment);
    rows.push(&[
        Item::Text(OPENED),
        Item::Text(&name.to_string()),
        Item::Time(opened.time),
        Item::Text(&opened.experiment),
        Item::Text(&opened.version),
        Item::Text(&environment.host),
        Item::Int(i64::from(environment.pid)),
        environment.git_commit.as_deref().into(),
        environment.git_dirty.map_or(Item::Null, Item::Bool),
        opened.base_seed.map_or(Item::Null, Item::Big),
        Item::Int(small(opened.replicates)),
        Item::Int(small(cells)),
        Item::Text(&steps),
        metadata.as_deref().into(),
        tags.as_deref().into(),
        opened.description.as_deref().into(),
        opened.rerun.as_deref().into(),
        Item::Null,
        Item::Null,
        Item::Null,
        Item::Null,
        Item::Null,
        Item::Null,
    ]);
}

/// Appends the row of a closing.
pub(crate) fn push_closed(rows: &mut Rows, closed: &SubmissionClosed) {
    let name = closed.submission.to_string();
    let closing = match closed.closing {
        Closing::Complete => "complete",
        Closing::Incomplete => "incomplete",
        Closing::Cancelled => "cancelled",
    };
    let mut items = [Item::Null; 23];
    items[0] = Item::Text(CLOSED);
    items[1] = Item::Text(&name);
    items[2] = Item::Time(closed.time);
    items[17] = Item::Text(closing);
    let counts = [closed.reused, closed.succeeded, closed.failed, closed.cancelled, closed.timed_out];
    for (item, count) in items[18..].iter_mut().zip(counts) {
        *item = Item::Int(small(count));
    }
    rows.push(&items);
}

/// Reads openings back from rows of the table.
pub(crate) fn read(batches: &[RecordBatch]) -> HashMap<RecordName, Arc<SubmissionOpened>> {
    let mut found = HashMap::new();
    for batch in batches {
        let text = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<StringViewArray>();
        let time =
            batch.column_by_name("time").and_then(|a| a.as_any().downcast_ref::<TimestampMicrosecondArray>());
        let (Some(event), Some(name), Some(experiment), Some(version), Some(steps), Some(tags), Some(time)) = (
            text("event"),
            text("submission"),
            text("experiment"),
            text("experiment_version"),
            text("steps"),
            text("tags"),
            time,
        ) else {
            continue;
        };
        for row in (0..batch.num_rows()).filter(|row| event.value(*row) == OPENED) {
            let Ok(name) = name.value(row).parse::<RecordName>() else { continue };
            let steps: Vec<StepText> = serde_json::from_str(steps.value(row)).unwrap_or_default();
            let tags = match tags.is_null(row) {
                true => Vec::new(),
                false => tags.value(row).split(',').map(str::to_owned).collect(),
            };
            let opened = SubmissionOpened {
                experiment: experiment.value(row).to_owned(),
                version: version.value(row).to_owned(),
                time: time.value(row),
                environment: Digest::from_bytes([0; 32]),
                steps: steps.into_iter().map(StepRecord::from).collect(),
                base_seed: None,
                replicates: 1,
                metadata: Vec::new(),
                tags,
                description: None,
                rerun: None,
            };
            found.insert(name, Arc::new(opened));
        }
    }
    found
}

impl From<&StepRecord> for StepText {
    fn from(step: &StepRecord) -> Self {
        Self {
            name: step.name.clone(),
            template: step.template,
            source: step.source,
            axes: step.axes.clone(),
            sets: step.sets,
            replicates: step.replicates,
            chunks: step.chunks.clone(),
            dimensions: step.dimensions,
            wiring: step.wiring,
        }
    }
}

impl From<StepText> for StepRecord {
    fn from(step: StepText) -> Self {
        Self {
            name: step.name,
            template: step.template,
            source: step.source,
            axes: step.axes,
            sets: step.sets,
            replicates: step.replicates,
            chunks: step.chunks,
            dimensions: step.dimensions,
            wiring: step.wiring,
        }
    }
}
