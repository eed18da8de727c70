//! How sure a mean is: `stderr(x)`, `ci95(x)`, `ci95_low(x)`, `ci95_high(x)`.
//!
//! `stderr` is the sample's standard deviation over the square root of the number of values. `ci95` is that times the
//! 97.5 % quantile of Student's t with n - 1 degrees of freedom: half the width of the 95 % confidence interval of the mean,
//! for independent values that are roughly normal. With fewer than two values all are null.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

/// What is told of a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Figure {
    StandardError,
    HalfWidth,
    Low,
    High,
}

/// The functions as sessions register them.
pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    let all = [
        ("stderr", Figure::StandardError),
        ("ci95", Figure::HalfWidth),
        ("ci95_low", Figure::Low),
        ("ci95_high", Figure::High),
    ];
    let function = |(name, figure)| {
        let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
        Arc::new(AggregateUDF::from(OfMean { name, figure, signature }))
    };
    all.into_iter().map(function).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfMean {
    name: &'static str,
    figure: Figure,
    signature: Signature,
}

impl AggregateUDFImpl for OfMean {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field =
            |name: &str, kind| Arc::new(Field::new(format_state_name(arguments.name, name), kind, true));
        Ok(vec![
            field("count", DataType::UInt64),
            field("mean", DataType::Float64),
            field("squares", DataType::Float64),
        ])
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Moments { figure: self.figure, count: 0, mean: 0.0, squares: 0.0 }))
    }
}

/// Count, mean and sum of squared differences from it, by Welford's and Chan's formulas.
#[derive(Debug)]
struct Moments {
    figure: Figure,
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn merge(&mut self, count: u64, mean: f64, squares: f64) {
        if count == 0 {
            return;
        }
        let total = (self.count + count) as f64;
        let difference = mean - self.mean;
        self.mean += difference * count as f64 / total;
        self.squares += squares + difference * difference * self.count as f64 * count as f64 / total;
        self.count += count;
    }
}

fn doubles(array: &ArrayRef) -> Result<Float64Array> {
    match cast(array, &DataType::Float64)?.as_any().downcast_ref::<Float64Array>() {
        Some(array) => Ok(array.clone()),
        None => exec_err!("this needs numbers"),
    }
}

impl Accumulator for Moments {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in doubles(&values[0])?.iter().flatten() {
            self.merge(1, value, 0.0);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(counts) = states[0].as_any().downcast_ref::<UInt64Array>() else {
            return exec_err!("this needs counts");
        };
        let (means, squares) = (doubles(&states[1])?, doubles(&states[2])?);
        for row in 0..counts.len() {
            self.merge(counts.value(row), means.value(row), squares.value(row));
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.count.into(), self.mean.into(), self.squares.into()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count < 2 {
            return Ok(ScalarValue::Float64(None));
        }
        let free = (self.count - 1) as f64;
        let error = (self.squares / free / self.count as f64).sqrt();
        let half = student_975(self.count - 1) * error;
        let figure = match self.figure {
            Figure::StandardError => error,
            Figure::HalfWidth => half,
            Figure::Low => self.mean - half,
            Figure::High => self.mean + half,
        };
        Ok(figure.into())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The 97.5 % quantile of Student's t distribution: up to 30 degrees of freedom from the table, above by the expansion of
/// Cornish and Fisher (Abramowitz and Stegun, 26.7.5), whose error there is below 1e-5.
fn student_975(free: u64) -> f64 {
    const TABLE: [f64; 30] = [
        12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
        2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963,
        2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
    ];
    if let Some(quantile) = usize::try_from(free).ok().and_then(|free| TABLE.get(free.wrapping_sub(1))) {
        return *quantile;
    }
    let z: f64 = 1.959_963_984_540_054;
    let n = free as f64;
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * n)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * n.powi(3))
}

#[cfg(test)]
mod tests {
    use super::student_975;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let known = [
            (1, 12.7062),
            (4, 2.7764),
            (30, 2.0423),
            (31, 2.0395),
            (40, 2.0211),
            (60, 2.0003),
            (120, 1.9799),
            (100_000, 1.96),
        ];
        for (free, quantile) in known {
            assert!((student_975(free) - quantile).abs() < 1e-4, "{free}: {}", student_975(free));
        }
    }
}
