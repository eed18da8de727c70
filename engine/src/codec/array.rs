//! Arrays of whatever shape.

use super::npy::{self, Element, MAX_DIMENSIONS};
use super::{Codec, CodecError, Npy};

/// Something that is an array of numbers or bools: vectors, slices, arrays of arrays, [`Shaped`], [`DataArray`], and with
/// the feature `ndarray` its arrays and views.
///
/// The methods are for those who take any array; an implementation of one's own gives them.
pub trait Array {
    /// The type of the elements in NumPy's words, such as `<f8`.
    fn dtype(&self) -> &'static str;

    /// Its lengths, slowest first.
    fn shape(&self) -> Vec<usize>;

    /// Appends the elements in C order, little-endian.
    fn append_data(&self, out: &mut Vec<u8>);
}

/// An array whose data does not fit its shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{elements} elements do not fit the shape {shape:?}")]
pub struct ShapeError {
    /// The shape.
    pub shape: Vec<usize>,
    /// The number of elements.
    pub elements: usize,
}

/// Appends any array as NumPy's `.npy`; gives its shape.
pub(crate) fn append_npy(array: &(impl Array + ?Sized), out: &mut Vec<u8>) -> Result<Vec<usize>, ShapeError> {
    let (dtype, shape) = (array.dtype(), array.shape());
    // The last digits of a dtype are the size of an element.
    let size = dtype.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<usize>().unwrap_or(1).max(1);
    if shape.len() > MAX_DIMENSIONS {
        return Err(ShapeError { shape, elements: 0 });
    }
    npy::write_header(dtype, &shape, out);
    let start = out.len();
    array.append_data(out);
    let bytes = out.len() - start;
    let expected = shape.iter().try_fold(size, |product, length| product.checked_mul(*length));
    match expected == Some(bytes) {
        true => Ok(shape),
        false => Err(ShapeError { shape, elements: bytes / size }),
    }
}

/// Borrowed elements in C order, with a shape.
///
/// ```
/// use metalab_engine::codec::{Array, Shaped};
///
/// let image = [0_u8; 12];
/// assert_eq!(Shaped::new(&[3, 4], &image).shape(), [3, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shaped<'a, E> {
    shape: &'a [usize],
    data: &'a [E],
}

impl<'a, E> Shaped<'a, E> {
    /// The elements with this shape. That they fit it is seen when they are captured.
    pub fn new(shape: &'a [usize], data: &'a [E]) -> Self {
        Self { shape, data }
    }
}

/// An array as it is read back: a shape, and the elements in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct DataArray<E> {
    shape: Vec<usize>,
    data: Vec<E>,
}

impl<E> DataArray<E> {
    /// An array of these elements.
    ///
    /// # Errors
    /// When the shape holds more or fewer.
    pub fn new(shape: Vec<usize>, data: Vec<E>) -> Result<Self, ShapeError> {
        let expected = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
        match expected == Some(data.len()) {
            true => Ok(Self { shape, data }),
            false => Err(ShapeError { shape, elements: data.len() }),
        }
    }

    /// Its lengths, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in C order.
    pub fn data(&self) -> &[E] {
        &self.data
    }

    /// The shape and the elements.
    pub fn into_parts(self) -> (Vec<usize>, Vec<E>) {
        (self.shape, self.data)
    }

    /// As an array of `ndarray`.
    #[cfg(feature = "ndarray")]
    pub fn into_ndarray(self) -> ndarray::ArrayD<E> {
        ndarray::ArrayD::from_shape_vec(self.shape, self.data)
            .expect("the shape was checked when it was made")
    }
}

impl<E: Element> Codec<DataArray<E>> for Npy {
    const NAME: &'static str = "npy";
    const EXTENSION: &'static str = "npy";

    fn encode(value: &DataArray<E>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        append_npy(value, out)
            .map(drop)
            .map_err(|error| CodecError::Encode { codec: "npy", message: error.to_string() })
    }

    fn decode(bytes: &[u8]) -> Result<DataArray<E>, CodecError> {
        let (shape, data) = npy::read::<E>(bytes)?;
        Ok(DataArray { shape, data: npy::elements(data)? })
    }
}

