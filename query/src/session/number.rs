//! `number(x)`: a value as a number, where it is one or reads as one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Builder, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function `number`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Number(Signature);

/// The function as sessions register it.
pub(crate) fn function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Number(Signature::any(1, Volatility::Immutable))))
}

impl ScalarUDFImpl for Number {
    fn name(&self) -> &str {
        "number"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = arguments.args.as_slice() else { return exec_err!("number(x) takes one value") };
        let array = value.to_array(arguments.number_rows)?;
        let is_text = matches!(
            array.data_type(),
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(..)
        );
        if !is_text {
            return Ok(ColumnarValue::Array(cast(&array, &DataType::Float64)?));
        }
        let texts = cast(&array, &DataType::Utf8View)?;
        let Some(texts) = texts.as_any().downcast_ref::<StringViewArray>() else {
            return exec_err!("number(x) cannot read {}", array.data_type());
        };
        let mut numbers = Float64Builder::with_capacity(texts.len());
        texts.iter().for_each(|text| numbers.append_option(text.and_then(read)));
        let numbers: ArrayRef = Arc::new(numbers.finish());
        Ok(ColumnarValue::Array(numbers))
    }
}

/// The number that a text reads as.
pub(crate) fn read(text: &str) -> Option<f64> {
    match text.trim() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_reads_as_a_number_is_one() {
        for (text, number) in [
            ("0.5", Some(0.5)),
            (" -3 ", Some(-3.0)),
            ("1e-3", Some(0.001)),
            ("true", Some(1.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("Infinity", Some(f64::INFINITY)),
            ("one", None),
            ("[1,2]", None),
            ("", None),
        ] {
            assert_eq!(read(text), number, "{text}");
        }
        assert!(read("NaN").is_some_and(f64::is_nan));
    }
}
