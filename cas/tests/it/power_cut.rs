//! A power cut on a real file system: a job on a small image is killed before each of its I/O steps, and what the
//! image holds at that moment, without what the kernel had yet to write, is mounted and looked at.
//!
//! It finds files that were told durable and not synced. It cannot find folders that were not: ext4 writes the names
//! of its open transaction with the next file that is synced.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use metalab_cas::{Backend, BlobError, Blobs, Digest, Key, LocalBackend, PutMode};
use tempfile::TempDir;

const FOLDER: &str = "METALAB_TEST_POWER_CUT";
const SIZE: u64 = 16 << 20;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Content of which no two blobs have any, so that a mixture would be seen.
fn content(number: u8, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8 ^ number).collect()
}

/// Stores blobs (few at once, then many) and a state, and tells what is durable.
#[expect(clippy::print_stdout, reason = "what was told to somebody before the power went")]
fn job(folder: &Path) {
    let backend = Arc::new(LocalBackend::create(&folder.join("store")).unwrap());
    let blobs = Blobs::new(backend.clone());
    for (round, count) in [(0, 2), (1, 17)] {
        let put = |n| match n % 2 {
            0 => blobs.put(&content(round * 40 + n, 5_000)).unwrap(),
            _ => blobs.put_reader(&mut &content(round * 40 + n, 20_000)[..]).unwrap().0,
        };
        let digests: Vec<Digest> = (0..count).map(put).collect();
        blobs.sync().unwrap();
        digests.iter().for_each(|digest| println!("durable {digest}"));
        backend.put(&key("state"), &[round; 5_000], PutMode::Replace).unwrap();
        let name = format!("{round}-{}", std::process::id());
        let mut log = backend.append(&key(&format!("journal/{name}"))).unwrap().unwrap();
        log.write(&[round; 100]).unwrap();
        log.sync().unwrap();
        println!("journal {name}");
    }
}

/// Not a test of its own: the process that is killed.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        job(Path::new(&folder));
    }
}

/// Whether it came to its end, and what it told until then.
fn run(folder: &Path, plan: &str) -> (bool, String) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "power_cut::child", "--test-threads=1", "--nocapture"]);
    let output = child.env(FOLDER, folder).env("METALAB_CRASH", plan).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn done(program: &str, arguments: &[&Path]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A mounted image, unmounted when dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// Nothing is written before it is synced: neither after some time nor at a rename.
    fn image(image: &Path, at: &Path) -> Option<Mounted> {
        fs::create_dir_all(at).unwrap();
        let options = Path::new("loop,commit=600,noauto_da_alloc");
        done("mount", &[Path::new("-o"), options, image, at]).then(|| Mounted(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        done("umount", &[&self.0]);
    }
}

fn fresh(image: &Path) -> bool {
    fs::File::create(image).unwrap().set_len(SIZE).unwrap();
    done("mkfs.ext4", &[Path::new("-q"), Path::new("-F"), image])
}

/// All that was told is there; what was not may be there, torn or missing, but never passes for another.
/// How many blobs are not whole.
fn check(folder: &Path, told: &str) -> usize {
    let backend = Arc::new(LocalBackend::create(&folder.join("store")).unwrap());
    let blobs = Blobs::new(backend.clone());
    let names = |what| told.lines().filter_map(move |line| line.split_once(what).map(|(_, name)| name));
    for name in names("durable ") {
        blobs.get(&name.parse().unwrap()).unwrap();
    }
    for name in names("journal ") {
        assert_eq!(backend.get(&key(&format!("journal/{name}"))).unwrap().len(), 100);
    }
    if let Some(meta) = backend.head(&key("state")).unwrap() {
        let state = backend.get(&key("state")).unwrap();
        assert!(meta.size == 5_000 && state.iter().all(|byte| *byte == state[0]), "replaced as a whole");
    }
    let mut torn = 0;
    for listed in backend.list(&key("cas")).unwrap() {
        let digest: Digest = listed.key.as_str()[4..].replace('/', "").parse().unwrap();
        match blobs.get(&digest) {
            Ok(bytes) => assert_eq!(Digest::of(&bytes), digest),
            Err(BlobError::Damaged { .. }) => torn += 1,
            Err(error) => panic!("{error}"),
        }
    }
    torn
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that tried nothing says so")]
fn what_was_told_durable_survives_a_power_cut_at_every_step() {
    let folder = TempDir::new().unwrap();
    let (image, cut) = (folder.path().join("image"), folder.path().join("cut"));
    let mut torn = BTreeSet::new();
    let mut step = 1;
    loop {
        let made = fresh(&image).then(|| Mounted::image(&image, &folder.path().join("before"))).flatten();
        let Some(before) = made else {
            eprintln!("skipped: this process may not make and mount a small ext4 file system");
            return;
        };
        // The new file system itself is on the disk.
        done("sync", &[Path::new("-f"), &before.0]);
        let (finished, told) = run(&before.0, &format!("before:{step}"));
        fs::copy(&image, &cut).unwrap();
        drop(before);
        let after = Mounted::image(&cut, &folder.path().join("after")).expect("mounts after a power cut");
        torn.insert(check(&after.0, &told));
        if finished {
            break;
        }
        let (finished, told) = run(&after.0, "none:0");
        assert!(finished, "the job goes through after a power cut before step {step}");
        assert_eq!(check(&after.0, &told), 0, "torn blobs are written anew");
        step += 1;
        assert!(step < 500, "the job ends at some time");
    }
    assert!(step > 60, "only {step} steps were tried: are the crash points built in?");
    assert!(torn.iter().any(|torn| *torn > 0), "what was not synced is lost: else nothing was tried");
}
