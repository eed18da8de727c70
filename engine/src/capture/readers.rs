//! Looking at what was captured, for unit tests of operations.

use super::artifact::Body;
use super::handle::Capture;
use crate::record::Scalar;

impl Capture {
    /// All metrics, in the order of their first capture.
    pub fn metrics(&self) -> Vec<(String, Scalar)> {
        self.lock().metrics.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    /// The metric of this name.
    pub fn get_metric(&self, name: &str) -> Option<Scalar> {
        self.lock().metrics.get(name).cloned()
    }

    /// The points of a stepped metric, in the order of capture; empty if there is none.
    pub fn get_series(&self, name: &str) -> Vec<(u64, f64)> {
        self.lock().series.get(name).cloned().unwrap_or_default()
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

    /// The first capture that could not be kept, in words.
    pub fn misuse(&self) -> Option<String> {
        self.lock().misuse.as_ref().map(|misuse| misuse.chain().join(": "))
    }
}
