//! Few distinct things on many rows: dictionary columns without hashing a text per row.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

/// Distinct things in the order of their first appearance.
pub(crate) struct Ordinals<K, V> {
    at: HashMap<K, i32>,
    last: Option<(K, i32)>,
    values: Vec<V>,
}

impl<K, V> Default for Ordinals<K, V> {
    fn default() -> Self {
        Self { at: HashMap::new(), last: None, values: Vec::new() }
    }
}

impl<K: std::hash::Hash + Eq + Clone, V> Ordinals<K, V> {
    /// The number of `key`. Rows come in runs of the same key, so the last one is tried first.
    pub(crate) fn of(&mut self, key: &K, make: impl FnOnce() -> V) -> i32 {
        if let Some((last, at)) = &self.last
            && last == key
        {
            return *at;
        }
        let next = self.values.len() as i32;
        let at = *self.at.entry(key.clone()).or_insert(next);
        if at == next {
            self.values.push(make());
        }
        self.last = Some((key.clone(), at));
        at
    }

    /// The thing with this number.
    pub(crate) fn get(&self, at: i32) -> &V {
        &self.values[at as usize]
    }

    /// A dictionary column: `keys` per row, one text per distinct thing.
    pub(crate) fn dictionary<'a>(
        &'a self,
        keys: &[Option<i32>],
        text: impl Fn(&'a V) -> Option<&'a str>,
    ) -> Result<ArrayRef, ArrowError> {
        let texts: Vec<Option<&str>> = self.values.iter().map(text).collect();
        let keys: Int32Array =
            keys.iter().map(|key| key.filter(|key| texts[*key as usize].is_some())).collect();
        let values = StringArray::from_iter_values(texts.iter().map(|text| text.unwrap_or_default()));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values))?))
    }
}
