//! Maps, sorted by their encoded keys.

use std::cmp::Ordering;

use super::{Value, ValueError};

/// A map of values, in the order in which it is encoded: by the bytes of the encoded keys.
///
/// For text keys that means: shorter ones first, then by their bytes.
///
/// ```
/// use metalab_cas::value::{Map, Value};
/// let mut map = Map::new();
/// map.insert("b", Value::from(1));
/// map.insert("a", Value::from(2));
/// assert_eq!(map.get("a"), Some(&Value::from(2)));
/// assert_eq!(map.iter().map(|(k, _)| k.to_string()).collect::<Vec<_>>(), [r#""a""#, r#""b""#]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map {
    entries: Vec<(Value, Value)>,
}

impl Map {
    /// An empty map.
    pub fn new() -> Map {
        Map::default()
    }

    /// A map of these entries, in any order.
    ///
    /// # Errors
    /// [`ValueError::DuplicateKey`] names a key that is there twice; a key that has no encoding
    /// (NaN in it) is refused as well.
    pub fn from_entries<K, V>(entries: impl IntoIterator<Item = (K, V)>) -> Result<Map, ValueError>
    where
        K: Into<Value>,
        V: Into<Value>,
    {
        let mut entries: Vec<(Value, Value)> =
            entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        for (key, _) in &entries {
            if !matches!(key, Value::Text(_)) {
                key.to_bytes()?;
            }
        }
        entries.sort_by(|a, b| compare(&a.0, &b.0));
        if let Some(pair) = entries.windows(2).find(|p| compare(&p[0].0, &p[1].0).is_eq()) {
            return Err(ValueError::DuplicateKey { path: String::new(), key: pair[0].0.to_string() });
        }
        Ok(Map { entries })
    }

    /// Entries that are known to be sorted and without duplicates.
    pub(crate) fn from_sorted(entries: Vec<(Value, Value)>) -> Map {
        Map { entries }
    }

    /// The value under a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find(key).ok().map(|i| &self.entries[i].1)
    }

    /// The value under a text key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.find(key).ok().map(|i| &mut self.entries[i].1)
    }

    /// The value under any key.
    pub fn get_value(&self, key: &Value) -> Option<&Value> {
        self.entries.binary_search_by(|e| compare(&e.0, key)).ok().map(|i| &self.entries[i].1)
    }

    /// Sets the value under a text key, and returns the one that was there.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Option<Value> {
        let key = key.into();
        match self.find(&key) {
            Ok(i) => Some(std::mem::replace(&mut self.entries[i].1, value)),
            Err(i) => {
                self.entries.insert(i, (Value::Text(key), value));
                None
            }
        }
    }

    /// Takes the value under a text key out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.find(key).ok().map(|i| self.entries.remove(i).1)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> + DoubleEndedIterator {
        self.entries.iter().map(|(k, v)| (k, v))
    }

    /// The entries in order; the values can be changed.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&Value, &mut Value)> {
        self.entries.iter_mut().map(|(k, v)| (&*k, v))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// This map with the entries of `over` added; where both have a key, `over` wins.
    #[must_use]
    pub fn merge(&self, over: &Map) -> Map {
        let (mut left, mut right) = (self.entries.iter().peekable(), over.entries.iter().peekable());
        let mut entries = Vec::with_capacity(self.len() + over.len());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return Map { entries },
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(l), Some(r)) => compare(&l.0, &r.0),
            };
            if order.is_eq() {
                left.next();
            }
            entries.extend(if order.is_lt() { left.next().cloned() } else { right.next().cloned() });
        }
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(k, _)| match k {
            Value::Text(text) => compare_text(text, key),
            other => tag(other).cmp(&TEXT),
        })
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

const TEXT: u8 = super::encode::TEXT;

/// The first byte of the encoding.
fn tag(value: &Value) -> u8 {
    super::encode::tag(value)
}

/// The order of the encodings of two keys; keys without an encoding never get into a map.
fn compare(a: &Value, b: &Value) -> Ordering {
    if let (Value::Text(a), Value::Text(b)) = (a, b) {
        return compare_text(a, b);
    }
    tag(a).cmp(&tag(b)).then_with(|| a.to_bytes().unwrap_or_default().cmp(&b.to_bytes().unwrap_or_default()))
}

/// The order of the encodings of two texts, without making them.
fn compare_text(a: &str, b: &str) -> Ordering {
    let (al, bl) = (a.len(), b.len());
    let by_length = if al < 128 && bl < 128 {
        al.cmp(&bl)
    } else {
        // From 128 on, the bytes of a LEB128 no longer order like the number.
        let (mut x, mut y) = (Vec::new(), Vec::new());
        super::encode::uvar(&mut x, al as u64);
        super::encode::uvar(&mut y, bl as u64);
        x.cmp(&y)
    };
    by_length.then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_the_encoded_keys() {
        let texts: Vec<String> = [0, 1, 2, 127, 128, 129, 255, 256, 300, 16384].map(|n| "k".repeat(n)).into();
        for a in &texts {
            for b in &texts {
                let (x, y) = (Value::from(a.as_str()), Value::from(b.as_str()));
                assert_eq!(compare(&x, &y), x.to_bytes().unwrap().cmp(&y.to_bytes().unwrap()));
            }
        }
    }

    #[test]
    fn mixed_keys_are_found() {
        let map = Map::from_entries([
            (Value::from("x"), 1),
            (Value::from(7), 2),
            (Value::from(true), 3),
            (Value::List(vec![]), 4),
        ])
        .unwrap();
        assert_eq!(map.get("x"), Some(&Value::from(1)));
        assert_eq!(map.get_value(&Value::from(7)), Some(&Value::from(2)));
        assert_eq!(map.get("y"), None);
    }

    #[test]
    fn duplicates_are_named() {
        let error = Map::from_entries([("a", 1), ("b", 2), ("a", 3)]).unwrap_err();
        assert!(error.to_string().contains("\"a\""), "{error}");
        assert!(Map::from_entries([(Value::Float(f64::NAN), 1)]).is_err());
        assert!(Map::from_entries([(Value::Float(0.0), 1), (Value::Float(-0.0), 1)]).is_err());
    }

    #[test]
    fn merge_prefers_the_second() {
        let a = Map::from_entries([("a", 1), ("b", 2)]).unwrap();
        let b = Map::from_entries([("b", 3), ("c", 4)]).unwrap();
        assert_eq!(a.merge(&b), Map::from_entries([("a", 1), ("b", 3), ("c", 4)]).unwrap());
    }
}
