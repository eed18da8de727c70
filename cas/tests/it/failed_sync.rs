//! The disk fails at a sync or a rename: nothing is reported done, nothing lost passes for stored.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Barrier};

use metalab_cas::crash::fail_next;
use metalab_cas::{Backend, BackendError, Blobs, Digest, Key, LocalBackend, PutMode};
use tempfile::TempDir;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn local() -> (TempDir, Arc<LocalBackend>, Blobs) {
    let folder = TempDir::new().unwrap();
    let backend = Arc::new(LocalBackend::create(folder.path()).unwrap());
    (folder, backend.clone(), Blobs::new(backend))
}

fn again(folder: &TempDir) -> (Arc<LocalBackend>, Blobs) {
    let backend = Arc::new(LocalBackend::open(folder.path()).unwrap());
    (backend.clone(), Blobs::new(backend))
}

/// The error of the disk itself, not of a later call.
fn fails(result: Result<(), BackendError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, BackendError::Other { .. }), "{error:?}");
}

fn refused(result: Result<(), BackendError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, BackendError::Poisoned { .. }), "{error:?}");
    assert!(error.to_string().contains("open the store again"), "{error}");
}

fn open(backend: &LocalBackend, digest: &Digest) -> File {
    let hex = digest.to_hex();
    let key = key(&format!("cas/{}/{}", &hex[..2], &hex[2..]));
    File::open(backend.local_path(&key).unwrap()).unwrap()
}

#[test]
fn after_a_failed_sync_the_handle_writes_nothing_and_reports_nothing_durable() {
    let (_folder, backend, blobs) = local();
    let mut log = backend.append(&key("journal/before")).unwrap().unwrap();
    blobs.put(b"lost").unwrap();
    fail_next("sync file");
    fails(blobs.sync());
    refused(blobs.sync());
    refused(blobs.sync());
    refused(blobs.put(b"lost").map(drop));
    refused(blobs.put(b"more").map(drop));
    refused(blobs.put_reader(&mut &b"more"[..]).map(drop));
    refused(backend.put(&key("state"), b"x", PutMode::Replace).map(drop));
    refused(backend.append(&key("journal/after")).map(drop));
    log.write(b"a file with a sync of its own").unwrap();
    log.sync().unwrap();
}

#[test]
fn what_a_failed_sync_lost_is_written_anew_to_another_file() {
    let (folder, backend, blobs) = local();
    let lost = blobs.put(b"lost").unwrap();
    // Held open, so that no other file gets its number.
    let old = open(&backend, &lost);
    let whole = blobs.put(b"whole").unwrap();
    fail_next("sync file");
    fails(blobs.sync());
    let (backend, blobs) = again(&folder);
    assert!(!blobs.has(&lost).unwrap(), "its pages pass for clean, so it must not pass for stored");
    assert_eq!(&blobs.get(&whole).unwrap()[..], b"whole", "somebody else may rely on it already");
    blobs.put(b"lost").unwrap();
    blobs.sync().unwrap();
    assert_ne!(open(&backend, &lost).metadata().unwrap().ino(), old.metadata().unwrap().ino());
    assert_eq!(&blobs.get(&lost).unwrap()[..], b"lost");
}

#[test]
fn every_waiter_learns_of_the_failure() {
    const WAITERS: usize = 8;
    let (folder, _, blobs) = local();
    let all_put = Barrier::new(WAITERS);
    let errors = std::thread::scope(|scope| {
        let waiters = (0..WAITERS).map(|who| {
            let (blobs, all_put) = (&blobs, &all_put);
            scope.spawn(move || {
                blobs.put(&[who as u8; 100]).unwrap();
                all_put.wait();
                // Whoever comes first syncs for all.
                fail_next("sync file");
                blobs.sync().unwrap_err()
            })
        });
        let waiters: Vec<_> = waiters.collect();
        waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect::<Vec<_>>()
    });
    let of_the_disk = errors.iter().filter(|error| matches!(error, BackendError::Other { .. })).count();
    let refusals = errors.iter().filter(|error| matches!(error, BackendError::Poisoned { .. })).count();
    assert_eq!((of_the_disk, refusals), (1, WAITERS - 1), "{errors:?}");
    assert_eq!(again(&folder).1.present().unwrap().len(), WAITERS - 1);
}

