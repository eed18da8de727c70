//! From bytes to values: only what encoding would have written is accepted.

use super::encode::{self, deeper};
use super::{Int, Map, Value, ValueError};
use crate::Digest;

impl Value {
    /// The value whose encoding `bytes` is, all of it.
    ///
    /// # Errors
    /// [`ValueError::Malformed`] for anything but the canonical encoding of one value, and
    /// [`ValueError::TooDeep`].
    pub fn decode(bytes: &[u8]) -> Result<Value, ValueError> {
        let (value, used) = Value::decode_prefix(bytes)?;
        if used < bytes.len() {
            return Err(ValueError::Malformed { offset: used, what: "more bytes than one value" });
        }
        Ok(value)
    }

    /// The value at the start of `bytes`, and how many bytes it takes.
    ///
    /// # Errors
    /// As [`Value::decode`].
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Value, usize), ValueError> {
        let mut reader = Reader { bytes, at: 0 };
        let value = reader.value(0)?;
        Ok((value, reader.at))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bad<T>(&self, what: &'static str) -> Result<T, ValueError> {
        Err(ValueError::Malformed { offset: self.at, what })
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], ValueError> {
        let Some((taken, _)) = self.bytes[self.at..].split_at_checked(n) else {
            return self.bad("cut off");
        };
        self.at += n;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, ValueError> {
        Ok(self.take(1)?[0])
    }

    fn uvar(&mut self) -> Result<usize, ValueError> {
        let mut n: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return self.bad("a length of more than 64 bits");
            }
            n |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return self.bad("a length that is not of the shortest form");
                }
                return usize::try_from(n)
                    .or_else(|_| self.bad("a length of more than this machine can hold"));
            }
        }
        self.bad("a length of more than 64 bits")
    }

    fn sized(&mut self) -> Result<&'a [u8], ValueError> {
        let len = self.uvar()?;
        self.take(len)
    }

    fn text(&mut self) -> Result<String, ValueError> {
        let bytes = self.sized()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => self.bad("text that is not UTF-8"),
        }
    }

    fn digest(&mut self) -> Result<Digest, ValueError> {
        Ok(Digest::from_slice(self.take(32)?).expect("32 bytes were taken"))
    }

    /// A count of things of at least `each` bytes, so that a small input cannot ask for much memory.
    fn count(&mut self, each: usize) -> Result<usize, ValueError> {
        let count = self.uvar()?;
        if count > (self.bytes.len() - self.at) / each {
            return self.bad("a count beyond the end");
        }
        Ok(count)
    }

    fn value(&mut self, depth: usize) -> Result<Value, ValueError> {
        Ok(match self.byte()? {
            encode::NULL => Value::Null,
            encode::FALSE => Value::Bool(false),
            encode::TRUE => Value::Bool(true),
            tag @ (encode::NON_NEGATIVE | encode::NEGATIVE) => {
                let bytes = self.sized()?;
                if bytes.len() > 16 || bytes.first() == Some(&0) {
                    return self.bad("an integer that is too long");
                }
                let mut full = [0; 16];
                full[16 - bytes.len()..].copy_from_slice(bytes);
                Value::Int(Int::from_parts(tag == encode::NEGATIVE, u128::from_be_bytes(full)))
            }
            encode::FLOAT => {
                let mut bits = [0; 8];
                bits.copy_from_slice(self.take(8)?);
                let float = f64::from_bits(u64::from_le_bytes(bits));
                if !float.is_finite() || (float == 0.0 && float.is_sign_negative()) {
                    return self.bad("a float that is NaN, infinite or -0.0");
                }
                Value::Float(float)
            }
            encode::TEXT => Value::Text(self.text()?),
            encode::BYTES => Value::Bytes(self.sized()?.to_vec()),
            encode::LIST => {
                let depth = deeper(depth)?;
                let count = self.count(1)?;
                // Grows as elements are read: nested counts must not multiply into much memory.
                let mut list = Vec::with_capacity(count.min(1024));
                for _ in 0..count {
                    list.push(self.value(depth)?);
                }
                Value::List(list)
            }
            encode::MAP => Value::Map(self.map(deeper(depth)?)?),
            encode::VARIANT => {
                let depth = deeper(depth)?;
                let name = self.text()?;
                Value::Variant(name, Box::new(self.value(depth)?))
            }
            encode::FILE => Value::File(self.digest()?),
            encode::FOLDER => Value::Folder(self.digest()?),
            _ => {
                self.at -= 1;
                return self.bad("an unknown kind; a newer metalab may know it");
            }
        })
    }

    fn map(&mut self, depth: usize) -> Result<Map, ValueError> {
        let count = self.count(2)?;
        let mut entries = Vec::with_capacity(count.min(1024));
        let mut last: &[u8] = &[];
        for i in 0..count {
            let start = self.at;
            let key = self.value(depth)?;
            let encoded = &self.bytes[start..self.at];
            if i > 0 && encoded <= last {
                self.at = start;
                return self.bad("map keys that are not sorted, or are there twice");
            }
            last = encoded;
            entries.push((key, self.value(depth)?));
        }
        Ok(Map::from_sorted(entries))
    }
}
