//! Looking at what was captured, for unit tests of operations.

use serde::de::DeserializeOwned;

use super::artifact::Body;
use super::data::{self, CapturedData};
use super::handle::Capture;
use crate::codec::{Codec, DataArray, Element, Npy};
use crate::record::Scalar;

impl Capture {
    /// All metrics, in the order of their first capture.
    pub fn get_metrics(&self) -> Vec<(String, Scalar)> {
        self.lock().metrics.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    /// The metric of this name.
    pub fn get_metric(&self, name: &str) -> Option<Scalar> {
        self.lock().metrics.get(name).cloned()
    }

    /// The points of a stepped metric, in the order of capture; empty if there is none.
    pub fn get_series(&self, name: &str) -> Vec<(u64, f64)> {
        self.lock().series.get(name).map(|series| series.points()).unwrap_or_default()
    }

    /// Captured data as `T`; `None` if there are none of this name, or of another type.
    pub fn get_data<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let (codec, bytes) = self.data_bytes(name)?;
        data::decode(codec, &bytes).ok()
    }

    /// A captured array; `None` if there is none of this name, or of another element type.
    pub fn get_data_array<E: Element>(&self, name: &str) -> Option<DataArray<E>> {
        Npy::decode(&self.data_bytes(name)?.1).ok()
    }

    fn data_bytes(&self, name: &str) -> Option<(&'static str, Vec<u8>)> {
        match self.lock().data.get(name)?.as_ref()? {
            CapturedData { codec, body: Body::Bytes(bytes), .. } => Some((codec, bytes.clone())),
            _ => None,
        }
    }

    /// Names of the artifacts, in the order of capture.
    pub fn artifacts(&self) -> Vec<String> {
        self.lock().artifacts.iter().map(|(name, _)| name.to_owned()).collect()
    }

    /// The bytes of an artifact; `None` if there is none, or if it is a folder.
    pub fn get_artifact(&self, name: &str) -> Option<Vec<u8>> {
        match &self.lock().artifacts.get(name)?.as_ref()?.body {
            Body::Bytes(bytes) => Some(bytes.clone()),
            Body::Stored { .. } => None,
        }
    }

    /// The log so far.
    pub fn log_text(&self) -> String {
        let text = self.lock().log.as_ref().map(|log| log.text()).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A named log stream so far; empty if there is none.
    pub fn stream_text(&self, stream: &str) -> String {
        let text = self.lock().streams.get(stream).map(|log| log.text()).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The first capture that could not be kept, in words.
    pub fn misuse(&self) -> Option<String> {
        self.lock().misuse.as_ref().map(|misuse| misuse.chain().join(": "))
    }
}
