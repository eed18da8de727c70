//! Many metrics out of one serde value.

use serde::Serialize;

use super::misuse::Misuse;
use super::plain::Plain;
use crate::record::Scalar;

/// Names and values, and the first part that cannot be a metric.
pub(super) fn flatten(values: &impl Serialize) -> (Vec<(String, Scalar)>, Option<Misuse>) {
    let mut flat = Flat::default();
    match Plain::of(values) {
        Ok(Plain::List(pairs)) => pairs.into_iter().for_each(|pair| flat.pair(pair)),
        Ok(Plain::Null) => {}
        Ok(plain @ (Plain::Map(_) | Plain::Variant(..))) => flat.add("", plain),
        Ok(other) => flat.refuse("", other.kind()),
        Err(error) => {
            flat.problem =
                Some(Misuse::Value { what: "metrics", name: String::new(), reason: error.to_string() });
        }
    }
    (flat.metrics, flat.problem)
}

#[derive(Default)]
struct Flat {
    metrics: Vec<(String, Scalar)>,
    problem: Option<Misuse>,
}

impl Flat {
    fn pair(&mut self, pair: Plain) {
        match pair {
            Plain::List(pair) => match <[Plain; 2]>::try_from(pair) {
                Ok([Plain::Text(name), value]) => self.add(&name, value),
                _ => self.refuse("", "a list whose elements are no pairs of name and value"),
            },
            other => {
                self.refuse("", &format!("a list with {} in it, no pair of name and value", other.kind()))
            }
        }
    }

    fn add(&mut self, name: &str, value: Plain) {
        let scalar = match value {
            Plain::Null => return,
            Plain::Map(entries) => {
                for (key, value) in entries {
                    match key.as_key() {
                        Some(key) => self.add(&below(name, &key), value),
                        None => self.refuse(name, &format!("a map with {} as a key", key.kind())),
                    }
                }
                return;
            }
            Plain::Variant(variant, inner) => match *inner {
                Plain::Null => Scalar::Text(variant),
                inner => return self.add(&below(name, &variant), inner),
            },
            Plain::Bool(x) => x.into(),
            Plain::Text(x) => x.into(),
            Plain::Number(number) => number.into(),
            Plain::Wide(wide) => Scalar::Float(wide.to_f64()),
            other @ (Plain::List(_) | Plain::Bytes(_)) => return self.refuse(name, other.kind()),
        };
        self.metrics.push((name.to_owned(), scalar));
    }

    fn refuse(&mut self, name: &str, found: &str) {
        let reason = format!(
            "this is {found}; a metric is a number, a bool or a text: use `data` or `step` for others"
        );
        self.problem.get_or_insert_with(|| Misuse::Value { what: "metrics", name: name.to_owned(), reason });
    }
}

fn below(name: &str, key: &str) -> String {
    if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") }
}
