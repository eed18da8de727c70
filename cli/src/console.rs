//! Where a command reads and writes.

use std::io::{self, Read, Write};

/// Standard output, error and input of a command, or what stands for them.
pub struct Console<'a> {
    pub(crate) out: Output<'a>,
    err: &'a mut dyn Write,
    input: Option<&'a mut dyn Read>,
    width: Option<usize>,
    colour: bool,
    out_is_terminal: bool,
    interactive: bool,
    pub(crate) quiet: bool,
}

impl<'a> Console<'a> {
    /// A console without colours, width and input: what a file or pipe gets.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            out: Output { inner: out, failed: None },
            err,
            input: None,
            width: None,
            colour: false,
            out_is_terminal: false,
            interactive: false,
            quiet: false,
        }
    }

    /// What is piped in.
    #[must_use]
    pub fn input(mut self, input: &'a mut dyn Read) -> Self {
        self.input = Some(input);
        self
    }

    /// Makes the output a terminal of so many columns: tables fit in, and binary data is refused.
    #[must_use]
    pub fn terminal(mut self, width: usize) -> Self {
        self.width = Some(width.max(20));
        self.out_is_terminal = true;
        self
    }

    /// Allows colours.
    #[must_use]
    pub fn colour(mut self, colour: bool) -> Self {
        self.colour = colour;
        self
    }

    /// Says that a person reads and types: commands may talk with it.
    #[must_use]
    pub fn interactive(mut self, interactive: bool) -> Self {
        self.interactive = interactive;
        self
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// The room a line has at this moment: a window changes while somebody works in it.
    pub(crate) fn width_now(&self) -> Option<usize> {
        let now = self.interactive.then(terminal_size::terminal_size).flatten();
        now.map_or(self.width, |(width, _)| Some(usize::from(width.0).max(20)))
    }

    /// The lines of the screen, where a person looks at one.
    pub(crate) fn height_now(&self) -> Option<usize> {
        let now = self.interactive.then(terminal_size::terminal_size).flatten();
        now.map(|(_, height)| usize::from(height.0))
    }

    /// Tells an error after which it goes on.
    pub(crate) fn fail(&mut self, error: &crate::CliError) {
        let _ = self.out.flush();
        let _ = self.err.write_all(error.render(self.paint()).as_bytes());
    }

    /// The room a line has; `None` for as much as it takes.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    pub(crate) fn paint(&self) -> Paint {
        Paint(self.colour)
    }

    /// All that is piped in; `None` when nothing is.
    pub(crate) fn read_input(&mut self) -> io::Result<Option<String>> {
        let Some(input) = &mut self.input else { return Ok(None) };
        let mut text = String::new();
        input.read_to_string(&mut text)?;
        Ok(Some(text))
    }

    /// Tells something on standard error, unless it should be quiet.
    pub(crate) fn tell(&mut self, kind: &str, text: &str) {
        if !self.quiet {
            // What was said before must not appear after it; a failure shows again when the command ends.
            let _ = self.out.flush();
            // Talk that nobody hears is no reason to fail.
            let _ = writeln!(self.err, "{kind}: {text}");
        }
    }

    pub(crate) fn warn(&mut self, text: &str) {
        self.tell("warning", text);
    }
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console")
            .field("width", &self.width)
            .field("colour", &self.colour)
            .finish_non_exhaustive()
    }
}

/// A writer that remembers why it failed: libraries in between turn the reason into text.
pub(crate) struct Output<'a> {
    inner: &'a mut dyn Write,
    pub(crate) failed: Option<io::Error>,
}

impl Output<'_> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let again = io::Error::from(error.kind());
            self.failed.get_or_insert(error);
            again
        })
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.note(result)
    }
}

/// Colours, if they are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.with("1;36", text)
    }

    /// One of several groups that are drawn together.
    pub(crate) fn group(self, number: usize, text: &str) -> String {
        const COLOURS: [&str; 6] = ["36", "33", "35", "32", "31", "34"];
        self.with(COLOURS[number % COLOURS.len()], text)
    }

    /// Such as what was before.
    pub(crate) fn plain_red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Such as what is now.
    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// The status of a run in its colour.
    pub(crate) fn status(self, text: &str) -> String {
        let code = match text.trim_end() {
            "succeeded" => "32",
            "failed" => "31",
            "cancelled" | "timed_out" => "33",
            _ => return text.to_owned(),
        };
        self.with(code, text)
    }
}
