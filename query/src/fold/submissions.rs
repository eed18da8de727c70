//! Submissions as rows, and back.

use arrow::array::{Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use metalab_cas::Digest;
use metalab_cas::value::Value;
use metalab_engine::id::RecordName;
use metalab_engine::record::{Closing, StepRecord, StepResolved, SubmissionClosed, SubmissionOpened};
use serde::{Deserialize, Serialize};

use super::rows::{Item, Rows};
use crate::columns::{Shared, Submissions, small};

/// The word for an opening in the column `event`.
pub(crate) const OPENED: &str = "opened";
/// The word for a closing in the column `event`.
pub(crate) const CLOSED: &str = "closed";
/// The word for a step whose cells became known in the column `event`.
const RESOLVED: &str = "resolved";

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case_tags: Option<Digest>,
}

/// The column `steps` of a step whose cells became known after the opening.
#[derive(Serialize, Deserialize)]
struct ResolvedText {
    number: u32,
    /// The record that says so: of several for one step, the last counts.
    record: String,
    step: StepText,
}

/// The columns `cells` and `steps` of a submission with these steps.
pub(crate) fn described(steps: &[StepRecord]) -> (i64, String) {
    let cells: u64 = steps.iter().map(|step| step.sets.saturating_mul(step.replicates)).sum();
    let steps: Vec<StepText> = steps.iter().map(StepText::from).collect();
    (small(cells), serde_json::to_string(&steps).unwrap_or_default())
}

/// Appends the row of an opening.
pub(crate) fn push_opened(rows: &mut Rows, name: &RecordName, opened: &SubmissionOpened, shared: &Shared) {
    let (cells, steps) = described(&opened.steps);
    let metadata = match opened.metadata.is_empty() {
        true => None,
        false => Value::decode(&opened.metadata).ok().map(|value| value.to_json_text()),
    };
    let tags = (!opened.tags.is_empty()).then(|| opened.tags.join(","));
    let environment = shared.environment(&opened.environment);
    let manifest = opened.manifest.map(|digest| digest.to_hex());
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
        Item::Int(cells),
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
        Item::Null,
        manifest.as_deref().into(),
    ]);
}

/// Appends the row of a step whose cells became known.
pub(crate) fn push_resolved(rows: &mut Rows, name: &RecordName, resolved: &StepResolved) {
    let step = StepText::from(&resolved.record);
    let text = ResolvedText { number: resolved.step, record: name.to_string(), step };
    let (submission, steps) =
        (resolved.submission.to_string(), serde_json::to_string(&text).unwrap_or_default());
    let mut items = [Item::Null; 25];
    items[0] = Item::Text(RESOLVED);
    items[1] = Item::Text(&submission);
    items[12] = Item::Text(&steps);
    rows.push(&items);
}

/// Appends the row of a closing.
pub(crate) fn push_closed(rows: &mut Rows, closed: &SubmissionClosed) {
    let name = closed.submission.to_string();
    let closing = match closed.closing {
        Closing::Complete => "complete",
        Closing::Incomplete => "incomplete",
        Closing::Cancelled => "cancelled",
    };
    let mut items = [Item::Null; 25];
    items[0] = Item::Text(CLOSED);
    items[1] = Item::Text(&name);
    items[2] = Item::Time(closed.time);
    items[17] = Item::Text(closing);
    let counts =
        [closed.reused, closed.succeeded, closed.failed, closed.cancelled, closed.timed_out, closed.skipped];
    for (item, count) in items[18..].iter_mut().zip(counts) {
        *item = Item::Int(small(count));
    }
    rows.push(&items);
}

/// Reads openings, and what became known after them, back from rows of the table.
pub(crate) fn read(batches: &[RecordBatch]) -> Submissions {
    let mut found = Submissions::default();
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
        for row in 0..batch.num_rows() {
            let Ok(name) = name.value(row).parse::<RecordName>() else { continue };
            match event.value(row) {
                OPENED => {
                    let tags = match tags.is_null(row) {
                        true => Vec::new(),
                        false => tags.value(row).split(',').map(str::to_owned).collect(),
                    };
                    let (experiment, version) = (experiment.value(row), version.value(row));
                    found.open(name, opened(experiment, version, time.value(row), steps.value(row), tags));
                }
                RESOLVED => {
                    let Ok(text) = serde_json::from_str::<ResolvedText>(steps.value(row)) else { continue };
                    let Ok(record) = text.record.parse::<RecordName>() else { continue };
                    let step = StepRecord::from(text.step);
                    let resolved = StepResolved { submission: name, step: text.number, record: step };
                    found.resolve(record, &resolved);
                }
                _ => {}
            }
        }
    }
    found
}

/// What folds and sessions need of an opening.
fn opened(experiment: &str, version: &str, time: i64, steps: &str, tags: Vec<String>) -> SubmissionOpened {
    let steps: Vec<StepText> = serde_json::from_str(steps).unwrap_or_default();
    SubmissionOpened {
        experiment: experiment.to_owned(),
        version: version.to_owned(),
        time,
        environment: Digest::from_bytes([0; 32]),
        steps: steps.into_iter().map(StepRecord::from).collect(),
        base_seed: None,
        replicates: 1,
        metadata: Vec::new(),
        tags,
        description: None,
        rerun: None,
        manifest: None,
    }
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
            case_tags: step.case_tags,
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
            case_tags: step.case_tags,
        }
    }
}
