//! Contexts and paths: by content, by metadata, by name, by pattern, by fingerprint.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use metalab::context::StatCache;
use metalab::experiment::Experiment;
use metalab::index::Glance;
use metalab::inspect::why;
use metalab::manifest::manifests;
use metalab::results::Results;
use metalab::store::Store;
use metalab::{DirPath, FilePath, Fingerprint, Glob, Named, Stat};
use metalab_cas::Value;

use crate::lab::{refusal, run};

/// A file with a content and a time.
fn write(path: &Path, content: &str, seconds: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in/a.csv"), "1\n", 1_000);
    write(&folder.path().join("in/sub/b.csv"), "2\n3\n", 2_000);
    write(&folder.path().join("in/notes.txt"), "nothing", 3_000);
    folder
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Lines of `golden/paths.txt` are a name and the hashed value in hexadecimal. A line that changes is a new version of
/// the recipe. `METALAB_BLESS=1` writes the file.
#[test]
fn what_is_hashed_of_paths_is_golden() {
    let folder = filled();
    std::os::unix::fs::symlink("a.csv", folder.path().join("in/link")).unwrap();
    let at = |name: &str| text(&folder.path().join(name));
    let files = StatCache::new();
    let mut made = String::new();
    let mut line = |name: &str, value: Value| {
        let (hashed, watched) = files.resolve(&value, "x").unwrap();
        assert_eq!(watched.len(), 1, "{name}");
        StatCache::check(&watched[0]).unwrap();
        // The folder of this test is no part of the format.
        let hashed = match hashed {
            Value::Variant(kind, inner) => match *inner {
                Value::List(mut parts) if kind.ends_with("named") => {
                    assert_eq!(parts[0], Value::Text(at("in/a.csv")));
                    parts[0] = Value::Text("in/a.csv".into());
                    Value::Variant(kind, Box::new(Value::List(parts)))
                }
                inner => Value::Variant(kind, Box::new(inner)),
            },
            other => other,
        };
        let hex: String = hashed.to_bytes().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        made.push_str(&format!("{name} | {hex}\n"));
    };
    let value = |serde: &dyn Fn() -> Result<Value, metalab_cas::value::ValueError>| serde().unwrap();
    line("file", value(&|| Value::from_serde(&FilePath::from(at("in/a.csv")))));
    line("folder", value(&|| Value::from_serde(&DirPath::from(at("in/sub")))));
    line("file by metadata", value(&|| Value::from_serde(&Stat::<FilePath>::from(at("in/a.csv")))));
    line("folder by metadata", value(&|| Value::from_serde(&Stat::<DirPath>::from(at("in")))));
    line("named file", value(&|| Value::from_serde(&Named::<FilePath>::from(at("in/a.csv")))));
    line(
        "named file by metadata",
        value(&|| Value::from_serde(&Named::<Stat<FilePath>>::from(at("in/a.csv")))),
    );
    line("glob", value(&|| Value::from_serde(&Glob::new(at("in"), "**/*.csv"))));
    line("empty glob", value(&|| Value::from_serde(&Glob::new(at("in"), "*.md").may_be_empty())));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/paths.txt");
    if std::env::var_os("METALAB_BLESS").is_some() {
        fs::write(path, &made).unwrap();
    }
    assert_eq!(made, fs::read_to_string(path).unwrap());
}

/// A database of which only the revision counts.
#[derive(serde::Serialize, serde::Deserialize)]
struct Database {
    server: String,
    revision: u64,
}

static ASKED: AtomicU64 = AtomicU64::new(0);

impl Fingerprint for Database {
    fn fingerprint(&self) -> metalab::Result<Value> {
        if self.revision == 0 {
            Err(std::io::Error::other("no answer")).map_err(|_| "the database does not answer")?;
        }
        ASKED.fetch_add(1, Ordering::Relaxed);
        Ok(Value::from(self.revision))
    }
}

#[derive(metalab::Context)]
#[context(name = "ManySources", crate = "metalab")]
struct Sources {
    tables: Glob,
    big: Stat<FilePath>,
    sample: Named<FilePath>,
    database: Database,
    more: Vec<FilePath>,
}

#[metalab::operation(crate = metalab)]
fn count(factor: u64, sources: &Sources) -> metalab::Result<u64> {
    let mut lines = 0;
    for path in sources.tables.files()? {
        lines += fs::read_to_string(path)?.lines().count() as u64;
    }
    assert!(sources.big.is_file() && sources.sample.is_file() && !sources.more.is_empty());
    Ok(lines * factor)
}

fn experiment(root: &Path, revision: u64) -> Experiment {
    let at = |name: &str| text(&root.join(name));
    let sources = Sources {
        tables: Glob::new(at("in"), "**/*.csv"),
        big: at("in/notes.txt").into(),
        sample: at("in/a.csv").into(),
        database: Database { server: format!("host of {revision}"), revision },
        more: vec![at("in/a.csv").into(), at("in/sub/b.csv").into()],
    };
    Experiment::new("sources", "1").context(sources).sweep(Count::grid().factor([1, 10]))
}

#[test]
fn each_kind_of_source_counts_by_what_it_says() {
    let (store, folder) = (Store::memory().unwrap(), filled());
    let executed =
        |revision: u64| run(experiment(folder.path(), revision), &store).summary().unwrap().succeeded;
    assert_eq!(executed(7), 2);
    assert_eq!(executed(7), 0);
    assert_eq!(executed(8), 2);
    assert_eq!(executed(7), 0);
    // A glob: what does not match does not matter.
    write(&folder.path().join("in/other.txt"), "x", 5_000);
    assert_eq!(executed(7), 0);
    write(&folder.path().join("in/c.csv"), "4\n", 5_000);
    assert_eq!(executed(7), 2);
    fs::rename(folder.path().join("in/c.csv"), folder.path().join("in/d.csv")).unwrap();
    assert_eq!(executed(7), 2);
    fs::remove_file(folder.path().join("in/d.csv")).unwrap();
    assert_eq!(executed(7), 0);
    // Metadata: what was touched is new; what was changed with size and time kept is not seen.
    write(&folder.path().join("in/notes.txt"), "nothing", 4_000);
    assert_eq!(executed(7), 2);
    write(&folder.path().join("in/notes.txt"), "changed", 4_000);
    assert_eq!(executed(7), 0);
    // A path that counts: the same content at another place is another run.
    let other = filled();
    write(&other.path().join("in/notes.txt"), "nothing", 4_000);
    assert_eq!(run(experiment(other.path(), 7), &store).summary().unwrap().succeeded, 2);
    let all = manifests(&store, "sources").unwrap();
    assert!(all.iter().all(|manifest| manifest.is_complete()));
    let fields = &all[0].contexts[0].fields;
    let kinds: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.kind.as_str())).collect();
    let expected = [
        ("tables", "glob"),
        ("big", "metadata"),
        ("sample", "path"),
        ("database", "fingerprint"),
        ("more", "paths"),
    ];
    assert_eq!(kinds, expected);
    let paths: Vec<_> = fields
        .iter()
        .flat_map(|field| field.paths.iter().map(|path| (path.shown.as_str(), path.size, path.files)))
        .collect();
    let expected =
        [("in/**/*.csv", 6, 2), ("notes.txt", 7, 1), ("a.csv", 2, 1), ("a.csv", 2, 1), ("b.csv", 4, 1)];
    assert_eq!(paths, expected);
    let changes: Vec<_> = all[0].diff(&all[2]).changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["context ManySources.database: 7 -> 8"]);
    let glance = Glance::at(&store).unwrap();
    let first = Results::load(&store, "sources").unwrap().iter().next().unwrap().unwrap();
    let why = why(&glance, &first.id(), None).unwrap();
    assert!(why.confirmed);
    let big = why.hashed.iter().find(|(name, _)| name == "context ManySources.big").unwrap();
    assert!(big.1.contains("metalab::stat") && big.1.contains("modified"), "{big:?}");
}

