//! The line that is typed.

use std::borrow::Cow;
use std::path::PathBuf;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, History};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Helper};

use super::catalogue::Catalogue;
use super::{history, statements};
use crate::console::Paint;
use crate::error::CliError;

const PROMPT: &str = "metalab> ";
/// So much is remembered.
const MOST: usize = 2_000;

/// What was typed.
pub(super) enum Line {
    /// Questions or a command.
    Text(String),
    /// It was dropped by Ctrl-C, or is blank.
    Nothing,
    /// Ctrl-D.
    End,
}

/// Reads what a person types.
pub(super) struct Editor {
    editor: rustyline::Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(
        history: Option<PathBuf>,
        catalogue: Catalogue,
        paint: Paint,
    ) -> Result<Self, CliError> {
        let failed = |error: ReadlineError| CliError::Output(std::io::Error::other(error));
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .max_history_size(MOST)
            .map_err(failed)?
            .build();
        let mut editor = rustyline::Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(Assistant { catalogue, files: FilenameCompleter::new(), paint }));
        if let Some(file) = &history {
            // The first time there is none.
            let _ = editor.load_history(file);
        }
        Ok(Self { editor, history })
    }

    pub(super) fn read(&mut self) -> Result<Line, CliError> {
        match self.editor.readline(PROMPT) {
            Ok(text) if text.trim().is_empty() => Ok(Line::Nothing),
            Ok(text) => {
                self.remember(&text);
                Ok(Line::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Line::Nothing),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(ReadlineError::Io(error)) => Err(CliError::Output(error)),
            Err(error) => Err(CliError::Output(std::io::Error::other(error))),
        }
    }

    /// Remembers it at once: what comes next may end the program.
    fn remember(&mut self, text: &str) {
        let is_new = self.editor.add_history_entry(text).unwrap_or(false);
        if let (true, Some(file)) = (is_new, &self.history) {
            // Without a history the shell works all the same.
            let history = self.editor.history_mut();
            let _ = if file.exists() { history.append(file) } else { history.save(file) };
            history::protect(file);
        }
    }
}

/// Completes, and tells when a question is whole.
struct Assistant {
    catalogue: Catalogue,
    files: FilenameCompleter,
    paint: Paint,
}

impl Helper for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if line.starts_with(".read ") || line.starts_with(".output ") {
            return self.files.complete(line, pos, context);
        }
        let (start, found) = self.catalogue.complete(line, pos);
        let pair = |name: String| Pair { display: name.clone(), replacement: name };
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if statements::is_whole(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Owned(self.paint.cyan(prompt))
    }
}
