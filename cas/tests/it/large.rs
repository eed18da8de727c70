//! Large files: how long they take, against `cp`.
//!
//! ```sh
//! METALAB_TEST_SCRATCH=<folder> cargo test --release -p metalab-cas -- --ignored --nocapture large
//! ```

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use metalab_cas::{Blobs, LocalBackend};
use tempfile::TempDir;

const SIZE: u64 = 2 << 30;
const PAIRS: usize = 12;

fn scratch() -> TempDir {
    let root = std::env::var_os("METALAB_TEST_SCRATCH").map_or_else(std::env::temp_dir, PathBuf::from);
    TempDir::new_in(root).unwrap()
}

fn write_source(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut block = vec![0_u8; 1 << 20];
    for number in 0..SIZE >> 20 {
        block.iter_mut().enumerate().for_each(|(at, byte)| *byte = ((at as u64 * 131) ^ number) as u8);
        file.write_all(&block).unwrap();
    }
    file.sync_all().unwrap();
}

fn run(program: &str, arguments: &[&Path]) {
    assert!(Command::new(program).args(arguments).status().unwrap().success());
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
#[ignore = "a measurement: writes 2 GiB many times"]
#[expect(clippy::print_stdout, reason = "the result")]
fn a_large_blob_costs_what_cp_and_sync_cost() {
    let scratch = scratch();
    let (source, copy, store) =
        (scratch.path().join("source"), scratch.path().join("copy"), scratch.path().join("store"));
    write_source(&source);
    let settle = || run("sync", &[]);
    // In a virtual machine, pages that were free for long are fetched from the host at first touch, which takes
    // longer than all the rest: give both the pages of a file that was just removed.
    let warm = || {
        let junk = scratch.path().join("junk");
        run("cp", &[Path::new("--reflink=never"), &source, &junk]);
        fs::remove_file(&junk).unwrap();
    };
    let cp = || {
        warm();
        let took = timed(|| {
            run("cp", &[Path::new("--reflink=never"), &source, &copy]);
            run("sync", &[&copy]);
        });
        fs::remove_file(&copy).unwrap();
        settle();
        took
    };
    let put = || {
        warm();
        let took = timed(|| {
            let blobs = Blobs::new(Arc::new(LocalBackend::create(&store).unwrap()));
            blobs.put_file(&source).unwrap();
            blobs.sync().unwrap();
        });
        fs::remove_dir_all(&store).unwrap();
        settle();
        took
    };
    let mut rows = Vec::new();
    for pair in 0..PAIRS {
        // Who comes first meets another state of the page cache, so they take turns.
        let (cp, put) = if pair % 2 == 0 {
            let cp = cp();
            (cp, put())
        } else {
            let put = put();
            (cp(), put)
        };
        println!("cp and sync {cp:.2} s, blob {put:.2} s, ratio {:.2}", put / cp);
        rows.push((cp, put));
    }
    let ratio = median(rows.iter().map(|(cp, put)| put / cp).collect());
    let cp = median(rows.iter().map(|row| row.0).collect());
    let put = median(rows.iter().map(|row| row.1).collect());
    let least = |which: fn(&(f64, f64)) -> f64| rows.iter().map(which).fold(f64::INFINITY, f64::min);
    println!("least: cp and sync {:.2} s, blob {:.2} s", least(|row| row.0), least(|row| row.1));
    println!("medians: cp and sync {cp:.2} s, blob {put:.2} s, ratio {ratio:.2}");
}
