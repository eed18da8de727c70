//! Files and folders as arguments and in contexts: by content, and watched while runs use them.

use std::path::Path;

use metalab::store::Store;
use metalab::{Experiment, FilePath, Result};

#[metalab::operation(code = "manual")]
fn count_bytes(data: FilePath) -> Result<u64> {
    Ok(std::fs::read(&data)?.len() as u64)
}

#[derive(metalab::Context)]
struct Data {
    file: FilePath,
    scale: u64,
}

#[metalab::operation(code = "manual")]
fn scaled(x: u64, data: &Data) -> Result<u64> {
    Ok(std::fs::read(&data.file)?.len() as u64 * data.scale + x)
}

/// Changes its own input: what must never be cached.
#[metalab::operation(code = "manual")]
fn spoil(data: FilePath) -> Result<()> {
    Ok(std::fs::write(&data, "spoilt")?)
}

fn counts(experiment: Experiment, store: &Store) -> (u64, u64, u64) {
    let results = metalab::run(experiment).store(store).blocking().unwrap();
    let summary = results.summary().unwrap();
    (summary.reused, summary.succeeded, summary.failed)
}

fn path(path: &Path) -> FilePath {
    path.to_str().unwrap().into()
}

#[test]
fn a_file_counts_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let store = Store::memory().unwrap();
    let exp = |files: Vec<FilePath>| Experiment::new("files", "1").sweep(CountBytes::grid().data(files));
    let (a, b) = (file("a", "one"), file("b", "three"));
    assert_eq!(counts(exp(vec![path(&a), path(&b)]), &store), (0, 2, 0));
    let copy = file("copy", "one");
    assert_eq!(counts(exp(vec![path(&copy)]), &store), (1, 0, 0), "the path does not count");
    file("a", "two");
    assert_eq!(counts(exp(vec![path(&a), path(&b)]), &store), (1, 1, 0), "the content does");
    assert_eq!(counts(exp(vec![path(&copy), path(&b)]), &store), (2, 0, 0));
}

#[test]
fn equal_files_are_one_run_and_two_cells() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    paths.iter().for_each(|path| std::fs::write(path, "same").unwrap());
    let exp = Experiment::new("files", "1")
        .sweep(CountBytes::grid().data(paths.iter().map(|p| path(p)).collect::<Vec<_>>()));
    let results = metalab::run(exp).store("memory://").blocking().unwrap().ok().unwrap();
    assert_eq!((results.len(), results.summary().unwrap().succeeded), (2, 1));
}

#[test]
fn a_context_counts_for_those_who_borrow_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    std::fs::write(&file, "12345").unwrap();
    let store = Store::memory().unwrap();
    let exp = |scale| {
        let data = Data { file: path(&file), scale };
        let plain = CountBytes::grid().data(path(&file));
        Experiment::new("context", "1").context(data).sweep(Scaled::grid().x([1, 2])).sweep(plain)
    };
    assert_eq!(counts(exp(2), &store), (0, 3, 0));
    assert_eq!(counts(exp(3), &store), (1, 2, 0), "only the borrower runs again");
    std::fs::write(&file, "54321").unwrap();
    assert_eq!(counts(exp(2), &store), (0, 3, 0));
}

#[test]
fn a_file_that_changes_under_a_run_fails_it_and_is_not_cached() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    std::fs::write(&file, "fresh").unwrap();
    let store = Store::memory().unwrap();
    let exp = || Experiment::new("spoil", "1").sweep(Spoil::grid().data(path(&file)));
    let results = metalab::run(exp()).store(&store).blocking().unwrap();
    let run = results.iter().next().unwrap().unwrap();
    assert_eq!(run.error().unwrap().cause, "input changed");
    std::fs::write(&file, "fresh").unwrap();
    assert_eq!(counts(exp(), &store), (0, 0, 1), "it was not taken for done");
}
