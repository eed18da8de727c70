//! The parts of a gather as records keep them (**format**): a canonical list of
//! `[coordinates, bytes(digest), bytes(run id)]`, the run id null where no run is known.

use metalab_cas::{Digest, Value};

use crate::id::RunId;

/// One part of a gather.
#[derive(Clone, Debug, PartialEq)]
pub struct GatherPart {
    /// Over which coordinates it was gathered.
    pub coordinates: Value,
    /// The value.
    pub digest: Digest,
    /// The run that made it, if that is known.
    pub run: Option<RunId>,
}

/// The bytes of a list of parts.
pub(crate) fn encode(parts: impl Iterator<Item = GatherPart>) -> Vec<u8> {
    let bytes = |bytes: &[u8; 32]| Value::Bytes(bytes.to_vec());
    let parts = parts.map(|part| {
        let run = part.run.map_or(Value::Null, |run| bytes(run.as_bytes()));
        Value::List(vec![part.coordinates, bytes(part.digest.as_bytes()), run])
    });
    Value::List(parts.collect()).to_bytes().expect("coordinates were encoded before")
}

/// Reads the parts of a gather; `None` when the bytes are no such list.
pub fn gather_parts(bytes: &[u8]) -> Option<Vec<GatherPart>> {
    let Value::List(parts) = Value::decode(bytes).ok()? else { return None };
    let digest = |value: &Value| match value {
        Value::Bytes(bytes) => Some(Digest::from_bytes(bytes.as_slice().try_into().ok()?)),
        _ => None,
    };
    let part = |value: Value| {
        let Value::List(fields) = value else { return None };
        let [coordinates, value, run]: [Value; 3] = fields.try_into().ok()?;
        Some(GatherPart { coordinates, digest: digest(&value)?, run: digest(&run).map(RunId) })
    };
    parts.into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn parts_come_back_and_other_bytes_do_not() {
        let part = |k: u64, run| GatherPart {
            coordinates: Value::from_serde(&BTreeMap::from([("k", k)])).expect("a map"),
            digest: Digest::of(b"value"),
            run,
        };
        let parts = vec![part(1, None), part(2, Some(RunId(Digest::of(b"run"))))];
        assert_eq!(gather_parts(&encode(parts.clone().into_iter())), Some(parts));
        assert_eq!(gather_parts(b"no list"), None);
        assert_eq!(gather_parts(&Value::List(vec![Value::Null]).to_bytes().expect("a list")), None);
    }
}
