//! Statistics of some numbers, with a confidence interval of their mean.

use std::f64::consts::FRAC_PI_2;

/// Statistics of numbers.
///
/// NaN is a value like any other: where one is among the numbers, all but `n` are NaN, so that a run that diverged does not
/// vanish in a mean. Leave such runs out by `where_("not is_nan(metrics.loss)")`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// How many there are.
    pub n: usize,
    /// The arithmetic mean.
    pub mean: f64,
    /// The sample standard deviation (divided by n - 1); NaN for one number.
    pub std: f64,
    /// The median: of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Half the width of the 95 % confidence interval of the mean, `t(0.975, n - 1) * std / sqrt(n)` by Student's t
    /// distribution; NaN for one number.
    ///
    /// It holds for independent numbers whose distribution is near the normal one, or for many of them.
    pub ci95: f64,
}

impl Stats {
    /// Of some numbers; `None` of none.
    ///
    /// ```
    /// use metalab_engine::results::Stats;
    ///
    /// let stats = Stats::of(&[2.0, 4.0, 4.0, 6.0]).expect("there are numbers");
    /// assert_eq!((stats.n, stats.mean, stats.median), (4, 4.0, 4.0));
    /// assert!((stats.ci95 - 2.5985).abs() < 1e-4, "{stats:?}");
    /// ```
    pub fn of(numbers: &[f64]) -> Option<Self> {
        let n = numbers.len();
        if n == 0 {
            return None;
        }
        if numbers.iter().any(|x| x.is_nan()) {
            let nan = f64::NAN;
            return Some(Self { n, mean: nan, std: nan, median: nan, min: nan, max: nan, ci95: nan });
        }
        // Welford's update, which stays exact where the mean is large against the spread.
        let (mut mean, mut squares) = (0.0, 0.0);
        for (before, x) in numbers.iter().enumerate() {
            let distance = x - mean;
            mean += distance / (before as f64 + 1.0);
            squares += distance * (x - mean);
        }
        let std = (squares / (n as f64 - 1.0)).sqrt();
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = match n % 2 {
            1 => sorted[n / 2],
            _ => sorted[n / 2 - 1].midpoint(sorted[n / 2]),
        };
        let ci95 = t975(n - 1) * std / (n as f64).sqrt();
        Some(Self { n, mean, std, median, min: sorted[0], max: sorted[n - 1], ci95 })
    }

    /// The 95 % confidence interval of the mean, from and to.
    pub fn interval(&self) -> (f64, f64) {
        (self.mean - self.ci95, self.mean + self.ci95)
    }
}

/// The 0.975 quantile of Student's t distribution with so many degrees of freedom; NaN for none.
///
/// Up to 100 degrees the distribution's closed form for whole degrees is bisected (Abramowitz and Stegun, *Handbook of
/// Mathematical Functions*, 26.7.3 and 26.7.4), above, its expansion around the normal quantile is used (26.7.5), which is
/// right to ten digits there.
pub(super) fn t975(degrees: usize) -> f64 {
    match degrees {
        0 => f64::NAN,
        1..=100 => {
            // t is the tangent of an angle times the root of the degrees; the probability grows with the angle.
            let (mut low, mut high) = (0.0, FRAC_PI_2);
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                if within(middle, degrees) < 0.95 { low = middle } else { high = middle }
            }
            f64::midpoint(low, high).tan() * (degrees as f64).sqrt()
        }
        _ => {
            let (v, x) = (degrees as f64, 1.959_963_984_540_054_f64);
            let (x3, x5, x7, x9) = (x.powi(3), x.powi(5), x.powi(7), x.powi(9));
            x + (x3 + x) / (4.0 * v)
                + (5.0 * x5 + 16.0 * x3 + 3.0 * x) / (96.0 * v.powi(2))
                + (3.0 * x7 + 19.0 * x5 + 17.0 * x3 - 15.0 * x) / (384.0 * v.powi(3))
                + (79.0 * x9 + 776.0 * x7 + 1482.0 * x5 - 1920.0 * x3 - 945.0 * x) / (92_160.0 * v.powi(4))
        }
    }
}

/// The probability that |t| is at most `sqrt(degrees) * tan(angle)`.
fn within(angle: f64, degrees: usize) -> f64 {
    let (sin, cos) = angle.sin_cos();
    let odd = degrees % 2 == 1;
    if degrees == 1 {
        return angle / FRAC_PI_2;
    }
    // For odd degrees cos, 2/3 cos^3, 2*4/(3*5) cos^5, ...; for even ones 1, 1/2 cos^2, 1*3/(2*4) cos^4, ...
    let (mut term, mut factor) = if odd { (cos, 3.0) } else { (1.0, 2.0) };
    let (mut sum, mut power) = (term, if odd { 1 } else { 0 });
    while power + 2 <= degrees - 2 {
        term *= cos * cos * (factor - 1.0) / factor;
        factor += 2.0;
        power += 2;
        sum += term;
    }
    if odd { (angle + sin * sum) / FRAC_PI_2 } else { sin * sum }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 26.10, two-sided 0.95, and what R's qt(0.975, v) says.
        for (degrees, expected) in [
            (1, 12.706_204_74),
            (2, 4.302_652_73),
            (3, 3.182_446_305),
            (4, 2.776_445_105),
            (5, 2.570_581_836),
            (9, 2.262_157_163),
            (10, 2.228_138_852),
            (29, 2.045_229_642),
            (30, 2.042_272_456),
            (100, 1.983_971_519),
            (101, 1.983_731_003),
            (1000, 1.962_339_081),
            (1_000_000, 1.959_966_357),
        ] {
            let t = t975(degrees);
            assert!((t - expected).abs() < 2e-8, "{degrees}: {t} and not {expected}");
        }
        assert!(t975(0).is_nan());
    }

    #[test]
    fn one_number_has_no_spread() {
        let stats = Stats::of(&[3.0]).unwrap();
        assert_eq!((stats.n, stats.mean, stats.median, stats.min, stats.max), (1, 3.0, 3.0, 3.0, 3.0));
        assert!(stats.std.is_nan() && stats.ci95.is_nan());
        assert_eq!(Stats::of(&[]), None);
    }

    #[test]
    fn nan_is_seen() {
        let stats = Stats::of(&[1.0, f64::NAN, 3.0]).unwrap();
        assert!(stats.n == 3 && stats.mean.is_nan() && stats.median.is_nan() && stats.max.is_nan());
        assert_eq!(Stats::of(&[1.0, f64::INFINITY]).unwrap().max, f64::INFINITY);
    }

    #[test]
    fn a_large_mean_does_not_eat_the_spread() {
        let stats = Stats::of(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]).unwrap();
        assert!((stats.std - 1.0).abs() < 1e-9 && stats.median == 1e9 + 2.0);
    }
}
