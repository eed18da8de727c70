//! Captured data, read back typed.

use std::any::type_name;

use serde::de::DeserializeOwned;

use super::{ResultError, RunResult};
use crate::capture::data;
use crate::codec::{Codec, CodecError, DataArray, Element, Npy};
use crate::record::{DataRef, Place};

impl RunResult {
    /// The captured data, in the order of capture.
    pub fn data_refs(&self) -> &[DataRef] {
        self.attempt().map_or(&[], |attempt| &attempt.data)
    }

    /// What [`Capture::data`](crate::capture::Capture::data) kept under this name, as `T`; arrays are lists of lists.
    ///
    /// # Errors
    /// When there are none of this name, their bytes are missing or damaged, or they are of another type.
    pub fn data<T: DeserializeOwned>(&self, name: &str) -> Result<T, ResultError> {
        let (codec, bytes) = self.data_bytes(name)?;
        data::decode(codec, &bytes).map_err(|source| self.wrong_data::<T>(name, source))
    }

    /// A captured array with its shape.
    ///
    /// # Errors
    /// As [`RunResult::data`]; also when it has elements of another type than `E`, or is no array.
    pub fn data_array<E: Element>(&self, name: &str) -> Result<DataArray<E>, ResultError> {
        let (codec, bytes) = self.data_bytes(name)?;
        let array = match codec {
            data::NPY => Npy::decode(&bytes),
            _ => Err(CodecError::Decode {
                codec: "npy",
                message: "this is no array; read it by `data`".to_owned(),
            }),
        };
        array.map_err(|source| self.wrong_data::<DataArray<E>>(name, source))
    }

    /// Format and bytes of captured data, for those who read them by themselves.
    ///
    /// # Errors
    /// When there are none of this name, or their bytes are missing or damaged.
    pub fn data_bytes(&self, name: &str) -> Result<(&str, Vec<u8>), ResultError> {
        let found = self.data_refs().iter().find(|data| data.name == name);
        let found = found.ok_or_else(|| self.absent(format!("data `{name}`")))?;
        let bytes = match found.value.place {
            Place::Inline => found.inline.clone(),
            Place::Pack | Place::Blob => self.bytes(&found.value)?,
        };
        Ok((&found.codec, bytes))
    }

    fn wrong_data<T>(&self, name: &str, source: CodecError) -> ResultError {
        let what = format!("the data `{name}`");
        ResultError::Content {
            run: self.id().short(),
            what,
            expected: type_name::<T>(),
            source: Box::new(source),
        }
    }
}
