//! Which files of a folder match a pattern.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::cache::unreadable;
use super::content::ContentError;

/// The files that match, by their names from the root, with their metadata.
pub(super) type Found = BTreeMap<String, (PathBuf, Metadata)>;

/// The files below `root` that match; `shown` is what the user called them.
pub(super) fn matches(root: &Path, pattern: &str, shown: &str) -> Result<Found, ContentError> {
    let parts = parts(pattern)?;
    let meta = fs::metadata(root).map_err(|source| unreadable(shown, source))?;
    if !meta.is_dir() {
        return Err(ContentError::IsFile { path: shown.to_owned() });
    }
    let mut walk = Walk { shown, found: Found::new() };
    walk.folder(root, String::new(), &parts)?;
    Ok(walk.found)
}

/// A part of a pattern between two `/`.
enum Part {
    /// `**`.
    Folders,
    Name(Pattern),
}

fn parts(pattern: &str) -> Result<Vec<Part>, ContentError> {
    let wrong =
        |reason: &str| ContentError::Pattern { pattern: pattern.to_owned(), reason: reason.to_owned() };
    if pattern.is_empty() {
        return Err(wrong("it is empty; `*` matches every file"));
    }
    if pattern.starts_with('/') {
        return Err(wrong("it begins with `/`; it is relative to its folder"));
    }
    let mut parts = Vec::new();
    for part in pattern.split('/') {
        match part {
            ".." | "." | "" => {
                return Err(wrong(
                    "it has a part that is no name (`..`, `.`, or nothing); name a folder further up",
                ));
            }
            // Two in a row mean the same as one.
            "**" if matches!(parts.last(), Some(Part::Folders)) => {}
            "**" => parts.push(Part::Folders),
            name => parts.push(Part::Name(Pattern::new(name).map_err(|error| wrong(error.msg))?)),
        }
    }
    if matches!(parts.last(), Some(Part::Folders)) {
        parts.push(Part::Name(Pattern::new("*").map_err(|error| wrong(error.msg))?));
    }
    Ok(parts)
}

struct Walk<'a> {
    shown: &'a str,
    found: Found,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, name: String, parts: &[Part]) -> Result<(), ContentError> {
        let Some((first, rest)) = parts.split_first() else { return Ok(()) };
        if let Part::Folders = first {
            self.folder(folder, name.clone(), rest)?;
        }
        for entry in fs::read_dir(folder).map_err(|source| unreadable(self.shown, source))? {
            let entry = entry.map_err(|source| unreadable(self.shown, source))?;
            let kind = entry.file_type().map_err(|source| unreadable(self.shown, source))?;
            let own = entry.file_name();
            let text = own.to_string_lossy();
            let fits = match first {
                Part::Folders => !text.starts_with('.'),
                Part::Name(pattern) => pattern.matches_with(&text, OPTIONS),
            };
            let goes_on = matches!(first, Part::Folders) || !rest.is_empty();
            if !fits || goes_on && !kind.is_dir() {
                continue;
            }
            let inner = match name.is_empty() {
                true => text.clone().into_owned(),
                false => format!("{name}/{text}"),
            };
            let path = entry.path();
            if goes_on {
                self.folder(&path, inner, if let Part::Folders = first { parts } else { rest })?;
            } else {
                self.file(path, inner)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, name: String) -> Result<(), ContentError> {
        let shown = || format!("{name} (of {})", self.shown);
        if path.to_str().is_none() {
            return Err(ContentError::NotUtf8 { path: shown() });
        }
        let meta = fs::metadata(&path).map_err(|source| unreadable(&shown(), source))?;
        if meta.is_file() {
            self.found.insert(name, (path, meta));
            return Ok(());
        }
        // Folders match nothing by themselves, and links to folders are not followed.
        if meta.is_dir() { Ok(()) } else { Err(ContentError::Special { path: shown() }) }
    }
}

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::context::Glob;

    fn names(root: &Path, pattern: &str) -> Vec<String> {
        matches(root, pattern, "data").unwrap().into_keys().collect()
    }

    fn filled() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["a.csv", "b.csv", "b.txt", ".hidden.csv", "x/c.csv", "x/y/d.csv", ".git/e.csv", "x/.f.csv"]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        let folder = filled();
        let names = |pattern| names(folder.path(), pattern);
        assert_eq!(names("*.csv"), ["a.csv", "b.csv"]);
        assert_eq!(names("[b-z].*"), ["b.csv", "b.txt"]);
        assert_eq!(names("?.txt"), ["b.txt"]);
        assert_eq!(names("**/*.csv"), ["a.csv", "b.csv", "x/c.csv", "x/y/d.csv"]);
        assert_eq!(names("**/**/y/**"), ["x/y/d.csv"]);
        assert_eq!(names("*/*.csv"), ["x/c.csv"]);
        assert_eq!(names(".*.csv"), [".hidden.csv"]);
        assert_eq!(names(".git/*"), [".git/e.csv"]);
        assert_eq!(names("x"), [""; 0]);
        assert_eq!(names("**").len(), 5);
        assert_eq!(names("A.csv"), [""; 0]);
    }

    #[test]
    fn links_end_and_lead_nowhere_else() {
        let folder = filled();
        let at = |name: &str| folder.path().join(name);
        symlink("..", at("x/up")).unwrap();
        symlink(at("b.txt"), at("x/link.csv")).unwrap();
        assert_eq!(
            names(folder.path(), "**/*.csv"),
            ["a.csv", "b.csv", "x/c.csv", "x/link.csv", "x/y/d.csv"]
        );
        symlink("nowhere", at("x/broken.csv")).unwrap();
        let error = matches(folder.path(), "**/*.csv", "data").unwrap_err();
        assert!(matches!(&error, ContentError::Missing { path } if path.contains("x/broken.csv")), "{error}");
    }

    #[test]
    fn what_is_no_pattern_or_no_file_is_refused_in_words() {
        let folder = filled();
        for (pattern, part) in [
            ("", "empty"),
            ("/etc/*", "begins with `/`"),
            ("../*", "no name"),
            ("x/../../*", "no name"),
            ("x//*", "no name"),
            ("***", "recursive `**`"),
            ("[", "range pattern"),
        ] {
            let error = matches(folder.path(), pattern, "data").unwrap_err();
            assert!(matches!(error, ContentError::Pattern { .. }), "{pattern}: {error}");
            assert!(error.to_string().contains(part), "{error}");
        }
        let error = Glob::new(folder.path().to_str().unwrap(), "*.parquet").files().unwrap_err();
        assert!(matches!(&error, ContentError::NoMatch { .. }), "{error}");
        assert!(
            Glob::new(folder.path().to_str().unwrap(), "*.parquet")
                .may_be_empty()
                .files()
                .unwrap()
                .is_empty()
        );
        assert!(matches!(Glob::from("no/such/*.csv").files().unwrap_err(), ContentError::Missing { .. }));
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("s.csv")).unwrap();
        let error = matches(folder.path(), "*.csv", "data").unwrap_err();
        assert!(matches!(&error, ContentError::Special { path } if path.contains("s.csv")), "{error}");
        drop(socket);
        fs::remove_file(folder.path().join("s.csv")).unwrap();
        let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"odd\xff.csv"));
        if fs::write(odd, "x").is_ok() {
            let error = matches(folder.path(), "*.csv", "data").unwrap_err();
            assert!(matches!(&error, ContentError::NotUtf8 { .. }), "{error}");
            // What the pattern leaves out does not matter.
            assert_eq!(names(folder.path(), "*.txt"), ["b.txt"]);
        }
    }
}
