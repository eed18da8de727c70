//! `metalab completions` and `metalab man`: what a person sets up once.

use std::io::Write;

use clap::Command;
use clap_mangen::Man;

use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::program::Program;
use crate::{complete, words, write};

pub(super) fn completions(args: CompletionsArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    Ok(console.out.write_all(&complete::script(args.shell)?)?)
}

pub(super) fn man(args: &ManArgs, program: &Program, console: &mut Console<'_>) -> Result<(), CliError> {
    let failed = |source| CliError::Write { path: args.folder.clone(), source };
    let mut pages = Vec::new();
    let mut root = Args::definition(program.has_experiments()).disable_help_subcommand(true);
    root.build();
    collect(&root, "metalab", &mut pages);
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    for (name, _) in &pages {
        write::refuse_existing(&args.folder.join(name), args.force)?;
    }
    let count = pages.len() as u64;
    for (name, text) in pages {
        write::file(&args.folder.join(name), args.force, |to| Ok(to.write_all(&text)?))?;
    }
    console.tell("note", &format!("{} written", words::count(count, "page")));
    Ok(())
}

/// A page for each command that is offered.
fn collect(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) {
    let mut text = Vec::new();
    // Writing into memory does not fail.
    if Man::new(command.clone()).title(name).render(&mut text).is_ok() {
        pages.push((format!("{name}.1"), text));
    }
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        collect(sub, &format!("{name}-{}", sub.get_name()), pages);
    }
}
