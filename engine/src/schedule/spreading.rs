//! What the end of a cell means for those that need it.

use petgraph::Direction;
use petgraph::graph::{EdgeIndex, NodeIndex};

use super::cells::State;
use super::{CellId, Schedule, Skip};

impl Schedule {
    pub(super) fn reuse(&mut self, id: CellId) {
        self.counts.waiting -= 1;
        self.counts.reused += 1;
        self.succeed(id);
    }

    /// A cell is done: those that wait for it wait for one less.
    pub(super) fn succeed(&mut self, id: CellId) {
        let mut done = vec![id];
        while let Some(id) = done.pop() {
            self.set(id, State::Done);
            match self.repairs.remove(&id) {
                Some(waiting) => waiting.into_iter().for_each(|cell| self.meet(cell)),
                None => {
                    for (edge, step) in self.fed(id.0) {
                        let cells: Vec<u64> = self.graph[edge].feeds(id.1).collect();
                        cells.into_iter().for_each(|cell| self.meet((step, cell)));
                    }
                }
            }
            for twin in self.twins.remove(&id).unwrap_or_default() {
                self.counts.waiting -= 1;
                self.counts.reused += 1;
                done.push(twin);
            }
        }
    }

    fn fed(&self, step: usize) -> Vec<(EdgeIndex, usize)> {
        let mut walk = self.graph.neighbors_directed(NodeIndex::new(step), Direction::Outgoing).detach();
        let mut found = Vec::new();
        while let Some((edge, node)) = walk.next(&self.graph) {
            found.push((edge, node.index()));
        }
        found
    }

    /// One of the things that a cell waits for is there.
    fn meet(&mut self, id: CellId) {
        if self.state(id) != State::Waiting {
            return;
        }
        let unmet = &mut self.step_mut(id.0).cells.unmet[id.1 as usize];
        *unmet = unmet.saturating_sub(1);
        if *unmet == 0 {
            self.ask(id);
        }
    }

    /// A cell that has not started will not: a cell it needs is lost. So are those that need it, in turn.
    pub(super) fn lose(&mut self, id: CellId, cause: CellId) {
        let mut lost = vec![id];
        while let Some(id) = lost.pop() {
            if self.state(id) == State::Lost {
                continue;
            }
            self.counts.waiting -= 1;
            self.counts.skipped += 1;
            self.set(id, State::Lost);
            self.skips.push(Skip { cell: id, cause });
            self.spread(id, &mut lost);
        }
    }

    /// A cell did not succeed, for good.
    pub(super) fn fail(&mut self, id: CellId) {
        self.set(id, State::Lost);
        let mut lost = Vec::new();
        self.spread(id, &mut lost);
        lost.into_iter().for_each(|cell| self.lose(cell, id));
    }

    /// Adds the cells to `lost` that cannot do without a lost cell.
    fn spread(&mut self, id: CellId, lost: &mut Vec<CellId>) {
        lost.extend(self.twins.remove(&id).unwrap_or_default());
        if let Some(waiting) = self.repairs.remove(&id) {
            lost.extend(waiting.into_iter().filter(|cell| self.state(*cell) == State::Waiting));
            return;
        }
        for (edge, step) in self.fed(id.0) {
            let tolerated = self.graph[edge].tolerated;
            let cells: Vec<u64> = self.graph[edge].feeds(id.1).collect();
            for cell in cells {
                if self.state((step, cell)) != State::Waiting {
                    continue;
                }
                let missing = self.step_mut(step).cells.missing.entry((edge.index(), cell)).or_default();
                *missing += 1;
                match tolerated.is_some_and(|most| *missing > most) {
                    true => lost.push((step, cell)),
                    false => self.meet((step, cell)),
                }
            }
        }
    }
}
