//! From numbers to places.

use crate::words;

/// A range of numbers, laid out evenly or by their logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// The range of some numbers; `None` without any. Equal numbers get some room around them.
    pub(crate) fn of(numbers: impl Iterator<Item = f64>, log: bool) -> Option<Self> {
        let place = |x: f64| if log { x.ln() } else { x };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for x in numbers.map(place).filter(|x| x.is_finite()) {
            (low, high) = (low.min(x), high.max(x));
        }
        if low > high {
            return None;
        }
        if low == high {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - room, high + room);
        }
        // The two ends may be further apart than the largest number.
        if (high - low).is_finite() { Some(Self { low, high, log }) } else { None }
    }

    /// The same range with some room at both ends, as a share of it.
    pub(crate) fn with_room(self, share: f64) -> Self {
        let room = (self.high - self.low) * share;
        self.stretched(self.low - room, self.high + room)
    }

    /// The same, but where the range begins or ends at zero it stays so.
    pub(crate) fn with_room_from_zero(self, share: f64) -> Self {
        let wide = self.with_room(share);
        let end = |own: f64, wide: f64| if own == 0.0 { own } else { wide };
        self.stretched(end(self.low, wide.low), end(self.high, wide.high))
    }

    fn stretched(self, low: f64, high: f64) -> Self {
        if (high - low).is_finite() { Self { low, high, ..self } } else { self }
    }

    pub(crate) fn is_log(&self) -> bool {
        self.log
    }

    /// Where a number lies, from 0 to 1; `None` where it cannot be drawn.
    pub(crate) fn place(&self, x: f64) -> Option<f64> {
        let x = if self.log { x.ln() } else { x };
        x.is_finite().then(|| ((x - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    /// The number at a place from 0 to 1.
    pub(crate) fn at(&self, place: f64) -> f64 {
        let x = self.low + (self.high - self.low) * place;
        if self.log { x.exp() } else { x }
    }

    /// The same as text. What is nothing beside the range is zero.
    pub(crate) fn label(&self, place: f64) -> String {
        let x = self.at(place);
        let nothing = !self.log && x.abs() < (self.high - self.low) * 1e-9;
        words::number(if nothing { 0.0 } else { x })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_places() {
        let scale = Scale::of([2.0, 4.0, f64::NAN, f64::INFINITY].into_iter(), false).unwrap();
        assert_eq!((scale.place(2.0), scale.place(3.0), scale.place(f64::NAN)), (Some(0.0), Some(0.5), None));
        assert_eq!((scale.at(0.5), scale.label(1.0).as_str()), (3.0, "4"));
        let log = Scale::of([1.0, 100.0, 0.0, -3.0].into_iter(), true).unwrap();
        assert!((log.place(10.0).unwrap() - 0.5).abs() < 1e-12 && log.place(-1.0).is_none());
        assert_eq!(log.label(0.5), "10");
        let same = Scale::of([5.0, 5.0].into_iter(), false).unwrap();
        assert_eq!((same.place(5.0), same.label(0.0).as_str()), (Some(0.5), "4.5"));
        assert!(Scale::of([f64::NAN].into_iter(), false).is_none());
        assert!(Scale::of([f64::MAX, f64::MIN].into_iter(), false).is_none());
    }
}
