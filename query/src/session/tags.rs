//! Tags of single cells, beside those of their experiment.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringViewArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use metalab_cas::{Digest, Value};

use crate::columns::{Shared, Submissions};

/// Tags of the cells of all steps that have any.
#[derive(Debug, Default)]
pub(crate) struct CaseTags {
    /// By submission, then by step: the number of its parameter sets, and its tags.
    steps: HashMap<String, HashMap<String, StepTags>>,
    known: HashMap<Digest, Arc<Vec<Tag>>>,
}

/// The number of parameter sets of a step, and its tags.
type StepTags = (u64, Arc<Vec<Tag>>);

/// A tag and the parameter sets that have it.
#[derive(Debug)]
struct Tag {
    name: String,
    /// The first, and the one after the last; ascending.
    ranges: Vec<(u64, u64)>,
}

impl CaseTags {
    /// As these submissions say; what was read for `before` is not read again. `None` if no cell has a tag.
    pub(crate) fn of(submissions: &Submissions, shared: &Shared, before: Option<&Self>) -> Option<Arc<Self>> {
        let mut all = Self::default();
        for (name, opened) in submissions.iter() {
            for step in &opened.steps {
                let Some(digest) = step.case_tags else { continue };
                let known = all.known.get(&digest).or_else(|| before?.known.get(&digest)).cloned();
                let read = || shared.fetch(&digest).and_then(|bytes| decode(&bytes)).map(Arc::new);
                let Some(tags) = known.or_else(read) else { continue };
                all.known.insert(digest, Arc::clone(&tags));
                let steps = all.steps.entry(name.to_string()).or_default();
                steps.insert(step.name.clone(), (step.sets, tags));
            }
        }
        (!all.steps.is_empty()).then(|| Arc::new(all))
    }

    /// The tags of a cell, behind those of its experiment.
    fn join(&self, of_all: Option<&str>, submission: &str, step: &str, cell: i64) -> Option<String> {
        let mut names: Vec<&str> = of_all.into_iter().filter(|tags| !tags.is_empty()).collect();
        let found = self.steps.get(submission).and_then(|steps| steps.get(step));
        if let Some((sets, tags)) = found
            && let Some(set) = u64::try_from(cell).ok().and_then(|cell| cell.checked_rem(*sets))
        {
            let has = |tag: &&Tag| {
                let after = tag.ranges.partition_point(|(first, _)| *first <= set);
                after.checked_sub(1).is_some_and(|at| set < tag.ranges[at].1)
            };
            names.extend(tags.iter().filter(has).map(|tag| tag.name.as_str()));
        }
        (!names.is_empty()).then(|| names.join(","))
    }
}

/// Reads the canonical list of `[tag, [[first, length], ...]]`.
fn decode(bytes: &[u8]) -> Option<Vec<Tag>> {
    let Value::List(tags) = Value::decode(bytes).ok()? else { return None };
    let number = |value: &Value| match value {
        Value::Int(x) => u64::try_from(*x).ok(),
        _ => None,
    };
    let range = |value: &Value| match value {
        Value::List(pair) => match pair.as_slice() {
            [first, length] => {
                let first = number(first)?;
                Some((first, first.saturating_add(number(length)?)))
            }
            _ => None,
        },
        _ => None,
    };
    let tag = |value: &Value| match value {
        Value::List(parts) => match parts.as_slice() {
            [Value::Text(name), Value::List(ranges)] => {
                let mut ranges = ranges.iter().map(range).collect::<Option<Vec<_>>>()?;
                ranges.sort_unstable();
                Some(Tag { name: name.clone(), ranges })
            }
            _ => None,
        },
        _ => None,
    };
    tags.iter().map(tag).collect()
}

/// The tags of a cell, of which the columns are `submission`, `step` and `cell`.
pub(crate) fn of_cell(tags: &Arc<CaseTags>, of_all: Expr, cell: [Expr; 3]) -> Expr {
    let signature = Signature::any(4, Volatility::Immutable);
    let function = ScalarUDF::from(Tags { tags: Arc::clone(tags), signature });
    function.call(std::iter::once(of_all).chain(cell).collect())
}

/// `tags(of_all, submission, step, cell)`.
#[derive(Debug)]
struct Tags {
    tags: Arc<CaseTags>,
    signature: Signature,
}

impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tags, &other.tags)
    }
}

impl Eq for Tags {}

impl Hash for Tags {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.tags).addr().hash(state);
    }
}

impl ScalarUDFImpl for Tags {
    fn name(&self) -> &str {
        "tags_of_cell"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of_all, submission, step, cell] = arguments.args.as_slice() else {
            return exec_err!("tags need a submission, a step and a cell");
        };
        let text = |value: &ColumnarValue| -> Result<StringViewArray> {
            let array = cast(&value.to_array(arguments.number_rows)?, &DataType::Utf8View)?;
            match array.as_any().downcast_ref::<StringViewArray>() {
                Some(array) => Ok(array.clone()),
                None => exec_err!("tags need a submission, a step and a cell"),
            }
        };
        let (of_all, submissions, steps) = (text(of_all)?, text(submission)?, text(step)?);
        let cells = cast(&cell.to_array(arguments.number_rows)?, &DataType::Int64)?;
        let Some(cells) = cells.as_any().downcast_ref::<Int64Array>() else {
            return exec_err!("tags need the number of a cell");
        };
        let mut all = StringViewBuilder::new().with_deduplicate_strings();
        for row in 0..cells.len() {
            let own = of_all.is_valid(row).then(|| of_all.value(row));
            let cell = if cells.is_null(row) { -1 } else { cells.value(row) };
            let (submission, step) = (submissions.value(row), steps.value(row));
            all.append_option(self.tags.join(own, submission, step, cell));
        }
        let all: ArrayRef = Arc::new(all.finish());
        Ok(ColumnarValue::Array(all))
    }
}
