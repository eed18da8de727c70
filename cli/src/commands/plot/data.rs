//! The numbers of a picture.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type};
use metalab_query::{Answer, QueryError};

/// Numbers that lie further apart than this, and not evenly, are drawn by their logarithms.
const FACTORS: f64 = 50.0;

/// What a column holds, for drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
}

/// One or two columns.
pub(super) struct Pairs(Vec<ArrayRef>);

impl Pairs {
    pub(super) fn of(answer: &Answer) -> Result<Self, QueryError> {
        let fail = |error: arrow::error::ArrowError| QueryError::Sql { message: error.to_string() };
        let column = |at: usize| {
            let kind = answer.schema().field(at).data_type();
            let arrays: Vec<&dyn Array> =
                answer.batches().iter().map(|batch| batch.column(at).as_ref()).collect();
            if arrays.is_empty() { Ok(arrow::array::new_empty_array(kind)) } else { concat(&arrays) }
        };
        let columns = (0..answer.schema().fields().len()).map(|at| column(at).map_err(fail));
        Ok(Self(columns.collect::<Result<_, _>>()?))
    }

    pub(super) fn kind(&self, column: usize) -> Kind {
        match self.0.get(column).map(|array| array.data_type()) {
            Some(kind) if kind.is_numeric() || *kind == DataType::Null => Kind::Number,
            _ => Kind::Text,
        }
    }

    /// Numbers of a column; what is none is absent.
    pub(super) fn numbers(&self, column: usize) -> Vec<Option<f64>> {
        let array = self.0.get(column).and_then(|array| cast(array, &DataType::Float64).ok());
        array.map(|array| array.as_primitive::<Float64Type>().iter().collect()).unwrap_or_default()
    }

    /// Texts of a column.
    pub(super) fn texts(&self, column: usize) -> Vec<Option<String>> {
        let array = self.0.get(column).and_then(|array| cast(array, &DataType::Utf8).ok());
        let texts = |array: ArrayRef| {
            array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
        };
        array.map(texts).unwrap_or_default()
    }
}

/// Mean and deviation, by the method of Welford: exact for many equal numbers too.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistics {
    pub(super) count: u64,
    mean: f64,
    squares: f64,
}

impl Statistics {
    fn add(&mut self, x: f64) {
        self.count += 1;
        let before = x - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (x - self.mean);
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation of a sample; none of a single number.
    pub(super) fn deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }
}

/// Statistics by group, ordered by name, and the number of values in them. Numbers that are none are left out.
pub(super) fn by_group(pairs: impl Iterator<Item = (String, f64)>) -> (Vec<(String, Statistics)>, usize) {
    let mut groups: BTreeMap<String, Statistics> = BTreeMap::new();
    let mut used = 0;
    for (group, x) in pairs.filter(|(_, x)| x.is_finite()) {
        groups.entry(group).or_default().add(x);
        used += 1;
    }
    (groups.into_iter().collect(), used)
}

/// How often each text occurs.
pub(super) fn counted<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    counts.into_iter().map(|(text, count)| (text.clone(), count)).collect()
}

/// The mean of y at each x, by x.
pub(super) fn means(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let places = sorted.chunk_by(|a, b| a.0 == b.0);
    places
        .map(|place| {
            let mut found = Statistics::default();
            place.iter().for_each(|(_, y)| found.add(*y));
            (place[0].0, found.mean())
        })
        .collect()
}

/// Whether ascending numbers lie apart by factors rather than by steps.
pub(super) fn spans_factors(numbers: &[f64]) -> bool {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return false };
    if numbers.len() < 3 || *first <= 0.0 || last / first < FACTORS {
        return false;
    }
    let Some(middle) = numbers.get(numbers.len() / 2) else { return false };
    // Evenly spaced, the middle one lies half way.
    (middle - first) / (last - first) < 0.25
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_a_sample() {
        let (groups, used) = by_group(
            [("a", 1.0), ("b", 4.0), ("a", 3.0), ("a", f64::NAN)].map(|(g, x)| (g.into(), x)).into_iter(),
        );
        assert_eq!((groups.len(), used), (2, 3));
        assert_eq!((groups[0].1.count, groups[0].1.mean()), (2, 2.0));
        assert!((groups[0].1.deviation().unwrap() - 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(groups[1].1.deviation(), None);
        assert_eq!(means(&[(2.0, 1.0), (1.0, 5.0), (2.0, 3.0)]), [(1.0, 5.0), (2.0, 2.0)]);
    }

    #[test]
    fn learning_rates_are_drawn_by_factors_and_counts_by_steps() {
        assert!(spans_factors(&[0.001, 0.01, 0.1, 1.0]));
        assert!(!spans_factors(&(1..100).map(f64::from).collect::<Vec<_>>()));
        assert!(!spans_factors(&[0.0, 1.0, 1000.0]) && !spans_factors(&[1.0, 1000.0]) && !spans_factors(&[]));
    }
}
