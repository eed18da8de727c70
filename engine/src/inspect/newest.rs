//! Runs that were recorded last, without the index: what a shell offers before anything was typed.

use std::collections::HashMap;

use metalab_cas::frame::{Item, Scanner};

use crate::id::{RecordName, RunId};
use crate::journal::{JournalError, Part};
use crate::record::{Outcome, Record};
use crate::store::Store;

/// So much is read of the end of a segment.
const TAIL: u64 = 128 << 10;
/// Of so many segments at the most, those that were written last.
const SEGMENTS: usize = 8;

/// A run in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHint {
    /// Its id.
    pub id: RunId,
    /// How the attempt that started last ended.
    pub outcome: Outcome,
    /// When that started: microseconds since 1970, UTC.
    pub started: i64,
}

/// Runs that stand at the ends of the newest segments of the journal, the newest first: some hundred kilobytes are read,
/// however large the store is. There may be newer ones that began later and were recorded before.
///
/// # Errors
/// When the journal cannot be listed. What cannot be read of it is passed over.
pub fn newest(store: &Store, most: usize) -> Result<Vec<RunHint>, JournalError> {
    let mut segments = store.journal().list()?;
    segments.retain(|segment| segment.part == Part::Records);
    segments.sort_by_key(|segment| std::cmp::Reverse((segment.day, segment.modified)));
    let mut found: HashMap<RunId, RunHint> = HashMap::new();
    for segment in segments.iter().take(SEGMENTS) {
        let start = segment.size.saturating_sub(TAIL);
        let Ok(bytes) = store.backend().get_range(&segment.key, start..segment.size) else { continue };
        // Where it does not begin at a frame, the scanner looks for the next one.
        for item in Scanner::new(&bytes) {
            let Item::Frame(frame) = item else { continue };
            let name = RecordName { writer: segment.writer, sequence: frame.seq };
            if let Ok(Record::Attempt(attempt)) =
                Record::decode(name, frame.kind, frame.level, &bytes[frame.payload])
            {
                let hint = RunHint { id: attempt.run, outcome: attempt.outcome, started: attempt.started };
                let known = found.entry(hint.id).or_insert(hint);
                if known.started < hint.started {
                    *known = hint;
                }
            }
        }
        if found.len() >= most {
            break;
        }
    }
    let mut found: Vec<RunHint> = found.into_values().collect();
    found.sort_unstable_by_key(|hint| std::cmp::Reverse((hint.started, hint.id)));
    found.truncate(most);
    Ok(found)
}
