//! Reading values that have no column of their own.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// `overflow_get(json, column)`: the value of a stored column in the overflow, as text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OverflowGet(Signature);

/// The function as plans use it.
pub(crate) fn function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(OverflowGet(Signature::any(2, Volatility::Immutable))))
}

impl ScalarUDFImpl for OverflowGet {
    fn name(&self) -> &str {
        "overflow_get"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [json, ColumnarValue::Scalar(column)] = arguments.args.as_slice() else {
            return exec_err!("overflow_get needs JSON and the name of a column");
        };
        let Some(Some(column)) = column.try_as_str() else {
            return exec_err!("overflow_get needs the name of a column");
        };
        let rows = json.to_array(arguments.number_rows)?;
        let rows = cast(&rows, &DataType::Utf8)?;
        let Some(rows) = rows.as_any().downcast_ref::<arrow::array::StringArray>() else {
            return exec_err!("overflow_get needs JSON text");
        };
        let mut values = StringBuilder::new();
        for row in rows {
            let map: Option<serde_json::Map<String, serde_json::Value>> =
                row.filter(|row| row.contains(column)).and_then(|row| serde_json::from_str(row).ok());
            values.append_option(map.as_ref().and_then(|map| map.get(column)).map(|value| match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            }));
        }
        let array: ArrayRef = Arc::new(values.finish());
        Ok(ColumnarValue::Array(array))
    }
}

/// The name of a stored column as an argument.
pub(crate) fn column_name(name: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(name.to_owned()))
}