impl<A: Array + ?Sized> Array for &A {
    fn dtype(&self) -> &'static str {
        (**self).dtype()
    }

    fn shape(&self) -> Vec<usize> {
        (**self).shape()
    }

    fn append_data(&self, out: &mut Vec<u8>) {
        (**self).append_data(out);
    }
}

macro_rules! arrays {
    ($([$($generics:tt)*] $type:ty: |$x:ident| $shape:expr, $data:expr;)*) => {$(
        impl<E: Element, $($generics)*> Array for $type {
            fn dtype(&self) -> &'static str {
                E::DESCR
            }

            fn shape(&self) -> Vec<usize> {
                let $x = self;
                $shape
            }

            fn append_data(&self, out: &mut Vec<u8>) {
                let $x = self;
                npy::write_data($data, out);
            }
        }
    )*};
}

arrays! {
    [] [E]: |x| vec![x.len()], x;
    [] Vec<E>: |x| vec![x.len()], x;
    [const N: usize] [E; N]: |x| vec![x.len()], x;
    [const N: usize] Vec<[E; N]>: |x| vec![x.len(), N], x.as_flattened();
    [const N: usize] [[E; N]]: |x| vec![x.len(), N], x.as_flattened();
    [const N: usize, const M: usize] [[E; N]; M]: |x| vec![x.len(), N], x.as_flattened();
    [] Shaped<'_, E>: |x| x.shape.to_vec(), x.data;
    [] DataArray<E>: |x| x.shape.clone(), &x.data;
}

#[cfg(feature = "ndarray")]
impl<E: Element, S: ndarray::Data<Elem = E>, D: ndarray::Dimension> Array for ndarray::ArrayBase<S, D> {
    fn dtype(&self) -> &'static str {
        E::DESCR
    }

    fn shape(&self) -> Vec<usize> {
        ndarray::ArrayBase::shape(self).to_vec()
    }

    fn append_data(&self, out: &mut Vec<u8>) {
        match self.as_slice() {
            Some(data) => npy::write_data(data, out),
            // A view that is transposed or has gaps: in the order of its indices.
            None => npy::write_data(&self.iter().copied().collect::<Vec<_>>(), out),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn npy(array: &dyn Array) -> Vec<u8> {
        let mut out = Vec::new();
        append_npy(array, &mut out).unwrap();
        out
    }

    #[test]
    fn all_forms_of_an_array_are_the_same_bytes() {
        let rows = [[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let array = DataArray::new(vec![2, 3], rows.as_flattened().to_vec()).unwrap();
        let expected = npy(&rows);
        assert_eq!(npy(&rows.to_vec()), expected);
        assert_eq!(npy(&Shaped::new(&[2, 3], rows.as_flattened())), expected);
        assert_eq!(npy(&array), expected);
        assert_eq!(<Npy as Codec<DataArray<f32>>>::decode(&expected).unwrap(), array);
        assert_eq!(<Npy as Codec<Vec<[f32; 3]>>>::decode(&expected).unwrap(), rows);
    }

    #[test]
    fn any_number_of_dimensions_comes_back() {
        for shape in [vec![], vec![0], vec![3, 0, 2], vec![1, 2, 3, 4]] {
            let count: usize = shape.iter().product();
            let array = DataArray::new(shape, (0..count as i16).collect()).unwrap();
            assert_eq!(<Npy as Codec<DataArray<i16>>>::decode(&npy(&array)).unwrap(), array);
        }
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        let error = append_npy(&Shaped::new(&[2, 2], &[1_u8, 2, 3]), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "3 elements do not fit the shape [2, 2]");
        assert!(DataArray::new(vec![usize::MAX, 2], vec![0.0]).is_err());
        assert!(append_npy(&Shaped::new(&[1; 65], &[1.0]), &mut Vec::new()).is_err());
    }

    #[cfg(feature = "ndarray")]
    #[test]
    fn arrays_and_views_of_ndarray() {
        let array = ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        assert_eq!(npy(&array), npy(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        assert_eq!(npy(&array.t()), npy(&[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]));
        assert_eq!(npy(&array.column(1)), npy(&[2.0, 5.0]));
        let back: DataArray<f64> = Npy::decode(&npy(&array)).unwrap();
        assert_eq!(back.into_ndarray(), array.into_dyn());
    }
}
