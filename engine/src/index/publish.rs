//! Writes levels, and keeps them few.

use std::time::{Duration, SystemTime};

use metalab_cas::{Key, PutMode};

use super::level::{Cover, Level};
use super::recent::Recent;
use super::{Index, IndexError, folder, merge};
use crate::id::{RecordName, WriterId};
use crate::journal::now_micros;

/// Levels that are less than so many times as heavy as what is added are merged with it ...
const RATIO: usize = 4;
/// ... and so are those below this weight.
const LIGHT: usize = 4096;
/// Superseded files of other processes are kept so long for readers that have them in hand.
const KEEP: Duration = Duration::from_secs(3600);

impl Index {
    /// Writes what no level has as a level, merged with others of its size, and removes files nobody needs.
    ///
    /// Does nothing when there is nothing new.
    ///
    /// # Errors
    /// When the store is read-only or cannot take it; the index in memory is as good as before.
    pub fn publish(&mut self) -> Result<(), IndexError> {
        if self.store.is_read_only() {
            return Err(IndexError::ReadOnly { store: self.store.describe().to_owned() });
        }
        let covers = self.unpublished();
        if covers.is_empty() {
            return Ok(());
        }
        let name = new_name()?;
        let placed =
            |name: &RecordName| self.submissions.get(name).is_some_and(|known| known.place.is_some());
        let (new, waiting): (Vec<_>, Vec<_>) = self.new_submissions.iter().copied().partition(placed);
        let submissions = new.into_iter().map(|name| (name, self.submissions[&name].clone())).collect();
        let mut level = merge::of_recent(
            &name,
            self.store.id(),
            &self.recent,
            submissions,
            &self.new_resolved,
            &self.derivations,
            covers,
        );
        let merged = self.to_merge(level.weight());
        if !merged.is_empty() {
            let others = merged.iter().map(|&at| &self.levels[at]);
            let parts: Vec<&Level> = std::iter::once(&level).chain(others).collect();
            level = merge::of_levels(&name, self.store.id(), &parts);
        }
        let key = key(&name);
        self.store.backend().put(&key, level.image(), PutMode::Create)?;

        self.recent = Recent::default();
        self.new_submissions = waiting;
        self.new_resolved.clear();
        self.derivations.published();
        self.published = self.cursor.clone();
        for at in merged.into_iter().rev() {
            let old = self.levels.remove(at);
            // Of its own levels a process knows the age: a reader that loses one loads again.
            let own = self.made.contains(&old.name);
            let since = if own { SystemTime::UNIX_EPOCH } else { SystemTime::now() };
            self.superseded.push((self::key(&old.name), since));
        }
        self.levels.push(level);
        self.made.push(name);
        self.tidy();
        Ok(())
    }

    /// The parts of the journal that were read and no level has.
    fn unpublished(&self) -> Vec<Cover> {
        let covers =
            self.cursor.iter().map(|(&writer, &to)| Cover { writer, from: self.published.get(&writer), to });
        covers.filter(|cover| cover.from != cover.to).collect()
    }

    /// Numbers of the levels to merge with one of this weight, ascending.
    fn to_merge(&self, mut weight: usize) -> Vec<usize> {
        let mut by_weight: Vec<usize> = (0..self.levels.len()).collect();
        by_weight.sort_by_key(|&at| self.levels[at].weight());
        let mut chosen = Vec::new();
        for at in by_weight {
            let other = self.levels[at].weight();
            if other > RATIO * weight && other > LIGHT {
                break;
            }
            weight += other;
            chosen.push(at);
        }
        chosen.sort_unstable();
        chosen
    }

    /// Removes superseded files that are old enough. What fails costs only tidiness.
    fn tidy(&mut self) {
        let now = SystemTime::now();
        let store = &self.store;
        self.superseded.retain(|(key, since)| {
            let old = now.duration_since(*since).is_ok_and(|age| age > KEEP);
            !old || store
                .backend()
                .delete(key)
                .inspect_err(|error| tracing::debug!(%key, %error, "kept"))
                .is_err()
        });
    }
}

fn key(name: &str) -> Key {
    folder().join(name).expect("names of levels are legal")
}

/// A name nobody else has.
fn new_name() -> Result<String, IndexError> {
    let random = WriterId::random().map_err(|source| IndexError::Randomness { source })?;
    let random = &random.to_string()[..16];
    Ok(format!("{:016x}-{random}.idx", now_micros()))
}
