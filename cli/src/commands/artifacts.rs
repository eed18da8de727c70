//! `metalab artifacts`: lists what a run left, or writes one of it.

use std::io::Write;
use std::path::Path;

use metalab_cas::tree::materialise_folder;
use metalab_engine::index::Glance;
use metalab_engine::inspect;
use metalab_engine::record::{Attempt, Place, ValueRef};
use metalab_engine::results::ResultError;

use super::values;
use crate::args::{ArtifactsArgs, ListArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::open;
use crate::rows::{Cell, Rows};
use crate::{words, write};

/// An artifact, or the output, which is one of them.
struct Item {
    name: String,
    kind: String,
    value: ValueRef,
    extension: String,
    inline: Option<Vec<u8>>,
}

pub(super) fn artifacts(
    store: &str,
    args: &ArtifactsArgs,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let (glance, id) = open::run(store, &args.run)?;
    let details = inspect::show(&glance, &id)?;
    let items = items(&details.attempt);
    let Some(name) = &args.name else {
        if args.output.path.is_some() {
            return Err(CliError::Usage {
                message: "name the artifact to write".into(),
                hint: Some(names(&items)),
            });
        }
        return list(&items, args.list, console);
    };
    let Some(item) = items.iter().find(|item| item.name == *name) else {
        console.tell("note", &names(&items));
        return Err(ResultError::Absent { run: id.short(), what: format!("artifact `{name}`") }.into());
    };
    match &args.output.path {
        Some(path) => save(&glance, item, path, args.output.force),
        None => print(&glance, item, console),
    }
}

fn items(attempt: &Attempt) -> Vec<Item> {
    let output = attempt.output.iter().map(|output| Item {
        name: "output".into(),
        kind: output.codec.clone(),
        value: output.value.clone(),
        extension: output.codec.clone(),
        inline: (output.value.place == Place::Inline).then(|| output.inline.clone()),
    });
    let others = attempt.artifacts.iter().map(|artifact| Item {
        name: artifact.name.clone(),
        kind: artifact.kind.clone(),
        value: artifact.value.clone(),
        extension: artifact.extension.clone().unwrap_or_default(),
        inline: None,
    });
    output.chain(others).collect()
}

fn names(items: &[Item]) -> String {
    let names = values::distinct(items.iter().map(|item| item.name.clone()));
    if names.is_empty() { "the run has none".into() } else { format!("the run has: {}", names.join(", ")) }
}

fn list(items: &[Item], args: ListArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut rows =
        Rows::new().long("name").column("kind").numbers("size").column("extension").column("digest");
    for item in items {
        rows.push(vec![
            Cell::text(&item.name),
            Cell::text(&item.kind),
            Cell::new(words::bytes(item.value.size), item.value.size),
            Cell::text(&item.extension),
            Cell::new(item.value.digest.short(), item.value.digest.to_string()),
        ]);
    }
    rows.print(args.format, console)
}

fn save(glance: &Glance, item: &Item, path: &Path, force: bool) -> Result<(), CliError> {
    if item.kind == "folder" {
        write::refuse_existing(path, false)?;
        return Ok(materialise_folder(glance.store().blobs(), &item.value.digest, path)?);
    }
    write::file(path, force, |to| copy(glance, item, to))
}

fn copy(glance: &Glance, item: &Item, to: &mut dyn Write) -> Result<(), CliError> {
    // Large ones are streamed, and verified on the way.
    if item.value.place == Place::Blob {
        glance
            .store()
            .blobs()
            .copy_to(&item.value.digest, to)
            .map_err(metalab_engine::values::ValueError::Blob)?;
        return Ok(());
    }
    Ok(to.write_all(&bytes(glance, item)?)?)
}

fn bytes(glance: &Glance, item: &Item) -> Result<Vec<u8>, CliError> {
    match &item.inline {
        Some(bytes) => Ok(bytes.clone()),
        None => Ok(values::bytes(glance, &item.value)?),
    }
}

fn print(glance: &Glance, item: &Item, console: &mut Console<'_>) -> Result<(), CliError> {
    let refused =
        |kind: &str, file: String| CliError::Binary { name: item.name.clone(), kind: kind.into(), file };
    if item.kind == "folder" {
        return Err(refused("a folder", item.name.clone()));
    }
    if !console.is_terminal() {
        return copy(glance, item, &mut console.out).map_err(|error| error.or_output(console));
    }
    let bytes = bytes(glance, item)?;
    let is_text = std::str::from_utf8(&bytes)
        .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    if !is_text {
        let extension = if item.extension.is_empty() { "bin" } else { &item.extension };
        let file =
            if item.name.contains('.') { item.name.clone() } else { format!("{}.{extension}", item.name) };
        return Err(refused("binary data", file));
    }
    console.out.write_all(&bytes)?;
    if !bytes.ends_with(b"\n") {
        console.out.write_all(b"\n")?;
    }
    Ok(())
}