#[test]
fn a_fingerprint_is_asked_once_for_a_plan() {
    let (store, folder) = (Store::memory().unwrap(), filled());
    let exp = experiment(folder.path(), 20).sweep(Count::grid().factor(3).named("again"));
    let before = ASKED.load(Ordering::Relaxed);
    metalab::plan::Plan::new(&exp, &StatCache::new()).unwrap();
    // Other tests ask as well.
    assert!(ASKED.load(Ordering::Relaxed) > before);
    assert_eq!(run(exp, &store).summary().unwrap().succeeded, 3);
}

#[test]
fn errors_name_the_context_and_the_field() {
    let folder = filled();
    let good = || Sources {
        tables: Glob::new(text(folder.path()), "**/*.csv"),
        big: text(&folder.path().join("in/a.csv")).into(),
        sample: text(&folder.path().join("in/a.csv")).into(),
        database: Database { server: String::new(), revision: 1 },
        more: Vec::new(),
    };
    let refused = |sources: Sources| {
        let exp = Experiment::new("bad", "1").context(sources).sweep(Count::grid().factor(1));
        refusal(exp).to_string()
    };
    let none = refused(Sources { tables: Glob::new(text(folder.path()), "**/*.parquet"), ..good() });
    assert!(none.contains("context `ManySources`, field `tables`: no file matches"), "{none}");
    let escapes = refused(Sources { tables: Glob::new(text(folder.path()), "../*"), ..good() });
    assert!(escapes.contains("field `tables`: `../*` is no pattern"), "{escapes}");
    let gone = refused(Sources { big: "no/such/file".into(), ..good() });
    assert!(gone.contains("field `big`: there is no file or folder `no/such/file`"), "{gone}");
    let silent = refused(Sources { database: Database { server: String::new(), revision: 0 }, ..good() });
    assert!(silent.contains("field `database`: the database does not answer"), "{silent}");
    assert!(silent.starts_with("step `count`: context `ManySources`"), "{silent}");
}

