//! `metalab manifests`: what was asked for, submission by submission.

use std::io::Write;

use metalab_engine::inspect;
use metalab_engine::manifest::Manifest;

use super::print_one;
use crate::args::{ListArgs, ManifestsArgs, ManifestsCommand};
use crate::console::Console;
use crate::error::CliError;
use crate::open;
use crate::rows::{Cell, Rows};

/// Characters of a submission that are shown.
const SHORT: usize = 12;

pub(super) fn manifests(
    store: &str,
    args: &ManifestsArgs,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let opened = open::whole(store, console)?;
    let experiment = args.experiment.as_deref();
    let found = inspect::manifests(&opened.store, &opened.index, experiment)?;
    match (&args.command, experiment) {
        (None, Some(name)) if found.is_empty() => {
            Err(metalab_engine::results::ResultError::NoExperiment { experiment: name.to_owned() }.into())
        }
        (None, _) => list(&found, args.list, console),
        (Some(ManifestsCommand::Show { submission }), _) => {
            let manifest = one(&found, submission)?;
            manifest.problems.iter().for_each(|problem| console.warn(problem));
            Ok(writeln!(console.out, "{}", manifest.to_json())?)
        }
        (Some(ManifestsCommand::Diff { old, new, text }), _) => {
            let diff = one(&found, old)?.diff(one(&found, new)?);
            let text_of =
                || if diff.changes.is_empty() { "nothing changed".into() } else { diff.to_string() };
            print_one(text.format, console, text_of, &diff)
        }
    }
}

fn list(found: &[Manifest], args: ListArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut rows = Rows::new()
        .column("submission")
        .column("experiment")
        .column("version")
        .column("time (UTC)")
        .key("time")
        .numbers("cells")
        .spare(2)
        .column("manifest")
        .spare(3)
        .long("description")
        .spare(1);
    for manifest in found.iter().rev() {
        let name = manifest.submission.to_string();
        rows.push(vec![
            Cell::new(name.chars().take(SHORT).collect::<String>(), name),
            Cell::text(&manifest.experiment),
            Cell::text(&manifest.version),
            Cell::time(manifest.time),
            Cell::number(manifest.cells()),
            Cell::optional(manifest.digest, |digest| Cell::new(digest.short(), digest.to_string())),
            Cell::optional(manifest.description.as_ref(), Cell::text),
        ]);
    }
    rows.print(args.format, console)
}

/// The manifest of the submission whose name begins so.
fn one<'m>(found: &'m [Manifest], prefix: &str) -> Result<&'m Manifest, CliError> {
    let wrong = |message: String| {
        Err(CliError::Usage { message, hint: Some("`metalab manifests` lists submissions".into()) })
    };
    if prefix.len() < 4 {
        return wrong(format!("`{prefix}` is too short: give four characters of a submission at least"));
    }
    let mut fit = found.iter().filter(|manifest| manifest.submission.to_string().starts_with(prefix));
    match (fit.next(), fit.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => wrong(format!("no submission begins with `{prefix}`")),
        (Some(_), Some(_)) => wrong(format!("several submissions begin with `{prefix}`")),
    }
}
