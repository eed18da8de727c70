//! Blobs: damage is found when they are used, ages are renewed, nothing can be written through.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metalab_cas::blobs::GRACE;
use metalab_cas::{BlobError, Blobs, Digest, Key, LocalBackend, ObjectBackend, PutMode};
use tempfile::TempDir;

fn local() -> (TempDir, Blobs) {
    let folder = TempDir::new().unwrap();
    let blobs = Blobs::new(Arc::new(LocalBackend::create(folder.path()).unwrap()));
    (folder, blobs)
}

fn path(blobs: &Blobs, digest: &Digest) -> std::path::PathBuf {
    let hex = digest.to_hex();
    blobs.backend().local_path(&Key::new(&format!("cas/{}/{}", &hex[..2], &hex[2..])).unwrap()).unwrap()
}

#[test]
fn blobs_come_back_by_every_way() {
    let (folder, on_disk) = local();
    for blobs in [on_disk, Blobs::new(Arc::new(ObjectBackend::memory()))] {
        for size in [0, 1, 4096, 1 << 20, (1 << 20) + 1, 9 << 20] {
            let bytes: Vec<u8> =
                (0..size).map(|x: u32| (x.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let (digest, length) = blobs.put_reader(&mut &bytes[..]).unwrap();
            assert_eq!((digest, length), (Digest::of(&bytes), bytes.len() as u64));
            assert_eq!(blobs.put(&bytes).unwrap(), digest);
            assert!(blobs.has(&digest).unwrap());
            assert_eq!(&blobs.get(&digest).unwrap()[..], bytes);
            let mut copy = Vec::new();
            assert_eq!(blobs.copy_to(&digest, &mut copy).unwrap(), length);
            assert_eq!(copy, bytes);
            let out = folder.path().join(format!("out-{size}"));
            blobs.materialise(&digest, &out).unwrap();
            assert_eq!(fs::read(&out).unwrap(), bytes);
            assert!(blobs.materialise(&digest, &out).is_err(), "an existing file is left alone");
            fs::remove_file(&out).unwrap();
        }
        blobs.sync().unwrap();
        assert_eq!(blobs.present().unwrap().len(), 6);
        assert!(blobs.get(&Digest::of(b"no such")).unwrap_err().is_not_found());
    }
}

#[test]
fn a_flipped_bit_is_found_by_every_use() {
    let (folder, blobs) = local();
    let digest = blobs.put(&[7; 10_000]).unwrap();
    let mut bytes = fs::read(path(&blobs, &digest)).unwrap();
    bytes[5_000] ^= 1;
    fs::write(path(&blobs, &digest), bytes).unwrap();
    assert!(matches!(blobs.get(&digest), Err(BlobError::Damaged { .. })));
    assert!(matches!(blobs.copy_to(&digest, &mut Vec::new()), Err(BlobError::Damaged { .. })));
    let out = folder.path().join("out");
    assert!(matches!(blobs.materialise(&digest, &out), Err(BlobError::Damaged { .. })));
    assert!(!out.exists(), "nothing is left of a damaged blob");
}

#[test]
fn a_torn_blob_is_written_anew() {
    let (_folder, blobs) = local();
    let digest = blobs.put(b"some content").unwrap();
    fs::write(path(&blobs, &digest), "").unwrap();
    assert!(blobs.get(&digest).is_err());
    blobs.put(b"some content").unwrap();
    assert_eq!(&blobs.get(&digest).unwrap()[..], b"some content");
    fs::write(path(&blobs, &digest), "some").unwrap();
    blobs.put_reader(&mut &b"some content"[..]).unwrap();
    assert_eq!(&blobs.get(&digest).unwrap()[..], b"some content");
}

#[test]
fn putting_again_renews_an_old_age_and_leaves_a_young_one() {
    let (_folder, blobs) = local();
    let digest = blobs.put(b"x").unwrap();
    let path = path(&blobs, &digest);
    let set = |age: Duration| {
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    let age = || SystemTime::now().duration_since(fs::metadata(&path).unwrap().modified().unwrap()).unwrap();
    let day = Duration::from_secs(24 * 3600);
    set(GRACE / 2 + day);
    blobs.put(b"x").unwrap();
    assert!(age() < day);
    set(GRACE / 2 - day);
    blobs.put(b"x").unwrap();
    assert!(age() > GRACE / 2 - 2 * day);
}

#[test]
fn a_materialised_file_is_no_way_into_the_store() {
    let (folder, blobs) = local();
    let digest = blobs.put(b"precious").unwrap();
    let out = folder.path().join("out");
    blobs.materialise(&digest, &out).unwrap();
    fs::write(&out, "scribble").unwrap();
    assert_eq!(&blobs.get(&digest).unwrap()[..], b"precious");
}

#[test]
fn foreign_files_among_the_blobs_are_passed_over() {
    let (_folder, blobs) = local();
    blobs.put(b"x").unwrap();
    for name in ["cas/README", "cas/zz/short", "cas/ab/cd/ef"] {
        blobs.backend().put(&Key::new(name).unwrap(), b"", PutMode::Create).unwrap();
    }
    let present = blobs.present().unwrap();
    assert!(present.len() == 1 && present.contains(&Digest::of(b"x")));
}

#[test]
fn a_blob_that_another_writer_has_not_synced_joins_the_group() {
    let (folder, first) = local();
    let digest = first.put(b"shared").unwrap();
    let second = Blobs::new(Arc::new(LocalBackend::open(folder.path()).unwrap()));
    assert_eq!(second.put(b"shared").unwrap(), digest);
    second.sync().unwrap();
    assert_eq!(&second.get(&digest).unwrap()[..], b"shared");
    let gone = Key::new("cas/no/thing").unwrap();
    assert!(second.backend().adopt(&gone).unwrap_err().is_not_found());
}
