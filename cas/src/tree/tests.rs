//! Folders there and back, and what is refused.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use super::*;
use crate::blobs::Blobs;
use crate::object::ObjectBackend;

fn blobs() -> Blobs {
    Blobs::new(Arc::new(ObjectBackend::memory()))
}

fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("b/deep")).unwrap();
    std::fs::write(at("a.txt"), "one").unwrap();
    std::fs::write(at("b/deep/two"), "two").unwrap();
    std::fs::write(at("run.sh"), "#!").unwrap();
    std::fs::set_permissions(at("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../a.txt", at("b/up")).unwrap();
    folder
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let (blobs, folder) = (blobs(), sample());
    let (digest, size) = put_folder(&blobs, folder.path()).unwrap();
    assert_eq!((digest, size), folder_digest(folder.path()).unwrap());
    assert_eq!(size, 8);
    let out = tempfile::tempdir().unwrap();
    let copy = out.path().join("copy");
    materialise_folder(&blobs, &digest, &copy).unwrap();
    assert_eq!(folder_digest(&copy).unwrap(), (digest, size));
    assert_eq!(std::fs::read_to_string(copy.join("b/up")).unwrap(), "one");
    assert!(materialise_folder(&blobs, &digest, &copy).is_err(), "an existing folder is left alone");
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let folder = sample();
    symlink("../../outside", folder.path().join("b/leak")).unwrap();
    let error = folder_digest(folder.path()).unwrap_err();
    assert!(matches!(&error, TreeError::LinkOutside { path, .. } if path == "b/leak"), "{error}");
    let folder = sample();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("sock")).unwrap();
    let error = folder_digest(folder.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sock` is a socket; only files, folders and links inside the folder can be kept"
    );
}

#[test]
fn a_hostile_tree_writes_nothing_outside() {
    let blobs = blobs();
    let content = blobs.put(b"evil").unwrap();
    for name in ["..", ".", "", "a/b", "a\0b", "/etc"] {
        let tree = encode(vec![Entry { name: name.into(), kind: Kind::File(content), size: 4 }]);
        let digest = blobs.put(&tree).unwrap();
        let out = tempfile::tempdir().unwrap();
        let error = materialise_folder(&blobs, &digest, &out.path().join("x")).unwrap_err();
        assert!(matches!(error, TreeError::Name { .. }), "{name:?}: {error}");
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    }
    for target in ["/etc/passwd", "..", "a/../../b", ""] {
        let tree = encode(vec![Entry { name: "link".into(), kind: Kind::Link(target.into()), size: 0 }]);
        let digest = blobs.put(&tree).unwrap();
        let out = tempfile::tempdir().unwrap();
        assert!(materialise_folder(&blobs, &digest, &out.path().join("x")).is_err(), "{target:?}");
    }
}

#[test]
fn the_tree_of_a_folder_is_golden() {
    let (digest, _) = folder_digest(sample().path()).unwrap();
    let golden = include_str!("../../tests/golden/tree.txt");
    assert_eq!(
        digest.to_string(),
        golden.trim(),
        "the tree format changed: that is a new version, not a new golden"
    );
}
