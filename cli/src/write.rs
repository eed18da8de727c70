//! Files for users: whole or absent, and nothing is overwritten by accident.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// Refuses a path where something is already, before work is done for it.
pub(crate) fn refuse_existing(path: &Path, force: bool) -> Result<(), CliError> {
    let found = std::fs::symlink_metadata(path);
    match found {
        Ok(found) if !force || found.is_dir() => {
            Err(CliError::Exists { path: path.into(), folder: found.is_dir() })
        }
        _ => Ok(()),
    }
}

/// Writes a file beside its place, then gives it its name.
pub(crate) fn file(
    path: &Path,
    force: bool,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), CliError>,
) -> Result<(), CliError> {
    refuse_existing(path, force)?;
    let failed = |source: io::Error| CliError::Write { path: path.into(), source };
    let beside = Beside::new(path).map_err(failed)?;
    let mut writer = BufWriter::new(&beside.file);
    fill(&mut writer)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    beside.become_file(path, force)
}

/// The same for rows that are written by way of other threads; gives what `fill` gives.
pub(crate) fn streamed<T>(
    path: &Path,
    force: bool,
    fill: impl FnOnce(BufWriter<File>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    refuse_existing(path, force)?;
    let failed = |source: io::Error| CliError::Write { path: path.into(), source };
    let beside = Beside::new(path).map_err(failed)?;
    let file = beside.file.try_clone().map_err(failed)?;
    let filled = fill(BufWriter::with_capacity(1 << 18, file))?;
    beside.become_file(path, force)?;
    Ok(filled)
}

/// The unfinished file; removed when it is dropped.
struct Beside {
    file: File,
    path: PathBuf,
}

impl Beside {
    fn new(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let mut part = OsString::from(".");
        part.push(name);
        part.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(part);
        let file = OpenOptions::new().write(true).create_new(true).open(&part)?;
        Ok(Self { file, path: part })
    }

    fn become_file(self, path: &Path, force: bool) -> Result<(), CliError> {
        let failed = |source: io::Error| CliError::Write { path: path.into(), source };
        if force {
            return std::fs::rename(&self.path, path).map_err(failed);
        }
        // A link refuses what has appeared meanwhile; a rename would replace it.
        match std::fs::hard_link(&self.path, path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CliError::Exists { path: path.into(), folder: false })
            }
            Err(_) => std::fs::rename(&self.path, path).map_err(failed),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After a rename it is not there any more.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer.csv");
        let fail = file(&path, false, |to| {
            to.write_all(b"half")?;
            Err(CliError::Usage { message: "stop".into(), hint: None })
        });
        assert!(fail.is_err() && names(folder.path()).is_empty());
        file(&path, false, |to| Ok(to.write_all(b"whole")?)).unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), names(folder.path()).len()), (b"whole".to_vec(), 1));
    }

    #[test]
    fn an_existing_file_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer.csv");
        std::fs::write(&path, "old").unwrap();
        let write = |force| file(&path, force, |to| Ok(to.write_all(b"new")?));
        assert!(matches!(write(false), Err(CliError::Exists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        write(true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert!(matches!(file(folder.path(), true, |_| Ok(())), Err(CliError::Exists { folder: true, .. })));
    }
}
