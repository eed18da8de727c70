//! Opening stores, and what must not be taken for one.

use std::fs;

use metalab_engine::cells;
use metalab_engine::id::RunId;
use metalab_engine::index::Index;
use metalab_engine::journal::{Durability, Writer};
use metalab_engine::store::{Access, Store, StoreError};

use crate::stores::{fresh, run, submission};

/// Opens in every way; each must fail with a message that has this, and change nothing.
fn refused(prepare: impl Fn(&std::path::Path), message: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab");
    prepare(&path);
    let listing = || {
        let mut all: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        if path.is_dir() {
            all.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.sort();
        all.into_iter().map(|path| (fs::read(&path).ok(), path)).collect::<Vec<_>>()
    };
    let before = listing();
    let text = path.to_str().unwrap();
    let tries =
        [Store::create(text), Store::open(text, Access::ReadWrite), Store::open(text, Access::ReadOnly)];
    for opened in tries {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("lab"), "{error}");
    }
    assert_eq!(listing(), before);
}

#[test]
fn what_is_no_store_is_refused() {
    refused(|path| fs::write(path, "text").unwrap(), "is a file");
    let with = |text: &'static str| {
        move |path: &std::path::Path| {
            fs::create_dir(path).unwrap();
            fs::write(path.join("metalab.json"), text).unwrap();
        }
    };
    refused(with("not json"), "cannot be read");
    refused(with(""), "cannot be read");
    refused(with("{}"), "no number `format`");
    refused(with(r#"{"format":1,"store_id":"../..","created":""}"#), "32 hexadecimal digits");
    refused(with(r#"{"format":7,"new":true}"#), "has format 7");
    let foreign = |path: &std::path::Path| {
        fs::create_dir(path).unwrap();
        fs::write(path.join("thesis.tex"), "precious").unwrap();
    };
    refused(foreign, "not a store");
}

#[test]
fn a_missing_store_is_created_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a").join("b");
    let text = path.to_str().unwrap();
    for access in [Access::ReadOnly, Access::ReadWrite] {
        assert!(matches!(Store::open(text, access), Err(StoreError::Missing { .. })));
        assert!(!folder.path().join("a").exists());
    }
    let store = Store::create(text).unwrap();
    assert_eq!(Store::create(text).unwrap().id(), store.id());
    assert_eq!((store.id().len(), store.describe()), (32, text));
}

#[test]
fn all_who_create_it_at_once_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab");
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Store::create(path.to_str().unwrap()).unwrap().id().to_owned()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn cells_are_stored_once() {
    for count in [0, 1, 5_000, 40_000] {
        let lab = fresh(true);
        let mut writer = Writer::new(&lab.store, Durability::Relaxed).unwrap();
        let ids: Vec<RunId> = (0..count).map(run).collect();
        let mut index = Index::load(&lab.store).unwrap();
        let chunks = cells::write(&lab.store, &mut writer, &index, &ids).unwrap();
        index.cover(&writer.commit().unwrap());
        let mut step = submission("wine", &["train"]).steps.remove(0);
        step.chunks = chunks.clone();
        for index in [&index, &Index::load(&lab.store).unwrap()] {
            let read: Result<Vec<_>, _> = cells::read(&lab.store, index, &step).collect();
            assert_eq!(read.unwrap(), ids);
            let mut again = Writer::new(&lab.store, Durability::Relaxed).unwrap();
            assert_eq!(cells::write(&lab.store, &mut again, index, &ids).unwrap(), chunks);
            assert_eq!(again.pending_bytes(), 0);
        }
    }
}
