//! Values of expressions.

use std::cmp::Ordering;

use metalab_cas::Value;

use crate::record::Scalar;

/// A value, or none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Datum {
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(x) => Some(*x as f64),
            Self::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// A truth value.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(x) => Some(*x),
            _ => None,
        }
    }

    /// As text without quotes; `None` for null.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// The order of two values of one kind; `None` for null, NaN, and values of different kinds.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// Whether both are numbers, or texts, or truth values.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        let kind = |datum: &Self| match datum {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) => 2,
            Self::Text(_) => 3,
        };
        kind(self) == kind(other)
    }

    /// Whether both are there and equal.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.order(other) == Some(Ordering::Equal)
    }

    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

impl std::fmt::Display for Datum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(x) => x.fmt(f),
            Self::Int(x) => x.fmt(f),
            Self::Float(x) => x.fmt(f),
            Self::Text(x) => write!(f, "'{x}'"),
        }
    }
}

impl From<Scalar> for Datum {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Float(x) => Self::Float(x),
            Scalar::Int(x) => Self::Int(x),
            Scalar::Bool(x) => Self::Bool(x),
            Scalar::Text(x) => Self::Text(x),
        }
    }
}

/// Lists, maps and the like are their JSON text; a whole number beyond 64 bits is the nearest float.
impl From<&Value> for Datum {
    fn from(value: &Value) -> Self {
        if let Value::Variant(name, inner) = value
            && **inner == Value::Null
        {
            return Self::Text(name.clone());
        }
        match value {
            Value::Null => Self::Null,
            Value::Bool(x) => Self::Bool(*x),
            Value::Float(x) => Self::Float(*x),
            Value::Text(x) => Self::Text(x.clone()),
            Value::Int(_) => {
                let text = value.to_json_text();
                let float = || text.parse().map_or(Self::Null, Self::Float);
                text.parse().map_or_else(|_| float(), Self::Int)
            }
            other => Self::Text(other.to_json_text()),
        }
    }
}
