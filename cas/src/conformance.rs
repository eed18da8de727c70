//! What every back end must do, as a suite for their tests.

use std::sync::Arc;

use crate::backend::{Backend, BackendError, PutMode, PutOutcome};
use crate::key::Key;

fn key(text: &str) -> Key {
    Key::new(text).expect("a legal key")
}

/// Runs the whole suite against empty back ends that `make` gives.
///
/// # Panics
/// When a back end does not conform.
pub fn backend(make: impl Fn() -> Arc<dyn Backend>) {
    what_is_put_is_there(&*make());
    absence_is_no_error_and_no_error_is_absence(&*make());
    create_leaves_what_is_there(&*make());
    of_many_creators_one_wins(&make());
    listings_are_complete_and_sorted(&*make());
    uploads_are_whole_or_absent(&*make());
    growing_files_grow(&*make());
    keys_do_not_collide(&*make());
}

fn what_is_put_is_there(backend: &dyn Backend) {
    let (a, big) = (key("cas/ab/a"), key("x/big"));
    for bytes in [&b""[..], b"0123456789"] {
        assert_eq!(backend.put(&a, bytes, PutMode::Replace).expect("put"), PutOutcome::Written);
        assert_eq!(&backend.get(&a).expect("get")[..], bytes);
    }
    assert_eq!(&backend.get_range(&a, 2..5).expect("range")[..], b"234");
    assert_eq!(&backend.get_range(&a, 8..50).expect("range over the end")[..], b"89");
    assert!(backend.get_range(&a, 50..60).expect("range behind the end").is_empty());
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|x| (x * 31 % 251) as u8).collect();
    backend.put(&big, &bytes, PutMode::Create).expect("put");
    backend.sync().expect("sync");
    assert_eq!(backend.head(&big).expect("head").expect("there").size, 3_000_000);
    assert_eq!(&backend.get(&big).expect("get")[..], bytes);
    backend.touch(&big).expect("touch");
    assert_eq!(&backend.get(&big).expect("get")[..], bytes, "touching changes no byte");
}

fn absence_is_no_error_and_no_error_is_absence(backend: &dyn Backend) {
    let gone = key("cas/no/thing");
    assert!(matches!(backend.get(&gone), Err(BackendError::NotFound { .. })));
    assert!(matches!(backend.get_range(&gone, 0..1), Err(BackendError::NotFound { .. })));
    assert!(matches!(backend.touch(&gone), Err(BackendError::NotFound { .. })));
    assert_eq!(backend.head(&gone).expect("head"), None);
    backend.delete(&gone).expect("deleting what is not there is fine");
    assert!(backend.list(&key("cas")).expect("list").is_empty());
    backend.put(&gone, b"x", PutMode::Create).expect("put");
    backend.delete(&gone).expect("delete");
    assert_eq!(backend.head(&gone).expect("head"), None);
}

fn create_leaves_what_is_there(backend: &dyn Backend) {
    let a = key("a");
    assert_eq!(backend.put(&a, b"first", PutMode::Create).expect("put"), PutOutcome::Written);
    assert_eq!(backend.put(&a, b"second", PutMode::Create).expect("put"), PutOutcome::Existed);
    assert_eq!(&backend.get(&a).expect("get")[..], b"first");
}

fn of_many_creators_one_wins(backend: &Arc<dyn Backend>) {
    for round in 0..20 {
        let name = key(&format!("race/{round}"));
        let creators = (0..4_u8).map(|who| {
            let (backend, name) = (backend.clone(), name.clone());
            std::thread::spawn(move || (who, backend.put(&name, &[who; 100], PutMode::Create).expect("put")))
        });
        let creators: Vec<_> = creators.collect();
        let outcomes = creators.into_iter().map(|creator| creator.join().expect("no panic"));
        let winners: Vec<u8> =
            outcomes.filter(|(_, outcome)| *outcome == PutOutcome::Written).map(|(who, _)| who).collect();
        assert_eq!(winners.len(), 1, "exactly one creator wins");
        assert_eq!(&backend.get(&name).expect("get")[..], [winners[0]; 100]);
    }
}

fn listings_are_complete_and_sorted(backend: &dyn Backend) {
    let mut names: Vec<String> = (0..40).map(|number| format!("l/{}/{number}", number % 3)).collect();
    for name in &names {
        backend.put(&key(name), name.as_bytes(), PutMode::Create).expect("put");
    }
    backend.put(&key("lx"), b"beside", PutMode::Create).expect("put");
    names.sort();
    let listed = backend.list(&key("l")).expect("list");
    assert_eq!(listed.iter().map(|file| file.key.as_str()).collect::<Vec<_>>(), names);
    assert!(listed.iter().all(|file| file.meta.size == file.key.as_str().len() as u64));
}

fn uploads_are_whole_or_absent(backend: &dyn Backend) {
    let mut upload = backend.upload().expect("upload");
    upload.write(b"half").expect("write");
    drop(upload);
    assert!(backend.list(&key("live")).expect("list").is_empty(), "a dropped upload leaves nothing");
    let mut upload = backend.upload().expect("upload");
    (0..200).for_each(|part: u32| upload.write(&[part as u8; 100_000]).expect("write"));
    assert_eq!(upload.finish(&key("cas/up/load"), PutMode::Create).expect("finish"), PutOutcome::Written);
    let bytes = backend.get(&key("cas/up/load")).expect("get");
    assert!(bytes.len() == 20_000_000 && bytes[19_999_999] == 199);
    let mut second = backend.upload().expect("upload");
    second.write(b"other").expect("write");
    assert_eq!(second.finish(&key("cas/up/load"), PutMode::Create).expect("finish"), PutOutcome::Existed);
    assert_eq!(backend.head(&key("cas/up/load")).expect("head").expect("there").size, 20_000_000);
}

fn growing_files_grow(backend: &dyn Backend) {
    let log = key("journal/day/a.seg");
    let Some(mut file) = backend.append(&log).expect("append") else { return };
    file.write(b"one").expect("write");
    assert_eq!(&backend.get(&log).expect("get")[..], b"one", "a reader sees what was written");
    file.sync().expect("sync");
    file.write(b"two").expect("write");
    assert_eq!(file.len(), 6);
    drop(file);
    let file = backend.append(&log).expect("append").expect("still appends");
    assert_eq!(file.len(), 6, "opened again it goes on at the end");
    assert_eq!(&backend.get(&log).expect("get")[..], b"onetwo");
}

fn keys_do_not_collide(backend: &dyn Backend) {
    for name in ["k/a.b", "k/a_b", "k/A.b", "k/a=b", "k/a-b"] {
        backend.put(&key(name), name.as_bytes(), PutMode::Create).expect("put");
    }
    for name in ["k/a.b", "k/a_b", "k/A.b", "k/a=b", "k/a-b"] {
        assert_eq!(&backend.get(&key(name)).expect("get")[..], name.as_bytes());
    }
}
