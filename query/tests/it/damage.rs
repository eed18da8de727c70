//! Tables that are damaged: a fold writes them anew, a reader does without them.

use std::path::{Path, PathBuf};

use metalab_engine::store::{Access, Store};
use metalab_query::{Options, Session, fold_blocking};
use serde_json::json;

use super::lab::{Lab, Try, ask, everything};

fn folded(folder: &Path) -> (Lab, Vec<String>) {
    let lab = Lab::on(Store::create(folder.join("runs").to_str().unwrap()).unwrap());
    let mut writer = lab.writer();
    let submission = lab.open(&mut writer, "e", 0, "train", &[]);
    for k in 0..20 {
        let mut made = Try::new("train", json!({ "k": k })).metric("loss", 0.5).cell(k);
        made.series = vec![(0, 1.0)];
        lab.attempt(&mut writer, Some(submission), &made);
    }
    writer.commit().unwrap();
    fold_blocking(&lab.store).unwrap();
    let right = everything(&lab.session());
    (lab, right)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn check(damage: impl Fn(&Path), silent: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (lab, right) = folded(folder.path());
    let tables = folder.path().join("runs/tables");
    damage(&tables);
    let reader = Store::open(folder.path().join("runs").to_str().unwrap(), Access::ReadOnly).unwrap();
    let session = futures::executor::block_on(Session::open(&reader, Options::default())).unwrap();
    assert_eq!(everything(&session), right);
    assert_eq!(session.warnings().is_empty(), silent, "{:?}", session.warnings());
    let report = fold_blocking(&lab.store).unwrap();
    assert_eq!(report.rebuilt.is_empty(), silent, "{:?}", report.rebuilt);
    assert_eq!(everything(&lab.session()), right);
    assert!(lab.session().warnings().is_empty());
}

#[test]
fn an_empty_commit() {
    check(|tables| std::fs::write(&files(&tables.join("attempts"), ".json")[0], b"").unwrap(), false);
}

#[test]
fn a_garbage_commit() {
    check(|tables| std::fs::write(&files(&tables.join("series"), ".json")[0], b"garbage\n").unwrap(), false);
}

#[test]
fn a_torn_file() {
    let tear = |tables: &Path| {
        let file = &files(&tables.join("attempts"), ".parquet")[0];
        let bytes = std::fs::read(file).unwrap();
        std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    };
    check(tear, false);
}

#[test]
fn a_file_of_the_right_size_and_wrong_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (_lab, right) = folded(folder.path());
    for file in files(&folder.path().join("runs/tables/attempts"), ".parquet") {
        let size = std::fs::metadata(&file).unwrap().len();
        std::fs::write(&file, vec![0; size as usize]).unwrap();
    }
    let reader = Store::open(folder.path().join("runs").to_str().unwrap(), Access::ReadOnly).unwrap();
    let session = futures::executor::block_on(Session::open(&reader, Options::default())).unwrap();
    assert_eq!(everything(&session), right);
    assert_eq!(session.warnings().len(), 1, "{:?}", session.warnings());
}

#[test]
fn a_missing_file() {
    check(|tables| std::fs::remove_file(&files(&tables.join("series"), ".parquet")[0]).unwrap(), false);
}

#[test]
fn no_tables_at_all() {
    check(|tables| std::fs::remove_dir_all(tables).unwrap(), true);
}

#[test]
fn tables_of_another_store() {
    let folder = tempfile::tempdir().unwrap();
    let (_, _) = folded(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (lab, right) = folded(other.path());
    std::fs::remove_dir_all(other.path().join("runs/tables")).unwrap();
    std::fs::rename(folder.path().join("runs/tables"), other.path().join("runs/tables")).unwrap();
    assert_eq!(everything(&lab.session()), right);
    assert!(!fold_blocking(&lab.store).unwrap().rebuilt.is_empty());
    assert_eq!(everything(&lab.session()), right);
}

#[test]
fn what_an_attached_store_lacks_is_still_told_after_another_look() {
    let folder = tempfile::tempdir().unwrap();
    folded(folder.path());
    std::fs::write(&files(&folder.path().join("runs/tables/attempts"), ".json")[0], b"").unwrap();
    let other = Store::open(folder.path().join("runs").to_str().unwrap(), Access::ReadOnly).unwrap();
    let lab = Lab::memory();
    let (mut opens, mut attempts) = (lab.writer(), lab.writer());
    let made = Try::new("train", json!({ "k": 1 }));
    let submission = lab.open(&mut opens, "e", 0, "train", &[made.run()]);
    lab.attempt(&mut attempts, Some(submission), &made);
    attempts.commit().unwrap();
    let session = lab.session();
    futures::executor::block_on(session.attach("old", &other, None)).unwrap();
    let warned = session.warnings();
    assert!(warned.len() == 1 && warned[0].starts_with("store `old`: table `attempts`"), "{warned:?}");
    // The attempt whose submission could not be seen makes the session look at its store anew.
    opens.commit().unwrap();
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM all.runs"), "n\n21\n");
    assert_eq!(session.warnings(), warned);
}

#[test]
fn a_reader_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_lab, right) = folded(folder.path());
    let before = files(folder.path(), "");
    let reader = Store::open(folder.path().join("runs").to_str().unwrap(), Access::ReadOnly).unwrap();
    let session = futures::executor::block_on(Session::open(&reader, Options::default())).unwrap();
    assert_eq!(everything(&session), right);
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM runs"), "n\n20\n");
    assert_eq!(files(folder.path(), ""), before);
    assert!(fold_blocking(&reader).is_err());
}

#[test]
fn many_small_folds_are_compacted() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let mut compacted = 0;
    for k in 0..55 {
        lab.attempt(&mut writer, None, &Try::new("train", json!({ "k": k })));
        writer.commit().unwrap();
        compacted += fold_blocking(&lab.store).unwrap().compacted.len();
    }
    assert!(compacted > 0);
    assert_eq!(lab.csv("SELECT count(*) AS n, sum(params.k) AS s FROM runs"), "n,s\n55,1485\n");
    assert!(fold_blocking(&lab.store).unwrap().rebuilt.is_empty());
}
