//! What operations may do with a capture, and what is kept of it.

mod data;
mod streams;

use std::fs;
use std::sync::Arc;

use metalab_cas::Digest;

use super::*;
use crate::id::{RunId, WriterId};
use crate::live::{log_key, remove_logs};
use crate::record::Scalar;
use crate::store::Store;

fn run() -> RunId {
    RunId(Digest::of(b"run"))
}

fn sink(store: &Store) -> StoreSink {
    StoreSink::new(Arc::new(store.blobs().clone()), store.backend().clone(), WriterId::from_bytes([7; 16]))
}

/// A store in a folder of its own, and a capture into it.
fn stored() -> (tempfile::TempDir, StoreSink, Store, Capture) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store").to_str().unwrap()).unwrap();
    let sink = sink(&store);
    let capture = Capture::new(Arc::new(sink.clone()), run());
    (folder, sink, store, capture)
}

fn key(stream: Option<&str>) -> metalab_cas::Key {
    log_key(&run(), &WriterId::from_bytes([7; 16]), stream).unwrap()
}

fn live_log(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("store").join(key(None).as_str())
}

#[test]
fn metrics_replace_and_keep_their_order() {
    let capture = Capture::memory();
    capture.metric("b", 1);
    capture.metric("a", f64::NAN);
    capture.metric("b", true);
    capture.metric("text", "x");
    let captured = capture.finish();
    let names: Vec<_> = captured.metrics.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a", "text"]);
    assert_eq!(captured.metrics[0].1, Scalar::Bool(true));
    assert!(matches!(captured.metrics[1].1, Scalar::Float(x) if x.is_nan()));
    assert!(captured.misuse.is_none());
    assert!(capture.finish().is_empty());
}

#[test]
fn a_million_steps_are_fine() {
    let capture = Capture::memory();
    for step in 0..1_000_000 {
        capture.step("loss", step, step as f64);
        if step % 100_000 == 0 {
            capture.step("coarse", step, 0.0);
        }
    }
    let captured = capture.finish();
    assert_eq!(captured.series[0].1.len(), 1_000_000);
    assert_eq!(captured.series[1].1.len(), 10);
}

#[test]
fn threads_may_capture_at_once() {
    let capture = Capture::memory();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let capture = &capture;
            scope.spawn(move || {
                for n in 0..1000 {
                    capture.step("loss", n, thread as f64);
                    capture.metric(&format!("m{}", n % 50), n);
                    capture.log(n);
                }
                capture.artifact_text(&format!("t{thread}"), "x");
                capture.artifact_text("one of us", "x");
            });
        }
    });
    assert_eq!(capture.get_series("loss").len(), 8000);
    assert_eq!(capture.get_metrics().len(), 50);
    assert_eq!(capture.log_text().lines().count(), 8000);
    assert_eq!(capture.artifacts().len(), 9);
    assert!(matches!(capture.finish().misuse, Some(Misuse::Twice { name, .. }) if name == "one of us"));
}

#[test]
fn the_first_misuse_is_kept_and_all_else_too() {
    let capture = Capture::memory();
    capture.metric("good", 1);
    capture.metric("../bad", 1);
    capture.step("", 0, 0.0);
    capture.artifact_file("missing", "no/such/file");
    capture.artifact_text("kept", "x");
    let captured = capture.finish();
    let misuse = captured.misuse.unwrap();
    assert_eq!(misuse.cause(), "capture");
    let chain = misuse.chain();
    assert_eq!(chain[0], "capture a metric");
    assert!(chain[1].starts_with("`../bad` cannot be a name"), "{chain:?}");
    assert_eq!(captured.metrics.len(), 1);
    assert_eq!(captured.artifacts.len(), 1);
}

#[test]
fn each_misuse_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.csv");
    fs::write(&file, "x").unwrap();
    let said = |work: &dyn Fn(&Capture)| {
        let capture = Capture::memory();
        work(&capture);
        assert_eq!(capture.artifacts().len(), 0);
        capture.misuse().unwrap()
    };
    assert_eq!(
        said(&|capture| capture.artifact_file("a", folder.path())).rsplit_once(';').unwrap().1,
        " use `artifact_folder`"
    );
    assert_eq!(
        said(&|capture| capture.artifact_folder("a", &file)),
        "capture the artifact `a`: `f.csv` is no folder; use `artifact_file`"
    );
    assert_eq!(
        said(&|capture| capture.artifact_npy("a", &[2, 2], &[1.0, 2.0, 3.0])),
        "capture the artifact `a`: 3 elements do not fit the shape [2, 2]"
    );
    assert_eq!(
        said(&|capture| capture.artifact_json("a", &std::collections::BTreeMap::from([((1, 2), 3)]))),
        "capture the artifact `a`: encode as json: a map key is a tuple; \
         keys must be texts, whole numbers, bools or unit variants"
    );
    assert!(said(&|capture| capture.artifact_file("a", "/dev/null")).contains("no regular file"));
}

