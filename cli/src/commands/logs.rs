//! `metalab logs`: what a run logged, also while it works.

use std::io::Write;
use std::time::{Duration, SystemTime};

use metalab_cas::{DigestPrefix, Key};
use metalab_engine::id::RunId;
use metalab_engine::index::Glance;
use metalab_engine::inspect::{FindError, find_run};
use metalab_engine::live;
use metalab_engine::record::{Attempt, Record};

use super::values;
use crate::args::LogsArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::open;

/// A log that is followed is looked at this often.
const POLL: Duration = Duration::from_millis(200);
/// So much is read of it at once.
const PIECE: u64 = 1 << 20;

pub(super) fn logs(store: &str, args: &LogsArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let glance = open::glance(store)?;
    let run = find(&glance, &args.run)?;
    let stream = args.stream.as_deref();
    let Some(log) = awaited(&glance, &run, args, console)? else {
        return print_recorded(&glance, &run, stream, 0, console);
    };
    let printed = print_live(&glance, &log, args.follow, console)?;
    if !args.follow {
        console.tell("note", "the run works (or its program died); `-f` follows it");
        return Ok(());
    }
    // What was written after the last look is in the record.
    print_recorded(&open::glance(store)?, &run, stream, printed, console)
}

/// A run by the head of its id: one that has a record, or one that works.
fn find(glance: &Glance, text: &str) -> Result<RunId, CliError> {
    let error = match find_run(glance, text) {
        Ok(run) => return Ok(run),
        Err(error @ FindError::None { .. }) => error,
        Err(error) => return Err(error.into()),
    };
    let Ok(prefix) = text.parse::<DigestPrefix>() else { return Err(error.into()) };
    let folder = Key::new("live/logs").expect("a legal key");
    let mut candidates: Vec<RunId> = Vec::new();
    for file in glance.store().backend().list(&folder)? {
        let name = file.key.name().split('-').next().unwrap_or_default();
        let run = name.parse::<RunId>().ok();
        candidates.extend(run.filter(|run| prefix.matches(&run.0) && !candidates.contains(run)));
    }
    match candidates[..] {
        [] => Err(error.into()),
        [run] => Ok(run),
        _ => Err(FindError::Ambiguous { prefix: text.to_owned(), candidates }.into()),
    }
}

/// The log or stream of an attempt that works now, if there is one. Following, a stream is waited for: its file comes
/// with its first line.
fn awaited(
    glance: &Glance,
    run: &RunId,
    args: &LogsArgs,
    console: &mut Console<'_>,
) -> Result<Option<Key>, CliError> {
    let Some(stream) = &args.stream else {
        let logs = live::logs(glance.store(), run)?;
        return working(glance, run, logs);
    };
    loop {
        let (named, others): (Vec<_>, Vec<_>) =
            live::streams(glance.store(), run)?.into_iter().partition(|(name, _)| name == stream);
        let named = named.into_iter().map(|(_, key)| key).collect();
        if let Some(log) = working(glance, run, named)? {
            return Ok(Some(log));
        }
        let (names, mut keys): (Vec<String>, Vec<Key>) = others.into_iter().unzip();
        keys.extend(live::logs(glance.store(), run)?);
        match (working(glance, run, keys)?, args.follow) {
            (None, _) => return Ok(None),
            (Some(_), false) => return Err(no_stream(run, stream, names)),
            (Some(_), true) => {
                console.out.flush()?;
                std::thread::sleep(POLL);
            }
        }
    }
}

fn no_stream(run: &RunId, name: &str, mut streams: Vec<String>) -> CliError {
    streams.sort();
    streams.dedup();
    CliError::NoStream { run: run.short(), name: name.to_owned(), streams }
}

/// The newest of these files, if an attempt that works now writes it.
fn working(glance: &Glance, run: &RunId, files: Vec<Key>) -> Result<Option<Key>, CliError> {
    let Some(log) = files.into_iter().next() else { return Ok(None) };
    let Some(meta) = glance.store().backend().head(&log)? else { return Ok(None) };
    // A log that is older than the end of the newest attempt was left by a process that died.
    let ended = newest(glance, run)?.map(|attempt| ended(&attempt));
    Ok(ended.is_none_or(|ended| meta.modified > ended).then_some(log))
}

fn newest(glance: &Glance, run: &RunId) -> Result<Option<Attempt>, CliError> {
    let entries = glance.others(run)?;
    let Some(entry) = entries.into_iter().max_by_key(|entry| entry.started) else { return Ok(None) };
    match glance.store().journal().read(&entry.place)? {
        Record::Attempt(attempt) => Ok(Some(*attempt)),
        _ => Ok(None),
    }
}

fn ended(attempt: &Attempt) -> SystemTime {
    let micros = attempt.started.saturating_add_unsigned(attempt.duration).unsigned_abs();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// Prints a growing file; following, until it is gone: that is when the record is durable. Gives the bytes printed.
fn print_live(glance: &Glance, log: &Key, follow: bool, console: &mut Console<'_>) -> Result<u64, CliError> {
    let backend = glance.store().backend();
    let mut printed = 0;
    loop {
        match backend.get_range(log, printed..printed + PIECE) {
            Ok(bytes) if bytes.is_empty() => {
                if !follow {
                    return Ok(printed);
                }
                console.out.flush()?;
                std::thread::sleep(POLL);
            }
            Ok(bytes) => {
                console.out.write_all(&bytes)?;
                printed += bytes.len() as u64;
            }
            Err(error) if error.is_not_found() => return Ok(printed),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Prints the log or the stream kept with the record, from `printed` on.
fn print_recorded(
    glance: &Glance,
    run: &RunId,
    stream: Option<&str>,
    printed: u64,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    // What was followed is the newest attempt; else the one that stands is meant.
    let attempt = match printed {
        0 => match glance.get(run)? {
            Some(entry) => match glance.store().journal().read(&entry.place)? {
                Record::Attempt(attempt) => Some(*attempt),
                _ => None,
            },
            None => None,
        },
        _ => newest(glance, run)?,
    };
    let Some(attempt) = attempt else { return Ok(()) };
    let kept = match stream {
        None => attempt.log.as_ref(),
        Some(name) => match attempt.streams.iter().find(|stream| stream.name == name) {
            Some(stream) => Some(&stream.value),
            None if printed > 0 => None,
            None => {
                let names = attempt.streams.iter().map(|stream| stream.name.clone()).collect();
                return Err(no_stream(run, name, names));
            }
        },
    };
    match kept {
        Some(log) => {
            let bytes = values::bytes(glance, log)?;
            let rest = usize::try_from(printed).ok().and_then(|printed| bytes.get(printed..));
            console.out.write_all(rest.unwrap_or_default())?;
        }
        None if printed == 0 => console.tell("note", &format!("run {} logged nothing", run.short())),
        None => {}
    }
    Ok(())
}
