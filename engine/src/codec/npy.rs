//! Numeric vectors and arrays in NumPy's `.npy` format, version 1.0.
//!
//! Little-endian, C order; the header is padded with blanks so that the data begin at a multiple of 64 bytes, as
//! NumPy writes it. Headers of versions 2.0 and 3.0 are read. The element type must be the one asked for.

use metalab_cas::Value;

use super::{Codec, CodecError};

/// NumPy's `.npy`: `Vec<E>`, `[E; N]` and `Vec<[E; N]>` of numbers or bools.
#[derive(Clone, Copy, Debug)]
pub struct Npy;

/// What NumPy allows, and few enough for the header.
pub(crate) const MAX_DIMENSIONS: usize = 64;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// An element of an array: a number type or bool.
pub trait Element: Copy + Send + Sync + 'static + sealed::Bytes {
    /// NumPy's description of it, such as `<f8`.
    const DESCR: &'static str;
}

mod sealed {
    pub trait Bytes: Sized {
        const SIZE: usize;
        fn put(self, bytes: &mut [u8]);
        /// `None` when the bytes are no such element.
        fn get(bytes: &[u8]) -> Option<Self>;
    }
}

macro_rules! elements {
    ($($type:ty = $descr:literal),*) => {$(
        impl Element for $type {
            const DESCR: &'static str = $descr;
        }
        impl sealed::Bytes for $type {
            const SIZE: usize = size_of::<$type>();
            #[inline]
            fn put(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
            #[inline]
            fn get(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}

elements! {
    f64 = "<f8", f32 = "<f4", i64 = "<i8", i32 = "<i4", i16 = "<i2", i8 = "|i1",
    u64 = "<u8", u32 = "<u4", u16 = "<u2", u8 = "|u1"
}

impl Element for bool {
    const DESCR: &'static str = "|b1";
}

impl sealed::Bytes for bool {
    const SIZE: usize = 1;

    fn put(self, bytes: &mut [u8]) {
        bytes[0] = u8::from(self);
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

/// Appends an array in `.npy` format; the caller has made sure that `shape` holds as many elements as come.
fn write_array<E: Element>(shape: &[usize], data: &[E], out: &mut Vec<u8>) {
    write_header(E::DESCR, shape, out);
    write_data(data, out);
}

pub(crate) fn write_header(descr: &str, shape: &[usize], out: &mut Vec<u8>) {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (");
    for (at, size) in shape.iter().enumerate() {
        if at > 0 {
            header.push(' ');
        }
        header.push_str(&size.to_string());
        if at + 1 < shape.len() || shape.len() == 1 {
            header.push(',');
        }
    }
    header.push_str("), }");
    // magic, version, length; then the header with its line feed
    let unpadded = MAGIC.len() + 2 + 2 + header.len() + 1;
    let padding = unpadded.next_multiple_of(64) - unpadded;
    let length = u16::try_from(header.len() + padding + 1).expect("a shape in memory has few dimensions");
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    out.resize(out.len() + padding, b' ');
    out.push(b'\n');
}

pub(super) fn write_data<E: Element>(data: &[E], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + data.len() * E::SIZE, 0);
    for (bytes, element) in out[start..].chunks_exact_mut(E::SIZE).zip(data) {
        element.put(bytes);
    }
}

fn wrong(message: impl Into<String>) -> CodecError {
    CodecError::Decode { codec: "npy", message: message.into() }
}

/// An array whose element type is only known from its header.
pub(crate) struct Opened<'a> {
    pub(crate) descr: &'a str,
    pub(crate) shape: Vec<usize>,
    data: &'a [u8],
}

/// Reads the header of an array.
pub(crate) fn open(bytes: &[u8]) -> Result<Opened<'_>, CodecError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| wrong("no `.npy` magic at the start"))?;
    let cut = || wrong("the header is cut off");
    let (&[major, _minor], rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return Err(wrong(format!("format version {major} is not known"))),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| wrong("the header is no text"))?;
    let descr = entry(header, "descr")?.trim_matches(['\'', '"']);
    let shape = shape(entry(header, "shape")?)?;
    if entry(header, "fortran_order")? != "False" && shape.len() > 1 {
        return Err(wrong("the array is in Fortran order; save it in C order"));
    }
    Ok(Opened { descr, shape, data })
}

/// The shape and the data of an array of `E`.
pub(super) fn read<E: Element>(bytes: &[u8]) -> Result<(Vec<usize>, &[u8]), CodecError> {
    let Opened { descr, shape, data } = open(bytes)?;
    if descr != E::DESCR {
        let shown = crate::name::shown(descr);
        return Err(wrong(format!("the elements are `{shown}`, wanted `{}`", E::DESCR)));
    }
    let size = shape.iter().try_fold(E::SIZE, |size, n| size.checked_mul(*n));
    if size != Some(data.len()) {
        return Err(wrong(format!("{} bytes of data do not fit the shape {shape:?}", data.len())));
    }
    Ok((shape, data))
}

/// An array of any element type as a list of lists.
pub(crate) fn read_values(bytes: &[u8]) -> Result<Value, CodecError> {
    fn as_lists<E: Element + Into<Value>>(bytes: &[u8]) -> Result<Value, CodecError> {
        let (shape, data) = read::<E>(bytes)?;
        let mut list: Vec<Value> = elements::<E>(data)?.into_iter().map(Into::into).collect();
        for length in shape.iter().skip(1).rev() {
            if *length == 0 {
                return Err(wrong("rows without elements are no list"));
            }
            let mut rows = Vec::with_capacity(list.len() / length);
            let mut rest = list.into_iter();
            loop {
                let row: Vec<Value> = rest.by_ref().take(*length).collect();
                if row.is_empty() {
                    break;
                }
                rows.push(Value::List(row));
            }
            list = rows;
        }
        match shape.is_empty() {
            true => list.pop().ok_or_else(|| wrong("a number is missing")),
            false => Ok(Value::List(list)),
        }
    }
    let descr = open(bytes)?.descr;
    macro_rules! by_descr {
        ($($type:ty),*) => {
            match descr {
                $(<$type as Element>::DESCR => as_lists::<$type>(bytes),)*
                _ => Err(wrong(format!("the elements are `{}`, which is not known", crate::name::shown(descr)))),
            }
        };
    }
    by_descr!(f64, f32, i64, i32, i16, i8, u64, u32, u16, u8, bool)
}

/// The text of one value of the header, which is a Python dictionary.
fn entry<'a>(header: &'a str, key: &str) -> Result<&'a str, CodecError> {
    let missing = || wrong(format!("the header has no `{key}`"));
    let after = ['\'', '"'].iter().find_map(|quote| {
        let (_, after) = header.split_once(&format!("{quote}{key}{quote}"))?;
        after.trim_start().strip_prefix(':')
    });
    let value = after.ok_or_else(missing)?.trim_start();
    let end = match value.starts_with('(') {
        true => value.find(')').map(|end| end + 1),
        false => value.find([',', '}']),
    };
    Ok(value[..end.ok_or_else(missing)?].trim())
}

fn shape(text: &str) -> Result<Vec<usize>, CodecError> {
    let bad = || wrong(format!("the shape `{}` is none", crate::name::shown(text)));
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).ok_or_else(bad)?;
    let sizes = inner.split(',').map(str::trim).filter(|size| !size.is_empty());
    let sizes = sizes.map(|size| size.parse().map_err(|_| bad())).collect::<Result<Vec<_>, _>>()?;
    if sizes.len() > MAX_DIMENSIONS { Err(bad()) } else { Ok(sizes) }
}

pub(super) fn elements<E: Element>(data: &[u8]) -> Result<Vec<E>, CodecError> {
    let elements = data.chunks_exact(E::SIZE).map(E::get);
    elements.collect::<Option<_>>().ok_or_else(|| wrong(format!("an element is no `{}`", E::DESCR)))
}

impl<E: Element> Codec<Vec<E>> for Npy {
    const NAME: &'static str = "npy";
    const EXTENSION: &'static str = "npy";

    fn encode(value: &Vec<E>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        write_array(&[value.len()], value, out);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Vec<E>, CodecError> {
        let (shape, data) = read::<E>(bytes)?;
        match shape[..] {
            [_] => elements(data),
            _ => Err(wrong(format!("the shape is {shape:?}, wanted one dimension"))),
        }
    }
}

impl<E: Element, const N: usize> Codec<[E; N]> for Npy {
    const NAME: &'static str = "npy";
    const EXTENSION: &'static str = "npy";

    fn encode(value: &[E; N], out: &mut Vec<u8>) -> Result<(), CodecError> {
        write_array(&[N], value, out);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<[E; N], CodecError> {
        let (shape, data) = read::<E>(bytes)?;
        let wanted = || wrong(format!("the shape is {shape:?}, wanted [{N}]"));
        if shape != [N] {
            return Err(wanted());
        }
        elements(data)?.try_into().map_err(|_| wanted())
    }
}

impl<E: Element, const N: usize> Codec<Vec<[E; N]>> for Npy {
    const NAME: &'static str = "npy";
    const EXTENSION: &'static str = "npy";

    fn encode(value: &Vec<[E; N]>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        if N == 0 && !value.is_empty() {
            let message = "rows without elements cannot be read back".to_owned();
            return Err(CodecError::Encode { codec: "npy", message });
        }
        write_header(E::DESCR, &[value.len(), N], out);
        write_data(value.as_flattened(), out);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Vec<[E; N]>, CodecError> {
        let (shape, data) = read::<E>(bytes)?;
        let rows = match shape[..] {
            [rows, columns] if columns == N => rows,
            _ => return Err(wrong(format!("the shape is {shape:?}, wanted two dimensions, the second {N}"))),
        };
        if N == 0 {
            // No data say how many rows there are, so nothing bounds the number but the header's word.
            return match rows {
                0 => Ok(Vec::new()),
                _ => Err(wrong("the rows have no elements")),
            };
        }
        let rows = elements::<E>(data)?;
        Ok(rows.as_chunks().0.to_vec())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn encoded<T>(value: T) -> Vec<u8>
    where
        Npy: Codec<T>,
    {
        let mut out = Vec::new();
        Npy::encode(&value, &mut out).unwrap();
        out
    }

    #[test]
    fn vectors_come_back() {
        let floats = vec![0.0, -0.0, f64::INFINITY, f64::MIN_POSITIVE, f64::NAN];
        let back: Vec<f64> = Npy::decode(&encoded(floats.clone())).unwrap();
        assert!(back.iter().zip(&floats).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert_eq!(<Npy as Codec<Vec<i16>>>::decode(&encoded(vec![-1_i16, 7])).unwrap(), [-1, 7]);
        assert_eq!(<Npy as Codec<Vec<bool>>>::decode(&encoded(vec![true, false])).unwrap(), [true, false]);
        assert_eq!(<Npy as Codec<Vec<u64>>>::decode(&encoded(Vec::<u64>::new())).unwrap(), [0_u64; 0]);
        assert_eq!(<Npy as Codec<[u8; 3]>>::decode(&encoded([1_u8, 2, 3])).unwrap(), [1, 2, 3]);
        let rows = vec![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
        assert_eq!(<Npy as Codec<Vec<[f32; 2]>>>::decode(&encoded(rows.clone())).unwrap(), rows);
    }

    /// Bytes that NumPy itself wrote, one array per line.
    #[test]
    fn golden_arrays_are_those_of_numpy() {
        let ours = [
            encoded(vec![0.5, -0.0, f64::INFINITY]),
            encoded(vec![-1_i64, i64::MAX]),
            encoded(vec![true, false]),
            encoded(Vec::<f32>::new()),
            encoded(vec![[1_u16, 2, 3], [4, 5, 65535]]),
            encoded([7_u8, 8]),
        ];
        let golden = include_str!("../../tests/golden/npy.txt");
        let golden: Vec<_> = golden.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(ours.len(), golden.len());
        for (ours, golden) in ours.iter().zip(golden) {
            let (_, hex) = golden.split_once(' ').unwrap();
            assert_eq!(ours.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), hex);
        }
    }

    #[test]
    fn data_start_at_a_multiple_of_64() {
        for len in [0, 1, 1_000_000] {
            assert_eq!((encoded(vec![0_u8; len]).len() - len) % 64, 0);
        }
    }

    #[test]
    fn foreign_bytes_are_refused_in_words() {
        let refused = |bytes: &[u8]| <Npy as Codec<Vec<f64>>>::decode(bytes).unwrap_err().to_string();
        assert_eq!(refused(b"garbage"), "decode as npy: no `.npy` magic at the start");
        assert_eq!(refused(b"\x93NUMPY\x01\0\xff\xff"), "decode as npy: the header is cut off");
        assert_eq!(refused(b"\x93NUMPY\x09\0\0\0"), "decode as npy: format version 9 is not known");
        assert_eq!(refused(&encoded(vec![1_i64])), "decode as npy: the elements are `<i8`, wanted `<f8`");
        assert_eq!(
            refused(&encoded(vec![[1.0, 2.0]])),
            "decode as npy: the shape is [1, 2], wanted one dimension"
        );
        let mut cut = encoded(vec![1.0, 2.0]);
        cut.pop();
        assert_eq!(refused(&cut), "decode as npy: 15 bytes of data do not fit the shape [2]");
        let huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551615, 9), }\n";
        let mut bytes = b"\x93NUMPY\x02\0".to_vec();
        bytes.extend_from_slice(&(huge.len() as u32).to_le_bytes());
        bytes.extend_from_slice(huge.as_bytes());
        assert!(refused(&bytes).contains("0 bytes of data do not fit"));
        let mut bools = encoded(vec![true]);
        *bools.last_mut().unwrap() = 2;
        assert!(<Npy as Codec<Vec<bool>>>::decode(&bools).is_err());
    }
}
