//! The tables read back by other programs: Python's deltalake, Polars and DuckDB.

use std::process::Command;

use metalab::store::Store;

use crate::lab;

#[test]
fn python_reads_the_same_tables() {
    let Ok(python) = std::env::var("METALAB_PYTHON") else {
        // `bash tests/run` installs the readers and sets the variable.
        eprintln!("skipped: METALAB_PYTHON is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Store::create(path.to_str().unwrap()).unwrap();
    metalab::run(lab::sweep()).store(&store).blocking().unwrap().ok().unwrap();
    metalab::query::fold_blocking(&store).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/read_tables.py");
    let output = Command::new(python).arg(script).arg(path.join("tables")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>(),
        ["deltalake 12 rows", "polars 12 rows, 6 with x = 2", "duckdb 12 rows, 3 sizes", "series 240 points"]
    );
}
