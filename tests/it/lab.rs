//! Operations and helpers that the tests share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use metalab::{Capture, Experiment, Result, SeedBundle, seeds};

/// How often [`measure`] was called in this process.
pub(crate) static CALLS: AtomicU64 = AtomicU64::new(0);

/// Leaves something of every kind: an output of `size` bytes, metrics, a series, artifacts, a log.
#[metalab::operation(code = "manual")]
pub(crate) fn measure(x: u64, size: u64, seeds: &SeedBundle, capture: &Capture) -> Result<String> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let noise = seeds.rng("noise").uniform();
    capture.metric("noise", noise);
    capture.metric("nan", f64::NAN);
    capture.metric("name", format!("x{x}"));
    (0..20).for_each(|step| capture.step("loss", step, noise / (step + 1) as f64));
    capture.artifact_text("note", format!("measured {x}"));
    capture.log(format_args!("x = {x}"));
    Ok(char::from(b'a' + (x % 26) as u8).to_string().repeat(size as usize))
}

/// Twelve cells with outputs in records, packs and blobs.
pub(crate) fn sweep() -> Experiment {
    Experiment::new("sweep", "1")
        .sweep(Measure::grid().x([1, 2]).size([10, 5_000, 400_000]))
        .seeds(seeds(7).replicates(2))
}

/// All files below a folder with their bytes.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}
