//! The stored tables and their columns.

use arrow::datatypes::{DataType, Field, TimeUnit};

/// A table folded from the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// One row per attempt record, with the cell that wanted it.
    Attempts,
    /// Names of attempts that do not stand.
    Superseded,
    /// Cells whose run was wanted by another experiment or step first.
    Cells,
    /// Stepped metrics, one row per step.
    Series,
    /// Named artifacts.
    Artifacts,
    /// Inputs of attempts, one row per value: a gather has one for each part.
    Lineage,
    /// Captured data, one row per value.
    Data,
    /// What functions derived from runs, one row per value; a newer result of a function takes the place of an older one.
    Derived,
    /// Derived metrics that are expressions, kept by name.
    Expressions,
    /// Openings and closings of submissions, and what became known of their cells in between.
    Submissions,
    /// How many values each experiment has in each column.
    Columns,
}

impl Table {
    /// All tables, in the order in which a fold commits them: `attempts` last, since its cursor vouches for the rest.
    pub(crate) const ALL: [Self; 11] = [
        Self::Superseded,
        Self::Cells,
        Self::Series,
        Self::Artifacts,
        Self::Lineage,
        Self::Data,
        Self::Derived,
        Self::Expressions,
        Self::Submissions,
        Self::Columns,
        Self::Attempts,
    ];

    /// The folder below `tables/`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Superseded => "superseded",
            Self::Cells => "cells",
            Self::Series => "series",
            Self::Artifacts => "artifacts",
            Self::Lineage => "lineage",
            Self::Data => "data",
            Self::Derived => "derived",
            Self::Expressions => "expressions",
            Self::Submissions => "submissions",
            Self::Columns => "columns",
        }
    }

    /// The columns every version of this table has.
    pub(crate) const fn core(self) -> &'static [(&'static str, Type)] {
        match self {
            Self::Attempts => ATTEMPTS,
            Self::Superseded => SUPERSEDED,
            Self::Cells => CELLS,
            Self::Series => SERIES,
            Self::Artifacts => ARTIFACTS,
            Self::Lineage => LINEAGE,
            Self::Data => DATA,
            Self::Derived => DERIVED,
            Self::Expressions => EXPRESSIONS,
            Self::Submissions => SUBMISSIONS,
            Self::Columns => COLUMNS,
        }
    }
}

/// The type of a stored column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// UTF-8 text.
    Text,
    /// A 64-bit integer.
    Int,
    /// A double.
    Float,
    /// True or false.
    Bool,
    /// Microseconds since 1970, UTC.
    Time,
    /// Bytes.
    Bytes,
    /// An unsigned 64-bit integer, as a decimal of 20 digits: Delta has no unsigned integers.
    Big,
}

impl Type {
    /// The Arrow type that queries see.
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8View,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Bytes => DataType::BinaryView,
            Self::Big => DataType::Decimal128(20, 0),
        }
    }

    /// The stored type that an Arrow column takes.
    pub(crate) fn of(arrow: &DataType) -> Self {
        match arrow {
            DataType::Int64 => Self::Int,
            DataType::Float64 => Self::Float,
            DataType::Boolean => Self::Bool,
            DataType::Timestamp(..) => Self::Time,
            DataType::Binary | DataType::BinaryView => Self::Bytes,
            DataType::Decimal128(..) => Self::Big,
            _ => Self::Text,
        }
    }

    /// The name in Delta's schema text.
    pub(crate) const fn delta(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Int => "long",
            Self::Float => "double",
            Self::Bool => "boolean",
            Self::Time => "timestamp",
            Self::Bytes => "binary",
            Self::Big => "decimal(20,0)",
        }
    }

    /// Reads Delta's name of a type.
    pub(crate) fn from_delta(name: &str) -> Option<Self> {
        let all = [Self::Text, Self::Int, Self::Float, Self::Bool, Self::Time, Self::Bytes, Self::Big];
        all.into_iter().find(|kind| kind.delta() == name)
    }

    /// A nullable column of this type for queries.
    pub(crate) fn field(self, name: &str) -> Field {
        Field::new(name, self.arrow(), true)
    }
}

