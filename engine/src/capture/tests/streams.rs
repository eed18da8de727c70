//! Log streams, figures, formats of the user's own, and secrets in what is captured.

use std::fs;

use metalab_cas::Value;

use super::{key, run, stored};
use crate::Secret;
use crate::capture::{ArtifactCodec, Body, Capture};
use crate::id::WriterId;
use crate::live::{logs, remove_logs, streams};
use crate::record::Scalar;

#[test]
fn streams_lie_beside_the_log_and_are_removed_with_it() {
    let (folder, _, store, capture) = stored();
    let place = |stream| folder.path().join("store").join(key(stream).as_str());
    capture.log("main");
    capture.log_to("stdout", "one");
    capture.log_to("stdout", "two\n");
    capture.log_to("solver-1.x", "three");
    assert_eq!(fs::read_to_string(place(Some("stdout"))).unwrap(), "one\ntwo\n");
    assert_eq!(capture.stream_text("stdout"), "one\ntwo\n");
    assert_eq!(logs(&store, &run()).unwrap(), [key(None)]);
    let mut found = streams(&store, &run()).unwrap();
    found.sort();
    let expected = ["solver-1.x", "stdout"].map(|name| (name.to_owned(), key(Some(name))));
    assert_eq!(found, expected);
    let captured = capture.finish();
    assert_eq!(captured.streams[0], ("stdout".to_owned(), Body::Bytes(b"one\ntwo\n".to_vec())));
    assert_eq!(captured.streams[1].0, "solver-1.x");
    let names: Vec<_> = captured.streams.into_iter().map(|(name, _)| name).collect();
    remove_logs(&store, &run(), &WriterId::from_bytes([7; 16]), true, &names);
    assert!(!place(None).exists() && !place(Some("stdout")).exists() && !place(Some("solver-1.x")).exists());
}

#[test]
fn names_of_streams_cannot_lead_anywhere() {
    for name in ["../x", "", "a b", ".hidden", "höhe", "-v", &"x".repeat(65)] {
        let (folder, _, _, capture) = stored();
        capture.log_to(name, "line");
        assert!(capture.misuse().unwrap().contains("log"), "{name}");
        assert!(!folder.path().join("store/live/logs").exists(), "{name}");
        assert!(capture.finish().streams.is_empty());
    }
}

#[test]
fn figures_are_what_they_say() {
    let capture = Capture::memory();
    capture.figure_svg("curve", "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    capture.figure_png("dot", b"\x89PNG\r\n\x1a\nrest".to_vec());
    let captured = capture.finish();
    let kinds: Vec<_> = captured.artifacts.iter().map(|a| (&*a.kind, a.extension.as_deref())).collect();
    assert_eq!(kinds, [("figure", Some("svg")), ("figure", Some("png"))]);
    let capture = Capture::memory();
    capture.figure_png("dot", "<svg/>");
    assert_eq!(capture.misuse().unwrap(), "capture artifact `dot`: this is no PNG: it does not begin as one");
}

struct Lines;

impl ArtifactCodec<Vec<String>> for Lines {
    fn kind(&self) -> &str {
        "list"
    }
    fn format(&self) -> &str {
        "lines-1"
    }
    fn metadata(&self, lines: &Vec<String>) -> Vec<(String, Value)> {
        vec![("lines".into(), lines.len().into()), ("first".into(), lines[0].as_str().into())]
    }
    fn encode(&self, lines: &Vec<String>, out: &mut Vec<u8>) -> crate::Result<()> {
        if lines.iter().any(|line| line.contains('\n')) {
            return Err("a line with a line break in it".into());
        }
        out.extend(lines.join("\n").bytes());
        Ok(())
    }
    fn decode(&self, bytes: &[u8]) -> crate::Result<Vec<String>> {
        Ok(std::str::from_utf8(bytes)?.lines().map(str::to_owned).collect())
    }
}

#[test]
fn a_codec_of_ones_own_has_kind_format_and_metadata() {
    let capture = Capture::memory();
    capture.artifact_with(&Lines, "names", &vec!["a".to_owned(), "b".to_owned()]);
    let artifact = capture.finish().artifacts.remove(0);
    assert_eq!((&*artifact.kind, artifact.format.as_deref()), ("list", Some("lines-1")));
    assert_eq!(Value::decode(&artifact.metadata).unwrap().to_string(), "{first: \"a\", lines: 2}");
    let capture = Capture::memory();
    capture.artifact_with(&Lines, "names", &vec!["a\nb".to_owned()]);
    assert_eq!(capture.misuse().unwrap(), "capture artifact `names`: a line with a line break in it");
    assert!(capture.artifacts().is_empty());
}

#[test]
fn a_secret_is_nowhere_in_what_is_captured() {
    let token = Secret::new("tell-nobody-this".to_owned());
    let capture = Capture::memory();
    capture.log(format_args!("sent {} with {token:?}", token.expose()));
    capture.log_to("stdout", token.expose());
    capture.metric("note", token.expose());
    capture.metrics([("also", token.expose())]);
    capture.data("reply", &vec![("auth", token.expose())]);
    {
        let _here = capture.in_thread();
        tracing::info!(target: "lab", header = token.expose(), "sent");
    }
    assert_eq!(capture.get_metric("note"), Some(Scalar::Text("***".into())));
    let captured = format!("{:?}", capture.finish());
    let shown = |bytes: &Body| match bytes {
        Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::Stored { .. } => String::new(),
    };
    assert!(!captured.contains("tell-nobody-this"), "{captured}");
    let capture = Capture::memory();
    capture.log(token.expose());
    capture.log_to("stdout", token.expose());
    capture.data("reply", token.expose());
    let captured = capture.finish();
    for body in [captured.log.as_ref().unwrap(), &captured.streams[0].1, &captured.data[0].body] {
        let text = shown(body);
        assert!(text.contains("***") && !text.contains("tell"), "{text}");
    }
}

#[test]
fn folders_with_what_cannot_be_kept_are_refused_by_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let said = |make: &dyn Fn(&std::path::Path)| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("fine"), "x").unwrap();
        make(folder.path());
        let capture = Capture::memory();
        capture.artifact_folder("results", folder.path());
        assert!(capture.artifacts().is_empty());
        let text = capture.misuse().unwrap();
        let folder = folder.path().to_str().unwrap();
        assert!(!text.contains(folder), "{text} names a folder of this machine");
        text
    };
    let socket = said(&|folder| drop(UnixListener::bind(folder.join("server.sock")).unwrap()));
    assert!(socket.contains("`server.sock` is a socket"), "{socket}");
    let outside = said(&|folder| symlink("../../elsewhere", folder.join("link")).unwrap());
    assert!(outside.contains("`link` is a link to `../../elsewhere`, which is outside"), "{outside}");
    let name = said(&|folder| fs::write(folder.join(OsStr::from_bytes(b"bad-\xff.txt")), "x").unwrap());
    assert!(name.contains("`bad-\u{fffd}.txt` has a name that is not UTF-8"), "{name}");

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "x").unwrap();
    symlink("a", folder.path().join("b")).unwrap();
    let capture = Capture::memory();
    capture.artifact_folder("results", folder.path());
    assert_eq!(capture.misuse(), None, "a link that stays inside is kept as a link");
}
