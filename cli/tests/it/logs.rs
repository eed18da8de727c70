//! Logs of runs that work.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};

use metalab_cli::{Console, run};
use metalab_engine::Experiment;
use metalab_engine::params::{Grid, Sweep};
use metalab_engine::running::Runner;
use metalab_executors::Threads;

use crate::lab::{Lab, RELEASED, Wait};

/// Passes on what is written, as it is written.
struct Pass(Sender<Vec<u8>>);

impl Write for Pass {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The runs that write a log now.
fn working(lab: &Lab) -> Option<String> {
    let mut files = std::fs::read_dir(lab.path("runs/live/logs")).ok()?;
    let name = files.next()?.ok()?.file_name().into_string().ok()?;
    Some(name.split('-').next()?.to_owned())
}

#[test]
fn a_log_is_followed_to_the_end_of_its_run() {
    let lab = Lab::empty();
    let experiment = Experiment::new("waiting", "1").sweep(Sweep::grid::<Wait>(Grid::new()));
    let handle = Runner::new(experiment, lab.store(), Arc::new(Threads::new(1).unwrap())).start().unwrap();
    let id = loop {
        match working(&lab) {
            Some(id) => break id,
            None => std::thread::yield_now(),
        }
    };
    let (give, take) = channel();
    let text = std::thread::scope(|scope| {
        let args = lab.args(&["logs", &id[..10], "-f"]);
        let follower = scope.spawn(move || {
            let (mut out, mut err) = (Pass(give), Vec::new());
            run(args, &mut Console::new(&mut out, &mut err)).map_err(|error| error.to_string())
        });
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("waiting\n") {
            text.extend(take.recv().unwrap());
        }
        // Without `-f`, what is there by now.
        let now = lab.tell(&["logs", &id[..10]]);
        assert!(now.code == 0 && now.out.ends_with("waiting\n") && now.err.contains("-f"), "{now:?}");
        assert_eq!(lab.tell(&["logs", &id, "--stream", "early"]).out, "one\n");
        let none = lab.tell(&["logs", &id, "--stream", "late"]);
        assert!(none.code == 1 && none.err.contains("hint: it has: early"), "{none:?}");
        // A stream that is not there yet is waited for.
        let late = scope.spawn(|| lab.tell(&["logs", &id, "-f", "--stream", "late"]));
        RELEASED.store(true, Ordering::SeqCst);
        handle.wait().unwrap();
        assert_eq!(late.join().unwrap().ok(), "two\n");
        follower.join().unwrap().unwrap();
        text.extend(take.iter().flatten());
        String::from_utf8(text).unwrap()
    });
    let recorded = lab.tell(&["logs", &id]).ok();
    assert_eq!(text, recorded);
    assert!(recorded.ends_with("released\n") && recorded.lines().count() == 2, "{recorded}");
    assert_eq!(lab.tell(&["logs", &id, "--stream", "early", "-f"]).ok(), "one\n");
    let shown = lab.tell(&["show", &id]).ok();
    assert!(shown.contains("log streams\n  early") && shown.contains("--stream NAME` prints one"), "{shown}");
    let shown: serde_json::Value =
        serde_json::from_str(&lab.tell(&["show", &id, "--format", "json"]).ok()).unwrap();
    let names: Vec<_> =
        shown["streams"].as_array().unwrap().iter().map(|stream| stream["name"].clone()).collect();
    assert_eq!((names, shown["streams"][0]["size"].clone()), (vec!["early".into(), "late".into()], 4.into()));
    assert_eq!(shown["log"]["size"], recorded.len());
    let none = lab.tell(&["logs", &id, "--stream", "stdout", "-f"]);
    let words = format!("run {} has no log stream `stdout`", &id[..12]);
    assert!(
        none.code == 1 && none.err.contains(&words) && none.err.contains("it has: early, late"),
        "{none:?}"
    );
    // A run that is over is not waited for.
    assert_eq!(lab.tell(&["logs", "-f", &id]).ok(), recorded);
}

#[test]
fn a_log_left_by_a_dead_process_gives_way_to_the_record() {
    let lab = Lab::filled();
    let id = lab.ids("succeeded")[0].clone();
    let recorded = lab.tell(&["logs", &id]).ok();
    let left = lab.path(&format!("runs/live/logs/{id}-{}.log", "0".repeat(32)));
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    let file = std::fs::File::create(&left).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    assert_eq!(lab.tell(&["logs", &id, "-f"]).ok(), recorded);
}
