//! Chooses levels, and reads from the journal what they do not have.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use bytes::Bytes;
use metalab_cas::{Key, Listed};

use super::derived::{Derivations, DerivedPlace};
use super::level::{self, Cover, Description, Level, Unusable};
use super::merge::{contains, join};
use super::recent::Recent;
use super::{Entry, Ignored, Index, IndexError, extract, folder};
use crate::id::WriterId;
use crate::journal::{Cursor, Damage, Event, Part, Position, Scanned, Segment};
use crate::record::{LEVEL, Place, Record, kind};
use crate::store::Store;

/// How much of a file is read to learn what it is; small levels fit.
const FIRST_READ: u64 = 64 << 10;
/// How often levels may vanish while they are read.
pub(super) const TRIES: usize = 8;

/// Sizes of the files of the journal when they were listed.
pub(super) type Visible = HashMap<(Part, WriterId, u32), u64>;

/// A level that may be used.
pub(super) struct Candidate {
    pub(super) file: Listed,
    pub(super) description: Description,
    /// Where the description ends.
    pub(super) end: usize,
    /// The whole file, if it is small.
    pub(super) image: Option<Bytes>,
}

impl Index {
    /// Loads the index of a store: its levels, and from the journal what they do not have.
    ///
    /// # Errors
    /// When the store cannot be listed or read. A damaged index is none: it is passed over.
    pub fn load(store: &Store) -> Result<Self, IndexError> {
        let mut bad = HashMap::new();
        let mut tries = 0;
        while tries < TRIES {
            // In this order: the journal listed later has all that the levels name.
            let levels = store.backend().list(&folder())?;
            let files = store.journal().list()?;
            let known_bad = bad.len();
            if let Some(mut index) = Self::choose(store, levels, &files, &mut bad)? {
                index.read_rest(&files)?;
                return Ok(index);
            }
            // Every file can turn out to be damaged once; that others replace files has to end some time.
            tries += usize::from(bad.len() == known_bad);
        }
        Err(IndexError::Restless { store: store.describe().to_owned() })
    }

    /// `None` when a level vanished or turned out to be damaged: choose again.
    fn choose(
        store: &Store,
        listed: Vec<Listed>,
        files: &[Segment],
        bad: &mut HashMap<String, Unusable>,
    ) -> Result<Option<Self>, IndexError> {
        let visible = visible(files);
        let Some((chosen, superseded)) = candidates(store, listed, &visible, bad)? else { return Ok(None) };
        let mut levels = Vec::new();
        for candidate in chosen {
            let key = &candidate.file.key;
            let image = match candidate.image {
                Some(image) => image,
                None => match store.backend().get(key) {
                    Ok(image) => image,
                    Err(error) if error.is_not_found() => return Ok(None),
                    Err(error) => return Err(error.into()),
                },
            };
            match Level::read(key.name(), image) {
                Ok(level) => levels.push(level),
                Err(why) => {
                    bad.insert(key.name().to_owned(), why);
                    return Ok(None);
                }
            }
        }
        let mut index = Self::beside(store, levels.iter().map(|level| &level.description), visible);
        index.levels = levels;
        index.superseded = superseded;
        index.ignored =
            bad.iter().map(|(name, why)| Ignored { name: name.clone(), why: why.as_str() }).collect();
        Ok(Some(index))
    }

