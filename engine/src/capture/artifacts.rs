//! Capturing artifacts.

use std::path::Path;

use serde::Serialize;

use super::artifact::{Body, CapturedArtifact};
use super::handle::Capture;
use super::misuse::Misuse;
use super::sink::Sink;
use crate::codec::{self, Array, Element, Shaped, append_npy, write_npz};

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

    /// Captures several arrays in one file, NumPy's `.npz`; each kind of array that [`Capture::data_array`] takes.
    ///
    /// ```
    /// # use metalab_engine::capture::Capture;
    /// use metalab_engine::codec::Npz;
    ///
    /// let capture = Capture::memory();
    /// capture.artifact_npz("fit", &[("x", &[1.0, 2.0]), ("mask", &vec![true, false])]);
    /// let bytes = capture.get_artifact("fit").unwrap();
    /// let arrays = Npz::read(&bytes)?;
    /// assert_eq!(arrays.get::<f64>("x")?.data(), [1.0, 2.0]);
    /// # Ok::<(), metalab_engine::codec::CodecError>(())
    /// ```
    pub fn artifact_npz(&self, name: &str, arrays: &[(&str, &dyn Array)]) {
        self.artifact(name, "npz", Some("npz"), || {
            let value = |reason| Misuse::Value { what: WHAT, name: name.to_owned(), reason };
            write_npz(arrays).map_err(|error| value(error.to_string()))
        });
    }

    /// Captures a figure as SVG.
    pub fn figure_svg(&self, name: &str, svg: impl Into<String>) {
        self.figure_of(name, "svg", || {
            let svg: String = svg.into();
            // What stands before it is a declaration, a document type or comments.
            svg.contains("<svg").then(|| svg.into_bytes()).ok_or("this is no SVG: it has no `<svg` element")
        });
    }

    /// Captures a figure as PNG.
    pub fn figure_png(&self, name: &str, png: impl Into<Vec<u8>>) {
        self.figure_of(name, "png", || {
            let png = png.into();
            let magic = png.starts_with(b"\x89PNG\r\n\x1a\n");
            magic.then_some(png).ok_or("this is no PNG: it does not begin as one")
        });
    }

    fn figure_of(&self, name: &str, extension: &str, bytes: impl FnOnce() -> Result<Vec<u8>, &'static str>) {
        self.artifact(name, "figure", Some(extension), || {
            let value =
                |reason: &str| Misuse::Value { what: WHAT, name: name.to_owned(), reason: reason.to_owned() };
            bytes().map_err(value)
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
            kind: kind.into(),
            extension: extension.map(str::to_owned),
            format: None,
            metadata: Vec::new(),
            body,
        });
        self.fill(name, artifact, |state| &mut state.artifacts);
    }
}
