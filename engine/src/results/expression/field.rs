//! What an expression can ask of a run.

use std::fmt;

/// A field of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    RunId,
    Step,
    Replicate,
    Status,
    Tag,
    Duration,
    Started,
    Output,
    Error,
    Param(String),
    Metric(String),
    Derived(String),
    /// A parameter, or else a metric, or else a derived metric.
    Any(String),
}

impl Field {
    /// The field called so; its parts were separated by dots. A name in quotes is never one of the fixed ones.
    pub(crate) fn of(parts: Vec<String>, quoted: bool) -> Option<Self> {
        let rest = || parts[1..].join(".");
        match (parts[0].as_str(), parts.len()) {
            (_, 1) if quoted => Some(Self::Any(parts[0].clone())),
            ("run_id", 1) => Some(Self::RunId),
            ("step", 1) => Some(Self::Step),
            ("replicate", 1) => Some(Self::Replicate),
            ("status", 1) => Some(Self::Status),
            ("tag", 1) => Some(Self::Tag),
            ("duration", 1) => Some(Self::Duration),
            ("started", 1) => Some(Self::Started),
            ("output", 1) => Some(Self::Output),
            ("error", 1) => Some(Self::Error),
            ("params" | "metrics" | "derived", 1) => None,
            ("params", _) => Some(Self::Param(rest())),
            ("metrics", _) => Some(Self::Metric(rest())),
            ("derived", _) => Some(Self::Derived(rest())),
            _ => Some(Self::Any(parts.join("."))),
        }
    }

    /// A field as the user of a method names it: `params.lr`, `lr`, `status`.
    pub(crate) fn named(name: &str) -> Self {
        let parts = name.splitn(2, '.').map(str::to_owned).collect();
        Self::of(parts, false).unwrap_or_else(|| Self::Any(name.to_owned()))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunId => f.write_str("run_id"),
            Self::Step => f.write_str("step"),
            Self::Replicate => f.write_str("replicate"),
            Self::Status => f.write_str("status"),
            Self::Tag => f.write_str("tag"),
            Self::Duration => f.write_str("duration"),
            Self::Started => f.write_str("started"),
            Self::Output => f.write_str("output"),
            Self::Error => f.write_str("error"),
            Self::Param(name) => write!(f, "params.{name}"),
            Self::Metric(name) => write!(f, "metrics.{name}"),
            Self::Derived(name) => write!(f, "derived.{name}"),
            Self::Any(name) => f.write_str(name),
        }
    }
}
