//! Several arrays in one file: NumPy's `.npz`, a ZIP archive of `.npy` files.
//!
//! # Format `npz` (version 1)
//!
//! A ZIP archive without compression, whose bytes depend on the arrays alone: entries `<name>.npy` in the order given, all of
//! 1 January 1980, method *stored*, no extra fields, no comments. Each is a `.npy` of version 1.0 (see [`super::Npy`]).
//! Names are UTF-8 (flag bit 11). NumPy, and everything that reads ZIP, reads it. Golden data:
//! `engine/tests/golden/npz.txt`.

use super::array::append_npy;
use super::npy::{self, Element};
use super::{Array, Codec, CodecError, DataArray, Npy, ShapeError};
use crate::name;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
/// The version of ZIP that can read it: 2.0.
const NEEDS: u16 = 20;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// 1 January 1980, the first day that ZIP knows.
const DATE: u16 = 1 << 5 | 1;

/// Arrays that cannot be written into one file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NpzError {
    /// A name cannot be that of a file.
    #[error("an array of an npz file: {0}")]
    Name(#[from] name::NameError),
    /// Two have one name.
    #[error("two arrays are called `{name}`; give each a name of its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// One has not as many elements as its shape says.
    #[error("the array `{name}`: {source}")]
    Shape {
        /// Its name.
        name: String,
        /// What does not fit.
        source: ShapeError,
    },
    /// More than the format holds.
    #[error("the arrays have more than 4 GiB together; capture them one by one, each by `artifact_npy`")]
    TooLarge,
}

/// The bytes of several arrays.
pub(crate) fn write_npz(arrays: &[(&str, &dyn Array)]) -> Result<Vec<u8>, NpzError> {
    let mut out = Vec::new();
    let mut central = Vec::new();
    for (at, (name, array)) in arrays.iter().enumerate() {
        name::check(name)?;
        if arrays[..at].iter().any(|(other, _)| other == name) {
            return Err(NpzError::Twice { name: (*name).to_owned() });
        }
        let mut bytes = Vec::new();
        append_npy(*array, &mut bytes)
            .map_err(|source| NpzError::Shape { name: (*name).to_owned(), source })?;
        let size = u32::try_from(bytes.len()).map_err(|_| NpzError::TooLarge)?;
        let start = u32::try_from(out.len()).map_err(|_| NpzError::TooLarge)?;
        let file = format!("{name}.npy");
        // What both headers say of the entry.
        let mut entry = Vec::with_capacity(26);
        for part in [NEEDS, FLAGS, 0, 0, DATE] {
            entry.extend_from_slice(&part.to_le_bytes());
        }
        for part in [crc32(&bytes), size, size] {
            entry.extend_from_slice(&part.to_le_bytes());
        }
        // A name has at most 200 bytes.
        entry.extend_from_slice(&(file.len() as u16).to_le_bytes());
        entry.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&LOCAL);
        out.extend_from_slice(&entry);
        out.extend_from_slice(file.as_bytes());
        out.append(&mut bytes);
        central.extend_from_slice(&CENTRAL);
        central.extend_from_slice(&NEEDS.to_le_bytes());
        central.extend_from_slice(&entry);
        // No comment, first disk, no attributes.
        central.extend_from_slice(&[0; 10]);
        central.extend_from_slice(&start.to_le_bytes());
        central.extend_from_slice(file.as_bytes());
    }
    let count = u16::try_from(arrays.len()).map_err(|_| NpzError::TooLarge)?;
    let start = u32::try_from(out.len()).map_err(|_| NpzError::TooLarge)?;
    let size = u32::try_from(central.len()).map_err(|_| NpzError::TooLarge)?;
    out.append(&mut central);
    out.extend_from_slice(&END);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    Ok(out)
}

/// The arrays of an `.npz` file.
#[derive(Clone, Debug)]
pub struct Npz<'a>(Vec<(String, &'a [u8])>);

