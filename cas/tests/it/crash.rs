//! A small job is killed before and after each of its I/O steps, or the step fails, and then it is done again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use metalab_cas::frame::{self, Item, Scanner};
use metalab_cas::{Backend, Blobs, Digest, Key, LocalBackend, PutMode};
use tempfile::TempDir;

const FOLDER: &str = "METALAB_TEST_FOLDER";

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Stores blobs, replaces a file, appends records; prints nothing and may be killed anywhere.
fn job(folder: &Path) {
    let backend = Arc::new(LocalBackend::create(folder).unwrap());
    let blobs = Blobs::new(backend.clone());
    for round in 0..3u8 {
        let small = blobs.put(&[round; 100]).unwrap();
        let (large, _) = blobs.put_reader(&mut &vec![round; 5_000][..]).unwrap();
        blobs.sync().unwrap();
        backend.put(&key("state"), &[round; 64], PutMode::Replace).unwrap();
        let mut log = backend.append(&key(&format!("journal/{}", std::process::id()))).unwrap().unwrap();
        let mut bytes = Vec::new();
        let payload = [*small.as_bytes(), *large.as_bytes()].concat();
        frame::append(&mut bytes, 1, 0, 1, &payload).unwrap();
        log.write(&bytes).unwrap();
        log.sync().unwrap();
    }
}

/// What must hold at any moment: everything named is whole, everything recorded is there.
fn check(folder: &Path) -> usize {
    let backend = Arc::new(LocalBackend::create(folder).unwrap());
    let blobs = Blobs::new(backend.clone());
    for listed in backend.list(&key("cas")).unwrap() {
        let digest: Digest = listed.key.as_str()[4..].replace('/', "").parse().unwrap();
        blobs.get(&digest).unwrap();
    }
    if let Some(meta) = backend.head(&key("state")).unwrap() {
        assert_eq!(meta.size, 64, "replaced as a whole");
    }
    let mut records = BTreeMap::new();
    for listed in backend.list(&key("journal")).unwrap() {
        let bytes = backend.get(&listed.key).unwrap();
        for item in Scanner::new(&bytes) {
            if let Item::Frame(found) = item {
                records.insert(bytes[found.payload].to_vec(), ());
            }
        }
    }
    for digests in records.keys() {
        for digest in digests.chunks(32) {
            blobs.get(&Digest::from_slice(digest).unwrap()).unwrap();
        }
    }
    records.len()
}

/// Not a test of its own: the process that is killed.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        job(Path::new(&folder));
    }
}

fn spawn(folder: &Path, plan: &str) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::child", "--test-threads=1"]);
    child.env(FOLDER, folder).env("METALAB_CRASH", plan);
    child.output().unwrap().status.success()
}

fn at_every_step(when: &str) {
    let mut step = 1;
    loop {
        let folder = TempDir::new().unwrap();
        let finished = spawn(folder.path(), &format!("{when}:{step}"));
        let records = check(folder.path());
        if finished {
            assert_eq!(records, 3);
            break;
        }
        assert!(records <= 3);
        assert!(
            spawn(folder.path(), "before:1000000"),
            "the job goes through afterwards ({when} step {step})"
        );
        assert_eq!(check(folder.path()), 3);
        step += 1;
        assert!(step < 500, "the job ends at some time");
    }
    assert!(step > 30, "only {step} steps were tried: are the crash points built in?");
}

#[test]
fn killed_before_every_step_nothing_recorded_is_lost() {
    at_every_step("before");
}

#[test]
fn killed_after_every_step_nothing_recorded_is_lost() {
    at_every_step("after");
}

#[test]
fn failed_at_every_step_nothing_recorded_is_lost() {
    at_every_step("fail");
}
