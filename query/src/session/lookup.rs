//! A function of SQL plans: from a cell to a value of its coordinates.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringViewArray, UInt64Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Which part of the values a step of a submission has: those at `from + cell / stride % length`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Cells until the coordinate changes; not 0.
    pub(crate) stride: u64,
    /// Number of coordinates; not 0.
    pub(crate) length: u64,
    /// Where its values begin.
    pub(crate) from: u64,
}

/// The values of a column for all steps of all submissions.
#[derive(Debug)]
pub(crate) struct Lookup {
    name: String,
    /// By submission, then by step.
    parts: HashMap<String, HashMap<String, Part>>,
    /// All values, of the type of the column.
    pub(crate) values: ArrayRef,
}

impl Lookup {
    /// A column in which no cell has a value.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), parts: HashMap::new(), values: new_null_array(&DataType::Int64, 0) }
    }

    /// Says where the values of a step of a submission lie; the first to say so is believed.
    pub(crate) fn put(&mut self, submission: &str, step: &str, part: Part) {
        let steps = self.parts.entry(submission.to_owned()).or_default();
        steps.entry(step.to_owned()).or_insert(part);
    }

    fn find(&self, submission: &str, step: &str) -> Option<Part> {
        self.parts.get(submission)?.get(step).copied()
    }

    /// The values of cells.
    fn at(
        &self,
        submissions: &StringViewArray,
        steps: &StringViewArray,
        cells: &Int64Array,
    ) -> Result<ArrayRef> {
        let mut last = None;
        // Rows of one step come together, and equal views into one array are equal texts.
        let mut part = |row: usize| {
            let key = (submissions.views()[row], steps.views()[row]);
            match last {
                Some((known, part)) if known == key => part,
                _ => {
                    let part = self.find(submissions.value(row), steps.value(row));
                    last = Some((key, part));
                    part
                }
            }
        };
        let index = |row: usize| {
            if submissions.is_null(row) || steps.is_null(row) || cells.is_null(row) {
                return None;
            }
            let Part { stride, length, from } = part(row)?;
            let cell = u64::try_from(cells.value(row)).ok()?;
            let index = from + cell / stride % length;
            (index < self.values.len() as u64).then_some(index)
        };
        let indices: UInt64Array = (0..cells.len()).map(index).collect();
        Ok(take(&self.values, &indices, None)?)
    }
}

/// The value of a cell, of which the columns are `submission`, `step` and `cell`.
pub(crate) fn value(lookup: &Arc<Lookup>, cell: [Expr; 3]) -> Expr {
    let any = Signature::any(3, Volatility::Immutable);
    ScalarUDF::from(Coordinate { lookup: Arc::clone(lookup), signature: any }).call(cell.to_vec())
}

/// `coordinate(submission, step, cell)` for one column.
#[derive(Debug)]
struct Coordinate {
    lookup: Arc<Lookup>,
    signature: Signature,
}

impl PartialEq for Coordinate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lookup, &other.lookup)
    }
}

impl Eq for Coordinate {}

impl Hash for Coordinate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lookup.name.hash(state);
    }
}

impl ScalarUDFImpl for Coordinate {
    fn name(&self) -> &str {
        &self.lookup.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.lookup.values.data_type().clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [submission, step, cell] = arguments.args.as_slice() else {
            return exec_err!("a coordinate needs a submission, a step and a cell");
        };
        let array = |value: &ColumnarValue, kind: &DataType| -> Result<ArrayRef> {
            Ok(cast(&value.to_array(arguments.number_rows)?, kind)?)
        };
        let submission = array(submission, &DataType::Utf8View)?;
        let step = array(step, &DataType::Utf8View)?;
        let cell = array(cell, &DataType::Int64)?;
        let text = |array: &ArrayRef| array.as_any().downcast_ref::<StringViewArray>().cloned();
        let (Some(submission), Some(step), Some(cell)) =
            (text(&submission), text(&step), cell.as_any().downcast_ref::<Int64Array>())
        else {
            return exec_err!("a coordinate needs a submission, a step and a cell");
        };
        Ok(ColumnarValue::Array(self.lookup.at(&submission, &step, cell)?))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_value_at_its_coordinate_and_no_other() {
        let mut lookup = Lookup::new("x");
        lookup.values = Arc::new(Int64Array::from(vec![10, 20, 30, 40]));
        lookup.put("s", "a", Part { stride: 2, length: 3, from: 1 });
        lookup.put("s", "b", Part { stride: 1, length: 9, from: 3 });
        let submissions =
            StringViewArray::from(vec![Some("s"), Some("s"), Some("s"), Some("s"), Some("other"), None]);
        let steps = StringViewArray::from(vec!["a", "a", "b", "b", "a", "a"]);
        let cells = Int64Array::from(vec![1, 4, 0, 1, 1, 1]);
        let found = lookup.at(&submissions, &steps, &cells).unwrap();
        let expected: ArrayRef =
            Arc::new(Int64Array::from(vec![Some(20), Some(40), Some(40), None, None, None]));
        assert_eq!(&found, &expected, "beyond the values there is none");
    }
}
