//! Capturing artifacts.

use std::path::Path;

use serde::Serialize;

use super::artifact::{Body, CapturedArtifact};
use super::handle::Capture;
use super::misuse::Misuse;
use super::sink::Sink;
use crate::codec::{self, Element, Shaped, append_npy};

const WHAT: &str = "artifact";

impl Capture {
    /// Captures bytes.
    pub fn artifact_bytes(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.artifact(name, "bytes", None, || Ok(bytes.into()));
    }

    /// Captures text.
    pub fn artifact_text(&self, name: &str, text: impl Into<String>) {
        self.artifact(name, "text", Some("txt"), || Ok(text.into().into_bytes()));
    }

    /// Captures a serde value as JSON (see [`codec::Json`]; NaN and infinities survive).
    pub fn artifact_json(&self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.artifact(name, "json", Some("json"), || {
            let mut bytes = Vec::new();
            codec::append_json(value, &mut bytes)
                .map_err(|source| Misuse::Codec { name: name.to_owned(), source })?;
            Ok(bytes)
        });
    }

    /// Captures an array of numbers or bools in C order as NumPy's `.npy`.
    pub fn artifact_npy<E: Element>(&self, name: &str, shape: &[usize], data: &[E]) {
        self.artifact(name, "npy", Some("npy"), || {
            let mut bytes = Vec::new();
            append_npy(&Shaped::new(shape, data), &mut bytes).map_err(|reason| Misuse::Shape {
                what: WHAT,
                name: name.to_owned(),
                reason,
            })?;
            Ok(bytes)
        });
    }

    /// Captures the content of a file: copied now, the file may change or go afterwards.
    ///
    /// A large file is not held in memory.
    pub fn artifact_file(&self, name: &str, path: impl AsRef<Path>) {
        let path = path.as_ref();
        let extension = path.extension().and_then(|extension| extension.to_str());
        self.captured(name, "file", extension, |sink| Body::of_file(name, path, sink));
    }

    /// Captures a folder with all that is in it: copied now.
    ///
    /// Links are kept as links when they stay inside of the folder. Links that lead outside, sockets, pipes, devices, and
    /// names that are not UTF-8 are refused by name.
    pub fn artifact_folder(&self, name: &str, path: impl AsRef<Path>) {
        self.captured(name, "folder", None, |sink| Body::of_folder(name, path.as_ref(), sink));
    }

    /// An artifact whose bytes are made in memory.
    pub(super) fn artifact(
        &self,
        name: &str,
        kind: &'static str,
        extension: Option<&str>,
        bytes: impl FnOnce() -> Result<Vec<u8>, Misuse>,
    ) {
        self.captured(name, kind, extension, |sink| Body::of(WHAT, name, bytes()?, sink));
    }

    fn captured(
        &self,
        name: &str,
        kind: &'static str,
        extension: Option<&str>,
        body: impl FnOnce(Option<&dyn Sink>) -> Result<Body, Misuse>,
    ) {
        let Some(sink) = self.reserve(name, WHAT, |state| &mut state.artifacts) else { return };
        let artifact = body(sink.as_deref()).map(|body| CapturedArtifact {
            name: name.to_owned(),
            kind,
            extension: extension.map(str::to_owned),
            body,
        });
        self.fill(name, artifact, |state| &mut state.artifacts);
    }
}
