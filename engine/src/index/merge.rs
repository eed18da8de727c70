//! Makes levels: from what is recent, and from other levels.

use std::collections::{HashMap, HashSet};

use super::derived::Derivations;
use super::level::{Cover, Description, Level, Resolved, Sections, Submission};
use super::recent::Recent;
use super::row::{Row, Shared};
use crate::id::{RecordName, WriterId};

/// A level of everything recent.
pub(super) fn of_recent(
    name: &str,
    store: &str,
    recent: &Recent,
    submissions: Vec<(RecordName, Submission)>,
    resolved: &[Resolved],
    derived: &Derivations,
    covers: Vec<Cover>,
) -> Level {
    let mut sections = Sections::default();
    let mut runs: Vec<_> = recent.rows.iter().map(|(id, row)| (first(id), id, row)).collect();
    runs.sort_unstable_by_key(|(first, id, _)| (*first, *id));
    sections.ids.reserve_exact(runs.len() * 32);
    sections.rows.reserve_exact(runs.len() * super::row::ROW);
    for (_, id, row) in runs {
        sections.ids.extend_from_slice(id);
        row.append(&mut sections.rows);
    }
    let mut extras: Vec<_> = recent.extras.iter().collect();
    extras.sort_unstable_by_key(|(id, _)| *id);
    for (id, rows) in extras {
        let mut rows = rows.clone();
        rows.sort_unstable_by_key(|row| row.standing(&recent.shared));
        for row in rows {
            sections.extra_ids.extend_from_slice(id);
            row.append(&mut sections.extra_rows);
        }
    }
    let mut values: Vec<_> = recent.values.iter().collect();
    values.sort_unstable_by_key(|(id, _)| *id);
    for (id, rows) in values {
        for row in rows {
            sections.value_ids.extend_from_slice(id);
            row.append(&mut sections.value_rows);
        }
    }
    let description = Description {
        store: store.to_owned(),
        files: recent.shared.files.clone(),
        origins: recent.shared.origins.clone(),
        submissions,
        covers,
        resolved: (!resolved.is_empty()).then(|| resolved.to_vec()),
        derived: derived.new_batches(),
        expressions: derived.new_expressions(),
        ..Description::default()
    };
    Level::build(name, description, sections)
}

/// The first bytes of an id as a number in the same order: quick to compare.
fn first(id: &[u8; 32]) -> u64 {
    u64::from_be_bytes(*id.first_chunk().expect("an id has 32 bytes"))
}

/// How the numbers of one level are called in the merged one.
struct Renumber {
    files: Vec<u32>,
    origins: Vec<u32>,
}

impl Renumber {
    fn row(&self, mut row: Row) -> Row {
        row.file = self.files[row.file as usize];
        row.origin = self.origins[row.origin as usize];
        row
    }
}

