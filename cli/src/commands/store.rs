//! `metalab store info`: what lies in a store.

use std::collections::BTreeMap;

use metalab_cas::Key;
use metalab_engine::journal::Part;
use metalab_engine::record::Outcome;
use metalab_query::{TableStatus, status_blocking};
use serde::Serialize;

use super::print_one;
use crate::args::TextArgs;
use crate::console::{Console, Paint};
use crate::error::CliError;
use crate::open::{self, Opened};
use crate::sheet::Sheet;
use crate::words::{bytes, count};

#[derive(Serialize)]
struct Info {
    store: String,
    id: String,
    format: u64,
    runs: u64,
    /// Runs by status.
    status: BTreeMap<&'static str, u64>,
    /// Records of the journal: attempts and submissions.
    records: u64,
    submissions: u64,
    writers: u64,
    segments: Files,
    packs: Files,
    blobs: Files,
    index: Index,
    tables: Vec<Table>,
    /// Tables that must be rebuilt, and why.
    damaged_tables: BTreeMap<String, String>,
    live: Files,
    damages: Vec<String>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Files {
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Table {
    name: &'static str,
    rows: Option<u64>,
    /// Records of the journal it has not seen.
    unfolded: u64,
    #[serde(flatten)]
    files: Files,
}

#[derive(Serialize)]
struct Index {
    levels: u64,
    /// Files that are passed over, and why.
    ignored: Vec<String>,
    #[serde(flatten)]
    files: Files,
}

impl Files {
    fn add(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
    }
}

pub(super) fn info(locator: &str, args: TextArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    // Damages are told below, not beforehand.
    let quiet = std::mem::replace(&mut console.quiet, true);
    let opened = open::whole(locator, console);
    console.quiet = quiet;
    let info = gather(&opened?)?;
    let paint = console.paint();
    print_one(args.format, console, || text(&info, paint), &info)
}

fn gather(opened: &Opened) -> Result<Info, CliError> {
    let Opened { store, index } = opened;
    let mut status = BTreeMap::new();
    for (_, entry) in index.iter() {
        *status.entry(entry.outcome.as_str()).or_default() += 1;
    }
    let (mut segments, mut packs) = (Files::default(), Files::default());
    for file in store.journal().list()? {
        match file.part {
            Part::Records => segments.add(file.size),
            Part::Values => packs.add(file.size),
        }
    }
    let tables = status_blocking(store)?;
    let ignored = index.ignored().iter().map(|ignored| format!("{}: {}", ignored.name, ignored.why));
    Ok(Info {
        store: store.describe().to_owned(),
        id: store.id().to_owned(),
        format: metalab_engine::store::FORMAT,
        runs: status.values().sum(),
        status,
        records: index.cursor().iter().map(|(_, position)| position.sequence).sum(),
        submissions: index.submissions().count() as u64,
        writers: index.cursor().len() as u64,
        segments,
        packs,
        blobs: files(opened, "cas")?,
        index: Index {
            levels: index.levels() as u64,
            ignored: ignored.collect(),
            files: files(opened, "index")?,
        },
        tables: tables.tables.iter().map(table).collect(),
        damaged_tables: tables.damaged.into_iter().collect(),
        live: files(opened, "live")?,
        damages: index.damages().iter().map(ToString::to_string).collect(),
    })
}

fn table(status: &TableStatus) -> Table {
    let files = Files { files: status.files as u64, bytes: status.bytes };
    Table { name: status.name, rows: status.rows.map(|rows| rows as u64), unfolded: status.unfolded, files }
}

fn files(opened: &Opened, name: &str) -> Result<Files, CliError> {
    let folder = Key::new(name).expect("a legal key");
    let mut files = Files::default();
    for file in opened.store.backend().list(&folder)? {
        files.add(file.meta.size);
    }
    Ok(files)
}

fn text(info: &Info, paint: Paint) -> String {
    let some = |files: Files, what: &str| format!("{}, {}", count(files.files, what), bytes(files.bytes));
    let mut sheet = Sheet::default();
    sheet
        .head(format!("store {}", info.store))
        .entry("id", &info.id)
        .entry("format", info.format.to_string());
    sheet.head("runs").entry("all", info.runs.to_string());
    for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled, Outcome::TimedOut] {
        if let Some(count) = info.status.get(outcome.as_str()) {
            sheet.entry(outcome.as_str(), count.to_string());
        }
    }
    sheet
        .head("journal")
        .entry("records", info.records.to_string())
        .entry("submissions", info.submissions.to_string());
    sheet.entry("writers", info.writers.to_string()).entry("segments", some(info.segments, "file"));
    sheet.entry("packs", some(info.packs, "file"));
    sheet.head("values").entry("blobs", some(info.blobs, "file"));
    sheet
        .head("index")
        .entry("levels", format!("{} in {}", info.index.levels, some(info.index.files, "file")));
    for ignored in &info.index.ignored {
        sheet.entry("passed over", ignored);
    }
    sheet.head("tables");
    if info.tables.is_empty() && info.damaged_tables.is_empty() {
        sheet.plain("none yet; SQL reads the journal");
    }
    for table in &info.tables {
        let rows = table.rows.map(|rows| format!(", {}", count(rows, "row"))).unwrap_or_default();
        let behind = match table.unfolded {
            0 => String::new(),
            behind => format!("; {} not folded yet", count(behind, "record")),
        };
        sheet.entry(table.name, format!("{}{rows}{behind}", some(table.files, "live file")));
    }
    for (name, why) in &info.damaged_tables {
        sheet.entry(name, format!("damaged: {why}; `metalab store rebuild --tables` writes it anew"));
    }
    sheet.head("damages");
    if info.damages.is_empty() {
        sheet.plain("none");
    }
    for damage in &info.damages {
        sheet.plain(damage);
    }
    sheet.render(paint)
}
