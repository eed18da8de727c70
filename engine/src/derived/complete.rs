//! Runs of which no derived metric is missing, remembered between submissions.
//!
//! Whether one is missing stands in the record of each run. So that asking again need not read them all, a file under
//! `live/` has a mark for each run of which nothing was missing. A mark is the first half of the BLAKE3 of all that
//! this depends on: the functions with their code, the attempt that stands, and what they derived from it later. It
//! can thus be missing, and never be wrong.
//!
//! `live/derived/<digest of the experiment's name>`: `metalab derived complete 1` and a line feed, marks of 16 bytes in ascending
//! order, BLAKE3 of all before. A file that is not exactly so is ignored: the records are read again, that is all.

use metalab_cas::{Digest, Hasher, Key, PutMode};

use super::{Book, DerivedFunction, Kept};
use crate::id::{RecordName, RunId};
use crate::store::Store;

const MAGIC: &[u8] = b"metalab derived complete 1\n";
/// More marks are not kept (64 MB): then only those of the runs that were asked for last.
const MOST: usize = 4 << 20;

/// What a run's state comes down to.
type Mark = [u8; 16];

/// The marks of an experiment.
#[derive(Debug, Default)]
pub(crate) struct Complete {
    /// From the file, ascending.
    known: Vec<Mark>,
    /// Of runs that were asked for now, and whether the file has them.
    seen: Vec<Mark>,
    has_new: bool,
}

impl Complete {
    /// The marks that the store has for an experiment; none if there is no file that can be read.
    pub(crate) fn load(store: &Store, experiment: &str) -> Self {
        let bytes = store.backend().get(&key(experiment)).ok();
        Self { known: bytes.and_then(|bytes| decode(&bytes)).unwrap_or_default(), ..Self::default() }
    }

    /// Whether nothing is missing, as far as is known.
    pub(crate) fn has(&mut self, mark: &Mark) -> bool {
        let has = self.known.binary_search(mark).is_ok();
        if has {
            self.seen.push(*mark);
        }
        has
    }

    /// Notes that nothing is missing.
    pub(crate) fn note(&mut self, mark: Mark) {
        self.seen.push(mark);
        self.has_new = true;
    }

    /// Keeps the marks, if there are new ones. Of several processes the last one wins; what cannot be kept is found out again.
    pub(crate) fn save(self, store: &Store, experiment: &str) {
        if !self.has_new || store.is_read_only() {
            return;
        }
        let mut marks = self.seen;
        marks.sort_unstable();
        marks.dedup();
        if marks.len() + self.known.len() <= MOST {
            marks.extend(self.known);
            marks.sort_unstable();
            marks.dedup();
        }
        marks.truncate(MOST);
        if let Err(error) = store.backend().put(&key(experiment), &encode(&marks), PutMode::Replace) {
            tracing::debug!(%error, "marks of derived metrics are not kept");
        }
    }
}

/// Makes marks of runs for certain functions.
#[derive(Debug)]
pub(crate) struct Marks {
    digest: Digest,
    /// What the functions are called.
    names: Vec<String>,
}

impl Marks {
    /// Those of these functions; `None` when the code of one is not known.
    pub(crate) fn of(functions: &[DerivedFunction]) -> Option<Self> {
        let mut all = Vec::with_capacity(functions.len());
        for function in functions {
            all.push((function.name(), function.code().ok()?));
        }
        all.sort_unstable();
        let mut hasher = Hasher::new();
        for (name, code) in &all {
            text(&mut hasher, name);
            hasher.update(code.as_bytes());
        }
        let names = all.into_iter().map(|(name, _)| name.to_owned()).collect();
        Some(Self { digest: hasher.finish(), names })
    }

    /// The mark of a run whose standing attempt is the record `own`.
    pub(crate) fn mark(&self, run: &RunId, own: &RecordName, book: &Book) -> Mark {
        let mut hasher = Hasher::new();
        hasher.update(self.digest.as_bytes()).update(run.as_bytes());
        record(&mut hasher, own);
        let ours = |kept: &&Kept| self.names.contains(&kept.derived.function);
        let mut later: Vec<&Kept> = book.of(run).filter(ours).collect();
        later.sort_unstable_by(|a, b| a.derived.function.cmp(&b.derived.function));
        for kept in later {
            text(&mut hasher, &kept.derived.function);
            hasher.update(kept.derived.code.as_bytes());
            record(&mut hasher, &kept.since.1);
        }
        let mut mark = Mark::default();
        mark.copy_from_slice(&hasher.finish().as_bytes()[..16]);
        mark
    }
}

fn text(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

fn record(hasher: &mut Hasher, record: &RecordName) {
    hasher.update(record.writer.as_bytes()).update(&record.sequence.to_le_bytes());
}

fn key(experiment: &str) -> Key {
    Key::new(&format!("live/derived/{}", Digest::of(experiment.as_bytes()))).expect("a legal key")
}

fn encode(marks: &[Mark]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(marks.as_flattened());
    let checksum = Digest::of(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Mark>> {
    let (content, checksum) = bytes.split_last_chunk::<32>()?;
    if Digest::of(content).as_bytes() != checksum {
        return None;
    }
    let (marks, rest) = content.strip_prefix(MAGIC)?.as_chunks::<16>();
    (rest.is_empty() && marks.is_sorted()).then(|| marks.to_vec())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The format is that of files in stores: another one is another first line.
    #[test]
    fn golden_marks_hold() {
        let bytes = encode(&[[1; 16], [2; 16]]);
        assert_eq!(&bytes[..MAGIC.len() + 17], [MAGIC, &[1; 16], &[2]].concat());
        assert_eq!(
            Digest::of(&bytes).to_hex(),
            "3ba01c652aa643991ac73a4ddb17bc1b7f5b2b6ddb7581ee6d495314cd88cfce"
        );
        assert_eq!(key("digits").as_str(), format!("live/derived/{}", Digest::of(b"digits")));
    }

    #[test]
    fn damage_means_none() {
        let bytes = encode(&[[1; 16], [2; 16]]);
        assert_eq!(decode(&bytes).unwrap(), [[1; 16], [2; 16]]);
        assert_eq!(decode(&encode(&[])).unwrap(), Vec::<Mark>::new());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged).is_none() && decode(&bytes[..at]).is_none(), "{at}");
        }
        assert!(decode(&encode(&[[2; 16], [1; 16]])).is_none(), "not in order");
    }
}
