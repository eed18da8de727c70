//! Groups of columns.

use std::ops::BitOr;

/// Which groups of columns are wanted: `Columns::all().without(Columns::RECORD)`, `Columns::PARAMS | Columns::METRICS`.
///
/// | group | columns |
/// | --- | --- |
/// | [`RECORD`](Self::RECORD) | `run_id`, `step`, `cell`, `replicate`, `status`, `started`, `duration_s`, `cpu_s`, `peak_memory_bytes`, `tags`, `error` |
/// | [`PARAMS`](Self::PARAMS) | `param_lr`; of a step before it `param_prepare.threshold` |
/// | [`METRICS`](Self::METRICS) | `metric_loss` |
/// | [`DERIVED`](Self::DERIVED) | `derived_gap` |
/// | [`DATA`](Self::DATA) | `data_matrix`: captured data up to 1 KiB that is no array |
/// | [`OUTPUT`](Self::OUTPUT) | `output`: return values up to 1 KiB, numbers as numbers, what is made of several values as JSON |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Columns(u8);

impl Columns {
    /// What the record says of the run.
    pub const RECORD: Self = Self(1);
    /// All arguments.
    pub const PARAMS: Self = Self(1 << 1);
    /// Captured metrics; of a stepped one nothing.
    pub const METRICS: Self = Self(1 << 2);
    /// Derived metrics.
    pub const DERIVED: Self = Self(1 << 3);
    /// Captured data.
    pub const DATA: Self = Self(1 << 4);
    /// The return value.
    pub const OUTPUT: Self = Self(1 << 5);

    /// All groups.
    pub const fn all() -> Self {
        Self((1 << 6) - 1)
    }

    /// These and others.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether all of some groups are among them.
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self::all()
    }
}

impl BitOr for Columns {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}
