//! The reference of all commands, made from their definition.

use clap::{Arg, Command};

use crate::Args;

/// All commands with their arguments and options, as Markdown: what `docs/guide/cli.md` has.
pub fn reference() -> String {
    let mut root = Args::definition(true).disable_help_flag(true).disable_version_flag(true);
    root.build();
    let mut text = String::from("## Options of all commands\n\n");
    let global = |arg: &&Arg| arg.is_global_set();
    root.get_arguments().filter(global).for_each(|arg| argument(arg, &mut text));
    for command in root.get_subcommands() {
        section(command, "metalab", &mut text);
    }
    text
}

fn section(command: &Command, parent: &str, text: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    let own = |arg: &&Arg| !arg.is_global_set() && arg.get_id() != "help" && !arg.is_hide_set();
    let arguments: Vec<&Arg> = command.get_arguments().filter(own).collect();
    text.push_str(&format!(
        "\n## `{name}`\n\n{}.\n",
        command.get_about().map(ToString::to_string).unwrap_or_default()
    ));
    let words = arguments.iter().filter(|arg| arg.is_positional()).map(|arg| {
        let name = placeholder(arg);
        if arg.is_required_set() { format!(" {name}") } else { format!(" [{name}]") }
    });
    let options = if arguments.iter().any(|arg| !arg.is_positional()) { " [OPTIONS]" } else { "" };
    let below: Vec<&Command> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    let sub = if below.is_empty() { "" } else { " [COMMAND]" };
    let usage = words.collect::<String>();
    text.push_str(&format!("\n```text\n{name}{options}{usage}{sub}\n```\n"));
    if !arguments.is_empty() {
        text.push('\n');
    }
    arguments.iter().for_each(|arg| argument(arg, text));
    for sub in below {
        section(sub, &name, text);
    }
}

fn placeholder(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    match names {
        [] => arg.get_id().as_str().to_uppercase(),
        names => names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" "),
    }
}

fn argument(arg: &Arg, text: &mut String) {
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let flags = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let value = if arg.get_action().takes_values() { placeholder(arg) } else { String::new() };
    let name = [flags, value].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        help.push_str(&format!(" [default: {}]", defaults.join(",")));
    }
    text.push_str(&format!("* `{name}`: {help}\n"));
    for value in arg.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
        if let (Some(said), true) = (value.get_help(), arg.get_action().takes_values()) {
            text.push_str(&format!("  * `{}`: {said}\n", value.get_name()));
        }
    }
}
