//! A folder that cannot be written: said in words, with what to do, and nothing is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use metalab_cas::{Access, Backend, BackendError, Blobs, Digest, Key, LocalBackend, Locator, PutMode};
use tempfile::TempDir;

const FOLDER: &str = "METALAB_TEST_READ_ONLY";

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A store with one blob and all folders that the attempts below need.
fn fill(folder: &Path) {
    let backend = Arc::new(LocalBackend::create(folder).unwrap());
    let blobs = Blobs::new(backend.clone());
    blobs.put(b"kept").unwrap();
    backend.put(&key("live/x"), b"", PutMode::Create).unwrap();
    blobs.sync().unwrap();
}

/// Reading works; every way of writing is refused in the words that `said` expects.
fn attempt(folder: &Path, said: &dyn Fn(&BackendError, &str) -> bool) {
    let backend = Arc::new(LocalBackend::open(folder).unwrap());
    let blobs = Blobs::new(backend.clone());
    let kept = Digest::of(b"kept");
    assert_eq!(&blobs.get(&kept).unwrap()[..], b"kept");
    assert_eq!(blobs.put(b"kept").unwrap(), kept, "what is there needs no writing");
    blobs.sync().unwrap();
    let refused = |result: Result<(), BackendError>, what: &str| {
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(said(&error, &text), "{error:?}");
        assert!(text.contains(&format!("`{what}")), "names the file in the store: {text}");
        assert!(!text.contains(folder.to_str().unwrap()), "no host path in a message: {text}");
    };
    refused(blobs.put(b"new").map(drop), "cas/");
    refused(blobs.put_reader(&mut &b"new"[..]).map(drop), "live/");
    refused(backend.put(&key("state"), b"x", PutMode::Replace).map(drop), "state");
    refused(backend.append(&key("journal/day/a")).map(drop), "journal/day/a");
    refused(backend.delete(&key("live/x")), "live/x");
    assert_eq!(blobs.present().unwrap().len(), 1);
    let reader = Locator::parse(folder.to_str().unwrap()).unwrap().open(Access::ReadOnly).unwrap();
    assert_eq!(&Blobs::new(reader).get(&kept).unwrap()[..], b"kept");
}

fn permissions(folder: &Path, mode: u32) {
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            permissions(&entry.path(), mode);
        }
    }
}

fn attempt_without_permission(folder: &Path) {
    attempt(folder, &|error, text| {
        matches!(error, BackendError::Denied { .. })
            && text.contains("check owner and permissions of the store")
    });
}

/// Not a test of its own: root without the right to pass over permissions.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        attempt_without_permission(Path::new(&folder));
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that tried nothing says so")]
fn without_permission_the_remedy_is_said() {
    let folder = TempDir::new().unwrap();
    fill(folder.path());
    permissions(folder.path(), 0o555);
    let done = if fs::create_dir(folder.path().join("permissions do not bind")).is_err() {
        attempt_without_permission(folder.path());
        None
    } else {
        fs::remove_dir(folder.path().join("permissions do not bind")).unwrap();
        let mut child = Command::new("setpriv");
        child
            .args(["--bounding-set", "-dac_override,-dac_read_search"])
            .arg(std::env::current_exe().unwrap());
        child.args(["--exact", "read_only::child", "--test-threads=1", "--nocapture"]);
        Some(child.env(FOLDER, folder.path()).output())
    };
    permissions(folder.path(), 0o755);
    match done {
        None => {}
        Some(Ok(output)) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Some(Err(error)) => eprintln!("skipped: permissions do not bind root, and setpriv: {error}"),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that tried nothing says so")]
fn on_a_read_only_file_system_the_remedy_is_said() {
    let folder = TempDir::new().unwrap();
    let mount = |arguments: &[&str]| {
        let mut command = Command::new("mount");
        command.args(arguments).arg(folder.path()).output().is_ok_and(|done| done.status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"]) {
        eprintln!("skipped: this process may not mount a small file system");
        return;
    }
    fill(folder.path());
    assert!(mount(&["-o", "remount,ro"]));
    let outcome = std::panic::catch_unwind(|| {
        attempt(folder.path(), &|error, text| {
            matches!(error, BackendError::ReadOnly { .. })
                && text.contains("name a store that can be written")
        });
    });
    Command::new("umount").arg(folder.path()).output().unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
