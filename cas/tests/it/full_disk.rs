//! A full disk: reported as such, and the store is as it was.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use metalab_cas::{Backend, BackendError, Blobs, Key, LocalBackend, PutMode};
use tempfile::TempDir;

const FOLDER: &str = "METALAB_TEST_FULL_DISK";

/// A small file system that is unmounted when dropped.
struct Small(TempDir);

impl Small {
    fn mount(size: &str) -> Option<Small> {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|done| done.status.success());
        mounted.then_some(Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

fn attempt(folder: &Path) {
    let backend = Arc::new(LocalBackend::create(folder).unwrap());
    let blobs = Blobs::new(backend.clone());
    let kept = blobs.put(b"kept").unwrap();
    blobs.sync().unwrap();
    let before = backend.list(&Key::new("cas").unwrap()).unwrap();
    let full = |error: BackendError| {
        assert!(matches!(error, BackendError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("free some space"), "{error}");
    };
    full(blobs.put(&vec![1; 1 << 20]).unwrap_err());
    full(blobs.put_reader(&mut &vec![2; 3 << 20][..]).unwrap_err());
    full(backend.put(&Key::new("x").unwrap(), &vec![3; 1 << 20], PutMode::Replace).unwrap_err());
    let mut log = backend.append(&Key::new("log").unwrap()).unwrap().unwrap();
    full(log.write(&vec![4; 1 << 20]).unwrap_err());
    assert!(matches!(log.write(b"x"), Err(BackendError::Poisoned { .. })), "dead after an error");
    assert!(matches!(log.sync(), Err(BackendError::Poisoned { .. })));
    drop(log);
    backend.delete(&Key::new("log").unwrap()).unwrap();
    assert_eq!(backend.list(&Key::new("cas").unwrap()).unwrap(), before, "no half blob, no temporary file");
    assert_eq!(&blobs.get(&kept).unwrap()[..], b"kept");
    let after = blobs.put(b"there is room again").unwrap();
    blobs.sync().unwrap();
    assert_eq!(&blobs.get(&after).unwrap()[..], b"there is room again");
}

/// Not a test of its own: a process that starts no others. In one that does, a child holds all open files between its start and
/// its first instruction, and the room of a deleted one comes back only then.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        attempt(Path::new(&folder));
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that tried nothing says so")]
fn a_full_disk_is_reported_and_leaves_what_was_there() {
    let Some(small) = Small::mount("256k") else {
        eprintln!("skipped: this process may not mount a small file system");
        return;
    };
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["full_disk::child", "--exact"])
        .env(FOLDER, small.0.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
