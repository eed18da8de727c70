//! Git repositories in the identity of runs, with the real program.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use metalab::context::{Context, Fingerprint, GitCommit, GitError};
use metalab::experiment::Experiment;
use metalab::manifest::manifests;
use metalab::store::Store;
use metalab_cas::Value;

use crate::lab::run;

/// A repository with one commit, in a folder of its own; `None` on a machine without git, which is said.
struct Repository {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

fn git<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for (who, value) in [("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", "2001-02-03T04:05:06Z")] {
        command.env(format!("GIT_AUTHOR_{who}"), value).env(format!("GIT_COMMITTER_{who}"), value);
    }
    command.args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Repository {
    #[expect(clippy::print_stderr, reason = "a test that tried nothing says so")]
    fn empty() -> Option<Self> {
        if Command::new("git").arg("--version").output().is_err() {
            eprintln!("skipped: there is no program `git` on this machine");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lab");
        fs::create_dir(&root).unwrap();
        git(&root, ["init", "-q", "--object-format=sha1"]);
        Some(Self { _folder: folder, root })
    }

    fn new() -> Option<Self> {
        let this = Self::empty()?;
        this.write("a.py", "print(1)\n");
        this.write("sub/b c.py", "print(2)\n");
        this.write(".gitignore", "*.log\n");
        this.commit();
        Some(this)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), content).unwrap();
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.root, arguments)
    }

    fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "work"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn of(&self) -> Result<GitCommit, GitError> {
        GitCommit::of(&self.root)
    }

    /// The digest of what was changed.
    fn changes(&self) -> Option<String> {
        GitCommit::with_changes(&self.root).unwrap().changes().map(|digest| digest.to_hex())
    }

    /// What is refused, without the name of the folder.
    fn refused(&self, asked: Result<GitCommit, GitError>) -> String {
        asked.unwrap_err().to_string().replace(&*self.root.to_string_lossy(), "lab")
    }
}

#[derive(metalab::Context)]
#[context(crate = "metalab")]
struct Scripts {
    code: GitCommit,
}

#[metalab::operation(crate = metalab)]
fn call(x: u64, scripts: &Scripts) -> metalab::Result<String> {
    Ok(format!("{x} {}", scripts.code.commit()))
}

#[test]
fn runs_are_those_of_a_commit() {
    let Some(lab) = Repository::new() else { return };
    let store = Store::memory().unwrap();
    let executed = |code: &GitCommit| {
        let experiment = Experiment::new("calls", "1").context(Scripts { code: code.clone() });
        run(experiment.sweep(Call::grid().x([1, 2])), &store).summary().unwrap().succeeded
    };
    let first = lab.of().unwrap();
    assert_eq!(first.commit(), lab.git(&["rev-parse", "HEAD"]));
    assert_eq!((executed(&first), executed(&first)), (2, 0));
    // Elsewhere, from below, with a detached head, as a worktree and as a bare copy it is the same commit.
    lab.git(&["checkout", "-q", "--detach"]);
    lab.git(&["worktree", "add", "-q", "../tree"]);
    lab.git(&["clone", "-q", "--bare", ".", "../bare"]);
    for place in ["sub", "../tree", "../bare", "../tree/sub"] {
        assert_eq!(GitCommit::of(lab.at(place)).unwrap(), first, "{place}");
    }
    lab.write("noise.log", "ignored");
    assert_eq!(lab.of().unwrap(), first);
    // A commit in the worktree is not one here.
    fs::write(lab.at("../tree/a.py"), "print(3)\n").unwrap();
    assert_eq!(lab.of().unwrap(), first);
    assert!(GitCommit::of(lab.at("../tree")).is_err());
    let edited = GitCommit::with_changes(lab.at("../tree")).unwrap();
    assert_eq!((edited.commit(), executed(&edited), executed(&edited)), (first.commit(), 2, 0));
    lab.write("a.py", "print(4)\n");
    let id = lab.commit();
    let second = lab.of().unwrap();
    assert_eq!((second.commit(), executed(&second), executed(&first)), (&*id, 2, 0));

    // What is hashed is the id alone; no record knows where the repository was.
    assert_eq!(second.fingerprint().unwrap(), Value::Text(id));
    let all = manifests(&store, "calls").unwrap();
    let said: Vec<String> = all.iter().map(|manifest| manifest.to_json()).collect();
    let folder = lab.root.parent().unwrap().file_name().unwrap().to_string_lossy();
    assert!(said.iter().all(|text| !text.contains(&*folder)) && said[0].contains(first.commit()), "{said:?}");
}

