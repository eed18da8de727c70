//! The differences between two recipes, in words.

use std::collections::BTreeMap;
use std::fmt;

use metalab_cas::Value;

use crate::record::Template;

/// One part of a recipe that differs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    /// Which part: `argument k`, `code: fn helper`, `seed: base`.
    pub part: String,
    /// Its old value, absent when there was none.
    pub old: Option<String>,
    /// Its new value, absent when there is none any more.
    pub new: Option<String>,
    /// For an input: the runs that made the two values, and what parts those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<Box<Behind>>,
}

/// The two runs that made two values of an input.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Behind {
    /// The run that made the old value, short.
    pub old: String,
    /// The run that made the new value, short.
    pub new: String,
    /// What parts them; empty when that was not looked at.
    pub differences: Vec<Difference>,
    /// Why there are no differences, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Difference {
    /// A part that has an old and a new value.
    pub(crate) fn new(part: impl Into<String>, old: Option<String>, new: Option<String>) -> Self {
        Self { part: part.into(), old, new, behind: None }
    }

    /// Something that is different, in words alone.
    pub(crate) fn said(part: impl Into<String>) -> Self {
        Self::new(part, None, None)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{}: {old} -> {new}", self.part)?,
            (None, Some(new)) => write!(f, "{}: {new} (was not there)", self.part)?,
            (Some(old), None) => write!(f, "{}: gone (was {old})", self.part)?,
            (None, None) => f.write_str(&self.part)?,
        }
        self.behind.as_ref().map_or(Ok(()), |behind| behind.fmt(f))
    }
}

/// Continues the line of the input; what parts the runs follows on lines of its own, indented by two.
impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.old == self.new {
            true => write!(f, ", both made by run {}", self.old)?,
            false => write!(f, ", made by run {} and run {}", self.old, self.new)?,
        }
        if let Some(note) = &self.note {
            write!(f, ": {note}")?;
        }
        if !self.differences.is_empty() {
            f.write_str(", which part at:")?;
        }
        let lines = |difference: &Difference| difference.to_string().replace('\n', "\n  ");
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {}", lines(difference)))
    }
}

/// The entries of an encoded map as text, by name.
pub(crate) fn entries(bytes: &[u8]) -> BTreeMap<String, String> {
    match Value::decode(bytes) {
        Ok(Value::Map(map)) => map
            .iter()
            .map(|(key, value)| {
                (key.as_text().map_or_else(|| key.to_string(), str::to_owned), value.to_string())
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// What differs between the shared parts of two recipes, in the order of the recipe's fields.
pub fn differences(old: &Template, new: &Template) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut text = |part: &str, old: &str, new: &str| {
        if old != new {
            found.push(Difference::new(part, Some(old.into()), Some(new.into())));
        }
    };
    text("recipe version", &old.recipe_version.to_string(), &new.recipe_version.to_string());
    text(
        "operation",
        &format!("{}::{}", old.namespace, old.name),
        &format!("{}::{}", new.namespace, new.name),
    );
    text("operation version", &old.version, &new.version);
    text("code grade", old.grade.as_str(), new.grade.as_str());
    if old.code != new.code {
        let items = |template: &Template| -> BTreeMap<String, String> {
            let mut items = BTreeMap::new();
            for item in &template.items {
                // Items of equal name in different modules are told apart by all of them counting.
                let digest: &mut String = items.entry(item.name.clone()).or_default();
                digest.push_str(item.digest.get(..12).unwrap_or(&item.digest));
            }
            items
        };
        let before = found.len();
        compare("code: ", &items(old), &items(new), &mut found);
        if found.len() == before {
            let short = |template: &Template| template.code.map(|digest| digest.short());
            found.push(Difference::new("code", short(old), short(new)));
        }
    }
    compare("fixed argument ", &entries(&old.fixed), &entries(&new.fixed), &mut found);
    let contexts = |template: &Template| -> BTreeMap<String, String> {
        let fields = template.contexts.iter().flat_map(|context| {
            entries(&context.fields)
                .into_iter()
                .map(|(field, value)| (format!("{}.{field}", context.name), value))
        });
        fields.collect()
    };
    compare("context ", &contexts(old), &contexts(new), &mut found);
    let seed = |template: &Template| template.base_seed.map(|seed| seed.to_string());
    if seed(old) != seed(new) {
        found.push(Difference::new("seed: base", seed(old), seed(new)));
    }
    compare("metadata ", &entries(&old.metadata), &entries(&new.metadata), &mut found);
    found
}

/// Adds what differs between two sets of named texts.
pub(crate) fn compare(
    prefix: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    found: &mut Vec<Difference>,
) {
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (old, new) = (old.get(name), new.get(name));
        if old != new {
            found.push(Difference::new(format!("{prefix}{name}"), old.cloned(), new.cloned()));
        }
    }
}
