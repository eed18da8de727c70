//! Where the boxes go: columns from left to right, each box right of all that feed it.
//!
//! Arrows over several columns run through a slot of their own in each, so that they cross no box. The order in a
//! column follows the neighbours (barycentres), and so do the heights. Everything is decided by the graph alone.

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Graph;

/// Between boxes of one column.
const GAP: f64 = 18.0;
/// How often the columns are put in order.
const SWEEPS: usize = 12;

/// A box, or the slot of an arrow, in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) column: usize,
    /// Its middle, from above.
    pub(super) y: f64,
    height: f64,
}

/// The places of everything.
pub(super) struct Layout {
    /// The boxes by their numbers, then the slots of arrows.
    pub(super) slots: Vec<Slot>,
    /// Per edge, the slots it goes through, its two boxes included.
    pub(super) routes: Vec<Vec<usize>>,
    pub(super) columns: usize,
    pub(super) height: f64,
}

/// Places the boxes, all of one height.
pub(super) fn place(graph: &Graph, height: f64) -> Layout {
    let columns = columns(graph);
    let mut slots: Vec<Slot> =
        columns.iter().map(|column| Slot { column: *column, y: 0.0, height }).collect();
    let mut routes = Vec::with_capacity(graph.edges.len());
    for edge in &graph.edges {
        let mut route = vec![edge.from];
        for column in columns[edge.from] + 1..columns[edge.to].max(columns[edge.from] + 1) {
            slots.push(Slot { column, y: 0.0, height: height / 3.0 });
            route.push(slots.len() - 1);
        }
        route.push(edge.to);
        routes.push(route);
    }
    let count = columns.iter().max().map_or(0, |last| last + 1);
    let mut layout = Layout { slots, routes, columns: count, height: 0.0 };
    layout.arrange();
    layout
}

/// The column of each node: after all that feed it, and not earlier than needed for what it feeds.
fn columns(graph: &Graph) -> Vec<usize> {
    let mut edges: DiGraph<(), ()> = DiGraph::new();
    graph.nodes.iter().for_each(|_| {
        edges.add_node(());
    });
    for edge in &graph.edges {
        edges.add_edge(NodeIndex::new(edge.from), NodeIndex::new(edge.to), ());
    }
    // What a store says of a graph may be wrong: edges of a circle that go back do not count.
    let order: Vec<usize> = match toposort(&edges, None) {
        Ok(order) => order.into_iter().map(NodeIndex::index).collect(),
        Err(_) => (0..graph.nodes.len()).collect(),
    };
    let mut rank = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, node)| rank[*node] = at);
    let forward: Vec<_> = graph.edges.iter().filter(|edge| rank[edge.from] < rank[edge.to]).collect();
    let mut column = vec![0; order.len()];
    for node in &order {
        for edge in forward.iter().filter(|edge| edge.from == *node) {
            column[edge.to] = column[edge.to].max(column[*node] + 1);
        }
    }
    // A node that nothing feeds stands beside what it feeds.
    for node in 0..column.len() {
        if forward.iter().all(|edge| edge.to != node) {
            let fed = forward.iter().filter(|edge| edge.from == node).map(|edge| column[edge.to]);
            column[node] = fed.min().map_or(0, |first| first - 1);
        }
    }
    column
}

impl Layout {
    fn arrange(&mut self) {
        let mut neighbours = vec![(Vec::new(), Vec::new()); self.slots.len()];
        for pair in self.routes.iter().flat_map(|route| route.windows(2)) {
            neighbours[pair[0]].1.push(pair[1]);
            neighbours[pair[1]].0.push(pair[0]);
        }
        let mut columns: Vec<Vec<usize>> = vec![Vec::new(); self.columns];
        (0..self.slots.len()).for_each(|slot| columns[self.slots[slot].column].push(slot));
        columns.iter().for_each(|column| self.stack(column, |_| None));
        for sweep in 0..SWEEPS {
            let to_the_right = sweep % 2 == 0;
            for at in 0..columns.len() {
                let at = if to_the_right { at } else { columns.len() - 1 - at };
                let wanted = |slot: usize| {
                    let (before, after) = &neighbours[slot];
                    let near = if to_the_right { before } else { after };
                    let sum: f64 = near.iter().map(|slot| self.slots[*slot].y).sum();
                    (!near.is_empty()).then(|| sum / near.len() as f64)
                };
                let mut wishes: Vec<(f64, usize)> = columns[at]
                    .iter()
                    .map(|slot| (wanted(*slot).unwrap_or(self.slots[*slot].y), *slot))
                    .collect();
                // Stable: equal wishes keep their order.
                wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
                columns[at] = wishes.iter().map(|(_, slot)| *slot).collect();
                let wish =
                    |slot: usize| wishes.iter().find(|(_, other)| *other == slot).map(|(wish, _)| *wish);
                let column = columns[at].clone();
                self.stack(&column, wish);
            }
        }
        let top = self.slots.iter().map(|slot| slot.y - slot.height / 2.0).fold(f64::INFINITY, f64::min);
        self.slots.iter_mut().for_each(|slot| slot.y -= top);
        self.height = self.slots.iter().map(|slot| slot.y + slot.height / 2.0).fold(0.0, f64::max);
    }

    /// Puts the slots of a column one below the other, as near to their wishes as their order allows.
    fn stack(&mut self, column: &[usize], wish: impl Fn(usize) -> Option<f64>) {
        let mut bottom = f64::NEG_INFINITY;
        let mut excess = 0.0;
        for slot in column {
            let height = self.slots[*slot].height;
            let first = if bottom == f64::NEG_INFINITY { 0.0 } else { bottom + GAP + height / 2.0 };
            let wished = wish(*slot).unwrap_or(first);
            let y = if bottom == f64::NEG_INFINITY { wished } else { wished.max(first) };
            excess += y - wished;
            self.slots[*slot].y = y;
            bottom = y + height / 2.0;
        }
        // What was pushed down is shared by all.
        let up = excess / column.len().max(1) as f64;
        column.iter().for_each(|slot| self.slots[*slot].y -= up);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::graph::{EdgeKind, NodeKind};

    fn graph(nodes: usize, edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new("test".into());
        for node in 0..nodes {
            graph.node(node.to_string(), "", NodeKind::Step);
        }
        edges.iter().for_each(|(from, to)| graph.edge(*from, *to, "", EdgeKind::One));
        graph
    }

    #[test]
    fn nothing_overlaps_and_arrows_point_right() {
        let graph = graph(7, &[(0, 2), (1, 2), (2, 3), (0, 3), (2, 4), (3, 5), (4, 5), (0, 5), (6, 5)]);
        let layout = place(&graph, 44.0);
        assert_eq!(layout.columns, 4);
        assert_eq!(layout.slots[6].column, 2, "a source stands beside what it feeds");
        for route in &layout.routes {
            assert!(
                route.windows(2).all(|pair| layout.slots[pair[0]].column + 1 == layout.slots[pair[1]].column)
            );
        }
        for (a, first) in layout.slots.iter().enumerate() {
            for second in &layout.slots[a + 1..] {
                let apart = (first.y - second.y).abs() >= (first.height + second.height) / 2.0 + GAP - 1e-6;
                assert!(first.column != second.column || apart, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn a_circle_in_a_damaged_store_is_drawn_all_the_same() {
        let layout = place(&graph(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]), 44.0);
        assert_eq!(layout.routes.len(), 4);
        assert!(layout.slots.iter().all(|slot| slot.y.is_finite()));
    }
}
