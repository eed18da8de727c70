//! Aggregates over groups of runs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::expression::{Datum, ExpressionError, Field};
use super::table::short_float;
use super::{ResultError, Results, RunResult, Stats, Table, fields};
use crate::record::Outcome;

/// Groups of successful runs with their aggregates.
///
/// Runs that do not have a metric are left out of its numbers, and `n` says how many have it. Metrics that are truth values
/// or texts are left out.
#[derive(Clone, Debug)]
pub struct Groups {
    /// What was grouped by.
    pub by: Vec<String>,
    /// One per combination of values, in the order of the first run of each.
    pub groups: Vec<Group>,
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The values grouped by, as text; nothing for runs without one.
    pub key: Vec<String>,
    /// The number of runs.
    pub count: usize,
    /// Of each numeric metric, of numeric derived metrics as `derived.name`, and of `output` where it is a number, over the
    /// runs that have it.
    pub metrics: BTreeMap<String, Stats>,
}

#[derive(Default)]
struct Gathering {
    count: usize,
    numbers: BTreeMap<String, Vec<f64>>,
}

impl Groups {
    pub(super) fn of(results: &Results, by: &[&str]) -> Result<Self, ResultError> {
        let wanted: Vec<Field> = by.iter().map(|name| Field::named(name)).collect();
        let mut order: Vec<Vec<String>> = Vec::new();
        let mut gathered: HashMap<Vec<String>, Gathering> = HashMap::new();
        let mut found = vec![false; by.len()];
        for run in results {
            let run = run?;
            if run.outcome() != Some(Outcome::Succeeded) {
                continue;
            }
            let values: Vec<Datum> = wanted.iter().map(|field| fields::value(field, &run)).collect();
            found.iter_mut().zip(&values).for_each(|(found, value)| *found |= !value.is_null());
            let key: Vec<_> = values.into_iter().map(|value| value.into_text().unwrap_or_default()).collect();
            let group = gathered.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                Gathering::default()
            });
            group.count += 1;
            for (name, x) in numbers(&run) {
                group.numbers.entry(name).or_default().push(x);
            }
        }
        let is_name = |field: &Field| {
            matches!(field, Field::Param(_) | Field::Metric(_) | Field::Derived(_) | Field::Any(_))
        };
        let missing = wanted.iter().zip(&found).find(|(field, found)| !**found && is_name(field));
        if let (Some((field, _)), false) = (missing, order.is_empty()) {
            return Err(ExpressionError::no_field(field, results.axes()).into());
        }
        let finish = |key: Vec<String>| {
            let Gathering { count, numbers } = gathered.remove(&key).unwrap_or_default();
            let stats = numbers.into_iter().filter_map(|(name, all)| Some((name, Stats::of(&all)?)));
            Group { key, count, metrics: stats.collect() }
        };
        let groups = order.into_iter().map(finish).collect();
        Ok(Self { by: by.iter().map(|name| (*name).to_owned()).collect(), groups })
    }

    /// A table with a row for each group and metric: n, mean, half the width of the 95 % confidence interval of the mean,
    /// standard deviation, median, least and greatest. One number has neither interval nor deviation.
    pub fn table(&self) -> Table {
        const COLUMNS: [&str; 8] = ["metric", "n", "mean", "95 % interval", "std", "median", "min", "max"];
        let columns = self.by.iter().cloned().chain(COLUMNS.map(str::to_owned)).collect();
        let row = |group: &Group, name: &str, stats: &Stats| -> Vec<String> {
            let spread = |x: f64, sign: &str| match stats.n {
                1 => String::new(),
                _ => format!("{sign}{}", short_float(x)),
            };
            let numbers = [
                name.to_owned(),
                stats.n.to_string(),
                short_float(stats.mean),
                spread(stats.ci95, "± "),
                spread(stats.std, ""),
                short_float(stats.median),
                short_float(stats.min),
                short_float(stats.max),
            ];
            group.key.iter().cloned().chain(numbers).collect()
        };
        let rows = self
            .groups
            .iter()
            .flat_map(|group| group.metrics.iter().map(move |(name, stats)| row(group, name, stats)));
        Table { rows: rows.collect(), columns }
    }
}

fn numbers(run: &RunResult) -> Vec<(String, f64)> {
    let mut numbers = Vec::new();
    if let Some(x) = fields::output(run).and_then(|output| output.number()) {
        numbers.push(("output".to_owned(), x));
    }
    let metrics = run.metrics().iter().map(|(name, value)| (name.clone(), value));
    let derived = run.derived_metrics().map(|(name, value)| (format!("derived.{name}"), value));
    numbers.extend(
        metrics.chain(derived).filter_map(|(name, value)| Some((name, super::values::number(value)?))),
    );
    numbers
}

/// One row for each group: the number of runs, and mean ± standard deviation of each metric. [`Groups::table`] has more.
impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut metrics: Vec<&String> = Vec::new();
        for name in self.groups.iter().flat_map(|group| group.metrics.keys()) {
            if !metrics.contains(&name) {
                metrics.push(name);
            }
        }
        let mut columns = self.by.clone();
        columns.push("n".into());
        columns.extend(metrics.iter().map(|name| format!("{name} (mean ± std)")));
        let rows = self.groups.iter().map(|group| {
            let mut row = group.key.clone();
            row.push(group.count.to_string());
            row.extend(metrics.iter().map(|name| match group.metrics.get(*name) {
                Some(stats) if stats.std.is_nan() => short_float(stats.mean),
                Some(stats) => format!("{} ± {}", short_float(stats.mean), short_float(stats.std)),
                None => String::new(),
            }));
            row
        });
        Table { rows: rows.collect(), columns }.fmt(f)
    }
}
