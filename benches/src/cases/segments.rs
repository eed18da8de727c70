//! The same questions over a journal of ten thousand writers.

use std::path::Path;

use metalab::engine::index::Index;
use metalab::engine::journal::{Cursor, Durability, Writer};
use metalab::engine::store::{Access, Store};

use crate::measure::in_process;
use crate::table::Row;
use crate::{Options, Result};

const WRITERS: usize = 10_000;

/// Writes the records of one store again, by ten thousand writers, into another.
fn scatter(from: &Store, to: &Store) -> Result<()> {
    let records: Vec<_> = from.journal().scan(&Cursor::default())?.collect::<std::result::Result<_, _>>()?;
    for part in records.chunks(records.len().div_ceil(WRITERS)) {
        let mut writer = Writer::new(to, Durability::Relaxed)?;
        for record in part {
            writer.append(record.kind, record.level, &record.payload);
        }
        writer.commit()?;
        writer.close();
    }
    Index::load(to)?.publish()?;
    Ok(())
}

pub(crate) fn measure(options: &Options, scratch: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let (one, many) = (scratch.join("one"), scratch.join("many"));
    let (one, many) = (one.to_str().ok_or("a path")?, many.to_str().ok_or("a path")?);
    let count = options.runs.to_string();
    in_process(&["sweep", one, &count])?;
    scatter(&Store::open(one, Access::ReadOnly)?, &Store::create(many)?)?;
    let few = in_process(&["sweep", one, &count])?;
    let scattered = in_process(&["sweep", many, &count])?;
    let again = in_process(&["sweep", many, &count])?;
    let ratio = again.cpu / few.cpu;
    rows.push(Row {
        work: format!("the same {count} reused over a journal of {WRITERS} segments"),
        goal: "<= 2 x the above",
        reached: format!("{ratio:.2} x ({:.2} us a run)", again.cpu / options.runs as f64 * 1e6),
        met: ratio <= 2.0 && scattered.count == 0,
    });
    Ok(())
}
