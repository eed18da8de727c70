//! Changes in words, a line each.

use std::fmt;

use super::{Change, ManifestDiff, Section};
use crate::manifest::FieldManifest;
use crate::plan::Difference;

/// How many values of an axis are shown; the change itself has all.
const SHOWN: usize = 8;

/// `data/train.csv (3f1c09d2aa31, 1 file, 20 bytes)`, or the value for a field without paths.
impl fmt::Display for FieldManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.paths.is_empty() {
            return self.value.fmt(f);
        }
        for (number, path) in self.paths.iter().enumerate() {
            let (before, files) = (if number == 0 { "" } else { ", " }, path.files);
            let plural = if files == 1 { "" } else { "s" };
            let (shown, digest, size) = (&path.shown, path.digest.short(), path.size);
            write!(f, "{before}{shown} ({digest}, {files} file{plural}, {size} bytes)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Experiment => "experiment",
            Self::Metadata => "metadata",
            Self::Seeds => "seeds",
            Self::Context => "context",
            Self::Step => "step",
            Self::Derived => "derived",
            Self::Rules => "rules",
            Self::Environment => "environment",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.section)?;
        if let Some(step) = &self.step {
            write!(f, " {step}")?;
        }
        if self.what == "step" {
            return f.write_str(if self.new.is_some() { ": added" } else { ": removed" });
        }
        let list = |values: &[String]| {
            let mut text = values.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            if values.len() > SHOWN {
                text.push_str(&format!(" and {} more", values.len() - SHOWN));
            }
            text
        };
        let joint = if self.step.is_some() { ": " } else { " " };
        let what = Difference::new(self.what.clone(), self.old.clone(), self.new.clone());
        if self.added.is_empty() && self.removed.is_empty() {
            return write!(f, "{joint}{what}");
        }
        write!(f, "{joint}{}: ", self.what)?;
        if !self.added.is_empty() {
            write!(f, "added {}", list(&self.added))?;
        }
        if !self.removed.is_empty() {
            let before = if self.added.is_empty() { "" } else { "; " };
            write!(f, "{before}removed {}", list(&self.removed))?;
        }
        Ok(())
    }
}

impl fmt::Display for ManifestDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        for (number, change) in self.changes.iter().enumerate() {
            let before = if number == 0 { "" } else { "\n" };
            write!(f, "{before}{change}")?;
        }
        Ok(())
    }
}
