//! When a digest may be believed, and what becomes of paths in values.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use metalab_cas::{Digest, Value};

use super::cache::StatCache;
use crate::store::Store;

use super::{Changed, Content, ContentError, DirPath, FilePath, WatchedKind};

/// A cache for which all files are old.
fn late() -> StatCache {
    let mut files = StatCache::new();
    files.clock = || SystemTime::now() + Duration::from_secs(60);
    files
}

/// Rewrites a file in place and gives it its old time of modification.
fn change_secretly(path: &Path, bytes: &[u8]) {
    let meta = fs::metadata(path).unwrap();
    fs::write(path, bytes).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(meta.modified().unwrap()).unwrap();
    assert_eq!(meta.modified().unwrap(), fs::metadata(path).unwrap().modified().unwrap());
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_young_file_is_read_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let files = StatCache::new();
    for content in ["one", "two", "six", "ten"] {
        // Same size, and most likely the same times.
        change_or_make(&path, content);
        assert_eq!(files.file(&path).unwrap().digest, Digest::of(content.as_bytes()));
    }
    assert!(files.entries().is_empty());
}

fn change_or_make(path: &Path, content: &str) {
    match path.exists() {
        true => change_secretly(path, content.as_bytes()),
        false => fs::write(path, content).unwrap(),
    }
}

#[test]
fn an_old_file_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, "one").unwrap();
    let files = late();
    let content = files.file(&path).unwrap();
    assert_eq!((content.digest, content.size), (Digest::of(b"one"), 3));
    // What is remembered is believed.
    let lie = Digest::of(b"lie");
    files.entries().values_mut().for_each(|entry| entry.digest = *lie.as_bytes());
    assert_eq!(files.file(&path).unwrap().digest, lie);
}

#[test]
fn a_restored_time_does_not_deceive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, "one").unwrap();
    let files = late();
    files.file(&path).unwrap();
    let before = fs::metadata(&path).unwrap();
    // The time of the inode cannot be set back; wait until it moves on where it has coarse steps.
    while super::Stamp::of(&before).changed == super::Stamp::of(&fs::metadata(&path).unwrap()).changed {
        change_secretly(&path, b"two");
    }
    assert_eq!(files.file(&path).unwrap().digest, Digest::of(b"two"));
}

#[test]
fn a_replaced_inode_does_not_deceive() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("x"), folder.path().join("y"));
    fs::write(&path, "one").unwrap();
    fs::write(&other, "two").unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
    let files = late();
    files.file(&path).unwrap();
    fs::rename(&other, &path).unwrap();
    assert_eq!(files.file(&path).unwrap().digest, Digest::of(b"two"));
}

#[test]
fn what_is_no_file_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let files = StatCache::new();
    let missing = files.file(Path::new("no/such")).unwrap_err();
    assert!(matches!(missing, ContentError::Missing { .. }));
    assert!(missing.to_string().starts_with("there is no file or folder `no/such`"), "{missing}");
    let error = files.file(folder.path()).unwrap_err();
    assert!(matches!(error, ContentError::IsFolder { .. }));
    let path = folder.path().join("x");
    fs::write(&path, "one").unwrap();
    assert!(matches!(files.folder(&path).unwrap_err(), ContentError::IsFile { .. }));
    assert!(matches!(files.file(&path.join("below")).unwrap_err(), ContentError::Missing { .. }));
    assert!(matches!(files.file(Path::new("/dev/null")).unwrap_err(), ContentError::Special { .. }));
    assert!(files.file(Path::new("a\0b")).is_err());
    assert!(files.folder(Path::new("a\0b")).is_err());
}

#[test]
fn a_folder_is_all_that_is_in_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("data");
    fs::create_dir_all(folder.join("deep/er")).unwrap();
    fs::write(folder.join("a"), "one").unwrap();
    fs::write(folder.join("deep/er/b"), "two").unwrap();
    let files = late();
    let Content { digest, size, .. } = files.folder(&folder).unwrap();
    assert_eq!(size, 6);
    assert_eq!(digest, metalab_cas::tree::folder_digest(&folder).unwrap().0);
    assert_eq!(files.folder(&folder).unwrap().digest, digest);
    let mut seen = vec![digest];
    let mut differs = || {
        let digest = files.folder(&folder).unwrap().digest;
        assert!(!seen.contains(&digest));
        assert_eq!(digest, metalab_cas::tree::folder_digest(&folder).unwrap().0);
        seen.push(digest);
    };
    fs::write(folder.join("deep/er/b"), "other").unwrap();
    differs();
    fs::rename(folder.join("a"), folder.join("c")).unwrap();
    differs();
    fs::write(folder.join("new"), "").unwrap();
    differs();
    fs::remove_file(folder.join("deep/er/b")).unwrap();
    differs();
}