#[test]
fn artifacts_know_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("f.csv"), "1,2").unwrap();
    let capture = Capture::memory();
    capture.artifact_bytes("b", [1, 2]);
    capture.artifact_text("t", "hello");
    capture.artifact_json("j", &(1, f64::NAN));
    capture.artifact_npy("n", &[3], &[1_u8, 2, 3]);
    capture.artifact_file("f", folder.path().join("f.csv"));
    capture.artifact_folder("d", folder.path());
    assert_eq!(capture.get_artifact("j").unwrap(), br#"[1,{"$float":"NaN"}]"#);
    assert_eq!(capture.get_artifact("f").unwrap(), b"1,2");
    assert_eq!(capture.get_artifact("d"), None);
    let captured = capture.finish();
    let kinds: Vec<_> =
        captured.artifacts.iter().map(|a| (a.name.as_str(), &*a.kind, a.extension.as_deref())).collect();
    assert_eq!(
        kinds,
        [
            ("b", "bytes", None),
            ("t", "text", Some("txt")),
            ("j", "json", Some("json")),
            ("n", "npy", Some("npy")),
            ("f", "file", Some("csv")),
            ("d", "folder", None),
        ]
    );
    assert_eq!(captured.artifacts[5].body.size(), 3);
}

#[test]
fn large_captures_go_to_the_store_at_once() {
    let (folder, _, store, capture) = stored();
    let large = vec![7_u8; 300_000];
    fs::write(folder.path().join("large.bin"), &large).unwrap();
    capture.artifact_bytes("large", large.clone());
    capture.artifact_bytes("small", vec![1; 1000]);
    capture.artifact_file("file", folder.path().join("large.bin"));
    let inner = folder.path().join("data");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("x"), "y").unwrap();
    capture.artifact_folder("folder", &inner);
    let captured = capture.finish();
    assert!(captured.misuse.is_none(), "{:?}", captured.misuse);
    let digest = Digest::of(&large);
    assert_eq!(captured.artifacts[0].body, Body::Stored { digest, size: 300_000 });
    assert_eq!(captured.artifacts[1].body, Body::Bytes(vec![1; 1000]));
    assert_eq!(captured.artifacts[2].body, Body::Stored { digest, size: 300_000 });
    assert_eq!(&store.blobs().get(&digest).unwrap()[..], &large[..]);
    let Body::Stored { digest: tree, size: 1 } = captured.artifacts[3].body else { panic!("{captured:?}") };
    assert!(store.blobs().get(&tree).is_ok());
}

#[test]
fn logs_can_be_read_while_the_run_works() {
    let (folder, _, store, capture) = stored();
    let live = live_log(&folder);
    assert!(!live.exists());
    capture.log("first");
    let line = fs::read_to_string(&live).unwrap();
    assert!(line.ends_with(" first\n") && line.as_bytes()[2] == b':' && line.as_bytes()[8] == b'.', "{line}");
    capture.log("two\nlines\n");
    let text = fs::read_to_string(&live).unwrap();
    assert!(text.ends_with(" two\n             lines\n"), "{text}");
    assert_eq!(capture.log_text(), text);
    assert_eq!(capture.finish().log, Some(Body::Bytes(text.into_bytes())));
    assert!(live.exists());
    remove_logs(&store, &run(), &WriterId::from_bytes([7; 16]), true, &[]);
    assert!(!live.exists());
    capture.log("after the end");
    assert!(!live.exists());
}

#[test]
fn long_logs_do_not_stay_in_memory() {
    let (folder, _, store, capture) = stored();
    let line = "x".repeat(1000);
    (0..1000).for_each(|_| capture.log(&line));
    let live = live_log(&folder);
    let text = fs::read(live).unwrap();
    assert_eq!(capture.log_text().as_bytes(), text);
    let Some(Body::Stored { digest, size }) = capture.finish().log else { panic!("not stored") };
    assert_eq!(size, text.len() as u64);
    assert_eq!(&store.blobs().get(&digest).unwrap()[..], &text[..]);
}

#[test]
fn stores_that_are_no_folder_keep_logs_in_memory() {
    let store = Store::memory().unwrap();
    let capture = Capture::new(Arc::new(sink(&store)), run());
    (0..1000).for_each(|_| capture.log("y".repeat(1000)));
    let Some(Body::Stored { size, .. }) = capture.finish().log else { panic!("not stored") };
    assert_eq!(size, 1000 * 1014);
}

#[test]
fn a_text_that_captures_while_it_is_shown_does_not_hang() {
    struct Talker<'a>(&'a Capture);
    impl std::fmt::Display for Talker<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.metric("seen", true);
            f.write_str("x")
        }
    }
    let capture = Capture::memory();
    capture.log(Talker(&capture));
    assert_eq!(capture.get_metric("seen"), Some(Scalar::Bool(true)));
}

#[test]
fn a_panic_loses_nothing() {
    let capture = Capture::memory();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        capture.metric("before", 1);
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err());
    assert_eq!(capture.finish().metrics.len(), 1);
}
