//! Where two parameter sources part: by argument for grids, by set for lists, by place for what is nested.

use std::collections::{BTreeMap, BTreeSet};

use metalab_cas::Value;

use super::{Change, ManifestDiff, Section, changed};

impl ManifestDiff {
    pub(super) fn source(&mut self, old: Option<&Value>, new: Option<&Value>) {
        if old == new {
            return;
        }
        let (old_axes, new_axes) = (old.and_then(axes), new.and_then(axes));
        let (old_rows, new_rows) = (old.and_then(rows), new.and_then(rows));
        if let (Some(old), Some(new)) = (old_axes, new_axes) {
            for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                let (before, after) = (old.get(name), new.get(name));
                let change = Change::of(Section::Step, format!("argument {name}"));
                match (before, after) {
                    (Some(before), Some(after)) if before == after => {}
                    (Some((true, before)), Some((true, after))) => {
                        self.push(change.values(before.first().cloned(), after.first().cloned()));
                    }
                    (before, after) => {
                        let values = |axis: Option<&(bool, Vec<String>)>| {
                            axis.map_or_else(Vec::new, |axis| axis.1.clone())
                        };
                        let (added, removed) = changed(&values(before), &values(after));
                        match added.is_empty() && removed.is_empty() {
                            // The same values in another order, or one that is swept and was not.
                            true => self.push(change.values(
                                before.map(|axis| axis.1.join(", ")),
                                after.map(|axis| axis.1.join(", ")),
                            )),
                            false => self.push(Change { added, removed, ..change }),
                        }
                    }
                }
            }
        } else if let (Some(old), Some(new)) = (old_rows, new_rows) {
            let (added, removed) = changed(&old, &new);
            let change = Change::of(Section::Step, "parameter sets");
            match added.is_empty() && removed.is_empty() {
                true => self.push(change.values(Some("one order".into()), Some("another order".into()))),
                false => self.push(Change { added, removed, ..change }),
            }
        } else {
            let mut parts = Vec::new();
            part(String::new(), old, new, &mut parts);
            for (what, old, new) in parts {
                self.value(Section::Step, format!("parameters{what}"), old, new);
            }
        }
    }
}

/// Whether each axis of a grid is fixed, and its values as text.
fn axes(source: &Value) -> Option<BTreeMap<String, (bool, Vec<String>)>> {
    let Value::Variant(kind, axes) = source else { return None };
    let Value::List(axes) = &**axes else { return None };
    let axis = |axis: &Value| {
        let Value::List(parts) = axis else { return None };
        let [name, Value::Bool(fixed), Value::List(values)] = &parts[..] else { return None };
        let values = values.iter().map(ToString::to_string).collect();
        Some((name.as_text()?.to_owned(), (*fixed, values)))
    };
    if kind == "grid" { axes.iter().map(axis).collect() } else { None }
}

/// The sets of a list as text.
fn rows(source: &Value) -> Option<Vec<String>> {
    match source {
        Value::Variant(kind, rows) if kind == "list" => match &**rows {
            Value::List(rows) => Some(rows.iter().map(ToString::to_string).collect()),
            _ => None,
        },
        _ => None,
    }
}

/// Where two values of any shape part: place, old and new.
fn part(
    place: String,
    old: Option<&Value>,
    new: Option<&Value>,
    found: &mut Vec<(String, Option<String>, Option<String>)>,
) {
    match (old, new) {
        (Some(old), Some(new)) if old == new => {}
        (Some(Value::Variant(before, old)), Some(Value::Variant(after, new))) if before == after => {
            part(format!("{place} {before}"), Some(old), Some(new), found);
        }
        (Some(Value::Map(old)), Some(Value::Map(new))) => {
            let keys = old.iter().chain(new.iter()).map(|(key, _)| key);
            let mut seen: Vec<&Value> = Vec::new();
            for key in keys {
                if !seen.contains(&key) {
                    seen.push(key);
                    let name = key.as_text().map_or_else(|| key.to_string(), str::to_owned);
                    part(format!("{place}.{name}"), old.get_value(key), new.get_value(key), found);
                }
            }
        }
        (Some(Value::List(old)), Some(Value::List(new))) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                part(format!("{place}[{at}]"), Some(old), Some(new), found);
            }
        }
        (old, new) => found.push((place, old.map(ToString::to_string), new.map(ToString::to_string))),
    }
}