#[test]
fn changes_are_refused_by_name() {
    let Some(lab) = Repository::new() else { return };
    let refused = || lab.refused(lab.of());
    lab.write("a.py", "print(9)\n");
    let said = refused();
    assert!(said.contains("`lab` has changes that are not committed: `a.py`; commit"), "{said}");
    assert!(said.contains("`GitCommit::with_changes`"), "{said}");
    lab.git(&["add", "a.py"]);
    assert_eq!(refused(), said, "staged");
    // From below as well, and whatever the user's configuration hides.
    lab.git(&["config", "status.showUntrackedFiles", "no"]);
    lab.write("new\nfile", "");
    fs::remove_file(lab.at("sub/b c.py")).unwrap();
    lab.write("sub/z/1", "");
    lab.write("sub/z/2", "");
    let said = lab.refused(GitCommit::of(lab.at("sub")));
    assert!(said.contains(r"`a.py`, `new\nfile`, `sub/b c.py`, and 2 more;"), "{said}");
    lab.git(&["mv", "a.py", "moved.py"]);
    assert!(refused().contains("`a.py`, `moved.py`, `new"), "{}", refused());
}

#[test]
fn changes_count_by_content() {
    let Some(lab) = Repository::new() else { return };
    assert_eq!(GitCommit::with_changes(&lab.root).unwrap(), lab.of().unwrap());
    let mut seen = vec![None];
    let mut is_new = || {
        let changes = lab.changes();
        let is_new = !seen.contains(&changes);
        seen.push(changes);
        is_new
    };
    lab.write("a.py", "print(9)\n");
    assert!(is_new());
    lab.git(&["add", "-A"]);
    assert!(!is_new(), "staged or not");
    lab.write("a.py", "print(8)\n");
    assert!(is_new());
    fs::set_permissions(lab.at("a.py"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(is_new());
    fs::remove_file(lab.at("a.py")).unwrap();
    assert!(is_new());
    std::os::unix::fs::symlink("sub", lab.at("a.py")).unwrap();
    assert!(is_new());
    fs::remove_file(lab.at("a.py")).unwrap();
    lab.write("a.py/inside", "x");
    assert!(is_new());
    lab.write("a.py/inside", "y");
    assert!(is_new());
    fs::rename(lab.at("a.py/inside"), lab.at("a.py/outside")).unwrap();
    assert!(is_new());
    lab.write("noise.log", "ignored");
    assert!(!is_new());
    fs::remove_dir_all(lab.at("sub")).unwrap();
    assert!(is_new());
    // Not UTF-8, which git does not mind.
    use std::os::unix::ffi::OsStrExt;
    fs::write(lab.root.join(OsStr::from_bytes(b"\xff name")), "z").unwrap();
    assert!(is_new());
    lab.git(&["reset", "-q", "--hard"]);
    lab.git(&["clean", "-q", "-d", "-f"]);
    assert_eq!(lab.changes(), None);

    lab.write("a.py", "print(9)\n");
    let code = GitCommit::with_changes(&lab.root).unwrap();
    // Golden: what is hashed and recorded, wherever it is made.
    let text = code.fingerprint().unwrap().to_json_text();
    let expected = concat!(
        r#"{"commit":"a5bb8f0a4811ad2483bca8358d4683462e4986e6","#,
        r#""changes":"b93603450a327e094a22dd1b373d7608e5bdb4ede6913afe14196907542d60eb"}"#
    );
    assert_eq!(text, expected);
    // To another process and back it is the same, and asks no git.
    let sent = Scripts { code: code.clone() }.to_value().unwrap();
    let there = Scripts::from_value(&sent).unwrap();
    assert_eq!(
        (&there.code, there.fields().unwrap()),
        (&code, Scripts { code: code.clone() }.fields().unwrap())
    );
}

#[test]
fn submodules_count_by_their_commits() {
    let (Some(lab), Some(part)) = (Repository::new(), Repository::new()) else { return };
    lab.git(&["submodule", "--quiet", "add", &part.root.to_string_lossy(), "part"]);
    lab.commit();
    let first = lab.of().unwrap();
    // Whatever the configuration hides.
    lab.git(&["config", "submodule.part.ignore", "all"]);
    let inside = Repository { root: lab.at("part"), _folder: tempfile::tempdir().unwrap() };
    inside.write("a.py", "print(7)\n");
    assert!(lab.refused(lab.of()).contains("not committed: `part`;"));
    let said = lab.refused(GitCommit::with_changes(&lab.root));
    assert_eq!(said, "the submodule `part` of `lab` has changes that are not committed; commit them there");
    inside.commit();
    assert!(lab.of().is_err());
    let one = lab.changes();
    inside.write("a.py", "print(6)\n");
    inside.commit();
    let two = lab.changes();
    assert!(one.is_some() && two.is_some() && one != two);
    lab.git(&["commit", "-q", "-a", "-m", "part"]);
    assert_ne!(lab.of().unwrap(), first);
    // In it, it is a repository like others.
    assert_eq!(GitCommit::of(&inside.root).unwrap().commit(), inside.git(&["rev-parse", "HEAD"]));
}

#[test]
fn what_is_no_checkout_is_explained() {
    let Some(lab) = Repository::empty() else { return };
    let said = |place: &str| lab.refused(GitCommit::of(lab.at(place)));
    assert_eq!(said("."), "the git repository of `lab/.` has no commit yet; make one");
    assert_eq!(said(".."), "`lab/..` is in no git repository; name the folder of one");
    assert_eq!(said("no"), "`lab/no` is no folder that can be opened; name the folder of a git repository");
    lab.write("a.py", "1");
    assert!(said("a.py").contains("is no folder"), "{}", said("a.py"));
    assert!(said(".git").contains("inside of a git repository"), "{}", said(".git"));
    lab.git(&["init", "-q", "--bare", "../bare"]);
    assert!(said("../bare").contains("has no commit yet"), "{}", said("../bare"));
    lab.commit();
    lab.git(&["init", "-q", "other"]);
    let other = Repository { root: lab.at("other"), _folder: tempfile::tempdir().unwrap() };
    other.write("x", "1");
    other.commit();
    assert!(said(".").contains("`other/`"), "{}", said("."));
    let nested = lab.refused(GitCommit::with_changes(&lab.root));
    assert!(nested.contains("another git repository") && nested.contains("`other/`"), "{nested}");
    fs::write(lab.at(".git/HEAD"), "garbage").unwrap();
    assert!(said(".").contains("is in no git repository"), "{}", said("."));
}

/// Variables that lead git elsewhere, and a machine without git: in a process of its own, because the environment is one for
/// all tests.
#[test]
fn the_environment_does_not_change_the_answer() {
    let (Some(lab), Some(other)) = (Repository::new(), Repository::new()) else { return };
    other.write("a.py", "another\n");
    other.commit();
    let child = |edit: &dyn Fn(&mut Command)| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "commits::child_of_a_test", "--nocapture"])
            .env("METALAB_TEST_REPOSITORY", &lab.root);
        edit(&mut command);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find_map(|line| line.split_once("answer: "));
        line.unwrap_or_else(|| panic!("{said}")).1.to_owned()
    };
    let commit = lab.git(&["rev-parse", "HEAD"]);
    let dot_git = other.at(".git");
    let elsewhere = child(&|command| {
        command
            .env("GIT_DIR", &dot_git)
            .env("GIT_WORK_TREE", &other.root)
            .env("GIT_INDEX_FILE", dot_git.join("index"));
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "core.bare")
            .env("GIT_CONFIG_VALUE_0", "true");
        command.env("LC_ALL", "de_DE.UTF-8").env("LANGUAGE", "de");
    });
    assert_eq!(elsewhere, commit);
    let without = child(&|command| {
        command.env("PATH", lab.at("sub"));
    });
    assert!(without.contains("the program `git` cannot be started"), "{without}");
}

/// What the test above starts; alone it has nothing to do.
#[test]
#[expect(clippy::print_stdout, reason = "the answer")]
fn child_of_a_test() {
    let Some(folder) = std::env::var_os("METALAB_TEST_REPOSITORY") else { return };
    match GitCommit::of(folder) {
        Ok(code) => println!("answer: {code}"),
        Err(error) => println!("answer: {error}"),
    }
}