fn put_forty(blobs: &Blobs) {
    for n in 0..40 {
        blobs.put(&[n; 100]).unwrap();
    }
}

#[test]
fn when_many_fail_together_none_passes_for_stored() {
    let (folder, _, blobs) = local();
    let durable = blobs.put(b"durable").unwrap();
    blobs.sync().unwrap();
    put_forty(&blobs);
    fail_next("sync file system");
    fails(blobs.sync());
    let (_, blobs) = again(&folder);
    assert_eq!(blobs.present().unwrap().len(), 1);
    assert_eq!(&blobs.get(&durable).unwrap()[..], b"durable");
    put_forty(&blobs);
    blobs.sync().unwrap();
    assert_eq!(blobs.present().unwrap().len(), 41);
}

#[test]
fn a_name_that_could_not_be_synced_is_taken_back() {
    let (folder, _, blobs) = local();
    let digest = blobs.put(b"nameless").unwrap();
    fail_next("sync folder");
    fails(blobs.sync());
    assert!(!again(&folder).1.has(&digest).unwrap());
}

#[test]
fn a_blob_of_somebody_else_goes_only_when_its_own_bytes_failed() {
    for (step, stays) in [("sync folder", true), ("sync file", false)] {
        let (folder, _, first) = local();
        let digest = first.put(b"shared").unwrap();
        let (_, second) = again(&folder);
        second.put(b"shared").unwrap();
        fail_next(step);
        fails(second.sync());
        assert_eq!(first.has(&digest).unwrap(), stays, "after a failed {step}");
    }
}

#[test]
fn a_blob_that_was_written_anew_meanwhile_stays() {
    let (folder, _, first) = local();
    let digest = first.put(b"twice").unwrap();
    let (backend, second) = again(&folder);
    let hex = digest.to_hex();
    let name = key(&format!("cas/{}/{}", &hex[..2], &hex[2..]));
    backend.put(&name, b"twice", PutMode::Replace).unwrap();
    second.sync().unwrap();
    fail_next("sync file");
    fails(first.sync());
    assert_eq!(&second.get(&digest).unwrap()[..], b"twice");
}

#[test]
fn a_file_that_fails_on_its_way_leaves_what_was_there() {
    let (folder, backend, blobs) = local();
    backend.put(&key("state"), b"old", PutMode::Replace).unwrap();
    for step in ["create", "write", "sync file", "rename"] {
        for mode in [PutMode::Replace, PutMode::Create] {
            fail_next(step);
            fails(backend.put(&key("state"), b"new", mode).map(drop));
            assert_eq!(&backend.get(&key("state")).unwrap()[..], b"old", "after a failed {step}");
        }
    }
    for step in ["create", "write", "rename"] {
        fail_next(step);
        fails(blobs.put_reader(&mut &b"a blob"[..]).map(drop));
        assert!(blobs.present().unwrap().is_empty(), "after a failed {step}");
    }
    let left = walk(folder.path());
    assert!(left.iter().all(|name| !name.contains('~')), "no temporary file is left: {left:?}");
    blobs.put(b"a blob").unwrap();
    backend.put(&key("state"), b"new", PutMode::Replace).unwrap();
    blobs.sync().expect("the handle is as good as before");
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            names.extend(walk(&entry.path()));
        }
    }
    names
}

#[test]
fn a_growing_file_is_dead_after_a_failure() {
    let (_folder, backend, _) = local();
    for (at, step) in ["append", "sync appended"].into_iter().enumerate() {
        let mut log = backend.append(&key(&format!("journal/{at}"))).unwrap().unwrap();
        log.write(b"kept").unwrap();
        log.sync().unwrap();
        fail_next(step);
        fails(log.write(b"lost").and_then(|()| log.sync()));
        refused(log.write(b"more"));
        refused(log.sync());
        let mut other = backend.append(&key(&format!("journal/{at}-again"))).unwrap().unwrap();
        other.write(b"lost").unwrap();
        other.sync().unwrap();
    }
}
