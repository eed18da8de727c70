//! Names of columns: one to one with (path, type).
//!
//! A path such as `params.model.depth` of a number becomes the stored column `params.model.depth|i64`. A part's bytes
//! outside `[a-z0-9_-]` are written `%XX`, so that case, dots and underscores never collide, also for readers that
//! fold case (Delta does). In SQL the path is written as the user knows it.

use std::fmt::Write as _;

/// What stands between a path and its type in a stored column's name.
pub(crate) const SEPARATOR: char = '|';

/// Where a value comes from: the first part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Root {
    /// An argument.
    Params,
    /// A captured metric.
    Metrics,
    /// A captured value that is read back typed.
    Data,
    /// What was computed from the finished run.
    Derived,
    /// The return value.
    Output,
    /// An argument of a step that lies before this one: a coordinate of the cell, not a part of the run.
    Upstream,
}

impl Root {
    /// All of them, in the order of columns.
    pub(crate) const ALL: [Self; 6] =
        [Self::Params, Self::Metrics, Self::Data, Self::Derived, Self::Output, Self::Upstream];

    /// The word in SQL and in stored names.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Metrics => "metrics",
            Self::Data => "data",
            Self::Derived => "derived",
            Self::Output => "output",
            Self::Upstream => "upstream",
        }
    }

    /// The root with this name, whatever its case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|root| root.as_str().eq_ignore_ascii_case(text))
    }
}

/// The type of a stored column, its suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A double.
    F64,
    /// A 64-bit integer.
    I64,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// What has no flat form, as JSON text.
    Json,
}

impl Kind {
    const ALL: [Self; 5] = [Self::F64, Self::I64, Self::Bool, Self::Text, Self::Json];

    /// The suffix in stored names.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::I64 => "i64",
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a value stands: its root and the names below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Path {
    /// The first part.
    pub(crate) root: Root,
    /// The parts below; none for a scalar `output`.
    pub(crate) parts: Vec<String>,
}

impl Path {
    /// The stored name of a column of this path.
    pub(crate) fn stored(&self, kind: Kind) -> String {
        let mut name = String::from(self.root.as_str());
        for part in &self.parts {
            name.push('.');
            encode(part, &mut name);
        }
        name.push(SEPARATOR);
        name.push_str(kind.as_str());
        name
    }

    /// Reads a stored name back; `None` for core columns and the overflow.
    pub(crate) fn parse(stored: &str) -> Option<(Self, Kind)> {
        let (path, kind) = stored.rsplit_once(SEPARATOR)?;
        let kind = Kind::parse(kind)?;
        let mut parts = path.split('.');
        let root = Root::parse(parts.next()?)?;
        let parts = parts.map(decode).collect::<Option<Vec<_>>>()?;
        Some((Self { root, parts }, kind))
    }

    /// The name in SQL answers: `params.lr`, `params."a.b"`, `prepare.threshold`.
    ///
    /// An argument of an earlier step is called by that step. Only when the step is called like a root does `upstream`
    /// stand before it, so that no two paths have one name.
    pub(crate) fn shown(&self) -> String {
        let by_step = self.parts.first().is_some_and(|step| Root::parse(step).is_none());
        if self.root == Root::Upstream && by_step {
            return self.shown_below();
        }
        let mut name = String::from(self.root.as_str());
        for part in &self.parts {
            name.push('.');
            push_part(part, &mut name);
        }
        name
    }

    /// The names below the root, as in [`shown`](Self::shown).
    pub(crate) fn shown_below(&self) -> String {
        let mut name = String::new();
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                name.push('.');
            }
            push_part(part, &mut name);
        }
        name
    }
}

/// A part stands bare unless a reader could take it for something else.
fn push_part(part: &str, name: &mut String) {
    if part.is_empty() || part.contains(['.', '"']) {
        let _ = write!(name, "\"{}\"", part.replace('"', "\"\""));
    } else {
        name.push_str(part);
    }
}

/// Appends a part's stored form.
pub(crate) fn encode(part: &str, name: &mut String) {
    for &byte in part.as_bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            _ => {
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
}

fn decode(stored: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(stored.len());
    let mut rest = stored.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(parts: &[&str]) -> Path {
        Path { root: Root::Params, parts: parts.iter().map(|part| (*part).to_owned()).collect() }
    }

    #[test]
    fn names_are_one_to_one() {
        let paths = [
            path(&["c"]),
            path(&["C"]),
            path(&["a.b"]),
            path(&["a", "b"]),
            path(&["a_b"]),
            path(&["%43"]),
            path(&["größe"]),
            path(&[""]),
            path(&["a|f64"]),
        ];
        let stored: std::collections::BTreeSet<String> =
            paths.iter().map(|path| path.stored(Kind::F64).to_lowercase()).collect();
        assert_eq!(stored.len(), paths.len());
        for path in paths {
            assert_eq!(Path::parse(&path.stored(Kind::Text)), Some((path, Kind::Text)));
        }
    }

    #[test]
    fn names_are_settled() {
        assert_eq!(path(&["model", "maxDepth"]).stored(Kind::I64), "params.model.max%44epth|i64");
        assert_eq!(Path { root: Root::Output, parts: vec![] }.stored(Kind::F64), "output|f64");
        assert_eq!(path(&["a.b"]).shown(), "params.\"a.b\"");
        let upstream =
            |parts: [&str; 2]| Path { root: Root::Upstream, parts: parts.map(str::to_owned).to_vec() };
        assert_eq!(upstream(["prepare", "threshold"]).shown(), "prepare.threshold");
        assert_eq!(upstream(["Params", "k"]).shown(), "upstream.Params.k");
        assert_eq!(upstream(["b.a", "x"]).shown(), "\"b.a\".x");
        assert_eq!(Path::parse("run_id"), None);
        assert_eq!(Path::parse("overflow|json"), None);
    }
}
