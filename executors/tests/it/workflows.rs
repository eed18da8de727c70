//! Workflows come out of processes as they come out of threads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use metalab::inputs::{Gathered, Input};
use metalab::{Capture, Context, DirPath, FilePath, GitCommit, SeedBundle, seeds};
use metalab_engine::Experiment;
use metalab_engine::results::Results;
use metalab_engine::running::Runner;
use metalab_engine::store::Store;
use metalab_executors::Threads;

use crate::lab::{Lab, processes, run};

#[derive(Context)]
struct Site {
    factor: f64,
    data: FilePath,
    /// Travels although it does not count.
    #[context(skip)]
    loud: bool,
    /// Arrives as its default.
    #[context(skip)]
    cache: std::sync::OnceLock<u8>,
}

/// `size` bytes, in the record, in a pack, or a blob.
#[metalab::operation(code = "manual")]
fn prepare(size: usize, site: &Site, capture: &Capture) -> metalab::Result<String> {
    let text = std::fs::read_to_string(site.data.as_path())?;
    capture.metric("loud", f64::from(u8::from(site.loud && site.cache.get().is_none())));
    capture.artifact_text("note", format!("note of {size}"));
    Ok(text.trim().repeat(size / text.trim().len()))
}

#[metalab::operation(code = "manual")]
fn draw(text: Input<String>, k: u64, site: &Site, seeds: &SeedBundle, capture: &Capture) -> f64 {
    (0..5).for_each(|step| capture.step("loss", step, 1.0 / (step + 1) as f64));
    capture.log(format_args!("k = {k}"));
    let mut rng = seeds.rng("draw");
    text.len() as f64 * site.factor + k as f64 + rng.uniform()
}

#[metalab::operation(code = "manual")]
fn read(note: Input<FilePath>, digits: FilePath, folder: DirPath) -> metalab::Result<String> {
    let files = std::fs::read_dir(folder.as_path())?.count();
    Ok(format!(
        "{} {} {files}",
        std::fs::read_to_string(note.as_path())?,
        std::fs::read_to_string(digits.as_path())?
    ))
}

#[metalab::operation(code = "manual")]
fn collect(scores: Gathered<f64>, notes: Gathered<String>) -> BTreeMap<String, f64> {
    let sizes = notes.iter().map(|note| (note.coordinates().to_string(), note.len() as f64));
    scores.iter().map(|score| (score.coordinates().to_string(), **score)).chain(sizes).collect()
}

fn files(lab: &Lab) -> (String, String, String) {
    let (data, digits, folder) = (lab.path("data"), lab.path("digits"), lab.path("folder"));
    std::fs::write(&data, "abcde").unwrap();
    std::fs::write(&digits, "12345").unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(Path::new(&folder).join("one"), "1").unwrap();
    (data, digits, folder)
}

fn pipeline(lab: &Lab, ks: &[u64]) -> Experiment {
    let (data, digits, folder) = files(lab);
    let site = Site { factor: 0.5, data: data.into(), loud: true, cache: Default::default() };
    site.cache.set(7).unwrap();
    let mut exp = Experiment::new("pipeline", "1").seeds(seeds(3).replicates(2)).context(site);
    let text = exp.step(Prepare::grid().size([50, 20_000, 400_000]));
    let score = exp.step(Draw::grid().text(&text).k(ks));
    exp.step(
        Read::grid().note(text.artifact("note")).digits(FilePath::from(digits)).folder(DirPath::from(folder)),
    );
    exp.step(Collect::grid().scores(score.gather()).notes(text.gather()));
    exp
}

/// What there is to say about every run.
pub(crate) fn told(results: Results) -> Vec<String> {
    let runs = results.ok().unwrap();
    let runs = runs.iter().map(|run| {
        let run = run.unwrap();
        let attempt = run.attempt().unwrap();
        let artifacts: Vec<_> =
            run.artifacts().iter().map(|artifact| run.artifact(&artifact.name).unwrap()).collect();
        format!(
            "{} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {artifacts:?}",
            run.step(),
            run.id(),
            run.output_bytes().unwrap(),
            run.coordinates(),
            run.params(),
            run.inputs(),
            run.metrics(),
            attempt.shown,
            attempt.series.iter().map(|series| run.series(&series.name).unwrap()).collect::<Vec<_>>(),
            // The time of day in front differs.
            run.log().unwrap_or_default().split_once(' ').map(|(_, text)| text.to_owned()),
        )
    });
    runs.collect()
}

