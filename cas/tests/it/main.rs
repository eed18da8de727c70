//! The integration tests of `metalab-cas`, one binary.
#![expect(clippy::unwrap_used, reason = "tests")]

mod backends;
mod blobs;
mod crash;
mod failed_sync;
mod frames;
mod full_disk;
mod large;
mod power_cut;
mod read_only;
mod values;

#[test]
fn no_test_file_is_forgotten() {
    let here = include_str!("main.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap();
        assert!(module == "main" || here.contains(&format!("mod {module};")), "{name} is in no binary");
    }
}
