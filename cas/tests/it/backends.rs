//! Every back end and wrapper passes the suite, and what is particular to each.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use metalab_cas::{
    Access, Backend, BackendError, Key, LocalBackend, Locator, LocatorError, ObjectBackend, PutMode,
    PutOutcome, ReadOnly, conformance,
};
use tempfile::TempDir;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn local() -> (TempDir, LocalBackend) {
    let folder = TempDir::new().unwrap();
    let backend = LocalBackend::create(folder.path()).unwrap();
    (folder, backend)
}

#[test]
fn a_local_folder_conforms() {
    let folders = Mutex::new(Vec::new());
    conformance::backend(|| {
        let (folder, backend) = local();
        folders.lock().unwrap().push(folder);
        Arc::new(backend)
    });
}

#[test]
fn memory_conforms() {
    conformance::backend(|| Arc::new(ObjectBackend::memory()));
}

#[test]
fn a_prefix_in_an_object_store_conforms() {
    conformance::backend(|| {
        let store = Arc::new(object_store::memory::InMemory::new());
        Arc::new(ObjectBackend::new(store, "some/prefix/").unwrap())
    });
}

#[test]
fn blocking_calls_work_inside_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let backend = ObjectBackend::memory();
        backend.put(&key("a"), b"x", PutMode::Create).unwrap();
        assert_eq!(&backend.get(&key("a")).unwrap()[..], b"x");
        drop(backend);
    });
}

/// Names, sizes and times of all that is below.
fn snapshot(folder: &Path) -> Vec<(String, u64, SystemTime)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            all.push((entry.path().display().to_string(), meta.len(), meta.modified().unwrap()));
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    all.sort();
    all
}

fn age(path: &Path, days: u64) {
    let old = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    fs::File::options().append(true).open(path).unwrap().set_modified(old).unwrap();
}

#[test]
fn read_only_refuses_every_change_and_changes_nothing() {
    let (folder, backend) = local();
    backend.put(&key("a/b"), b"kept", PutMode::Create).unwrap();
    fs::write(folder.path().join("a/~old"), "left behind").unwrap();
    age(&folder.path().join("a/~old"), 3);
    let before = snapshot(folder.path());
    let backend = ReadOnly::new(Arc::new(backend));
    assert!(backend.read_only());
    assert_eq!(&backend.get(&key("a/b")).unwrap()[..], b"kept");
    assert_eq!(backend.list(&key("a")).unwrap().len(), 1);
    let refused = |result: Result<(), BackendError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, BackendError::ReadOnly { .. }), "{error}");
    };
    refused(backend.put(&key("a/c"), b"", PutMode::Create).map(drop));
    refused(backend.put(&key("a/b"), b"", PutMode::Replace).map(drop));
    refused(backend.upload().map(drop));
    refused(backend.append(&key("a/b")).map(drop));
    refused(backend.touch(&key("a/b")));
    refused(backend.delete(&key("a/b")));
    backend.sync().unwrap();
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn temporary_files_are_never_listed_and_go_when_old() {
    let (folder, backend) = local();
    backend.put(&key("cas/ab/c"), b"x", PutMode::Create).unwrap();
    let (old, young) = (folder.path().join("cas/ab/~old"), folder.path().join("cas/ab/~young"));
    fs::write(&old, "x").unwrap();
    fs::write(&young, "x").unwrap();
    age(&old, 2);
    assert_eq!(backend.list(&key("cas")).unwrap().len(), 1);
    backend.sync().unwrap();
    assert!(!old.exists() && young.exists());
}

#[test]
fn many_files_in_one_group_are_all_there() {
    let (folder, backend) = local();
    for n in 0..500 {
        let name = key(&format!("cas/{:02x}/{n}", n % 256));
        backend.put(&name, &[n as u8; 100], PutMode::Replace).unwrap();
    }
    backend.sync().unwrap();
    let again = LocalBackend::open(folder.path()).unwrap();
    assert_eq!(again.list(&key("cas")).unwrap().len(), 500);
}

#[test]
fn writers_of_several_threads_share_groups() {
    let (_folder, backend) = local();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let backend = &backend;
            scope.spawn(move || {
                for n in 0..50 {
                    let name = key(&format!("cas/{n:02}/{thread}"));
                    backend.put(&name, b"x", PutMode::Create).unwrap();
                    if n % 10 == 0 {
                        backend.sync().unwrap();
                    }
                }
            });
        }
    });
    backend.sync().unwrap();
    assert_eq!(backend.list(&key("cas")).unwrap().len(), 200);
}

#[test]
fn the_longest_names_fit() {
    let (_folder, backend) = local();
    let long = key(&format!("a/{}", "n".repeat(255)));
    assert_eq!(backend.put(&long, b"x", PutMode::Create).unwrap(), PutOutcome::Written);
    assert_eq!(backend.put(&long, b"y", PutMode::Create).unwrap(), PutOutcome::Existed);
    assert_eq!(&backend.get(&long).unwrap()[..], b"x");
}

#[test]
fn what_stands_in_the_way_is_said() {
    let (folder, backend) = local();
    backend.put(&key("a"), b"a file", PutMode::Create).unwrap();
    let error = backend.put(&key("a/b"), b"x", PutMode::Create).unwrap_err();
    assert!(matches!(error, BackendError::Conflict { .. }), "{error:?}");
    assert!(!error.to_string().contains(&folder.path().display().to_string()), "no host path in a message");
    backend.put(&key("f/g"), b"x", PutMode::Create).unwrap();
    assert!(backend.put(&key("f"), b"x", PutMode::Replace).is_err());
    assert!(backend.get(&key("f")).is_err());
    assert!(
        !fs::read_dir(folder.path()).unwrap().any(|e| e.unwrap().file_name().to_str().unwrap().contains('~'))
    );
}

#[test]
fn locators_are_parsed_and_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let text = path.to_str().unwrap();
    assert!(Locator::parse(text).unwrap().open(Access::ReadWrite).is_err(), "it is not there yet");
    let backend = Locator::parse(text).unwrap().open(Access::Create).unwrap();
    backend.put(&key("a"), b"x", PutMode::Create).unwrap();
    let same = Locator::parse(&format!("file://{text}")).unwrap().open(Access::ReadOnly).unwrap();
    assert!(same.read_only());
    assert_eq!(&same.get(&key("a")).unwrap()[..], b"x");
    assert_eq!(Locator::parse("memory://").unwrap().open(Access::Create).unwrap().name(), "memory");
    assert!(matches!(Locator::parse(""), Err(LocatorError::Empty)));
    assert!(matches!(Locator::parse("a\0b"), Err(LocatorError::Nul)));
    assert!(matches!(Locator::parse("s3://key:secret@bucket/x"), Err(LocatorError::NotBuiltIn { .. })));
    let error = Locator::parse("ftp://user:secret@host").unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    fs::write(folder.path().join("file"), "x").unwrap();
    let error = Locator::parse(folder.path().join("file").to_str().unwrap())
        .unwrap()
        .open(Access::Create)
        .unwrap_err();
    assert!(error.to_string().contains("a file is where the folder should be"), "{error}");
}
