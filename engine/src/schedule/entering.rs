//! Steps and their cells enter the graph, and are put in order.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use petgraph::Direction;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

use super::cells::{Cells, State};
use super::{CellId, Edge, Schedule, Standing};

impl Schedule {
    pub(super) fn enter(&mut self, step: usize, standings: Vec<Standing>) {
        let mut states = Vec::with_capacity(standings.len());
        let mut ready = VecDeque::new();
        for (cell, standing) in standings.into_iter().enumerate() {
            let cell = cell as u64;
            states.push(match standing {
                Standing::Done => State::Done,
                Standing::Wait => State::Waiting,
                Standing::Run => {
                    ready.push_back(cell);
                    State::Ready
                }
                Standing::Twin(of) => {
                    self.twins.entry(of).or_default().push((step, cell));
                    State::Twin
                }
                Standing::Lost(_) => State::Lost,
            });
            self.counts.waiting += u64::from(!matches!(standing, Standing::Done | Standing::Lost(_)));
        }
        self.step_mut(step).cells = Cells::new(states, ready);
    }

    pub(super) fn connect(&mut self, step: usize, edges: Vec<Edge>) {
        if edges.is_empty() {
            return;
        }
        for edge in edges {
            self.graph.add_edge(NodeIndex::new(edge.from), NodeIndex::new(step), edge);
        }
        let cells = self.step(step).cells.states.len();
        self.step_mut(step).cells.unmet = vec![0; cells];
        for cell in 0..cells as u64 {
            if self.state((step, cell)) == State::Waiting {
                self.count_unmet((step, cell));
            }
        }
    }

    /// Counts what a waiting cell waits for.
    pub(super) fn count_unmet(&mut self, id: CellId) {
        let mut unmet = 0;
        let mut missing = Vec::new();
        let mut too_many = None;
        for edge in self.graph.edges_directed(NodeIndex::new(id.0), Direction::Incoming) {
            let (number, edge) = (edge.id().index(), edge.weight());
            let (mut absent, mut first) = (0, None);
            for cell in edge.needs(id.1) {
                match self.state((edge.from, cell)) {
                    State::Done => {}
                    State::Lost => {
                        absent += 1;
                        first = first.or(Some((edge.from, cell)));
                    }
                    _ => unmet += 1,
                }
            }
            if edge.tolerated.is_some_and(|most| absent > most) {
                too_many = too_many.or(first);
            }
            if absent > 0 {
                missing.push(((number, id.1), absent));
            }
        }
        if let Some(cause) = too_many {
            return self.lose(id, cause);
        }
        let cells = &mut self.step_mut(id.0).cells;
        cells.unmet[id.1 as usize] = unmet;
        cells.missing.extend(missing);
        if unmet == 0 {
            self.ask(id);
        }
    }

    /// Orders the steps by the longest path that is left, in time where durations are known, else in steps.
    pub(super) fn rank(&mut self) {
        let known = self.graph.node_weights().all(|step| step.duration.is_some());
        let sorted = petgraph::algo::toposort(&self.graph, None).unwrap_or_default();
        for node in sorted.into_iter().rev() {
            let after = self.graph.neighbors_directed(node, Direction::Outgoing);
            let after = after.map(|next| self.graph[next].path).max().unwrap_or_default();
            let own = self.graph[node].duration.filter(|_| known).unwrap_or(Duration::from_secs(1));
            self.graph[node].path = after + own;
        }
        self.order = (0..self.graph.node_count()).collect();
        self.order.sort_by_key(|step| Reverse(self.graph[NodeIndex::new(*step)].path));
    }
}
