//! Artifacts of a size that nobody plans for: ten gigabytes in one file, a million files in one folder. Asked for by name alone, as
//! it takes minutes and thirty gigabytes of disk.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use metalab::{Capture, Experiment, FilePath};

use crate::measure::{Watch, in_process};
use crate::table::Row;
use crate::{Result, report};

const FILE: u64 = 10_000_000_000;
const FILES: u64 = 1_000_000;

/// Keeps what lies beside the file: it, or the folder.
#[metalab::operation(code = "manual")]
fn keep(kind: String, list: FilePath, capture: &Capture) -> metalab::Result<()> {
    let beside = list.as_path().with_file_name(&kind);
    match kind.as_str() {
        "file" => capture.artifact_file("large", beside),
        _ => capture.artifact_folder("large", beside),
    }
    Ok(())
}

/// One run that keeps it.
pub(crate) fn run(store: &str, kind: &str, list: &str) -> Result<()> {
    let watch = Watch::start();
    let grid = Keep::grid().kind([kind.to_owned()]).list([FilePath::from(list)]);
    let results = metalab::run(Experiment::new("large", "1").sweep(grid)).store(store).blocking()?.ok()?;
    report(&watch.read(results.len() as u64))
}

pub(crate) fn measure(scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let list = scratch.join("list");
    fs::write(&list, "what is kept lies beside this file")?;
    let mut file = File::create(scratch.join("file"))?;
    // No two megabytes are equal.
    for number in 0..FILE / (1 << 20) {
        let block: Vec<u8> =
            (0..1 << 17).flat_map(|word: u64| (word.wrapping_mul(number | 1)).to_le_bytes()).collect();
        file.write_all(&block)?;
    }
    file.sync_all()?;
    drop(file);
    row(scratch, "file", "an artifact of 10 GB, durable", rows)?;
    fs::remove_file(scratch.join("file"))?;

    for number in 0..FILES {
        let folder = scratch.join(format!("folder/{:03}", number % 1000));
        if number < 1000 {
            fs::create_dir_all(&folder)?;
        }
        fs::write(folder.join(format!("{number}.txt")), number.to_string())?;
    }
    row(scratch, "folder", "a folder of 1,000,000 small files as an artifact, durable", rows)
}

fn row(scratch: &Path, kind: &str, work: &str, rows: &mut Vec<Row>) -> Result<()> {
    let store = scratch.join(format!("store-of-{kind}"));
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path that is text");
    let (store, list) = (text(&store)?, text(&scratch.join("list"))?);
    let first = in_process(&["large", &store, kind, &list])?;
    let copy = std::time::Instant::now();
    let copied = scratch.join("copy");
    let script = ["-r", &text(&scratch.join(kind))?, &text(&copied)?];
    crate::measure::wall_of(std::process::Command::new("cp").args(script))?;
    crate::measure::wall_of(std::process::Command::new("sync").arg("-f").arg(&copied))?;
    let copy = copy.elapsed().as_secs_f64();
    if kind == "file" {
        fs::remove_file(&copied)?
    } else {
        fs::remove_dir_all(&copied)?
    }
    rows.push(Row {
        work: work.into(),
        goal: "memory < 500 MB",
        reached: format!(
            "{:.1} s ({:.1} s of CPU), {:.2} x `cp -r` and `sync`, {:.0} MB",
            first.wall,
            first.cpu,
            first.wall / copy,
            first.memory as f64 / 1e6
        ),
        met: first.memory < 500_000_000,
    });
    fs::remove_dir_all(&store)?;
    Ok(())
}