/// One level with everything that is in `levels`.
pub(super) fn of_levels(name: &str, store: &str, levels: &[&Level]) -> Level {
    let mut shared = Shared::default();
    let renumber: Vec<_> = levels
        .iter()
        .map(|level| Renumber {
            files: level.shared.files.iter().map(|file| shared.file(*file)).collect(),
            origins: level.shared.origins.iter().map(|origin| shared.origin(*origin)).collect(),
        })
        .collect();
    let mut sections = Sections::default();
    let total: usize = levels.iter().map(|level| level.len()).sum();
    sections.ids.reserve_exact(total * 32);
    sections.rows.reserve_exact(total * super::row::ROW);
    let mut at = vec![0; levels.len()];
    let mut extra_at = vec![0; levels.len()];
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let heads = levels.iter().zip(&at).filter(|(level, at)| **at < level.len());
        let Some(id) = heads.map(|(level, &at)| *level.id(at)).min() else { break };
        rows.clear();
        for (number, level) in levels.iter().enumerate() {
            if at[number] < level.len() && *level.id(at[number]) == id {
                rows.push(renumber[number].row(level.row(at[number])));
                at[number] += 1;
            }
            while extra_at[number] < level.extras() && *level.extra_id(extra_at[number]) == id {
                rows.push(renumber[number].row(level.extra_row(extra_at[number])));
                extra_at[number] += 1;
            }
        }
        if rows.len() > 1 {
            rows.sort_unstable_by_key(|row| row.standing(&shared));
            rows.dedup_by(|a, b| a.name(&shared) == b.name(&shared));
        }
        let several = rows.len() > 1;
        for (rank, row) in rows.iter_mut().enumerate() {
            row.set_several(several);
            let (ids, bytes) = match rank {
                0 => (&mut sections.ids, &mut sections.rows),
                _ => (&mut sections.extra_ids, &mut sections.extra_rows),
            };
            ids.extend_from_slice(&id);
            row.append(bytes);
        }
    }
    merge_values(levels, &renumber, &mut sections);
    let mut submissions: HashMap<RecordName, Submission> = HashMap::new();
    for level in levels {
        submissions.extend(level.description.submissions.iter().cloned());
    }
    let mut submissions: Vec<_> = submissions.into_iter().collect();
    submissions.sort_unstable();
    let resolved = levels.iter().flat_map(|level| level.description.resolved.iter().flatten().copied());
    let mut resolved: Vec<Resolved> = resolved.collect();
    resolved.sort_unstable();
    resolved.dedup();
    let covers = join(levels.iter().flat_map(|level| &level.description.covers));
    let derived = Derivations::of(levels.iter().map(|level| &level.description));
    let Shared { files, origins, .. } = shared;
    let description = Description {
        store: store.to_owned(),
        files,
        origins,
        submissions,
        covers,
        resolved: (!resolved.is_empty()).then_some(resolved),
        derived: derived.all_batches(),
        expressions: derived.all_expressions(),
        ..Description::default()
    };
    Level::build(name, description, sections)
}

fn merge_values(levels: &[&Level], renumber: &[Renumber], sections: &mut Sections) {
    let mut at = vec![0; levels.len()];
    let mut seen = HashSet::new();
    loop {
        let heads = levels.iter().zip(&at).filter(|(level, at)| **at < level.value_count());
        let Some(id) = heads.map(|(level, &at)| *level.value_id(at)).min() else { break };
        seen.clear();
        for (number, level) in levels.iter().enumerate() {
            while at[number] < level.value_count() && *level.value_id(at[number]) == id {
                let mut row = level.value_row(at[number]);
                row.file = renumber[number].files[row.file as usize];
                at[number] += 1;
                if seen.insert((row.file, row.offset)) {
                    sections.value_ids.extend_from_slice(&id);
                    row.append(&mut sections.value_rows);
                }
            }
        }
    }
}

/// Joins ranges that touch or overlap.
pub(super) fn join<'a>(covers: impl Iterator<Item = &'a Cover>) -> Vec<Cover> {
    let mut by_writer: HashMap<WriterId, Vec<Cover>> = HashMap::new();
    for cover in covers {
        by_writer.entry(cover.writer).or_default().push(*cover);
    }
    let mut joined = Vec::with_capacity(by_writer.len());
    for mut covers in by_writer.into_values() {
        covers.sort_unstable_by_key(|cover| (cover.from.chunk, cover.from.offset));
        let first = joined.len();
        for cover in covers {
            match joined.get_mut(first..).and_then(<[Cover]>::last_mut) {
                Some(last) if last.to.reaches(&cover.from) => {
                    if cover.to.reaches(&last.to) {
                        last.to = cover.to;
                    }
                }
                _ => joined.push(cover),
            }
        }
    }
    joined.sort_unstable_by_key(|cover| (cover.writer, cover.from.chunk, cover.from.offset));
    joined
}

