//! The program around a command: arguments, signals, panics, exit codes.

use std::io::{self, IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use tracing_subscriber::EnvFilter;

use crate::args::{Colour, Command};
use crate::console::Paint;
use crate::{Args, CliError, Console, Program, complete, run_with};

/// The exit code when a limit or a signal ended the command.
const INTERRUPTED: i32 = 4;
/// The exit code after a panic.
const DEFECT: u8 = 5;

/// The program `metalab`: reads the command line and carries it out.
pub fn main() -> ExitCode {
    main_with(&Program::none())
}

/// The same commands for a program with experiments, which can be planned and run by name.
pub fn main_with(program: &Program) -> ExitCode {
    if complete::answer(program) {
        return ExitCode::SUCCESS;
    }
    report_panics();
    match catch_unwind(AssertUnwindSafe(|| start(program))) {
        Ok(code) => code,
        Err(_) => ExitCode::from(DEFECT),
    }
}

fn start(program: &Program) -> ExitCode {
    let args = match Args::parse_for(std::env::args_os(), program.has_experiments()) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to standard output with code 0, mistakes to standard error with code 2.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    trace(args.verbose);
    let (stdout, stderr, stdin) = (io::stdout(), io::stderr(), io::stdin());
    let interactive = stdin.is_terminal() && stdout.is_terminal();
    if !(matches!(args.command, Command::Run(_) | Command::Verify(_)) || interactive && args.talks()) {
        end_on_signals();
    }
    let colour = args.color;
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let coloured = |terminal: bool| match colour {
        Colour::Auto => terminal && !no_colour,
        Colour::Always => true,
        Colour::Never => false,
    };
    // Not locked: operations may print, and progress is drawn by other threads.
    let (mut out, mut err, mut input) = (io::BufWriter::new(io::stdout()), io::stderr(), io::stdin());
    let mut console =
        Console::new(&mut out, &mut err).colour(coloured(stdout.is_terminal())).interactive(interactive);
    if stdout.is_terminal() {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        console = console.terminal(width);
    }
    if !stdin.is_terminal() {
        console = console.input(&mut input);
    }
    let result = run_with(args, program, &mut console);
    drop(console);
    let result = result.and_then(|()| Ok(out.flush()?));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // What came before the error is still worth reading; a second failure changes nothing.
            let _ = out.flush();
            let text = error.render(Paint(coloured(stderr.is_terminal())));
            let _ = err.write_all(text.as_bytes());
            ExitCode::from(error.code())
        }
    }
}

/// Ctrl-C ends a command that only looks: at once and with the code for it.
fn end_on_signals() {
    for signal in [SIGINT, SIGTERM] {
        // Where it cannot be registered, the signal ends the program as it always does.
        let _ = signal_hook::flag::register_conditional_shutdown(
            signal,
            INTERRUPTED,
            Arc::new(AtomicBool::new(true)),
        );
    }
}

fn trace(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "info",
        _ => "debug",
    };
    // The Delta kernel speaks of every file it looks at.
    let filter = EnvFilter::new(format!("{level},buoyant_kernel=off"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
}

/// A panic is a defect of ours, said in words.
fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
        let mut text = format!(
            "error: this is a defect of metalab, please report it: {message}{place}\n\
             hint: the store is as it was, or as after a killed program: nothing that was reported done is lost\n"
        );
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            text.push_str(&format!("{}\n", std::backtrace::Backtrace::force_capture()));
        }
        let _ = io::stderr().write_all(text.as_bytes());
    }));
}

impl CliError {
    /// Turns a failure to write that a library put into words back into what it was.
    pub(crate) fn or_output(self, console: &mut Console<'_>) -> Self {
        match console.out.failed.take() {
            Some(error) => Self::Output(error),
            None => self,
        }
    }
}