#[metalab::operation(crate = metalab)]
fn spoil(kind: String, files: Glob, big: Stat<FilePath>) -> metalab::Result<u64> {
    let root = files.root().to_owned();
    match kind.as_str() {
        "new match" => write(&root.join("z.csv"), "new", 9_000),
        "no match" => files.files()?.into_iter().try_for_each(fs::remove_file)?,
        "touched" => write(big.as_path(), "same", 9_000),
        _ => write(&root.join("z.txt"), "of no interest", 9_000),
    }
    Ok(1)
}

#[test]
fn what_changes_or_vanishes_during_a_run_fails_it() {
    for kind in ["new match", "no match", "touched", "nothing"] {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("a.csv"), "1", 1_000);
        write(&folder.path().join("big"), "same", 1_000);
        let sweep = Spoil::grid().kind(kind).files(Glob::new(text(folder.path()), "*.csv")).big(Stat::<
            FilePath,
        >::from(
            text(&folder.path().join("big")),
        ));
        let results = run(Experiment::new("spoil", "1").sweep(sweep), &Store::memory().unwrap());
        let run = results.iter().next().unwrap().unwrap();
        match kind {
            "nothing" => assert!(run.error().is_none()),
            _ => {
                let error = run.error().unwrap();
                assert_eq!(error.cause, "input changed", "{kind}: {error:?}");
            }
        }
    }
}

#[metalab::operation(crate = metalab)]
fn size_of(data: Stat<FilePath>, files: Glob, place: Named<DirPath>) -> metalab::Result<u64> {
    Ok(data.metadata()?.len() + files.files()?.len() as u64 + u64::from(place.is_dir()))
}

#[test]
fn they_are_swept_like_other_arguments_and_shown_as_given() {
    let (store, folder) = (Store::memory().unwrap(), filled());
    let at = |name: &str| text(&folder.path().join(name));
    let sweep = SizeOf::grid()
        .data([at("in/a.csv"), at("in/notes.txt")].map(Stat::<FilePath>::from))
        .files([Glob::new(at("in"), "*.csv"), Glob::new(at("in"), "**/*")])
        .place(at("in").as_str());
    let results = run(Experiment::new("sizes", "1").sweep(sweep), &store).ok().unwrap();
    let outputs: Vec<u64> = results.iter().map(|run| run.unwrap().output().unwrap()).collect();
    assert_eq!(outputs, [2 + 1 + 1, 2 + 3 + 1, 7 + 1 + 1, 7 + 3 + 1]);
    let run = results.iter().next().unwrap().unwrap();
    assert_eq!(run.params()["data"], Value::Text("a.csv".into()));
    assert_eq!(run.params()["files"], Value::Text("in/*.csv".into()));
    let (id, experiment) = (run.id(), manifests(&store, "sizes").unwrap().pop().unwrap());
    let rebuilt = experiment.rebuild().path("a.csv", at("in/a.csv")).path("notes.txt", at("in/notes.txt"));
    let again = self::run(rebuilt.path("in", at("in")).experiment().unwrap(), &store);
    assert_eq!(again.summary().unwrap().reused, 4);
    assert_eq!(again.iter().next().unwrap().unwrap().id(), id);
}

#[test]
fn a_secret_does_not_count_and_is_kept_nowhere() {
    #[derive(metalab::Context)]
    #[context(name = "WithSecret", crate = "metalab")]
    struct Account {
        user: String,
        password: metalab::Secret,
    }
    #[metalab::operation(crate = metalab)]
    fn log_in(account: &Account) -> usize {
        account.user.len() + account.password.expose().len()
    }
    let exp = |password: &str| {
        let account = Account { user: "me".into(), password: metalab::Secret::new(password.to_owned()) };
        Experiment::new("account", "1").context(account).sweep(LogIn::grid())
    };
    let store = Store::memory().unwrap();
    run(exp("correct horse"), &store).ok().unwrap();
    assert_eq!(run(exp("battery staple"), &store).summary().unwrap().reused, 1);
    for (name, bytes) in crate::stores::content(&store) {
        assert!(!bytes.windows(13).any(|window| window == b"correct horse"), "{name}");
    }
}
