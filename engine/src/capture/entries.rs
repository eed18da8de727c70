//! Things by name, in the order of their first capture.

use std::collections::HashMap;

/// A list with names; empty it owns no memory.
///
/// Runs capture a handful of names: those are found by looking at each, the last used one first. From
/// [`Entries::INDEXED`] names on an index keeps the cost of each capture the same.
#[derive(Debug)]
pub(super) struct Entries<T> {
    list: Vec<(String, T)>,
    /// Absent while there are few: even an empty map would cost each run some time.
    index: Option<HashMap<String, usize>>,
    last: usize,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { list: Vec::new(), index: None, last: 0 }
    }
}

impl<T> Entries<T> {
    const INDEXED: usize = 32;

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.find(name).map(|at| &self.list[at].1)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let at = self.find(name)?;
        self.last = at;
        Some(&mut self.list[at].1)
    }

    /// Adds an entry; the name is not there yet.
    pub(super) fn add(&mut self, name: &str, value: T) {
        self.last = self.list.len();
        self.list.push((name.to_owned(), value));
        match &mut self.index {
            Some(index) => drop(index.insert(name.to_owned(), self.last)),
            None => self.index_many(),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(at) = self.find(name) {
            self.list.remove(at);
            (self.last, self.index) = (0, None);
            self.index_many();
        }
    }

    fn index_many(&mut self) {
        if self.list.len() >= Self::INDEXED {
            let places = self.list.iter().enumerate().map(|(at, (name, _))| (name.clone(), at));
            self.index = Some(places.collect());
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn take(&mut self) -> Vec<(String, T)> {
        std::mem::take(self).list
    }

    fn find(&self, name: &str) -> Option<usize> {
        if self.list.get(self.last).is_some_and(|(last, _)| last == name) {
            return Some(self.last);
        }
        match &self.index {
            None => self.list.iter().position(|(other, _)| other == name),
            Some(index) => index.get(name).copied(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn many_names_keep_their_order() {
        let mut entries = Entries::default();
        for n in 0..100 {
            assert!(entries.get(&format!("n{n}")).is_none());
            entries.add(&format!("n{n}"), n);
            *entries.get_mut(&format!("n{}", n / 2)).unwrap() += 0;
        }
        assert!((0..100).all(|n| entries.get(&format!("n{n}")) == Some(&n)));
        entries.remove("n3");
        assert!(entries.get("n3").is_none());
        assert_eq!(entries.get("n99"), Some(&99));
        (4..90).for_each(|n| entries.remove(&format!("n{n}")));
        assert_eq!(entries.get("n95"), Some(&95));
        assert_eq!(entries.take().len(), 13);
    }
}
