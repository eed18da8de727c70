//! The numbers that stand at an axis: round ones.

use super::Scale;
use crate::words;

/// A number at the very end of a range may lie a little beyond it, as floats do.
const NEAR: f64 = 1e-9;

/// A number at an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// Where it stands, from 0 to 1.
    pub(crate) place: f64,
    pub(crate) label: String,
}

impl Scale {
    /// Round numbers within the range: about so many, two at the least if there are so many to tell apart.
    pub(crate) fn ticks(&self, about: usize) -> Vec<Tick> {
        let about = about.max(2);
        let decades = if self.is_log() { self.decades(about) } else { Vec::new() };
        if decades.len() >= 2 { decades } else { self.steps(about) }
    }

    /// Steps of 1, 2 or 5 times a power of ten.
    fn steps(&self, about: usize) -> Vec<Tick> {
        let (low, high) = (self.at(0.0), self.at(1.0));
        let rough = (high - low) / about as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough);
        let Some(step) = step.filter(|step| step.is_normal()) else { return Vec::new() };
        let digits = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let (first, last) = ((low / step - NEAR).ceil(), (high / step + NEAR).floor());
        let many = (last - first).clamp(0.0, 50.0) as usize;
        let tick = |number: usize| {
            let x = (first + number as f64) * step;
            let size = low.abs().max(high.abs());
            let plain = (1e-4..1e7).contains(&size);
            let label = if plain { format!("{x:.digits$}") } else { words::number(x) };
            let label = if label.trim_start_matches(['-', '0', '.']).is_empty() { "0".into() } else { label };
            Some(Tick { place: self.place(x)?, label })
        };
        (0..=many).filter_map(tick).collect()
    }

    /// Powers of ten, or of a hundred, a thousand, ...; where there are few, also two and five times those.
    fn decades(&self, about: usize) -> Vec<Tick> {
        let (low, high) = (self.at(0.0).log10(), self.at(1.0).log10());
        let every = ((high - low) / about as f64 - NEAR).ceil().max(1.0);
        let few = high - low < 2.5;
        let mut ticks = Vec::new();
        let mut power = (low / every).floor() * every;
        while power <= high + NEAR {
            for times in if few { &[1.0, 2.0, 5.0][..] } else { &[1.0] } {
                let x = times * 10_f64.powf(power);
                let inside = (low - NEAR..=high + NEAR).contains(&x.log10());
                if let (true, Some(place)) = (inside, self.place(x)) {
                    ticks.push(Tick { place, label: words::number(x) });
                }
            }
            power += every;
        }
        ticks
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn labels(numbers: &[f64], log: bool) -> Vec<String> {
        let scale = Scale::of(numbers.iter().copied(), log).unwrap();
        scale.ticks(6).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&[0.0, 1.0], false), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&[-7.0, 13.0], false), ["-5", "0", "5", "10"]);
        assert_eq!(labels(&[0.911, 0.951], false), ["0.92", "0.93", "0.94", "0.95"]);
        assert_eq!(labels(&[1e9, 6e9], false)[0], "1000000000");
        assert_eq!(labels(&[1e-5, 0.1], true), ["0.00001", "0.0001", "0.001", "0.01", "0.1"]);
        assert_eq!(labels(&[1.0, 60.0], true), ["1", "2", "5", "10", "20", "50"]);
        let wide = ["1e-30", "1e-20", "1e-10", "1", "10000000000", "1e20", "1e30"];
        assert_eq!(labels(&[1e-30, 1e30], true), wide);
        assert_eq!(labels(&[3.1, 3.2], true).len(), 6, "too narrow for powers");
    }

    #[test]
    fn odd_ranges_do_no_harm() {
        for (low, high) in [(5e-324, 1e-323), (-1e308, 7e307), (1.0, 1.0 + f64::EPSILON), (0.0, 0.0)] {
            for log in [false, true] {
                if let Some(scale) = Scale::of([low, high].into_iter(), log) {
                    let ticks = scale.ticks(6);
                    assert!(ticks.len() <= 51 && ticks.iter().all(|tick| (0.0..=1.0).contains(&tick.place)));
                }
            }
        }
    }
}
