//! What a shell offers when Tab is pressed: run ids and names of experiments, from the store.
//!
//! A shell calls the program with [`VARIABLE`] set. What cannot be read is not offered; nothing is said and nothing
//! is written, whatever the store is like.

use std::ffi::{OsStr, OsString};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::OnceLock;

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, EnvCompleter, Shells};
use metalab_cas::DigestPrefix;
use metalab_engine::index::{Entry, Glance};
use metalab_engine::inspect::{self, RunHint};
use metalab_engine::store::{Access, Store};

use crate::args::{Args, Shell};
use crate::{CliError, Program, words};

/// By this variable a shell asks.
const VARIABLE: &str = "METALAB_COMPLETE";
/// The most runs that are offered.
const MOST: usize = 30;

/// Experiments of the program itself.
static OWN: OnceLock<Vec<String>> = OnceLock::new();

/// Answers a shell, if it was a shell that called.
pub(crate) fn answer(program: &Program) -> bool {
    if std::env::var_os(VARIABLE).is_none() {
        return false;
    }
    let _ = OWN.set(program.names());
    std::panic::set_hook(Box::new(|_| {}));
    let has_experiments = program.has_experiments();
    let complete = || {
        let factory = || Args::definition(has_experiments);
        let here = std::env::current_dir().ok();
        CompleteEnv::with_factory(factory).var(VARIABLE).try_complete(std::env::args_os(), here.as_deref())
    };
    // A person who types is not to be disturbed by errors.
    let _ = catch_unwind(AssertUnwindSafe(complete));
    true
}

/// The script that makes a shell ask.
pub(crate) fn script(shell: Shell) -> Result<Vec<u8>, CliError> {
    let first = std::env::args_os().next().map(PathBuf::from).unwrap_or_else(|| "metalab".into());
    let name = first.file_name().unwrap_or(OsStr::new("metalab")).to_string_lossy().into_owned();
    // Called by a path, it may not be found by its name alone.
    let path =
        if first.components().count() > 1 { std::fs::canonicalize(&first).unwrap_or(first) } else { first };
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(shell.as_str()).ok_or_else(|| CliError::Usage {
        message: format!("there are no completions for {}", shell.as_str()),
        hint: None,
    })?;
    write_script(completer, &name, &path.to_string_lossy(), &mut script)?;
    Ok(script)
}

fn write_script(
    completer: &dyn EnvCompleter,
    name: &str,
    path: &str,
    to: &mut Vec<u8>,
) -> Result<(), CliError> {
    let identifier = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    Ok(completer.write_registration(VARIABLE, &identifier, name, path, to)?)
}

/// Runs whose id begins so, the newest first; before anything is typed, those that were recorded last. A few pages of
/// the store are read, however many runs it has.
pub(crate) fn runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let found = || {
        let typed = DigestPrefix::of_any_length(current.to_str()?).ok()?;
        let store = store()?;
        let mut runs = if typed.as_str().is_empty() {
            inspect::newest(&store, MOST).ok()?
        } else {
            let glance = Glance::at(&store).ok()?;
            let hint = |(id, Entry { outcome, started, .. })| RunHint { id, outcome, started };
            glance.hints(&typed).ok()?.into_iter().map(hint).collect()
        };
        runs.sort_by_key(|run| std::cmp::Reverse(run.started));
        Some(runs.iter().enumerate().map(|(at, run)| candidate(at, run)).collect())
    };
    quietly(found)
}

fn candidate(at: usize, run: &RunHint) -> CompletionCandidate {
    let help = format!("{} {}", run.outcome, words::time(run.started));
    CompletionCandidate::new(run.id.short()).help(Some(help.into())).display_order(Some(at))
}

/// Experiments of the store and of the program.
pub(crate) fn experiments(current: &OsStr) -> Vec<CompletionCandidate> {
    let found = || {
        let typed = current.to_str()?;
        let in_store = || {
            let store = store()?;
            inspect::experiment_names(&Glance::at(&store).ok()?).ok()
        };
        let mut names = in_store().unwrap_or_default();
        names.extend(OWN.get().into_iter().flatten().cloned());
        names.sort();
        names.dedup();
        Some(names.into_iter().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect())
    };
    quietly(found)
}

fn quietly(find: impl FnOnce() -> Option<Vec<CompletionCandidate>>) -> Vec<CompletionCandidate> {
    catch_unwind(AssertUnwindSafe(find)).ok().flatten().unwrap_or_default()
}

/// The store that the unfinished command line means. Nothing in it is changed.
fn store() -> Option<Store> {
    let line: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").collect();
    let named = named(&line).or_else(|| std::env::var("METALAB_STORE").ok());
    Store::open(named.as_deref().unwrap_or("runs"), Access::ReadOnly).ok()
}

fn named(line: &[OsString]) -> Option<String> {
    let line: Vec<&str> = line.iter().filter_map(|word| word.to_str()).collect();
    let joined = line.iter().filter_map(|word| word.strip_prefix("--store="));
    let apart = line.windows(2).filter(|pair| pair[0] == "--store").map(|pair| pair[1]);
    let named = joined.chain(apart).next_back()?;
    match (named.strip_prefix("~/"), std::env::var("HOME")) {
        // Shells pass on what is typed, and do not spell it out.
        (Some(rest), Ok(home)) => Some(format!("{home}/{rest}")),
        _ => Some(named.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_read_from_the_unfinished_line() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(named(&line("-- metalab --store a show 3f")).as_deref(), Some("a"));
        assert_eq!(named(&line("-- metalab show --store=b/c 3f")).as_deref(), Some("b/c"));
        assert_eq!(named(&line("-- metalab show --store")), None);
        assert_eq!(named(&line("-- metalab show")), None);
    }

    #[test]
    fn scripts_name_the_program() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let shells = Shells::builtins();
            let mut text = Vec::new();
            let completer = shells.completer(shell.as_str());
            assert!(completer.is_some_and(|it| write_script(it, "my-lab", "/bin/my-lab", &mut text).is_ok()));
            let text = String::from_utf8_lossy(&text);
            assert!(text.contains("my-lab") && text.contains(VARIABLE), "{text}");
        }
    }
}
