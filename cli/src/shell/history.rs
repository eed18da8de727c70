//! Where the shell remembers what was asked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The history file, in a folder only its owner can look into: `$XDG_STATE_HOME/metalab/history`, else
/// `~/.local/state/metalab/history`. `None` where neither can be: then nothing is remembered.
pub(super) fn file() -> Option<PathBuf> {
    place(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
}

fn place(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = state.and_then(absolute);
    let state = state.or_else(|| Some(home.and_then(absolute)?.join(".local/state")))?;
    let folder = state.join("metalab");
    make_private(&folder).ok()?;
    Some(folder.join("history"))
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes a file that was written by others, or by an older version, readable for its owner alone.
pub(super) fn protect(file: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A history that cannot be protected is one that could not be written either.
        let _ = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_below_the_users_folders() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let file = place(Some(state.clone().into()), None).unwrap();
        assert_eq!(file, state.join("metalab/history"));
        let mode = std::fs::metadata(state.join("metalab")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let home = place(Some("relative".into()), Some(folder.path().into())).unwrap();
        assert_eq!(home, folder.path().join(".local/state/metalab/history"));
        assert_eq!(place(None, None), None);
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(place(Some(folder.path().join("file").into()), None), None, "a file is no folder");
    }
}
