//! The schedule: a pure state machine over a graph of steps, expanded to runs by index.
//!
//! It knows no clock and does no I/O: the driver tells it the time and what happened, it answers what to start.
//! Steps are the nodes of a [`petgraph`] graph; an edge from a step to the one that uses its output makes the
//! second wait.

mod policy;
#[cfg(test)]
mod tests;

pub use policy::{FailurePolicy, Policy, Retries};

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::record::Outcome;

/// A point in time: since the start of the driver.
pub type Instant = Duration;

/// Cells of one step that may run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The step's number.
    pub step: usize,
    /// Its cells, with the number of the try they are on, from 1.
    pub cells: Vec<(u64, u32)>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Start these.
    Start(Batch),
    /// Nothing until something finishes, or until this time.
    Wait(Option<Instant>),
    /// Everything has come to its end.
    Done,
}

/// How many cells stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not started.
    pub waiting: u64,
    /// Started and not finished.
    pub running: u64,
    /// Finished with success.
    pub succeeded: u64,
    /// Failed for good.
    pub failed: u64,
    /// Took too long, for good.
    pub timed_out: u64,
    /// Cancelled, or never started because of a cancellation or a failure.
    pub cancelled: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing new starts; what runs may finish.
    Draining,
}

#[derive(Debug)]
struct Step {
    todo: std::vec::IntoIter<u64>,
    unfinished: u64,
}

/// The schedule of one submission.
#[derive(Debug)]
pub struct Schedule {
    graph: DiGraph<Step, ()>,
    policy: Policy,
    phase: Phase,
    counts: Counts,
    /// Tries of cells that did not succeed at first.
    tries: HashMap<(usize, u64), u32>,
    /// Cells to try again: when, step, cell.
    retries: BinaryHeap<Reverse<(Instant, usize, u64)>>,
}

impl Schedule {
    /// A schedule of steps with the cells that must run, and of edges between steps (from, to).
    pub fn new(steps: Vec<Vec<u64>>, edges: &[(usize, usize)], policy: Policy) -> Self {
        let mut graph = DiGraph::with_capacity(steps.len(), edges.len());
        let mut waiting = 0;
        for cells in steps {
            waiting += cells.len() as u64;
            graph.add_node(Step { unfinished: cells.len() as u64, todo: cells.into_iter() });
        }
        for (from, to) in edges {
            graph.add_edge(NodeIndex::new(*from), NodeIndex::new(*to), ());
        }
        Self {
            graph,
            policy,
            phase: Phase::Open,
            counts: Counts { waiting, ..Counts::default() },
            tries: HashMap::new(),
            retries: BinaryHeap::new(),
        }
    }

    /// How many cells stand where.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What to do at time `now`; a batch has at most `limit` cells.
    pub fn next(&mut self, now: Instant, limit: usize) -> Next {
        if self.phase == Phase::Open
            && let Some(batch) = self.due_retries(now, limit).or_else(|| self.fresh(limit))
        {
            self.counts.waiting -= batch.cells.len() as u64;
            self.counts.running += batch.cells.len() as u64;
            return Next::Start(batch);
        }
        if self.counts.running == 0 && (self.counts.waiting == 0 || self.phase == Phase::Draining) {
            self.counts.cancelled += std::mem::take(&mut self.counts.waiting);
            return Next::Done;
        }
        Next::Wait(self.retries.peek().filter(|_| self.phase == Phase::Open).map(|Reverse((due, ..))| *due))
    }

    fn due_retries(&mut self, now: Instant, limit: usize) -> Option<Batch> {
        let Reverse((due, step, _)) = *self.retries.peek()?;
        if due > now {
            return None;
        }
        let mut cells = Vec::new();
        while let Some(Reverse((due, other, cell))) = self.retries.peek().copied() {
            if due > now || other != step || cells.len() == limit {
                break;
            }
            self.retries.pop();
            cells.push((cell, self.tries[&(step, cell)] + 1));
        }
        Some(Batch { step, cells })
    }

    fn fresh(&mut self, limit: usize) -> Option<Batch> {
        let ready = self.graph.node_indices().find(|node| {
            let before = self.graph.neighbors_directed(*node, Direction::Incoming);
            self.graph[*node].todo.len() > 0
                && before.into_iter().all(|step| self.graph[step].unfinished == 0)
        })?;
        let cells: Vec<_> = self.graph[ready].todo.by_ref().take(limit).map(|cell| (cell, 1)).collect();
        Some(Batch { step: ready.index(), cells })
    }

    /// A cell has finished; says whether it will be tried again.
    pub fn finished(&mut self, step: usize, cell: u64, outcome: Outcome, now: Instant) -> bool {
        self.counts.running -= 1;
        if matches!(outcome, Outcome::Failed | Outcome::TimedOut) && self.phase == Phase::Open {
            let tries = self.tries.entry((step, cell)).or_default();
            *tries += 1;
            if *tries <= self.policy.retries.most {
                let due = now + self.policy.retries.delay(*tries);
                self.retries.push(Reverse((due, step, cell)));
                self.counts.waiting += 1;
                return true;
            }
        }
        self.graph[NodeIndex::new(step)].unfinished -= 1;
        let count = match outcome {
            Outcome::Succeeded => &mut self.counts.succeeded,
            Outcome::Failed => &mut self.counts.failed,
            Outcome::TimedOut => &mut self.counts.timed_out,
            Outcome::Cancelled => &mut self.counts.cancelled,
        };
        *count += 1;
        let did_not_succeed = matches!(outcome, Outcome::Failed | Outcome::TimedOut);
        if did_not_succeed && self.policy.failure == FailurePolicy::FailFast {
            self.drain();
        }
        false
    }

    /// A cell that was handed out was not started after all.
    pub fn not_started(&mut self, step: usize) {
        self.counts.running -= 1;
        self.counts.cancelled += 1;
        self.graph[NodeIndex::new(step)].unfinished -= 1;
    }

    /// Starts nothing any more; what runs may finish.
    pub fn drain(&mut self) {
        self.phase = Phase::Draining;
    }

    /// Gives up on what still runs: it counts as cancelled.
    pub fn abandon(&mut self) {
        self.drain();
        self.counts.cancelled += std::mem::take(&mut self.counts.running);
    }
}
