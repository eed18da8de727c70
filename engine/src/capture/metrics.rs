//! Metrics and stepped metrics.

use serde::Serialize;

use super::flatten::flatten;
use super::handle::{Capture, State};
use super::misuse::Misuse;
use super::points::Series;
use crate::name;
use crate::record::Scalar;
use crate::secret::mask_in;

impl Capture {
    /// Captures a metric: a number, bool or text. Captured again, the new value replaces the old one.
    ///
    /// NaN and infinities are kept. Whole numbers above `i64::MAX` become the nearest float.
    pub fn metric(&self, name: &str, value: impl Into<Scalar>) {
        let mut value = value.into();
        if let Scalar::Text(text) = &mut value {
            mask_in(text);
        }
        self.with(|state| state.metric(name, value));
    }

    /// Captures many metrics at once: pairs of name and value, a map, or a struct.
    ///
    /// Structs and maps inside become names with dots, `None` is left out, and a unit variant of an enum is its name as
    /// text. A list is no metric: see [`Capture::data`] and [`Capture::step`]. When one part cannot be a metric, the
    /// others are kept and the run fails for it after the operation returned.
    ///
    /// ```
    /// use metalab_engine::capture::Capture;
    /// use metalab_engine::record::Scalar;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Scores { loss: f64, top: Top }
    /// #[derive(serde::Serialize)]
    /// struct Top { one: f64, five: f64 }
    ///
    /// let capture = Capture::memory();
    /// capture.metrics(&Scores { loss: 0.1, top: Top { one: 0.8, five: 0.97 } });
    /// capture.metrics([("epochs", 12), ("batches", 480)]);
    /// let names: Vec<_> = capture.get_metrics().into_iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["loss", "top.one", "top.five", "epochs", "batches"]);
    /// assert_eq!(capture.get_metric("top.five"), Some(Scalar::Float(0.97)));
    /// ```
    pub fn metrics(&self, values: impl Serialize) {
        // Made outside the lock: a type's own code may itself capture.
        let (metrics, problem) = flatten(&values);
        self.with(|state| {
            for (name, value) in metrics {
                state.metric(&name, value);
            }
            if let Some(problem) = problem {
                state.misused(problem);
            }
        });
    }

    /// Captures one point of a stepped metric, such as the loss after an epoch.
    ///
    /// Points are kept in the order of capture; steps may repeat and go back, and values may be NaN. A metric and a
    /// stepped metric may share a name.
    pub fn step(&self, name: &str, step: u64, value: f64) {
        self.with(|state| {
            if let Some(series) = state.stepped(name) {
                series.push(step, value);
            }
        });
    }

    /// Captures a point of several stepped metrics at once.
    ///
    /// ```
    /// let capture = metalab_engine::capture::Capture::memory();
    /// capture.steps(3, [("loss", 0.25), ("accuracy", 0.9)]);
    /// assert_eq!(capture.get_series("accuracy"), [(3, 0.9)]);
    /// ```
    pub fn steps<N: AsRef<str>>(&self, step: u64, values: impl IntoIterator<Item = (N, f64)>) {
        for (name, value) in values {
            self.step(name.as_ref(), step, value);
        }
    }

    /// A handle on a stepped metric: for loops in which each nanosecond counts, and for other threads.
    ///
    /// ```
    /// let capture = metalab_engine::capture::Capture::memory();
    /// let loss = capture.series("loss");
    /// (0..1000).for_each(|step| loss.push(step, 1.0 / (step + 1) as f64));
    /// assert_eq!(capture.get_series("loss").len(), 1000);
    /// ```
    pub fn series(&self, name: &str) -> Series {
        self.with(|state| state.stepped(name).cloned()).flatten().unwrap_or_else(Series::closed)
    }
}

impl State {
    fn metric(&mut self, name: &str, value: Scalar) {
        match self.metrics.get_mut(name) {
            Some(held) => *held = value,
            None => match name::check(name) {
                Ok(()) => self.metrics.add(name, value),
                Err(source) => self.misused(Misuse::Name { what: "metric", source }),
            },
        }
    }

    /// The stepped metric of this name, made if it is new; nothing if it cannot be one.
    fn stepped(&mut self, name: &str) -> Option<&Series> {
        if self.series.get(name).is_none() {
            if let Err(source) = name::check(name) {
                self.misused(Misuse::Name { what: "stepped metric", source });
                return None;
            }
            self.series.add(name, Series::new());
        }
        self.series.get_mut(name).map(|series| &*series)
    }
}