const ATTEMPTS: &[(&str, Type)] = &[
    ("run_id", Type::Bytes),
    ("started", Type::Time),
    ("status", Type::Text),
    ("experiment", Type::Text),
    ("experiment_version", Type::Text),
    ("step", Type::Text),
    ("cell", Type::Int),
    ("replicate", Type::Int),
    ("retry", Type::Int),
    ("operation", Type::Text),
    ("namespace", Type::Text),
    ("operation_version", Type::Text),
    ("duration_us", Type::Int),
    ("cpu_us", Type::Int),
    ("peak_memory_bytes", Type::Int),
    ("error", Type::Text),
    ("error_cause", Type::Text),
    ("backtrace", Type::Text),
    ("reason", Type::Text),
    ("submission", Type::Text),
    ("tags", Type::Text),
    ("base_seed", Type::Big),
    ("template", Type::Text),
    ("coordinates", Type::Int),
    ("writer", Type::Text),
    ("sequence", Type::Int),
    ("host", Type::Text),
    ("pid", Type::Int),
    ("platform", Type::Text),
    ("metalab", Type::Text),
    ("executable", Type::Text),
    ("git_commit", Type::Text),
    ("git_dirty", Type::Bool),
    ("lock_file", Type::Text),
    ("sources", Type::Text),
    ("log", Type::Text),
    ("output_digest", Type::Bytes),
    ("output_codec", Type::Text),
    ("output_bytes", Type::Int),
];

const SUPERSEDED: &[(&str, Type)] =
    &[("run_id", Type::Bytes), ("writer", Type::Text), ("sequence", Type::Int)];

const CELLS: &[(&str, Type)] = &[
    ("experiment", Type::Text),
    ("step", Type::Text),
    ("chunk", Type::Text),
    ("position", Type::Int),
    ("run_id", Type::Bytes),
];

const SERIES: &[(&str, Type)] = &[
    ("run_id", Type::Bytes),
    ("name", Type::Text),
    ("step", Type::Int),
    ("value", Type::Float),
    ("writer", Type::Text),
    ("sequence", Type::Int),
];

const ARTIFACTS: &[(&str, Type)] = &[
    ("run_id", Type::Bytes),
    ("name", Type::Text),
    ("kind", Type::Text),
    ("digest", Type::Text),
    ("bytes", Type::Int),
    ("extension", Type::Text),
    ("writer", Type::Text),
    ("sequence", Type::Int),
];

const LINEAGE: &[(&str, Type)] = &[
    ("run_id", Type::Bytes),
    ("input", Type::Text),
    ("digest", Type::Bytes),
    ("artifact", Type::Text),
    ("from_run_id", Type::Bytes),
    ("coordinates", Type::Text),
    ("writer", Type::Text),
    ("sequence", Type::Int),
];

const DATA: &[(&str, Type)] = &[
    ("run_id", Type::Bytes),
    ("name", Type::Text),
    ("type", Type::Text),
    ("dtype", Type::Text),
    ("shape", Type::Text),
    ("number", Type::Float),
    ("text", Type::Text),
    ("value", Type::Text),
    ("bytes", Type::Int),
    ("digest", Type::Text),
    ("writer", Type::Text),
    ("sequence", Type::Int),
];

const DERIVED: &[(&str, Type)] = &[
    ("run_id", Type::Bytes),
    ("function", Type::Text),
    ("name", Type::Text),
    ("type", Type::Text),
    ("number", Type::Float),
    ("text", Type::Text),
    ("value", Type::Text),
    ("code", Type::Text),
    ("time", Type::Time),
    ("error", Type::Text),
    ("writer", Type::Text),
    ("sequence", Type::Int),
];

const EXPRESSIONS: &[(&str, Type)] = &[
    ("name", Type::Text),
    ("experiment", Type::Text),
    ("expression", Type::Text),
    ("time", Type::Time),
    ("writer", Type::Text),
    ("sequence", Type::Int),
];

const SUBMISSIONS: &[(&str, Type)] = &[
    ("event", Type::Text),
    ("submission", Type::Text),
    ("time", Type::Time),
    ("experiment", Type::Text),
    ("experiment_version", Type::Text),
    ("host", Type::Text),
    ("pid", Type::Int),
    ("git_commit", Type::Text),
    ("git_dirty", Type::Bool),
    ("base_seed", Type::Big),
    ("replicates", Type::Int),
    ("cells", Type::Int),
    ("steps", Type::Text),
    ("metadata", Type::Text),
    ("tags", Type::Text),
    ("description", Type::Text),
    ("rerun", Type::Text),
    ("closing", Type::Text),
    ("reused", Type::Int),
    ("succeeded", Type::Int),
    ("failed", Type::Int),
    ("cancelled", Type::Int),
    ("timed_out", Type::Int),
    ("skipped", Type::Int),
    ("manifest", Type::Text),
];

const COLUMNS: &[(&str, Type)] =
    &[("experiment", Type::Text), ("operation", Type::Text), ("column", Type::Text), ("count", Type::Int)];
