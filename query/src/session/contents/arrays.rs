//! Arrays of NumPy become columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, UInt64Array, new_empty_array,
};
use arrow::compute::take;
use metalab_engine::codec::{Codec, CodecError, DataArray, Element, Npy, Npz};

use super::text::{VALUE, batch};

/// Columns beyond which a matrix is no table.
const MOST: usize = 1000;

/// Elements in C order, with their lengths.
struct Flat {
    shape: Vec<usize>,
    values: ArrayRef,
}

/// Where an array is read from.
trait Source {
    /// The array, if it has elements of this type.
    fn get<E: Element>(&self) -> Result<DataArray<E>, CodecError>;
}

impl Source for &[u8] {
    fn get<E: Element>(&self) -> Result<DataArray<E>, CodecError> {
        Npy::decode(self)
    }
}

impl Source for (&Npz<'_>, &str) {
    fn get<E: Element>(&self) -> Result<DataArray<E>, CodecError> {
        self.0.get(self.1)
    }
}

impl Flat {
    /// Reads an array whose elements are of whatever type there is.
    fn read(source: impl Source) -> Result<Self, String> {
        macro_rules! try_all {
            ($($type:ty => $array:ty as $wide:ty),*) => {{
                let mut refused = None;
                $(match source.get::<$type>() {
                    Ok(read) => {
                        let (shape, data) = read.into_parts();
                        let values = data.into_iter().map(|x| Some(<$wide>::from(x)));
                        return Ok(Self { shape, values: Arc::new(values.collect::<$array>()) });
                    }
                    Err(error) => refused = refused.or(Some(error)),
                })*
                refused
            }};
        }
        let refused: Option<CodecError> = try_all!(
            f64 => Float64Array as f64, f32 => Float64Array as f64,
            i64 => Int64Array as i64, i32 => Int64Array as i64, i16 => Int64Array as i64, i8 => Int64Array as i64,
            u32 => Int64Array as i64, u16 => Int64Array as i64, u8 => Int64Array as i64,
            u64 => UInt64Array as u64, bool => BooleanArray as bool
        );
        Err(refused.map_or_else(|| "it is no array".to_owned(), |error| error.to_string()))
    }

    /// Its columns: itself, or those of a matrix; all have as many values as the array has rows.
    fn columns(self, name: &str) -> Result<(usize, Vec<(String, ArrayRef)>), String> {
        match *self.shape.as_slice() {
            [] => Ok((1, vec![(name.to_owned(), self.values)])),
            [rows] => Ok((rows, vec![(name.to_owned(), self.values)])),
            [_, wide] if wide > MOST => Err(format!("`{name}` has {wide} columns; at most {MOST} are shown")),
            [rows, wide] => {
                let column = |at: usize| {
                    if rows == 0 {
                        return Ok((format!("{name}_{at}"), new_empty_array(self.values.data_type())));
                    }
                    let places: UInt64Array = (0..rows).map(|row| Some((row * wide + at) as u64)).collect();
                    let column = take(&self.values, &places, None).map_err(|error| error.to_string())?;
                    Ok((format!("{name}_{at}"), column))
                };
                Ok((rows, (0..wide).map(column).collect::<Result<_, String>>()?))
            }
            ref shape => Err(format!("`{name}` has {} dimensions; one or two are shown", shape.len())),
        }
    }
}

/// An array: the column `value`, or `value_0`, `value_1`, ... of a matrix.
pub(super) fn npy(bytes: &[u8]) -> Result<RecordBatch, String> {
    let (rows, columns) = Flat::read(bytes)?.columns(VALUE)?;
    let (names, columns) = columns.into_iter().unzip();
    batch(names, columns, rows)
}

/// Arrays side by side, by their names; shorter ones end in nulls.
pub(super) fn npz(bytes: &[u8]) -> Result<RecordBatch, String> {
    let arrays = Npz::read(bytes).map_err(|error| error.to_string())?;
    let (mut most, mut all) = (0, Vec::new());
    for name in arrays.names() {
        let array = Flat::read((&arrays, name)).map_err(|error| format!("`{name}`: {error}"))?;
        let (rows, columns) = array.columns(name)?;
        most = most.max(rows);
        all.extend(columns);
    }
    let mut names = Vec::new();
    let mut columns = Vec::new();
    for (name, column) in all {
        let places: UInt64Array = (0..most).map(|row| (row < column.len()).then_some(row as u64)).collect();
        names.push(name);
        let is_short = column.len() < most;
        columns.push(if is_short {
            take(&column, &places, None).map_err(|e| e.to_string())?
        } else {
            column
        });
    }
    batch(names, columns, most)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use metalab_engine::capture::Capture;

    use super::*;

    #[test]
    fn arrays_are_columns() {
        let capture = Capture::memory();
        capture.artifact_npy("line", &[3], &[1.0_f32, 2.0, 3.0]);
        capture.artifact_npy("matrix", &[2, 3], &[1_u16, 2, 3, 4, 5, 6]);
        capture.artifact_npy("none", &[0, 2], &[0_i64; 0]);
        capture.artifact_npy("cube", &[1, 1, 1], &[1.0]);
        capture.artifact_npz("several", &[("x", &[1.0, 2.0]), ("mask", &vec![true])]);
        let bytes = |name: &str| capture.get_artifact(name).unwrap();
        let line = npy(&bytes("line")).unwrap();
        assert_eq!((line.num_columns(), line.num_rows()), (1, 3));
        let matrix = npy(&bytes("matrix")).unwrap();
        let last: &Int64Array = matrix.column_by_name("value_2").unwrap().as_any().downcast_ref().unwrap();
        assert_eq!(last.values(), &[3, 6]);
        assert_eq!(npy(&bytes("none")).unwrap().num_columns(), 2);
        assert!(npy(&bytes("cube")).unwrap_err().contains("3 dimensions"));
        let several = npz(&bytes("several")).unwrap();
        assert_eq!(several.num_rows(), 2);
        assert_eq!(several.column_by_name("mask").unwrap().null_count(), 1);
    }
}