#[test]
fn unchanged_files_of_a_changed_folder_are_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("big"), "one").unwrap();
    let files = late();
    files.folder(folder.path()).unwrap();
    let lie = Digest::of(b"lie");
    files.entries().values_mut().for_each(|entry| entry.digest = *lie.as_bytes());
    fs::write(folder.path().join("new"), "two").unwrap();
    let believed = files.folder(folder.path()).unwrap().digest;
    assert_ne!(believed, metalab_cas::tree::folder_digest(folder.path()).unwrap().0);
}

#[test]
fn paths_become_digests_however_deep() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("x"), folder.path().join("data"));
    fs::write(&file, "one").unwrap();
    fs::create_dir(&data).unwrap();
    let files = StatCache::new();
    let (path, dir) = (FilePath::from(text(&file)), DirPath::from(text(&data)));
    let value = Value::from_serde(&(1, vec![Some(path.clone()), None], (dir, [("k", path)]))).unwrap();
    let (resolved, watched) = files.resolve(&value, "input").unwrap();
    let content = Value::File(Digest::of(b"one"));
    let shown = format!("{resolved:?}");
    assert!(!shown.contains("metalab::") && !shown.contains(text(folder.path())), "{shown}");
    let Value::List(parts) = &resolved else { panic!("{shown}") };
    assert_eq!(parts[1], Value::List(vec![content.clone(), Value::Null]));
    let kinds: Vec<_> = watched.iter().map(|watched| watched.kind.clone()).collect();
    assert_eq!(kinds, [WatchedKind::File, WatchedKind::Folder]);
    // What mentions no path stays as it is.
    assert!(files.resolve(&Value::from_serde(&("a", 1.5)).unwrap(), "x").unwrap().1.is_empty());
    let missing = Value::from_serde(&FilePath::from("no/such")).unwrap();
    let error = files.resolve(&missing, "input").unwrap_err().to_string();
    assert!(error.starts_with("`input`: there is no file or folder `no/such`"), "{error}");
}

#[test]
fn what_is_watched_is_compared_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("x"), folder.path().join("data"));
    fs::write(&file, "one").unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("a"), "one").unwrap();
    let value = Value::from_serde(&(FilePath::from(text(&file)), DirPath::from(text(&data)))).unwrap();
    for files in [StatCache::new(), late()] {
        let (_, watched) = files.resolve(&value, "x").unwrap();
        let [file_watched, data_watched] = &watched[..] else { panic!("{watched:?}") };
        // Touched or rewritten with the same bytes: no change.
        fs::write(&file, "one").unwrap();
        fs::write(data.join("a"), "one").unwrap();
        StatCache::check(file_watched).unwrap();
        StatCache::check(data_watched).unwrap();
        fs::write(&file, "two!").unwrap();
        fs::write(data.join("b"), "new").unwrap();
        let error = StatCache::check(file_watched).unwrap_err();
        assert!(
            matches!(error, Changed::Content { .. }) && error.to_string().contains("changed since"),
            "{error}"
        );
        assert!(matches!(StatCache::check(data_watched), Err(Changed::Content { .. })));
        fs::remove_file(&file).unwrap();
        assert!(matches!(StatCache::check(file_watched), Err(Changed::Gone { .. })));
        fs::write(&file, "one").unwrap();
        fs::remove_file(data.join("b")).unwrap();
        StatCache::check(file_watched).unwrap();
        StatCache::check(data_watched).unwrap();
    }
}

#[test]
fn the_cache_survives_in_a_store_without_naming_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telling-name");
    fs::write(&path, "one").unwrap();
    let store = Store::memory().unwrap();
    let files = late();
    files.file(&path).unwrap();
    files.save(&store).unwrap();
    let key = metalab_cas::Key::new("live/statcache").unwrap();
    let bytes = store.backend().get(&key).unwrap();
    assert!(!bytes.windows(12).any(|window| window == b"telling-name"));
    let again = StatCache::load(&store);
    assert_eq!(again.entries().len(), 1);
    assert_eq!(again.file(&path).unwrap().digest, Digest::of(b"one"));
    // Nothing new: nothing is written.
    store.backend().delete(&key).unwrap();
    again.save(&store).unwrap();
    assert!(StatCache::load(&store).entries().is_empty());
}
