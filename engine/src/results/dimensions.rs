//! The coordinates that a step takes over from other steps.

use metalab_cas::Value;

use crate::index::Index;
use crate::record::StepRecord;
use crate::store::Store;
use crate::values::ValueError;

/// The coordinates that the cells of a step take over from other steps, such as `prepare.threshold`.
#[derive(Clone, Debug, Default)]
pub struct Dimensions(Vec<Dimension>);

/// One of the [`Dimensions`]: the coordinate of a cell is `cell / stride % length`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dimension {
    /// Names of the columns it sets, such as `prepare.threshold`.
    pub names: Vec<String>,
    /// Cells until its coordinate changes; never 0.
    pub stride: u64,
    /// Number of its coordinates; never 0.
    pub length: u64,
    /// Per coordinate, the value of each name.
    pub values: Vec<Vec<Value>>,
}

impl Dimensions {
    /// Those of a step of a submission.
    ///
    /// # Errors
    /// When they cannot be read from the store.
    pub fn of(step: &StepRecord, store: &Store, index: &Index) -> Result<Self, ValueError> {
        let bytes = step.dimensions.as_ref().map(|digest| store.values().get(digest, index)).transpose()?;
        Ok(bytes.map(|bytes| Self::decode(&bytes)).unwrap_or_default())
    }

    /// Reads the list that a submission keeps (see [`StepRecord::dimensions`]); what is malformed is left out.
    pub fn decode(bytes: &[u8]) -> Self {
        let Ok(Value::List(all)) = Value::decode(bytes) else { return Self::default() };
        Self(all.into_iter().filter_map(dimension).collect())
    }

    /// Names of all coordinates, slowest first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|dimension| dimension.names.iter().map(String::as_str))
    }

    /// Each of them, slowest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Dimension> {
        self.0.iter()
    }

    /// The coordinates of a cell.
    pub fn at(&self, cell: u64) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for dimension in &self.0 {
            let at = cell / dimension.stride % dimension.length;
            if let Some(values) = dimension.values.get(at as usize) {
                all.extend(dimension.names.iter().cloned().zip(values.iter().cloned()));
            }
        }
        all
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn dimension(value: Value) -> Option<Dimension> {
    let list = |value: Value| match value {
        Value::List(items) => Some(items),
        _ => None,
    };
    let [names, stride, length, values]: [Value; 4] = list(value)?.try_into().ok()?;
    let names = list(names)?.iter().map(|name| name.as_text().map(str::to_owned)).collect::<Option<_>>()?;
    let values = list(values)?.into_iter().map(list).collect::<Option<_>>()?;
    let number = |value: Value| value.into_serde::<u64>().ok().filter(|number| *number > 0);
    Some(Dimension { names, stride: number(stride)?, length: number(length)?, values })
}
