//! What came after the levels: a hash table, quick to insert into.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use metalab_cas::Digest;

use super::entry::Entry;
use super::level::Submission;
use super::row::{Row, Shared, ValueRow};
use crate::id::{RecordName, RunId};
use crate::journal::PackPlace;

/// Digests are uniform: their first bytes are as good as any hash.
#[derive(Default)]
pub(super) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    // The length prefix of a byte array says nothing.
    fn write_usize(&mut self, _: usize) {}
}

type ById<T> = HashMap<[u8; 32], T, BuildHasherDefault<FirstBytes>>;

/// The attempt of each run that stands, in the order of arrival. The table has only numbers in it, so that growing
/// moves little.
#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<([u8; 32], Row)>,
    by_prefix: HashMap<u64, u32, BuildHasherDefault<FirstBytes>>,
    /// Ids whose first 8 bytes are another's. Possible, and not to be waited for.
    collided: HashMap<[u8; 32], u32>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8; 32], &Row)> {
        self.rows.iter().map(|(id, row)| (id, row))
    }

    fn number(&self, id: &[u8; 32]) -> Option<usize> {
        let number = *self.by_prefix.get(&prefix(id))? as usize;
        if self.rows[number].0 == *id {
            return Some(number);
        }
        self.collided.get(id).map(|number| *number as usize)
    }

    pub(super) fn get(&self, id: &[u8; 32]) -> Option<&Row> {
        self.number(id).map(|number| &self.rows[number].1)
    }

    fn get_mut(&mut self, id: &[u8; 32]) -> Option<&mut Row> {
        self.number(id).map(|number| &mut self.rows[number].1)
    }

    /// Inserts a row; or gives the one that is there.
    fn insert(&mut self, id: [u8; 32], row: Row) -> Option<&mut Row> {
        use std::collections::hash_map::Entry as Slot;
        let new = self.rows.len() as u32;
        match self.by_prefix.entry(prefix(&id)) {
            Slot::Vacant(free) => drop(free.insert(new)),
            Slot::Occupied(taken) => {
                let number = *taken.get() as usize;
                if self.rows[number].0 == id {
                    return Some(&mut self.rows[number].1);
                }
                match self.collided.entry(id) {
                    Slot::Vacant(free) => drop(free.insert(new)),
                    Slot::Occupied(taken) => return Some(&mut self.rows[*taken.get() as usize].1),
                }
            }
        }
        self.rows.push((id, row));
        None
    }
}

fn prefix(id: &[u8; 32]) -> u64 {
    u64::from_le_bytes(*id.first_chunk().expect("an id has 32 bytes"))
}

#[derive(Default)]
pub(super) struct Recent {
    pub(super) shared: Shared,
    pub(super) rows: Rows,
    /// The other attempts.
    pub(super) extras: ById<Vec<Row>>,
    pub(super) values: ById<Vec<ValueRow>>,
    /// Rows whose submission was not seen yet: run, attempt, submission, step.
    pub(super) unresolved: Vec<(RunId, RecordName, RecordName, u32)>,
}

impl Recent {
    pub(super) fn insert(&mut self, run: &RunId, entry: &Entry) {
        let mut row = Row::of(entry, &mut self.shared);
        row.set_several(false);
        let shared = &self.shared;
        let Some(standing) = self.rows.insert(*run.as_bytes(), row) else { return };
        if standing.name(shared) == row.name(shared) {
            return;
        }
        let extras = self.extras.entry(*run.as_bytes()).or_default();
        if extras.iter().any(|extra| extra.name(shared) == row.name(shared)) {
            return;
        }
        if row.standing(shared) < standing.standing(shared) {
            std::mem::swap(standing, &mut row);
        }
        standing.set_several(true);
        row.set_several(true);
        extras.push(row);
    }

    pub(super) fn insert_value(&mut self, digest: &Digest, place: &PackPlace) {
        let row = ValueRow::of(place, &mut self.shared);
        let rows = self.values.entry(*digest.as_bytes()).or_default();
        if !rows.contains(&row) {
            rows.push(row);
        }
    }

    /// Fills in the origins of attempts whose submission is known by now.
    pub(super) fn resolve(&mut self, submissions: &HashMap<RecordName, Submission>) {
        let waiting = std::mem::take(&mut self.unresolved);
        for (run, attempt, submission, step) in waiting {
            let Some(origins) = submissions.get(&submission).map(|known| &known.origins) else {
                self.unresolved.push((run, attempt, submission, step));
                continue;
            };
            let number = self.shared.origin(origins.get(step as usize).copied().unwrap_or(0));
            let standing = self.rows.get_mut(run.as_bytes()).into_iter();
            let extras = self.extras.get_mut(run.as_bytes()).into_iter().flatten();
            for row in standing.chain(extras) {
                if row.name(&self.shared) == attempt {
                    row.origin = number;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_begin_alike_are_kept_apart() {
        let row = Row::read(&[0; super::super::row::ROW]);
        let mut rows = Rows::default();
        for last in 0..3 {
            let mut id = [7; 32];
            id[31] = last;
            assert_eq!(rows.insert(id, Row { started: i64::from(last), ..row }), None);
            assert!(rows.insert(id, row).is_some());
        }
        for last in 0..3 {
            let mut id = [7; 32];
            id[31] = last;
            assert_eq!(rows.get(&id).map(|row| row.started), Some(i64::from(last)));
        }
        assert_eq!((rows.len(), rows.get(&[7; 32])), (3, None));
    }
}