#[test]
fn processes_and_threads_agree_on_everything() {
    let lab = Lab::new();
    let (one, other) = (lab.store(), lab.store());
    let in_threads = Runner::new(pipeline(&lab, &[1, 2]), one.clone(), Arc::new(Threads::new(2).unwrap()));
    let in_threads = told(in_threads.start().unwrap().wait().unwrap());
    let executor = processes(2);
    let results = run(pipeline(&lab, &[1, 2]), &other, &executor);
    let loud = results.iter().find_map(|run| run.unwrap().metric("loud").cloned());
    assert_eq!(format!("{loud:?}"), "Some(Float(1.0))");
    let in_processes = told(results);
    assert_eq!(in_threads.len(), 3 + 12 + 3 + 1);
    // A cache of this process is not there in the others: that one metric differs by design.
    let plain = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !line.starts_with("prepare")).cloned().collect()
    };
    assert_eq!(plain(&in_threads), plain(&in_processes));
    // Nothing is done again, wherever it was done.
    let again = run(pipeline(&lab, &[1, 2]), &one, &executor);
    assert_eq!(again.summary().unwrap().reused, 19);
}

#[derive(Context)]
struct Scripts {
    code: GitCommit,
}

#[metalab::operation(code = "manual")]
fn commit_of(scripts: &Scripts) -> String {
    scripts.code.to_string()
}

#[test]
fn a_commit_goes_to_processes_without_its_repository() {
    let lab = Lab::new();
    let root = lab.path("scripts");
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(arguments).output()
    };
    let Ok(made) = git(&["init", "-q", &root]) else {
        #[expect(clippy::print_stderr, reason = "a test that tried nothing says so")]
        {
            eprintln!("skipped: there is no program `git` on this machine");
        }
        return;
    };
    assert!(made.status.success());
    let committed = git(&["-C", &root, "commit", "-q", "--allow-empty", "-m", "work"]).unwrap();
    assert!(committed.status.success(), "{}", String::from_utf8_lossy(&committed.stderr));
    std::fs::write(Path::new(&root).join("new.py"), "1").unwrap();
    let code = GitCommit::with_changes(&root).unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    let experiment =
        || Experiment::new("commits", "1").context(Scripts { code: code.clone() }).sweep(CommitOf::grid());
    let (store, executor) = (lab.store(), processes(1));
    let results = run(experiment(), &store, &executor).ok().unwrap();
    assert_eq!(results.at(0).unwrap().unwrap().output::<String>().unwrap(), code.to_string());
    assert_eq!(run(experiment(), &store, &executor).summary().unwrap().reused, 1);
}

#[test]
fn a_damaged_input_is_made_again() {
    let lab = Lab::new();
    let store = lab.store();
    run(pipeline(&lab, &[1]), &store, &processes(1)).ok().unwrap();
    let damaged = damage_blobs(&store);
    assert!(damaged > 0);
    // A worker that has read it before would still have it.
    let results = run(pipeline(&lab, &[1, 2]), &store, &processes(1)).ok().unwrap();
    assert_eq!(results.summary().unwrap().failed, 0);
    for run in results.iter() {
        let run = run.unwrap();
        let read = run.output_bytes();
        assert!(read.is_ok(), "{} {:?}: {read:?}", run.step(), run.coordinates());
    }
}

/// Changes the bytes of every large blob.
fn damage_blobs(store: &Store) -> usize {
    let root = store.backend().local_path(&metalab_cas::Key::new("cas").unwrap()).unwrap();
    let mut folders = vec![root];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::metadata(&path).unwrap().len() > 300_000 {
                let mut bytes = std::fs::read(&path).unwrap();
                bytes[7] ^= 1;
                let mut permissions = std::fs::metadata(&path).unwrap().permissions();
                #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test")]
                permissions.set_readonly(false);
                std::fs::set_permissions(&path, permissions).unwrap();
                std::fs::write(&path, bytes).unwrap();
                count += 1;
            }
        }
    }
    count
}
