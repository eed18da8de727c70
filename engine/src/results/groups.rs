//! Aggregates over groups of runs.

use std::collections::BTreeMap;
use std::fmt;

use super::table::{plain, short_float};
use super::{ResultError, Results, RunResult, Table};
use crate::record::{Outcome, Scalar};

/// Groups of successful runs with their aggregates.
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
    /// The values grouped by, as text.
    pub key: Vec<String>,
    /// The number of runs.
    pub count: usize,
    /// Mean and sample standard deviation (NaN for one run) of each numeric metric, and of `output` where it is
    /// a number, over the runs that have it.
    pub metrics: BTreeMap<String, (f64, f64)>,
}

#[derive(Default)]
struct Moments {
    count: usize,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Welford's update, which stays exact where the mean is large against the spread.
    fn add(&mut self, x: f64) {
        self.count += 1;
        let distance = x - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (x - self.mean);
    }

    fn finish(&self) -> (f64, f64) {
        (self.mean, (self.squares / (self.count as f64 - 1.0)).sqrt())
    }
}

impl Groups {
    pub(super) fn of(results: &Results, by: &[&str]) -> Result<Self, ResultError> {
        let mut order: Vec<Vec<String>> = Vec::new();
        let mut groups: BTreeMap<Vec<String>, (usize, BTreeMap<String, Moments>)> = BTreeMap::new();
        for run in results.iter() {
            let run = run?;
            if run.outcome() != Some(Outcome::Succeeded) {
                continue;
            }
            let key = key(&run, by);
            let (count, metrics) = groups.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                Default::default()
            });
            *count += 1;
            for (name, x) in numbers(&run) {
                metrics.entry(name).or_default().add(x);
            }
        }
        let finish = |key: Vec<String>| {
            let (count, metrics) = groups.remove(&key).unwrap_or_default();
            let metrics = metrics.into_iter().map(|(name, moments)| (name, moments.finish())).collect();
            Group { key, count, metrics }
        };
        let by = by.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self { by, groups: order.into_iter().map(finish).collect() })
    }
}

fn key(run: &RunResult, by: &[&str]) -> Vec<String> {
    let values = run.columns();
    let part = |name: &&str| match *name {
        "step" => run.step().to_owned(),
        "replicate" => run.replicate_text(),
        name => values.get(name).map(plain).unwrap_or_default(),
    };
    by.iter().map(part).collect()
}

fn numbers(run: &RunResult) -> Vec<(String, f64)> {
    let mut numbers = Vec::new();
    if let Ok(x) = run.output::<f64>() {
        numbers.push(("output".to_owned(), x));
    }
    for (name, value) in run.metrics() {
        match value {
            Scalar::Float(x) => numbers.push((name.clone(), *x)),
            Scalar::Int(x) => numbers.push((name.clone(), *x as f64)),
            Scalar::Bool(_) | Scalar::Text(_) => {}
        }
    }
    numbers
}

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
                Some((mean, std)) if std.is_nan() => short_float(*mean),
                Some((mean, std)) => format!("{} ± {}", short_float(*mean), short_float(*std)),
                None => String::new(),
            }));
            row
        });
        Table { rows: rows.collect(), columns }.fmt(f)
    }
}
