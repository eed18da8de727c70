//! One value of an axis: some arguments, and what is hashed of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use metalab_cas::Value;

use super::encoded_key;
use crate::context::{StatCache, Watched};
use crate::params::ParamsError;
use crate::plan::{PlanError, files};
use crate::record::Shown;

/// One value of an axis.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// What the operation is called with.
    pub(super) arguments: Vec<(Arc<str>, Value)>,
    /// Those of them that are paths or have paths inside, by content.
    contents: Vec<(Arc<str>, Value)>,
    /// What is hashed: canonical entries in order, without those equal to their default.
    pub(super) entries: Vec<u8>,
    /// Of each entry, where its key ends and where it ends.
    ends: Vec<(usize, usize)>,
    pub(super) watched: Vec<Watched>,
    pub(super) shown: Vec<Shown>,
}

impl Choice {
    /// The choice of these arguments; `files` turns paths into contents.
    pub(super) fn new(
        arguments: Vec<(Arc<str>, Value)>,
        defaults: &BTreeMap<&'static str, Value>,
        files: Option<&StatCache>,
    ) -> Result<Self, PlanError> {
        let mut choice = Self { arguments, ..Self::default() };
        let mut entries = Vec::with_capacity(choice.arguments.len());
        for (name, value) in &choice.arguments {
            if defaults.get(&**name) == Some(value) {
                continue;
            }
            let mut entry = encoded_key(name);
            let key = entry.len();
            match files {
                Some(files) if files::mentions_path(value) => {
                    let (content, watched) = files.resolve(value, name)?;
                    choice.watched.extend(watched);
                    files::shown_paths(name, value, &mut choice.shown);
                    content.encode(&mut entry).map_err(|error| ParamsError::value(name, &error))?;
                    choice.contents.push((name.clone(), content));
                }
                _ => value.encode(&mut entry).map_err(|error| ParamsError::value(name, &error))?,
            }
            entries.push((key, entry));
        }
        entries.sort_by(|(a, x), (b, y)| x[..*a].cmp(&y[..*b]));
        for (key, entry) in entries {
            let start = choice.entries.len();
            choice.entries.extend_from_slice(&entry);
            choice.ends.push((start + key, choice.entries.len()));
        }
        Ok(choice)
    }

    /// The number of entries.
    pub(super) fn count(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Key and the whole of each entry.
    pub(super) fn keyed(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(key, end)| {
            let entry = (&self.entries[start..*key], &self.entries[start..*end]);
            start = *end;
            entry
        })
    }

    /// An argument by content; null where the set lacks it.
    pub(super) fn by_content(&self, name: &str) -> Value {
        let mut all = self.contents.iter().chain(&self.arguments);
        all.find(|(other, _)| **other == *name).map_or(Value::Null, |(_, value)| value.clone())
    }
}
