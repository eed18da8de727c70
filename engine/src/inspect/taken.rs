//! The inputs of a run, read back from its record.

use bytes::Bytes;
use metalab_cas::{Digest, Map, Value};

use crate::id::RunId;
use crate::inputs::{GatherPart, gather_parts};
use crate::recipe;
use crate::record::Attempt;
use crate::results::ResultError;

/// One input of a run.
pub(super) struct Taken {
    pub(super) name: String,
    /// The artifact it is, if it is no return value.
    pub(super) artifact: Option<String>,
    pub(super) value: TakenValue,
}

pub(super) enum TakenValue {
    One { digest: Digest, run: Option<RunId> },
    Many(Vec<GatherPart>),
}

impl Taken {
    /// The runs it was taken from.
    pub(super) fn runs(&self) -> Vec<RunId> {
        match &self.value {
            TakenValue::One { run, .. } => run.iter().copied().collect(),
            TakenValue::Many(parts) => parts.iter().filter_map(|part| part.run).collect(),
        }
    }
}

/// The inputs of a run; `value` gives the bytes of the lists of gathers.
pub(super) fn inputs(
    attempt: &Attempt,
    value: impl Fn(&Digest) -> Result<Bytes, ResultError>,
) -> Result<Vec<Taken>, ResultError> {
    let absent = |name: &str| ResultError::Absent {
        run: attempt.run.short(),
        what: format!("readable list of input `{name}`"),
    };
    let inputs = attempt.inputs.iter().map(|input| {
        let found = match (&input.gather, input.digest) {
            (Some(list), _) => {
                let parts = gather_parts(&value(&list.digest)?);
                TakenValue::Many(parts.ok_or_else(|| absent(&input.name))?)
            }
            (None, Some(digest)) => TakenValue::One { digest, run: input.run },
            (None, None) => return Err(absent(&input.name)),
        };
        Ok(Taken { name: input.name.clone(), artifact: input.artifact.clone(), value: found })
    });
    inputs.collect()
}

/// The canonical map that was hashed; nothing for a run without inputs.
pub(super) fn hashed(inputs: &[Taken]) -> Result<Vec<u8>, String> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let entries = inputs.iter().map(|input| {
        let value = match &input.value {
            TakenValue::One { digest, .. } => recipe::Input::Artifact(*digest),
            TakenValue::Many(parts) => recipe::Input::Gather(
                parts.iter().map(|part| (part.coordinates.clone(), part.digest)).collect(),
            ),
        };
        (Value::Text(input.name.clone()), value.to_value())
    });
    let map = Map::from_entries(entries).map_err(|error| error.to_string())?;
    Value::Map(map).to_bytes().map_err(|error| error.to_string())
}
