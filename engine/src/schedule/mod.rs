//! The schedule: a pure state machine over a graph of steps, expanded to runs by index.
//!
//! It knows no clock and does no I/O: the driver tells it the time and what happened, it answers what to do. Steps are
//! the nodes of a [`petgraph`] graph, inputs its edges; which cells feed which follows from arithmetic on their indices
//! ([`Edge`]). A cell goes through these states:
//!
//! ```text
//! waiting ──> asked ──> ready ──> running ──> done
//!    ^          │                    │ │
//!    │          ├──> done (reused)   │ └──> lost (failed for good) ──> its descendants: lost (skipped)
//!    │          └──> twin (of another cell with the same run)
//!    └──── an input turned out to be gone: the cell that made it is ready again
//! ```
//!
//! A cell is asked about as soon as *its* inputs are there, whatever the other cells of those steps do: the driver
//! then knows the run id, and says whether the cell is done, runs, or is the run of another cell.

mod cells;
mod edge;
mod entering;
mod policy;
mod resources;
mod spreading;
#[cfg(test)]
mod tests;
mod types;

pub use edge::{Digit, Edge, Link};
pub use policy::{FailurePolicy, Policy, Retries};
pub use resources::Resources;
pub use types::{Batch, CellId, Counts, Instant, Next, Node, Obstacle, Skip, Standing};

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Duration;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::record::Outcome;
use cells::{Cells, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing new starts; what runs may finish.
    Draining,
}

#[derive(Debug)]
struct Step {
    cells: Cells,
    needs: Resources,
    duration: Option<Duration>,
    /// Length of the longest path from here to an end of the graph; larger goes first.
    path: Duration,
}

/// The schedule of one submission.
#[derive(Debug)]
pub struct Schedule {
    graph: DiGraph<Step, Edge>,
    /// Steps in the order in which they are served.
    order: Vec<usize>,
    policy: Policy,
    phase: Phase,
    counts: Counts,
    /// What is free, when some step needs more than one cpu.
    free: Option<Resources>,
    /// Tries of cells that did not succeed at first.
    tries: HashMap<CellId, u32>,
    /// Cells to try again, or to look at again: when, step, cell.
    retries: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    /// Cells that are the same run as another.
    twins: HashMap<CellId, Vec<CellId>>,
    /// Cells that are being made again, and those that found their value gone.
    repairs: HashMap<CellId, Vec<CellId>>,
    /// Cells that were made again: a value that is gone again and again is not made for ever.
    repaired: HashSet<CellId>,
    /// Cells whose inputs are there.
    asked: Vec<CellId>,
    skips: Vec<Skip>,
}

impl Schedule {
    /// A schedule of steps; `capacity` is what there is for those that say what they need.
    pub fn new(steps: Vec<Node>, policy: Policy, capacity: Option<&Resources>) -> Self {
        let counted = steps.iter().any(|step| !step.needs.is_default());
        let mut schedule = Self {
            graph: DiGraph::with_capacity(steps.len(), steps.len()),
            order: Vec::new(),
            policy,
            phase: Phase::Open,
            counts: Counts::default(),
            free: capacity.filter(|_| counted).cloned(),
            tries: HashMap::new(),
            retries: BinaryHeap::new(),
            twins: HashMap::new(),
            repairs: HashMap::new(),
            repaired: HashSet::new(),
            asked: Vec::new(),
            skips: Vec::new(),
        };
        let mut contents = Vec::with_capacity(steps.len());
        for Node { standings, edges, needs, duration } in steps {
            let path = Duration::ZERO;
            schedule.graph.add_node(Step { cells: Cells::default(), needs, duration, path });
            contents.push((standings, edges));
        }
        // All states first: cells look at those of the steps before them.
        let mut edges = Vec::with_capacity(contents.len());
        for (step, (standings, inputs)) in contents.into_iter().enumerate() {
            schedule.enter(step, standings);
            edges.push(inputs);
        }
        for (step, inputs) in edges.into_iter().enumerate() {
            schedule.connect(step, inputs);
        }
        schedule.rank();
        schedule
    }

    /// Gives a step its cells that had none: what it consists of has become known.
    pub fn expand(&mut self, step: usize, standings: Vec<Standing>, edges: Vec<Edge>) {
        self.enter(step, standings);
        self.connect(step, edges);
        self.rank();
    }

    fn step(&self, step: usize) -> &Step {
        &self.graph[NodeIndex::new(step)]
    }

    fn step_mut(&mut self, step: usize) -> &mut Step {
        &mut self.graph[NodeIndex::new(step)]
    }