    /// An index of what comes after these levels, without them.
    pub(super) fn beside<'a>(
        store: &Store,
        levels: impl Iterator<Item = &'a Description> + Clone,
        visible: Visible,
    ) -> Self {
        let published = reached(levels.clone());
        Self {
            store: store.clone(),
            levels: Vec::new(),
            recent: Recent::default(),
            cursor: published.clone(),
            published,
            submissions: levels.clone().flat_map(|level| level.submissions.iter().cloned()).collect(),
            new_submissions: Vec::new(),
            resolved: levels.clone().flat_map(|level| level.resolved.iter().flatten().copied()).collect(),
            new_resolved: Vec::new(),
            derivations: Derivations::of(levels.clone()),
            damages: Vec::new(),
            ignored: Vec::new(),
            visible,
            superseded: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Reads what `cursor` does not have of the journal.
    pub(super) fn read_rest(&mut self, files: &[Segment]) -> Result<usize, IndexError> {
        let mut scan = self.store.journal().scan_listed(&self.cursor, files);
        let mut count = 0;
        while let Some(event) = scan.next_event() {
            match event? {
                Event::Record(record) => {
                    count += 1;
                    self.take(&record);
                }
                Event::Values(values) => {
                    values.iter().for_each(|(digest, place)| self.recent.insert_value(digest, place));
                }
            }
        }
        let (cursor, damages) = scan.finish();
        self.cursor = cursor;
        let mut walked = HashSet::new();
        for damage in damages {
            // What was hit may be the announcement of values: then they are looked for themselves.
            if let Damage::Frame { writer, .. } = &damage
                && walked.insert(*writer)
            {
                for (digest, place) in self.store.journal().packed(writer, files)? {
                    self.recent.insert_value(&digest, &place);
                }
            }
            if !self.damages.contains(&damage) {
                self.damages.push(damage);
            }
        }
        self.recent.resolve(&self.submissions);
        Ok(count)
    }

    fn take(&mut self, record: &Scanned) {
        let refused = |why: String| Damage::Unreadable { name: record.name, why };
        if record.level > LEVEL {
            self.damages
                .push(refused(format!("it needs a reader of level {}, use a newer metalab", record.level)));
            return;
        }
        match record.kind {
            kind::ATTEMPT => match extract::attempt(&record.payload) {
                Ok(found) => {
                    let known =
                        found.submission.map(|(name, step)| (self.submissions.get(&name), name, step));
                    let origin = match known {
                        Some((Some(known), _, step)) => {
                            known.origins.get(step as usize).copied().unwrap_or(0)
                        }
                        Some((None, name, step)) => {
                            self.recent.unresolved.push((found.run, record.name, name, step));
                            0
                        }
                        None => 0,
                    };
                    let entry = Entry {
                        outcome: found.outcome,
                        name: record.name,
                        place: record.place,
                        started: found.started,
                        output: found.output.map(|(digest, _)| digest),
                        output_place: found.output.map_or(Place::Inline, |(_, place)| place),
                        several: false,
                        origin,
                    };
                    self.recent.insert(&found.run, &entry);
                }
                Err(error) => self.damages.push(refused(error.to_string())),
            },
            kind::SUBMISSION_OPENED => match record.decode() {
                Ok(Record::Opened(submission)) => {
                    self.opened(record.name, &submission);
                    self.place(record.name, record.place);
                }
                Ok(_) => {}
                Err(error) => self.damages.push(refused(error.to_string())),
            },
            kind::STEP_RESOLVED => match record.decode() {
                Ok(Record::Resolved(resolved)) => {
                    self.resolved(resolved.submission, resolved.step, record.name, record.place);
                }
                Ok(_) => {}
                Err(error) => self.damages.push(refused(error.to_string())),
            },
            kind::DERIVED => match record.decode() {
                Ok(Record::Derived(batch)) => {
                    DerivedPlace::of(record.name, record.place, &batch)
                        .into_iter()
                        .for_each(|place| self.derived(place));
                }
                Ok(_) => {}
                Err(error) => self.damages.push(refused(error.to_string())),
            },
            // What it says is read when somebody asks for expressions.
            kind::EXPRESSION => self.expression(record.name, record.place),
            _ => {}
        }
    }
}

/// The sizes of all chunks of the journal; merged ones never change.
pub(super) fn visible(files: &[Segment]) -> Visible {
    let mut visible = HashMap::with_capacity(files.len());
    for file in files {
        for chunk in file.first..=file.last {
            let size = if file.is_merged() { u64::MAX } else { file.size };
            let known = visible.entry((file.part, file.writer, chunk)).or_insert(size);
            *known = size.max(*known);
        }
    }
    visible
}

/// Levels to use, and those (with their age) that nobody needs.
type Chosen = (Vec<Candidate>, Vec<(Key, SystemTime)>);

/// The fewest levels that have all that any has, and the others. `None` when one vanished: list again.
pub(super) fn candidates(
    store: &Store,
    listed: Vec<Listed>,
    visible: &Visible,
    bad: &mut HashMap<String, Unusable>,
) -> Result<Option<Chosen>, IndexError> {
    let mut candidates = Vec::new();
    for file in listed.into_iter().filter(|file| file.key.name().ends_with(".idx")) {
        let name = file.key.name().to_owned();
        if bad.contains_key(&name) {
            continue;
        }
        match read_candidate(store, file, visible) {
            Ok(Ok(candidate)) => candidates.push(candidate),
            Ok(Err(why)) => drop(bad.insert(name, why)),
            Err(IndexError::Backend(error)) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    // The widest first, so that what others have too is dropped.
    let width = |candidate: &Candidate| (candidate.description.covers.len(), candidate.file.meta.size);
    candidates.sort_by(|a, b| (width(b), &a.file.key).cmp(&(width(a), &b.file.key)));
    let mut chosen: Vec<Candidate> = Vec::new();
    let mut superseded = Vec::new();
    for candidate in candidates {
        let covers = &candidate.description.covers;
        if chosen.iter().any(|other| contains(&other.description.covers, covers)) {
            superseded.push((candidate.file.key, candidate.file.meta.modified));
        } else {
            chosen.push(candidate);
        }
    }
    Ok(Some((chosen, superseded)))
}

fn read_candidate(
    store: &Store,
    file: Listed,
    visible: &Visible,
) -> Result<Result<Candidate, Unusable>, IndexError> {
    let mut bytes = store.backend().get_range(&file.key, 0..FIRST_READ)?;
    let end = match level::read_front(&bytes) {
        Ok((end, None)) => end as u64,
        Ok((_, Some(_))) => 0,
        Err(why) => return Ok(Err(why)),
    };
    if end > file.meta.size {
        return Ok(Err(Unusable::Damaged));
    }
    if end > 0 {
        bytes = store.backend().get_range(&file.key, 0..end)?;
    }
    let (end, description) = match level::read_front(&bytes) {
        Ok((end, Some(description))) => (end, description),
        Ok((_, None)) => return Ok(Err(Unusable::Damaged)),
        Err(why) => return Ok(Err(why)),
    };
    if description.store != store.id() {
        return Ok(Err(Unusable::OtherStore));
    }
    if !is_there(&description, visible) {
        return Ok(Err(Unusable::Stale));
    }
    let image = (bytes.len() as u64 == file.meta.size).then_some(bytes);
    Ok(Ok(Candidate { file, description, end, image }))
}

/// Whether the parts of the journal that a level has are still there.
fn is_there(description: &Description, visible: &Visible) -> bool {
    let size = |writer, chunk| visible.get(&(Part::Records, writer, chunk)).copied();
    let mut records = description.files.iter().filter(|file| file.part == Part::Records);
    records.all(|file| size(file.writer, file.chunk).is_some())
        && description.covers.iter().all(|cover| {
            let Position { chunk, offset, .. } = cover.to;
            chunk == 0 || size(cover.writer, chunk).is_some_and(|size| size >= offset)
        })
}

/// How far the levels reach together: of each writer, as far as nothing is missing.
fn reached<'a>(levels: impl Iterator<Item = &'a Description>) -> Cursor {
    let covers = join(levels.flat_map(|level| &level.covers));
    let mut cursor = Cursor::default();
    let mut seen = HashSet::new();
    for Cover { writer, from, to } in covers {
        if seen.insert(writer) && (from.chunk, from.offset) == (0, 0) {
            cursor.set(writer, to);
        }
    }
    cursor
}
