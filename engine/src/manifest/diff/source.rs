//! Where two parameter sources part: by argument for grids, by set for lists, in words for samples and combinations.

use std::collections::{BTreeMap, BTreeSet};

use metalab_cas::Value;

use super::{Change, ManifestDiff, Section, changed};
use crate::plan::{Difference, source_changes};

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
            let (old, new) = (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
            let mut changes = source_changes(old, new);
            if changes.is_empty() {
                // A list that another step returns, or one that a newer metalab wrote.
                changes.push(Difference::new("parameters", Some(old.to_string()), Some(new.to_string())));
            }
            for Difference { part, old, new, .. } in changes {
                self.push(Change::of(Section::Step, part).values(old, new));
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