    fn state(&self, (step, cell): CellId) -> State {
        self.step(step).cells.states[cell as usize]
    }

    fn set(&mut self, (step, cell): CellId, state: State) {
        self.step_mut(step).cells.set(cell, state);
    }

    fn ask(&mut self, id: CellId) {
        self.set(id, State::Asked);
        self.asked.push(id);
    }

    /// How many cells of each step have not come to their end.
    pub fn open(&self) -> impl Iterator<Item = u64> {
        self.graph.node_weights().map(|step| step.cells.open)
    }

    /// What keeps the cells of a step from being started, if anything does.
    pub fn obstacle(&self, step: usize) -> Option<Obstacle> {
        let cells = &self.step(step).cells;
        if !cells.ready.is_empty() {
            return Some(self.shortage(step).map_or(Obstacle::Slots, Obstacle::Resource));
        }
        if !cells.states.contains(&State::Waiting) {
            return None;
        }
        let before = self.graph.neighbors_directed(NodeIndex::new(step), Direction::Incoming);
        let mut open: Vec<usize> =
            before.filter(|step| self.graph[*step].cells.open > 0).map(NodeIndex::index).collect();
        open.sort_unstable();
        open.dedup();
        Some(Obstacle::Inputs(open))
    }

    /// How many cells stand where.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Cells whose inputs have become available since the last call: [decide](Self::decide) on each.
    pub fn undecided(&mut self) -> Vec<CellId> {
        match self.phase {
            Phase::Open => std::mem::take(&mut self.asked),
            Phase::Draining => Vec::new(),
        }
    }

    /// Cells that were skipped since the last call.
    pub fn skipped(&mut self) -> Vec<Skip> {
        std::mem::take(&mut self.skips)
    }

