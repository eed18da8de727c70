//! Long answers, one screen at a time.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::console::Console;
use crate::error::CliError;

/// The user's pager: words of a command, run directly and never by a shell.
#[derive(Debug, Default)]
pub(super) struct Pager {
    words: Vec<String>,
}

impl Pager {
    /// What `$PAGER` names; `less` where it is not set; none where it is empty or `cat`.
    pub(super) fn of_the_user() -> Self {
        Self::named(std::env::var("PAGER").ok().as_deref())
    }

    fn named(variable: Option<&str>) -> Self {
        let words = variable.unwrap_or("less").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        if words.first().is_some_and(|first| first == "cat") { Self::none() } else { Self { words } }
    }

    /// Everything is written at once.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Shows a text, through the pager if it is longer than the screen.
    pub(super) fn show(&self, text: &[u8], console: &mut Console<'_>) -> Result<(), CliError> {
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        if console.height_now().is_some_and(|height| lines + 2 > height) && self.page(text, console)? {
            return Ok(());
        }
        Ok(console.out.write_all(text)?)
    }

    /// Whether there was a pager to show it.
    fn page(&self, text: &[u8], console: &mut Console<'_>) -> io::Result<bool> {
        let Some((program, arguments)) = self.words.split_first() else { return Ok(false) };
        console.out.flush()?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            // Colours as they are, lines not wrapped, nothing to leave when it fits.
            command.env("LESS", "FRSX");
        }
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                console.warn(&format!("the pager `{program}` cannot be started: {error}"));
                return Ok(false);
            }
        };
        if let Some(mut pipe) = child.stdin.take() {
            // A reader who has seen enough goes away.
            let _ = pipe.write_all(text);
        }
        child.wait()?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_words_and_no_shell_text() {
        assert_eq!(Pager::named(Some("less -R")).words, ["less", "-R"]);
        assert_eq!(Pager::named(Some("x; rm -r y")).words, ["x;", "rm", "-r", "y"]);
        assert_eq!(Pager::named(None).words, ["less"]);
        assert!(Pager::named(Some("")).words.is_empty() && Pager::named(Some("cat")).words.is_empty());
    }
}
