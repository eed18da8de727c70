//! Commands of the shell itself: they begin with a dot.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use metalab_query::Format;

use crate::error::CliError;

/// How deep files may read files.
pub(super) const DEEPEST: u8 = 8;

pub(super) const HELP: &str = "\
.tables               list the tables
.schema TABLE         list the columns of a table, with their types
.mode [FORMAT]        how answers are written: table, line, csv, json, ndjson
.timing [on|off]      tell how long an answer took
.output [FILE]        write answers to a new file; without a file, to the screen again
.read FILE            carry out the questions and commands of a file
.help                 this list
.quit                 leave (also Ctrl-D)
A question may have many lines; it ends with `;`. Ctrl-C stops a question, or drops what was typed.
";

/// The commands, for completion.
pub(super) const NAMES: [&str; 8] =
    [".tables", ".schema", ".mode", ".timing", ".output", ".read", ".help", ".quit"];

/// The formats of `.mode`.
pub(super) fn modes() -> Vec<&'static str> {
    Format::ALL.into_iter().filter(|format| !format.is_binary()).map(Format::as_str).collect()
}

#[derive(Debug, PartialEq)]
pub(super) enum Dot {
    Tables,
    Schema(String),
    Mode(Option<Format>),
    Timing(Option<bool>),
    Output(Option<PathBuf>),
    Read(PathBuf),
    Help,
    Quit,
}

/// A command; `None` for what does not begin with a dot.
pub(super) fn parse(text: &str) -> Result<Option<Dot>, CliError> {
    if !text.starts_with('.') {
        return Ok(None);
    }
    let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let argument = argument.trim();
    let given = (!argument.is_empty()).then(|| argument.to_owned());
    let wrong =
        |message: String| CliError::Usage { message, hint: Some("`.help` lists the commands".into()) };
    let needs = |what: &str| wrong(format!("`{name}` needs {what}"));
    let dot = match name {
        ".tables" => Dot::Tables,
        ".schema" => Dot::Schema(given.ok_or_else(|| needs("a table"))?),
        ".mode" => match given.as_deref().map(str::parse::<Format>) {
            None => Dot::Mode(None),
            Some(Ok(format)) if !format.is_binary() => Dot::Mode(Some(format)),
            Some(_) => return Err(wrong(format!("`{argument}` is no mode: use {}", modes().join(", ")))),
        },
        ".timing" => match argument {
            "" => Dot::Timing(None),
            "on" => Dot::Timing(Some(true)),
            "off" => Dot::Timing(Some(false)),
            _ => return Err(needs("`on` or `off`")),
        },
        ".output" => Dot::Output(given.map(PathBuf::from)),
        ".read" => Dot::Read(given.ok_or_else(|| needs("a file"))?.into()),
        ".help" => Dot::Help,
        ".quit" | ".exit" => Dot::Quit,
        _ => return Err(wrong(format!("there is no command `{name}`"))),
    };
    if matches!(dot, Dot::Tables | Dot::Help | Dot::Quit) && !argument.is_empty() {
        return Err(wrong(format!("`{name}` takes nothing behind it")));
    }
    Ok(Some(dot))
}

/// The question for the columns of a table. The name is taken as it is, whatever is in it.
pub(super) fn describe(table: &str) -> String {
    let bare = table.strip_prefix('"').and_then(|table| table.strip_suffix('"')).unwrap_or(table);
    let simple = bare.chars().all(|c| c.is_alphanumeric() || c == '_');
    match simple && bare == table {
        true => format!("DESCRIBE {table}"),
        false => format!("DESCRIBE \"{}\"", bare.replace("\"\"", "\"").replace('"', "\"\"")),
    }
}

/// A new file for answers.
pub(super) fn create(path: PathBuf) -> Result<(PathBuf, File), CliError> {
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(file) => Ok((path, file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let folder = path.is_dir();
            Err(CliError::Exists { path, folder })
        }
        Err(source) => Err(CliError::Write { path, source }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        for (text, dot) in [
            (".tables", Dot::Tables),
            (".schema runs", Dot::Schema("runs".into())),
            (".mode json", Dot::Mode(Some(Format::Json))),
            (".mode", Dot::Mode(None)),
            (".timing", Dot::Timing(None)),
            (".timing  off", Dot::Timing(Some(false))),
            (".output", Dot::Output(None)),
            (".output a b.csv", Dot::Output(Some("a b.csv".into()))),
            (".read x.sql", Dot::Read("x.sql".into())),
            (".exit", Dot::Quit),
        ] {
            assert_eq!(parse(text).unwrap(), Some(dot), "{text}");
        }
        assert_eq!(parse("select 1").unwrap(), None);
        for text in
            [".", ".nothing", ".schema", ".mode parquet", ".mode x", ".timing maybe", ".read", ".quit now"]
        {
            let error = parse(text).unwrap_err();
            assert!(error.hint().unwrap().contains(".help"), "{text}");
        }
    }

    #[test]
    fn a_table_may_be_called_anything() {
        assert_eq!(describe("runs"), "DESCRIBE runs");
        assert_eq!(describe("my table"), "DESCRIBE \"my table\"");
        assert_eq!(describe("\"a\"\"b\""), "DESCRIBE \"a\"\"b\"");
        assert_eq!(describe("x; DROP TABLE y"), "DESCRIBE \"x; DROP TABLE y\"");
    }

    #[test]
    fn every_command_is_in_the_help_and_completed() {
        for name in NAMES {
            assert!(HELP.contains(name), "{name}");
        }
        for mode in modes() {
            assert!(HELP.contains(mode) && mode.parse::<Format>().is_ok(), "{mode}");
        }
    }
}