    /// The cells that are the same run as this one.
    pub fn twins(&self, id: CellId) -> &[CellId] {
        self.twins.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether the run of a cell succeeded.
    pub fn is_done(&self, id: CellId) -> bool {
        self.state(id) == State::Done
    }

    /// Says what becomes of a cell that was [asked](Self::undecided) about.
    pub fn decide(&mut self, id: CellId, standing: Standing) {
        match standing {
            Standing::Done => self.reuse(id),
            Standing::Run => {
                self.set(id, State::Ready);
                self.step_mut(id.0).cells.ready.push_back(id.1);
            }
            Standing::Twin(of) => match self.state(of) {
                State::Done => self.reuse(id),
                State::Lost => {
                    self.lose(id, of);
                }
                _ => {
                    self.set(id, State::Twin);
                    self.twins.entry(of).or_default().push(id);
                }
            },
            Standing::Lost(cause) => self.lose(id, cause),
            Standing::Wait => {
                self.set(id, State::Waiting);
                self.count_unmet(id);
            }
        }
    }

    /// What to do at time `now`; a batch has at most `limit` cells.
    pub fn next(&mut self, now: Instant, limit: usize) -> Next {
        if self.phase == Phase::Open
            && let Some(batch) = self.due_retries(now, limit).or_else(|| self.fresh(limit))
        {
            self.counts.waiting -= batch.cells.len() as u64;
            self.counts.running += batch.cells.len() as u64;
            for (cell, _) in &batch.cells {
                self.set((batch.step, *cell), State::Running);
            }
            if let Some(free) = &mut self.free {
                free.take(&self.graph[NodeIndex::new(batch.step)].needs, 1);
            }
            return Next::Start(batch);
        }
        if self.counts.running == 0 && (self.phase == Phase::Draining || self.is_idle()) {
            self.counts.cancelled += std::mem::take(&mut self.counts.waiting);
            return Next::Done;
        }
        Next::Wait(self.retries.peek().filter(|_| self.phase == Phase::Open).map(|Reverse((due, ..))| *due))
    }

    /// Whether nothing is left that could start or be decided.
    fn is_idle(&self) -> bool {
        let none_ready = self.graph.node_weights().all(|step| step.cells.ready.is_empty());
        none_ready && self.asked.is_empty() && self.retries.is_empty()
    }

    fn due_retries(&mut self, now: Instant, limit: usize) -> Option<Batch> {
        let Reverse((due, step, _)) = *self.retries.peek()?;
        if due > now || self.shortage(step).is_some() {
            return None;
        }
        let mut cells = Vec::new();
        while let Some(Reverse((due, other, cell))) = self.retries.peek().copied() {
            if due > now || other != step || cells.len() == limit {
                break;
            }
            self.retries.pop();
            cells.push((cell, self.tries.get(&(step, cell)).copied().unwrap_or(0) + 1));
        }
        Some(Batch { step, cells })
    }

    fn fresh(&mut self, limit: usize) -> Option<Batch> {
        // The first step in order gets what it needs before others do: what it waits for is left free for it.
        let step = *self.order.iter().find(|step| !self.step(**step).cells.ready.is_empty())?;
        if self.shortage(step).is_some() {
            return None;
        }
        let tried = |cell: u64| self.tries.get(&(step, cell)).copied().unwrap_or(0);
        let taken = self.step(step).cells.ready.len().min(limit);
        let ready = self.step(step).cells.ready.iter().take(taken);
        let cells: Vec<_> = ready.map(|cell| (*cell, tried(*cell) + 1)).collect();
        self.step_mut(step).cells.ready.drain(..taken);
        Some(Batch { step, cells })
    }

    /// The resource that keeps cells of a step, which could run, from being started.
    pub fn shortage(&self, step: usize) -> Option<String> {
        let free = self.free.as_ref()?;
        self.step(step).needs.fits(free).err()
    }

    /// A batch has come back whole: what it took is free again.
    pub fn returned(&mut self, step: usize) {
        if let Some(free) = &mut self.free {
            free.give(&self.graph[NodeIndex::new(step)].needs, 1);
        }
    }

    /// A cell has finished; says whether it will be tried again.
    pub fn finished(&mut self, step: usize, cell: u64, outcome: Outcome, now: Instant) -> bool {
        let id = (step, cell);
        self.counts.running -= 1;
        if matches!(outcome, Outcome::Failed | Outcome::TimedOut) && self.phase == Phase::Open {
            let tries = self.tries.entry(id).or_default();
            *tries += 1;
            if *tries <= self.policy.retries.most {
                let due = now + self.policy.retries.delay(*tries);
                self.retries.push(Reverse((due, step, cell)));
                self.counts.waiting += 1;
                self.set(id, State::Ready);
                return true;
            }
        }
        match outcome {
            Outcome::Succeeded => {
                self.counts.succeeded += 1;
                self.succeed(id);
            }
            outcome => {
                let count = match outcome {
                    Outcome::Failed => &mut self.counts.failed,
                    Outcome::TimedOut => &mut self.counts.timed_out,
                    _ => &mut self.counts.cancelled,
                };
                *count += 1;
                self.fail(id);
            }
        }
        let did_not_succeed = matches!(outcome, Outcome::Failed | Outcome::TimedOut);
        if did_not_succeed && self.policy.failure == FailurePolicy::FailFast {
            self.drain();
        }
        false
    }

    /// A running cell has found that the value of one it needs is gone: that one runs again, this one waits for it.
    /// Says whether that could be arranged; it is not for a cell that was made again before.
    pub fn lost_input(&mut self, id: CellId, from: CellId) -> bool {
        let arranged = match self.state(from) {
            State::Done if self.repaired.insert(from) => {
                self.set(from, State::Ready);
                self.step_mut(from.0).cells.ready.push_back(from.1);
                self.counts.waiting += 1;
                self.repairs.insert(from, Vec::new());
                true
            }
            State::Ready | State::Running => self.repairs.contains_key(&from),
            _ => false,
        };
        if arranged {
            self.counts.running -= 1;
            self.counts.waiting += 1;
            self.set(id, State::Waiting);
            self.step_mut(id.0).cells.unmet[id.1 as usize] = 1;
            self.repairs.entry(from).or_default().push(id);
        }
        arranged
    }

    /// A cell that was handed out was found done: another driver has finished its run.
    pub fn found(&mut self, id: CellId) {
        self.counts.running -= 1;
        self.counts.reused += 1;
        self.succeed(id);
    }

    /// A cell that was handed out is not started before a time: another driver executes its run.
    pub fn postpone(&mut self, id: CellId, due: Instant) {
        self.counts.running -= 1;
        self.counts.waiting += 1;
        self.set(id, State::Ready);
        self.retries.push(Reverse((due, id.0, id.1)));
    }

    /// A running cell is to start again: it gave nothing back, and that is no failure of its own.
    pub fn put_back(&mut self, id: CellId) {
        self.counts.running -= 1;
        self.counts.waiting += 1;
        self.set(id, State::Ready);
        self.step_mut(id.0).cells.ready.push_back(id.1);
    }

    /// A cell that was handed out was not started after all.
    pub fn not_started(&mut self, step: usize, cell: u64) {
        self.counts.running -= 1;
        self.counts.cancelled += 1;
        self.set((step, cell), State::Lost);
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
