//! Files that are whole or absent.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::ExportError;
use crate::id::WriterId;

/// Lets `work` write a file under another name beside `path`, and gives it its name when it is whole.
pub(super) fn write(
    path: &Path,
    overwrite: bool,
    work: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let shown = || path.display().to_string();
    let failed = |source| ExportError::File { path: shown(), source };
    if !overwrite && path.symlink_metadata().is_ok() {
        return Err(ExportError::Exists { path: shown() });
    }
    let aside = aside(path).map_err(failed)?;
    let written = (|| {
        let mut out = BufWriter::new(File::create_new(&aside).map_err(failed)?);
        work(&mut out)?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        match name(&aside, path, overwrite) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !overwrite => {
                Err(ExportError::Exists { path: shown() })
            }
            named => named.map_err(failed),
        }
    })();
    // Named or not, nothing stays under the other name.
    let _ = fs::remove_file(&aside);
    written
}

/// A name in the same folder that nobody has.
fn aside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it names no file"))?;
    let mut aside = std::ffi::OsString::from(".");
    aside.push(name);
    aside.push(format!(".{}~", WriterId::random()?));
    Ok(path.with_file_name(aside))
}

/// Gives the whole file its name; refuses a name that somebody has taken meanwhile.
fn name(aside: &Path, path: &Path, overwrite: bool) -> io::Result<()> {
    if overwrite {
        return fs::rename(aside, path);
    }
    match fs::hard_link(aside, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // Not every file system has links.
        Err(_) => match path.symlink_metadata() {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(aside, path),
        },
        Ok(()) => Ok(()),
    }
}
