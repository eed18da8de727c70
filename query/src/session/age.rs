//! The age of a result: of two, the one whose bytes are greater is the newer one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryBuilder, Int64Array, StringViewArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// `age(time, writer, sequence, function)`: the time, then the name of the record, then that of the function, as bytes
/// that compare like them.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Age(Signature);

/// The function as plans use it.
pub(crate) fn function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Age(Signature::any(4, Volatility::Immutable))))
}

impl ScalarUDFImpl for Age {
    fn name(&self) -> &str {
        "age_of_result"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [time, writer, sequence, function] = arguments.args.as_slice() else {
            return exec_err!("an age needs a time, a record and a function");
        };
        let array = |value: &ColumnarValue, kind: &DataType| -> Result<ArrayRef> {
            Ok(cast(&value.to_array(arguments.number_rows)?, kind)?)
        };
        let time = array(time, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let (writer, function) = (array(writer, &DataType::Utf8View)?, array(function, &DataType::Utf8View)?);
        let sequence = array(sequence, &DataType::Int64)?;
        let text = |array: &ArrayRef| array.as_any().downcast_ref::<StringViewArray>().cloned();
        let (Some(time), Some(writer), Some(sequence), Some(function)) = (
            time.as_any().downcast_ref::<TimestampMicrosecondArray>(),
            text(&writer),
            sequence.as_any().downcast_ref::<Int64Array>(),
            text(&function),
        ) else {
            return exec_err!("an age needs a time, a record and a function");
        };
        let mut ages = BinaryBuilder::new();
        let mut age = Vec::with_capacity(64);
        for row in 0..time.len() {
            age.clear();
            // With the sign turned over, bytes compare as the numbers do.
            age.extend((time.value(row) ^ i64::MIN).to_be_bytes());
            age.extend(writer.value(row).as_bytes());
            age.extend(sequence.value(row).to_be_bytes());
            age.extend(function.value(row).as_bytes());
            ages.append_value(&age);
        }
        let ages: ArrayRef = Arc::new(ages.finish());
        Ok(ColumnarValue::Array(ages))
    }
}
