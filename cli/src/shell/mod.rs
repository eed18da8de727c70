//! The interactive SQL shell: one session, many questions.

mod catalogue;
mod dots;
mod editor;
mod history;
mod interrupt;
mod pager;
mod statements;

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use futures::future::{Either, select};
use metalab_query::{Answer, Format, Options, Session};

use crate::args::SqlArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::{open, words};
use catalogue::Catalogue;
pub(crate) use catalogue::path;
use dots::Dot;
use editor::{Editor, Line};
use interrupt::Interrupt;
use pager::Pager;

const WELCOME: &str = "a question ends with `;`, Tab completes, Ctrl-C stops, `.help` tells more";

/// `metalab sql`: a shell on a terminal; else the questions of standard input, one after the other, until one fails.
pub(crate) fn shell(locator: &str, args: &SqlArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut options = Options::default();
    options.memory = args.memory;
    options.fold = !args.read_only;
    let session = futures::executor::block_on(open::session(locator, options, &args.stores))?;
    let interactive = console.is_interactive();
    let format = args.format.unwrap_or_default();
    let pager = if interactive && !args.no_pager { Pager::of_the_user() } else { Pager::none() };
    let interrupt = Interrupt::none();
    let mut shell = Shell { session, format, timing: false, output: None, pager, interrupt, warned: 0 };
    shell.warn(console);
    match interactive {
        true => shell.talk(args, console),
        false => {
            let text = console
                .read_input()
                .map_err(|source| CliError::Read { what: "standard input".into(), source })?;
            shell.feed(&text.unwrap_or_default(), 0, console).map(drop)
        }
    }
}

struct Shell {
    session: Session,
    format: Format,
    timing: bool,
    /// Where answers go instead of the screen.
    output: Option<(PathBuf, std::fs::File)>,
    pager: Pager,
    interrupt: Interrupt,
    /// So many warnings of the session were told.
    warned: usize,
}

/// Whether the shell goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Quit,
}

impl Shell {
    fn talk(&mut self, args: &SqlArgs, console: &mut Console<'_>) -> Result<(), CliError> {
        self.interrupt = Interrupt::listen();
        let history = if args.no_history { None } else { history::file() };
        let catalogue = futures::executor::block_on(Catalogue::of(&self.session));
        let mut editor = Editor::new(history, catalogue, console.paint())?;
        console.tell("note", WELCOME);
        loop {
            match editor.read()? {
                Line::End => return Ok(()),
                Line::Nothing => {}
                Line::Text(text) => match self.feed(&text, 0, console) {
                    Ok(Next::Quit) => return Ok(()),
                    Ok(Next::GoOn) => {}
                    // Whoever read the answers has gone.
                    Err(error) if error.is_broken_pipe() => return Ok(()),
                    Err(CliError::Interrupted) => {
                        // The terminal has written `^C`.
                        writeln!(console.out)?;
                        console.tell("note", "interrupted");
                    }
                    Err(error) => console.fail(&error),
                },
            }
            console.out.flush()?;
        }
    }

    /// Tells what the session has to warn of since it was asked last.
    fn warn(&mut self, console: &mut Console<'_>) {
        let warnings = self.session.warnings();
        warnings.iter().skip(self.warned).for_each(|warning| console.warn(warning));
        self.warned = warnings.len();
    }

    /// Carries out questions and commands, up to the first that fails.
    fn feed(&mut self, text: &str, depth: u8, console: &mut Console<'_>) -> Result<Next, CliError> {
        for piece in statements::split(text) {
            if let Some(dot) = dots::parse(&piece)? {
                if self.command(dot, depth, console)? == Next::Quit {
                    return Ok(Next::Quit);
                }
            } else {
                self.question(&piece, console)?;
            }
        }
        Ok(Next::GoOn)
    }

    fn question(&mut self, sql: &str, console: &mut Console<'_>) -> Result<(), CliError> {
        let started = Instant::now();
        let stopped = self.interrupt.next();
        // What is dropped is stopped.
        let answer = match futures::executor::block_on(select(Box::pin(self.session.sql(sql)), stopped)) {
            Either::Left((answer, _)) => answer?,
            Either::Right(_) => return Err(CliError::Interrupted),
        };
        let took = started.elapsed();
        self.show(&answer, console)?;
        self.warn(console);
        if self.timing {
            let took = words::duration(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            writeln!(console.out, "took {took}")?;
        }
        Ok(())
    }

    fn show(&mut self, answer: &Answer, console: &mut Console<'_>) -> Result<(), CliError> {
        if let Some((path, file)) = &mut self.output {
            let failed = |source| CliError::Write { path: path.clone(), source };
            let mut bytes = Vec::new();
            answer.write(self.format, None, &mut bytes)?;
            return file.write_all(&bytes).and_then(|()| file.flush()).map_err(failed);
        }
        let width = console.width_now();
        let mut bytes = Vec::new();
        answer.write(self.format, width, &mut bytes)?;
        self.pager.show(&bytes, console)?;
        if let (Format::Table, Some(width)) = (self.format, width)
            && !answer.without_room(width)?.is_empty()
        {
            console.tell("note", "`.mode line` shows all columns");
        }
        Ok(())
    }

    fn command(&mut self, dot: Dot, depth: u8, console: &mut Console<'_>) -> Result<Next, CliError> {
        match dot {
            Dot::Help => console.out.write_all(dots::HELP.as_bytes())?,
            Dot::Quit => return Ok(Next::Quit),
            Dot::Tables => self.question("SHOW TABLES", console)?,
            Dot::Schema(table) => self.question(&dots::describe(&table), console)?,
            Dot::Mode(None) => writeln!(console.out, "{}", self.format)?,
            Dot::Mode(Some(format)) => self.format = format,
            Dot::Timing(on) => self.timing = on.unwrap_or(!self.timing),
            Dot::Output(None) => self.output = None,
            Dot::Output(Some(path)) => self.output = Some(dots::create(path)?),
            Dot::Read(_) if depth >= dots::DEEPEST => {
                return Err(CliError::Usage {
                    message: format!("files that read files are followed {} deep", dots::DEEPEST),
                    hint: Some("does one of them read itself?".into()),
                });
            }
            Dot::Read(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|source| CliError::Read { what: format!("`{}`", path.display()), source })?;
                return self.feed(&text, depth + 1, console);
            }
        }
        Ok(Next::GoOn)
    }
}