/// Whether `all` has everything that `some` has; both as [`join`] gives them.
pub(super) fn contains(all: &[Cover], some: &[Cover]) -> bool {
    let mut at = 0;
    some.iter().all(|cover| {
        let holds = |range: &Cover| {
            range.writer == cover.writer && cover.from.reaches(&range.from) && range.to.reaches(&cover.to)
        };
        while let Some(range) = all.get(at) {
            if holds(range) {
                return true;
            }
            if range.writer > cover.writer {
                return false;
            }
            at += 1;
        }
        false
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::id::RunId;
    use crate::index::level::Unusable;
    use crate::index::{DerivedPlace, Entry};
    use crate::journal::{Day, PackPlace, Position, RecordPlace};
    use crate::record::{Outcome, Place};
    use metalab_cas::Digest;

    const WRITER: WriterId = WriterId::from_bytes(*b"golden writer 01");

    fn sample() -> Level {
        let mut recent = Recent::default();
        let place = |offset| RecordPlace { writer: WRITER, chunk: 1, day: Day(20_516), offset, len: 150 };
        for (sequence, outcome) in [(1, Outcome::Failed), (2, Outcome::Succeeded), (3, Outcome::TimedOut)] {
            let done = outcome == Outcome::Succeeded;
            let entry = Entry {
                outcome,
                name: RecordName { writer: WRITER, sequence },
                place: place(sequence * 150),
                started: 1_772_625_600_000_000,
                output: done.then(|| Digest::of(b"output")),
                output_place: if done { Place::Blob } else { Place::Inline },
                several: false,
                origin: 5,
            };
            recent.insert(&RunId(Digest::of(if sequence == 3 { b"other" } else { b"run" })), &entry);
        }
        recent.insert_value(&Digest::of(b"a small value"), &PackPlace(place(90)));
        let to = Position { sequence: 3, chunk: 1, offset: 600, rest: 0 };
        let covers = vec![Cover { writer: WRITER, from: Position::default(), to }];
        let submissions = vec![(
            RecordName { writer: WRITER, sequence: 1 },
            Submission { place: Some(place(0)), origins: vec![5] },
        )];
        let mut derived = Derivations::default();
        let record = RecordName { writer: WRITER, sequence: 4 };
        let run = |bytes| RunId(Digest::of(bytes));
        derived.insert(DerivedPlace { record, place: place(750), first: run(b"other"), last: run(b"run") });
        derived.insert_expression(RecordName { writer: WRITER, sequence: 5 }, place(900));
        of_recent("x.idx", "00112233445566778899aabbccddeeff", &recent, submissions, &[], &derived, covers)
    }

    /// The bytes of a golden file: hexadecimal, with comments.
    fn bytes_of(golden: &str) -> Vec<u8> {
        let digits = golden.lines().filter_map(|line| line.split('#').next()).map(str::trim);
        let digits: Vec<u8> = digits.flat_map(str::chars).map(|c| c.to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn levels_are_golden() {
        let golden = bytes_of(include_str!("../../tests/golden/index.txt"));
        let level = sample();
        let written: String = level.image().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(golden == level.image()[..], "{written}");
        let read = Level::read("x.idx", level.image().clone()).ok().map(|read| read.description);
        assert_eq!(read, Some(level.description));
    }

    #[test]
    fn merging_equal_levels_changes_nothing() {
        let level = sample();
        let merged = of_levels("y.idx", &level.description.store, &[&level, &sample()]);
        assert_eq!(merged.image(), level.image());
    }

    #[test]
    fn other_versions_are_not_read() {
        let of_version_1 = bytes_of(include_str!("../../tests/golden/index-1.txt"));
        assert_eq!(Level::read("x.idx", of_version_1.into()).err(), Some(Unusable::OtherVersion));
        let mut bytes = sample().image().to_vec();
        bytes[14] = b'3';
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Level::read("x.idx", bytes.into()).err(), Some(Unusable::OtherVersion));
    }

    #[test]
    fn ranges_join_when_they_touch() {
        let range = |writer, from, to| Cover {
            writer: WriterId::from_bytes([writer; 16]),
            from: Position { chunk: 1, offset: from, ..Position::default() },
            to: Position { chunk: 1, offset: to, ..Position::default() },
        };
        let joined = join([range(2, 10, 20), range(1, 5, 9), range(2, 0, 10), range(1, 0, 4)].iter());
        assert_eq!(joined, [range(1, 0, 4), range(1, 5, 9), range(2, 0, 20)]);
        assert!(contains(&joined, &[range(1, 6, 7), range(2, 3, 20)]));
        assert!(!contains(&joined, &[range(1, 3, 6)]));
        assert!(!contains(&joined, &[range(3, 0, 1)]));
        assert!(contains(&joined, &[]));
    }
}
