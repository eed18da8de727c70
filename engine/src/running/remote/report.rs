//! A run that is over, on its way back.

use std::time::Duration;

use metalab_cas::Digest;

use super::wire::{ReportWire, RunWire, ValueWire};
use crate::record::to_cbor;
use crate::running::Job;
use crate::running::perform::{Performed, PerformedRun, Returned};

impl Job {
    /// Takes what a worker said about the next run; it is over then.
    ///
    /// # Errors
    /// When it cannot be read, or is about another run: the worker is not to be trusted any more.
    pub fn report(&mut self, bytes: &[u8]) -> Result<(), String> {
        let wire: ReportWire = minicbor::decode(bytes)
            .map_err(|error| format!("the report of a run cannot be read: {error}"))?;
        let task = self.tasks.get(self.done).ok_or("a run was reported that nobody asked for")?;
        let other = |cell: u64| format!("cell {cell} was reported while cell {} was at hand", task.cell);
        match wire {
            ReportWire::Returned(cell, _) if cell != task.cell => return Err(other(cell)),
            ReportWire::Run(run) if run.cell != task.cell || run.run != task.run => {
                return Err(other(run.cell));
            }
            ReportWire::Returned(cell, digest) => self.handed_in.returned.push(Returned { cell, digest }),
            ReportWire::Run(run) => self.handed_in.append((*run).into()),
        }
        self.over();
        Ok(())
    }

    /// The run at hand is over.
    pub(super) fn over(&mut self) {
        self.done += 1;
        self.flush_if_due();
    }
}

impl From<RunWire> for Performed {
    fn from(wire: RunWire) -> Self {
        let record = Vec::from(wire.record);
        let run = PerformedRun {
            cell: wire.cell,
            run: wire.run,
            outcome: wire.outcome,
            started: wire.started,
            output: wire.output,
            output_place: wire.output_place,
            artifacts: wire.artifacts,
            record: 0..record.len(),
            error: wire.error,
            underived: wire.underived,
            logged: wire.logged,
            streams: wire.streams,
            again: false,
        };
        let inline = wire.inline.into_iter().map(|value| (value.digest, Vec::from(value.bytes).into()));
        Self {
            records: record,
            runs: vec![run],
            returned: Vec::new(),
            values: wire.values.into_iter().map(|value| (value.digest, value.bytes.into())).collect(),
            inline: inline.collect(),
            busy: Duration::from_nanos(wire.busy),
        }
    }
}

impl Performed {
    /// Adds what was performed after it.
    pub(super) fn append(&mut self, mut next: Self) {
        let offset = self.records.len();
        for run in &mut next.runs {
            run.record = run.record.start + offset..run.record.end + offset;
        }
        self.records.append(&mut next.records);
        self.runs.append(&mut next.runs);
        self.returned.append(&mut next.returned);
        self.values.append(&mut next.values);
        self.inline.append(&mut next.inline);
        self.busy += next.busy;
    }

    /// The report of the one run that was performed.
    pub(super) fn report(mut self) -> Option<Vec<u8>> {
        if let Some(Returned { cell, digest }) = self.returned.pop() {
            return Some(to_cbor(&ReportWire::Returned(cell, digest)));
        }
        let run = self.runs.pop()?;
        let wire = |(digest, bytes): (Digest, Vec<u8>)| ValueWire { digest, bytes: bytes.into() };
        let run = RunWire {
            cell: run.cell,
            run: run.run,
            outcome: run.outcome,
            started: run.started,
            output: run.output,
            output_place: run.output_place,
            artifacts: run.artifacts,
            record: self.records.into(),
            error: run.error,
            underived: run.underived,
            logged: run.logged,
            streams: run.streams,
            values: self.values.into_iter().map(wire).collect(),
            inline: self.inline.into_iter().map(|(digest, bytes)| wire((digest, bytes.to_vec()))).collect(),
            busy: u64::try_from(self.busy.as_nanos()).unwrap_or(u64::MAX),
        };
        Some(to_cbor(&ReportWire::Run(Box::new(run))))
    }
}
