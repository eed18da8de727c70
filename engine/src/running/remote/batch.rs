//! Some runs of a job, on their way to a worker.

use std::collections::HashSet;

use metalab_cas::Digest;

use super::brief::named;
use super::wire::{
    BatchWire, InputsWire, ListWire, LocatedWire, PartWire, PlaceWire, Reason, SuppliedWire, TaskWire,
    ValueWire,
};
use crate::inputs::{Located, Supplied, Supply, Where};
use crate::plan::Verdict;
use crate::record::to_cbor;
use crate::running::Job;
use crate::running::job::{Task, TaskInputs};

/// A batch is not made larger than this, bytes, unless a single run needs more.
const MOST_BYTES: usize = 32 << 20;

impl Job {
    /// The next runs that are not over, at most `most` of them, for [`Workplace::perform`](super::Workplace::perform).
    /// After them (or after a worker that died over them) this is called again, until none is left.
    ///
    /// # Errors
    /// When an argument has no canonical form; the message says which.
    pub fn batch(&self, most: usize) -> Result<Vec<u8>, String> {
        let mut batch = BatchWire { key: self.brief_key(), values: Vec::new(), tasks: Vec::new() };
        let mut along = Along { supply: &self.work.supply, sent: HashSet::new(), size: 0 };
        for task in self.tasks[self.done..].iter().take(most) {
            if along.size > MOST_BYTES {
                break;
            }
            batch.tasks.push(self.task(task, &mut along, &mut batch.values)?);
        }
        Ok(to_cbor(&batch))
    }

    fn task(
        &self,
        task: &Task,
        along: &mut Along<'_>,
        values: &mut Vec<ValueWire>,
    ) -> Result<TaskWire, String> {
        let (set, replicate) = self.step.split(task.cell);
        let set = self.step.arguments.set(set);
        let mut swept = Vec::new();
        set.swept(&mut swept);
        let arguments = named(&set.call_swept())?;
        along.size += swept.len() + arguments.iter().map(|argument| argument.value.len()).sum::<usize>();
        Ok(TaskWire {
            cell: task.cell,
            run: task.run,
            tries: task.tries,
            reason: match task.verdict {
                Verdict::Rerun => Reason::Rerun,
                Verdict::Repair => Reason::Repair,
                _ => Reason::None,
            },
            replicate,
            arguments,
            swept: swept.into(),
            shown: set.shown(),
            watched: set.watched().map(|watched| watched.send().into()).collect(),
            inputs: task.inputs.as_deref().map(|inputs| along.inputs(inputs, values)).transpose()?,
        })
    }
}

/// What has been put into a batch so far.
struct Along<'a> {
    supply: &'a Supply,
    /// Values that come along.
    sent: HashSet<Digest>,
    size: usize,
}

impl Along<'_> {
    fn inputs(&mut self, inputs: &TaskInputs, values: &mut Vec<ValueWire>) -> Result<InputsWire, String> {
        let mut supplied = Vec::with_capacity(inputs.supplied.len());
        for input in &inputs.supplied {
            supplied.push(match input {
                Supplied::One(one) => SuppliedWire::One(self.locate(one, values)),
                Supplied::Many(parts) => {
                    let parts = parts.iter().map(|(at, value)| {
                        let at = at.to_bytes().map_err(|error| format!("coordinates {at}: {error}"))?;
                        self.size += at.len() + 64;
                        Ok(PartWire { at: at.into(), value: self.locate(value, values) })
                    });
                    SuppliedWire::Many(parts.collect::<Result<_, String>>()?)
                }
            });
        }
        let lists = inputs.lists.iter().map(|(input, bytes)| {
            self.size += bytes.len();
            ListWire { input: *input as u32, bytes: bytes.clone().into() }
        });
        let lists = lists.collect();
        Ok(InputsWire { supplied, references: inputs.references.clone(), lists, insist: inputs.insist })
    }

    /// Where a worker finds a value; what only this process has comes along.
    fn locate(&mut self, wanted: &Located, values: &mut Vec<ValueWire>) -> LocatedWire {
        let digest = wanted.digest;
        let at = match self.supply.find(wanted) {
            Ok(bytes) => {
                if self.sent.insert(digest) {
                    self.size += bytes.len();
                    values.push(ValueWire { digest, bytes: bytes.to_vec().into() });
                }
                PlaceWire::Elsewhere
            }
            Err(Where::Record(place)) => PlaceWire::Record(place),
            Err(Where::Pack(place)) => PlaceWire::Pack(place.0),
            Err(Where::Blob | Where::Shelf) => PlaceWire::Elsewhere,
        };
        LocatedWire { digest, at }
    }
}
