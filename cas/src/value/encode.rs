//! From values to bytes.

use super::{MAX_DEPTH, Map, Value, ValueError};

pub(super) const NULL: u8 = 0x00;
pub(super) const FALSE: u8 = 0x01;
pub(super) const TRUE: u8 = 0x02;
pub(super) const NON_NEGATIVE: u8 = 0x03;
pub(super) const NEGATIVE: u8 = 0x04;
pub(super) const FLOAT: u8 = 0x05;
pub(super) const TEXT: u8 = 0x06;
pub(super) const BYTES: u8 = 0x07;
pub(super) const LIST: u8 = 0x08;
pub(super) const MAP: u8 = 0x09;
pub(super) const VARIANT: u8 = 0x0a;
pub(super) const FILE: u8 = 0x0b;
pub(super) const FOLDER: u8 = 0x0c;

/// The first byte of a value's encoding.
pub(super) fn tag(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(false) => FALSE,
        Value::Bool(true) => TRUE,
        Value::Int(int) if int.is_negative() => NEGATIVE,
        Value::Int(_) => NON_NEGATIVE,
        Value::Float(_) => FLOAT,
        Value::Text(_) => TEXT,
        Value::Bytes(_) => BYTES,
        Value::List(_) => LIST,
        Value::Map(_) => MAP,
        Value::Variant(..) => VARIANT,
        Value::File(_) => FILE,
        Value::Folder(_) => FOLDER,
    }
}

/// Appends `n` as unsigned LEB128.
pub(super) fn uvar(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    uvar(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

impl Value {
    /// Appends the encoding to `out`.
    ///
    /// # Errors
    /// [`ValueError::NotFinite`] and [`ValueError::TooDeep`]; `out` is as it was then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let start = out.len();
        encode(self, out, 0).inspect_err(|_| out.truncate(start))
    }

    /// The encoding.
    ///
    /// # Errors
    /// As [`Value::encode`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ValueError> {
        let mut out = Vec::new();
        self.encode(&mut out)?;
        Ok(out)
    }
}

impl Map {
    /// Appends the encoding to `out`, the same as that of the [`Value::Map`] of it.
    ///
    /// # Errors
    /// As [`Value::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let start = out.len();
        map(self, out, 0).inspect_err(|_| out.truncate(start))
    }
}

fn encode(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<(), ValueError> {
    match value {
        Value::Null | Value::Bool(_) => out.push(tag(value)),
        Value::Int(int) => {
            let (negative, magnitude) = int.parts();
            let bytes = magnitude.to_be_bytes();
            let skip = magnitude.leading_zeros() as usize / 8;
            out.push(if negative { NEGATIVE } else { NON_NEGATIVE });
            sized(out, &bytes[skip..]);
        }
        Value::Float(float) => {
            if !float.is_finite() {
                return Err(ValueError::not_finite(*float));
            }
            // Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
            out.push(FLOAT);
            out.extend_from_slice(&(float + 0.0).to_bits().to_le_bytes());
        }
        Value::Text(text) => {
            out.push(TEXT);
            sized(out, text.as_bytes());
        }
        Value::Bytes(bytes) => {
            out.push(BYTES);
            sized(out, bytes);
        }
        Value::List(list) => {
            let depth = deeper(depth)?;
            out.push(LIST);
            uvar(out, list.len() as u64);
            for (i, element) in list.iter().enumerate() {
                encode(element, out, depth).map_err(|e| e.in_element(i))?;
            }
        }
        Value::Map(entries) => map(entries, out, depth)?,
        Value::Variant(name, inner) => {
            let depth = deeper(depth)?;
            out.push(VARIANT);
            sized(out, name.as_bytes());
            encode(inner, out, depth).map_err(|e| e.in_field(name))?;
        }
        Value::File(digest) => {
            out.push(FILE);
            out.extend_from_slice(digest.as_bytes());
        }
        Value::Folder(digest) => {
            out.push(FOLDER);
            out.extend_from_slice(digest.as_bytes());
        }
    }
    Ok(())
}

fn map(entries: &Map, out: &mut Vec<u8>, depth: usize) -> Result<(), ValueError> {
    let depth = deeper(depth)?;
    out.push(MAP);
    uvar(out, entries.len() as u64);
    for (key, value) in entries.iter() {
        encode(key, out, depth)?;
        encode(value, out, depth).map_err(|e| match key {
            Value::Text(name) => e.in_field(name),
            other => e.in_field(&format!("[{other}]")),
        })?;
    }
    Ok(())
}

/// The depth inside a value at `depth`, if that is allowed.
pub(super) fn deeper(depth: usize) -> Result<usize, ValueError> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(ValueError::TooDeep) }
}
