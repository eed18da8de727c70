//! The words and shapes that writing and reading a manifest share.

use std::time::Duration;

use metalab_cas::{Digest, Map, Value};

use crate::journal::Durability;
use crate::schedule::FailurePolicy;

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn failure_word(policy: FailurePolicy) -> &'static str {
    match policy {
        FailurePolicy::KeepGoing => "keep going",
        FailurePolicy::FailFast => "fail fast",
    }
}

pub(super) fn durability_word(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "full",
        Durability::Relaxed => "relaxed",
    }
}

/// A map of a manifest, read key by key; an error says which key is not what it should be.
pub(super) struct Entries<'v> {
    map: &'v Map,
    what: &'static str,
}

impl<'v> Entries<'v> {
    pub(super) fn of(value: &'v Value, what: &'static str) -> Result<Self, String> {
        match value {
            Value::Map(map) => Ok(Self { map, what }),
            other => Err(format!("its {what} is {} and not a map", other.kind())),
        }
    }

    fn wrong(&self, key: &str) -> String {
        format!("`{key}` of its {} is not what it should be", self.what)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'v Value> {
        self.map.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Result<String, String> {
        self.get(key).and_then(Value::as_text).map(str::to_owned).ok_or_else(|| self.wrong(key))
    }

    pub(super) fn text_if_any(&self, key: &str) -> Result<Option<String>, String> {
        self.get(key).map(|_| self.text(key)).transpose()
    }

    pub(super) fn number(&self, key: &str) -> Result<u64, String> {
        self.number_if_any(key)?.ok_or_else(|| self.wrong(key))
    }

    pub(super) fn number_if_any(&self, key: &str) -> Result<Option<u64>, String> {
        let number = |value: &Value| value.clone().into_serde().map_err(|_| self.wrong(key));
        self.get(key).map(number).transpose()
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, String> {
        match self.get(key) {
            Some(Value::Bool(flag)) => Ok(*flag),
            _ => Err(self.wrong(key)),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<&'v [Value], String> {
        match self.get(key) {
            Some(Value::List(items)) => Ok(items),
            None => Ok(&[]),
            Some(_) => Err(self.wrong(key)),
        }
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        let texts = self.list(key)?.iter().map(|item| item.as_text().map(str::to_owned));
        texts.collect::<Option<_>>().ok_or_else(|| self.wrong(key))
    }

    pub(super) fn map(&self, key: &str) -> Result<Vec<(String, Value)>, String> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let Value::Map(map) = value else { return Err(self.wrong(key)) };
        let entry = |(key, value): (&Value, &Value)| Some((key.as_text()?.to_owned(), value.clone()));
        map.iter().map(entry).collect::<Option<_>>().ok_or_else(|| self.wrong(key))
    }

    pub(super) fn digest(&self, key: &str) -> Result<Digest, String> {
        self.digest_if_any(key)?.ok_or_else(|| self.wrong(key))
    }

    pub(super) fn digest_if_any(&self, key: &str) -> Result<Option<Digest>, String> {
        self.get(key).map(|value| digest(value).ok_or_else(|| self.wrong(key))).transpose()
    }
}

pub(super) fn digest(value: &Value) -> Option<Digest> {
    match value {
        Value::Bytes(bytes) => Digest::from_slice(bytes),
        _ => None,
    }
}