impl<'a> Npz<'a> {
    /// Reads the table of contents; NumPy's files too, unless they are compressed.
    ///
    /// # Errors
    /// When the bytes are no such file, or it is compressed.
    pub fn read(bytes: &'a [u8]) -> Result<Self, CodecError> {
        let wrong = |message: &str| CodecError::Decode { codec: "npz", message: message.to_owned() };
        let cut = || wrong("the file is cut off or no ZIP archive");
        // The end may be followed by a comment of up to 64 KiB.
        let end = bytes.windows(END.len()).rposition(|window| window == END).ok_or_else(cut)?;
        let end = bytes.get(end..end + 22).ok_or_else(cut)?;
        let (count, mut at) = (short(end, 10), long(end, 16));
        let mut arrays = Vec::new();
        for _ in 0..count {
            let head = bytes.get(at..).and_then(|rest| rest.get(..46)).ok_or_else(cut)?;
            if head[..4] != CENTRAL {
                return Err(cut());
            }
            let (method, size, start) = (short(head, 10), long(head, 20), long(head, 42));
            let (name, extra, comment) = (short(head, 28), short(head, 30), short(head, 32));
            if method != 0 {
                return Err(wrong(
                    "it is compressed; write it by `numpy.savez` instead of `savez_compressed`",
                ));
            }
            let file = bytes.get(at + 46..at + 46 + name).ok_or_else(cut)?;
            let file = std::str::from_utf8(file).map_err(|_| wrong("the name of an array is not UTF-8"))?;
            // The local header has lengths of its own.
            let local = bytes.get(start..).and_then(|rest| rest.get(..30)).ok_or_else(cut)?;
            let data = start + 30 + short(local, 26) + short(local, 28);
            let data = bytes.get(data..).and_then(|rest| rest.get(..size)).ok_or_else(cut)?;
            if crc32(data) as usize != long(head, 16) {
                return Err(wrong("an array is damaged: its checksum differs"));
            }
            arrays.push((file.strip_suffix(".npy").unwrap_or(file).to_owned(), data));
            at += 46 + name + extra + comment;
        }
        Ok(Self(arrays))
    }

    /// The names of the arrays, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The array of this name.
    ///
    /// # Errors
    /// When there is none, or it has elements of another type.
    pub fn get<E: Element>(&self, name: &str) -> Result<DataArray<E>, CodecError> {
        let found = self.0.iter().find(|(other, _)| other == name);
        let missing = || CodecError::Decode {
            codec: "npz",
            message: format!(
                "there is no array `{}`; there are {:?}",
                name::shown(name),
                self.names().collect::<Vec<_>>()
            ),
        };
        Npy::decode(found.ok_or_else(missing)?.1)
    }

    /// Type of the elements and shape of the array of this name.
    pub fn describe(&self, name: &str) -> Option<(String, Vec<usize>)> {
        let (_, bytes) = self.0.iter().find(|(other, _)| other == name)?;
        npy::open(bytes).ok().map(|opened| (opened.descr.to_owned(), opened.shape))
    }
}

fn short(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn long(bytes: &[u8], at: usize) -> usize {
    short(bytes, at) | short(bytes, at + 2) << 16
}

/// The checksum of ZIP, of which arrays of some megabytes are the most there is.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let mut crc = at as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
                bit += 1;
            }
            table[at] = crc;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| TABLE[(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::codec::Shaped;

    fn sample() -> Vec<u8> {
        write_npz(&[
            ("x", &[0.5, -1.0]),
            ("flags", &vec![[true, false]; 2]),
            ("höhe", &Shaped::new(&[], &[7_u16])),
        ])
        .unwrap()
    }

    #[test]
    fn golden_archive() {
        let golden = include_str!("../../tests/golden/npz.txt");
        let golden = golden.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        assert_eq!(sample().iter().map(|byte| format!("{byte:02x}")).collect::<String>(), golden);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn arrays_come_back_by_name() {
        let bytes = sample();
        let arrays = Npz::read(&bytes).unwrap();
        assert_eq!(arrays.names().collect::<Vec<_>>(), ["x", "flags", "höhe"]);
        assert_eq!(arrays.get::<f64>("x").unwrap().data(), [0.5, -1.0]);
        assert_eq!(arrays.get::<bool>("flags").unwrap().shape(), [2, 2]);
        assert_eq!(arrays.get::<u16>("höhe").unwrap().shape(), [0_usize; 0]);
        assert_eq!(arrays.describe("flags"), Some(("|b1".to_owned(), vec![2, 2])));
        let error = arrays.get::<f64>("y").unwrap_err().to_string();
        assert!(error.contains("there is no array `y`; there are [\"x\""), "{error}");
        assert!(Npz::read(&write_npz(&[]).unwrap()).unwrap().names().next().is_none());
    }

    #[test]
    fn what_cannot_be_written_or_read_says_why() {
        let twice = write_npz(&[("a", &[1]), ("a", &[2])]).unwrap_err().to_string();
        assert_eq!(twice, "two arrays are called `a`; give each a name of its own");
        assert!(matches!(write_npz(&[("../a", &[1])]), Err(NpzError::Name(_))));
        assert!(matches!(write_npz(&[("a", &Shaped::new(&[2], &[1]))]), Err(NpzError::Shape { .. })));
        let bytes = sample();
        for end in [0, 10, bytes.len() / 2, bytes.len() - 1] {
            assert!(Npz::read(&bytes[..end]).is_err(), "cut at {end}");
        }
        let mut damaged = bytes.clone();
        damaged[40] ^= 1;
        assert!(Npz::read(&damaged).is_err());
        // No byte makes it panic.
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] = 0xff;
            let _ = Npz::read(&changed).map(|arrays| arrays.get::<f64>("x").is_ok());
        }
    }
}
