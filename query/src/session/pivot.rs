//! From columns to rows: the values of a row as a list, without those that are absent.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Float64Builder, Int64Array, ListArray, StringViewArray,
    StringViewBuilder, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::columns::{Kind, float_text};

/// The fields of an element.
pub(crate) const FIELDS: [&str; 5] = ["name", "type", "number", "text", "value"];

/// `pivot(a, b, ...)` for columns of these names and types.
#[derive(Debug)]
struct Pivot {
    columns: Vec<(String, Kind)>,
    signature: Signature,
}

/// The function as plans use it.
pub(crate) fn function(columns: Vec<(String, Kind)>) -> ScalarUDF {
    let signature = match columns.len() {
        0 => Signature::nullary(Volatility::Stable),
        count => Signature::any(count, Volatility::Immutable),
    };
    ScalarUDF::from(Pivot { columns, signature })
}

impl PartialEq for Pivot {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

impl Eq for Pivot {}

impl Hash for Pivot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.columns.len().hash(state);
    }
}

fn fields() -> Fields {
    FIELDS
        .iter()
        .map(|name| {
            let kind = if *name == "number" { DataType::Float64 } else { DataType::Utf8View };
            Field::new(*name, kind, true)
        })
        .collect()
}

/// The type in SQL words.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::F64 => "double",
        Kind::I64 => "integer",
        Kind::Bool => "boolean",
        Kind::Text => "text",
        Kind::Json => "json",
    }
}

/// A column, as it is read.
enum Values {
    F64(Float64Array),
    I64(Int64Array),
    Bool(BooleanArray),
    Text(StringViewArray),
    Json(StringViewArray),
}

impl Values {
    fn of(array: &ArrayRef, kind: Kind) -> Result<Self> {
        macro_rules! read {
            ($variant:ident, $array:ty, $kind:expr) => {
                match cast(array, &$kind)?.as_any().downcast_ref::<$array>() {
                    Some(array) => Ok(Self::$variant(array.clone())),
                    None => exec_err!("a column is not of its type"),
                }
            };
        }
        match kind {
            Kind::F64 => read!(F64, Float64Array, DataType::Float64),
            Kind::I64 => read!(I64, Int64Array, DataType::Int64),
            Kind::Bool => read!(Bool, BooleanArray, DataType::Boolean),
            Kind::Text => read!(Text, StringViewArray, DataType::Utf8View),
            Kind::Json => read!(Json, StringViewArray, DataType::Utf8View),
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::F64(array) => array.is_null(row),
            Self::I64(array) => array.is_null(row),
            Self::Bool(array) => array.is_null(row),
            Self::Text(array) | Self::Json(array) => array.is_null(row),
        }
    }

    /// The number, the text, and JSON of a value.
    fn at(&self, row: usize) -> (Option<f64>, Option<&str>, String) {
        match self {
            Self::F64(array) => {
                let x = array.value(row);
                let json = if x.is_finite() { x.into() } else { serde_json::Value::from(float_text(x)) };
                (Some(x), None, json.to_string())
            }
            Self::I64(array) => (Some(array.value(row) as f64), None, array.value(row).to_string()),
            Self::Bool(array) => {
                let x = array.value(row);
                (Some(f64::from(u8::from(x))), None, x.to_string())
            }
            Self::Text(array) => {
                let x = array.value(row);
                (None, Some(x), serde_json::Value::from(x).to_string())
            }
            Self::Json(array) => (None, None, array.value(row).to_owned()),
        }
    }
}

impl ScalarUDFImpl for Pivot {
    fn name(&self) -> &str {
        "pivot"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new("item", DataType::Struct(fields()), true))))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let mut columns = Vec::with_capacity(self.columns.len());
        for (value, (name, kind)) in arguments.args.iter().zip(&self.columns) {
            columns.push((name, *kind, Values::of(&value.to_array(rows)?, *kind)?));
        }
        let mut texts: [StringViewBuilder; 4] =
            std::array::from_fn(|_| StringViewBuilder::new().with_deduplicate_strings());
        let mut numbers = Float64Builder::new();
        let mut lengths = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut length = 0;
            for (name, kind, values) in columns.iter().filter(|(.., values)| !values.is_null(row)) {
                let (number, text, json) = values.at(row);
                texts[0].append_value(name);
                texts[1].append_value(word(*kind));
                numbers.append_option(number);
                texts[2].append_option(text);
                texts[3].append_value(json);
                length += 1;
            }
            lengths.push(length);
        }
        let [name, kind, text, value] = texts.map(|mut text| Arc::new(text.finish()) as ArrayRef);
        let numbers: ArrayRef = Arc::new(numbers.finish());
        let elements = StructArray::try_new(fields(), vec![name, kind, numbers, text, value], None)?;
        let field = Arc::new(Field::new("item", DataType::Struct(fields()), true));
        let list = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), Arc::new(elements), None)?;
        Ok(ColumnarValue::Array(Arc::new(list)))
    }
}
