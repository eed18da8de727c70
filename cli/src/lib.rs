//! The commands of metalab as a library.
//!
//! [`main`] is the program `metalab`. A program with experiments of its own gets the same commands, and `run` and
//! `plan` for its experiments, by [`main_with`]. [`run`] carries out one command in this process, for tests and for
//! programs that parse their arguments themselves:
//!
//! ```
//! use metalab_cli::{Args, Console, run};
//!
//! let (mut out, mut err) = (Vec::new(), Vec::new());
//! let args = Args::parse_from(["metalab", "--store", "no/such/place", "experiments"])?;
//! let error = run(args, &mut Console::new(&mut out, &mut err)).expect_err("nothing is there");
//! assert_eq!(error.code(), 3);
//! assert!(error.to_string().starts_with("there is no store at `no/such/place`"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Standard output is data, standard error is talk. Everything that lists has `--format`; colours come only on a
//! terminal and without `NO_COLOR`.

mod args;
mod commands;
mod complete;
mod console;
mod draw;
mod entry;
mod error;
mod open;
mod program;
mod reference;
mod rows;
mod sheet;
mod shell;
mod words;
mod write;

pub use args::Args;
pub use commands::run;
pub use commands::run_with;
pub use console::Console;
pub use entry::{main, main_with};
pub use error::CliError;
pub use program::{Order, Program, ProgressWay};
pub use reference::reference;
