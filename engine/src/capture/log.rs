//! A log of lines: in memory, and where it can be followed.

use std::fmt::{Display, Write as _};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::artifact::{Body, LARGE};
use super::misuse::Misuse;
use super::sink::Sink;
use crate::id::RunId;
use crate::secret::mask_in;

/// What the log may take in memory where it cannot lie in a file meanwhile.
const LIMIT: usize = 64 << 20;

/// The log of a run, or one of its streams: in memory while small, and line by line in a file others can tail if the sink
/// has a place.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The name, for a stream.
    stream: Option<String>,
    text: Vec<u8>,
    live: Live,
    /// The lines of `text` are those after what the file holds.
    spilled: bool,
    /// Lines that did not fit.
    dropped: u64,
}

#[derive(Debug, Default)]
enum Live {
    #[default]
    NotYet,
    /// There is no place, or it failed.
    None,
    File(File, PathBuf),
    /// Writing failed after the text was dropped from memory.
    Broken(PathBuf),
}

impl Log {
    pub(super) fn of_stream(name: &str) -> Self {
        Self { stream: Some(name.to_owned()), ..Self::default() }
    }

    pub(super) fn push(&mut self, line: &str, sink: Option<(&dyn Sink, &RunId)>) {
        if matches!(self.live, Live::NotYet) {
            self.live = match sink.map(|(sink, run)| sink.open_log(run, self.stream.as_deref())) {
                Some(Ok(Some((file, path)))) => Live::File(file, path),
                // The line is kept all the same: nobody can tail it, that is all.
                Some(Err(_)) | Some(Ok(None)) | None => Live::None,
            };
        }
        if let Live::File(file, path) = &mut self.live {
            if file.write_all(line.as_bytes()).is_ok() {
                if self.spilled {
                    return;
                }
            } else {
                self.live = if self.spilled { Live::Broken(std::mem::take(path)) } else { Live::None };
            }
        }
        if self.text.len() + line.len() > LIMIT {
            self.dropped += 1;
            return;
        }
        self.text.extend_from_slice(line.as_bytes());
        if self.text.len() > LARGE && matches!(self.live, Live::File(..)) {
            self.text = Vec::new();
            self.spilled = true;
        }
    }

    /// The text so far.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = match &self.live {
            Live::File(_, path) | Live::Broken(path) if self.spilled => {
                std::fs::read(path).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        text.extend_from_slice(&self.text);
        if self.dropped > 0 {
            text.extend_from_slice(
                format!("[{} lines dropped: the log is too large]\n", self.dropped).as_bytes(),
            );
        }
        text
    }

    /// What is kept of it; `None` for an empty one.
    pub(super) fn finish(self, sink: Option<&dyn Sink>) -> Result<Option<Body>, Misuse> {
        let name = self.stream.as_deref().unwrap_or("log").to_owned();
        match (&self.live, sink) {
            (Live::File(_, path), Some(sink)) if self.spilled => {
                let unreadable =
                    |source| Misuse::Unreadable { name: name.clone(), path: name.clone(), source };
                let mut file = File::open(path).map_err(unreadable)?;
                let (digest, size) = sink.reader(&mut file).map_err(|source| Misuse::Store {
                    what: "log",
                    name: name.clone(),
                    source,
                })?;
                Ok(Some(Body::Stored { digest, size }))
            }
            _ => {
                let text = if self.spilled || self.dropped > 0 { self.text() } else { self.text };
                if text.is_empty() { Ok(None) } else { Body::of("log", &name, text, sink).map(Some) }
            }
        }
    }
}

/// A line with the time of day in UTC; the further lines of a text are indented.
pub(super) fn line(text: impl Display) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, millis) = (now.as_secs() % 86_400, now.subsec_millis());
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut line = String::with_capacity(64);
    let _ = write!(line, "{hours:02}:{minutes:02}:{:02}.{millis:03} ", seconds % 60);
    let start = line.len();
    line.push_str(&plain(text));
    while line.len() > start && line.ends_with(['\n', '\r']) {
        line.pop();
    }
    if line[start..].contains('\n') {
        let further = line[start..].replace('\n', "\n             ");
        line.truncate(start);
        line.push_str(&further);
    }
    line.push('\n');
    line
}

/// A text as it may be kept: without secrets.
pub(super) fn plain(text: impl Display) -> String {
    let mut plain = String::new();
    if write!(plain, "{text}").is_err() {
        plain.push_str("[the text refused to be shown]");
    }
    mask_in(&mut plain);
    plain
}
