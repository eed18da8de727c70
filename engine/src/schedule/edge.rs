//! Which cells of a step feed which cells of another, by arithmetic on their indices.

/// One coordinate inside the index of a cell: `index / stride % length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// Cells until the coordinate changes.
    pub stride: u64,
    /// Number of its values.
    pub length: u64,
}

impl Digit {
    /// The coordinate of a cell.
    pub fn of(self, cell: u64) -> u64 {
        cell / self.stride % self.length
    }
}

/// A coordinate that both ends of an edge have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its stride in the step that takes.
    pub here: u64,
    /// Its stride in the step that gives.
    pub there: u64,
    /// Number of its values.
    pub length: u64,
}

/// An input of a step: the cells of another step that each of its cells needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Number of the step that gives.
    pub from: usize,
    /// The coordinates that both have.
    pub links: Vec<Link>,
    /// The coordinates of the giving step that are gathered over, slowest first; empty for one value.
    pub gathered: Vec<Digit>,
    /// The coordinates of the taking step that the giving step does not have.
    pub free: Vec<Digit>,
    /// How many of the values may be missing: `None` for any number.
    pub tolerated: Option<u64>,
}

/// All sums of multiples of the strides: the indices that differ in these coordinates only.
fn combinations(digits: &[Digit]) -> impl Iterator<Item = u64> + '_ {
    let count: u64 = digits.iter().map(|digit| digit.length).product();
    (0..count).map(move |mut number| {
        let mut index = 0;
        for digit in digits.iter().rev() {
            index += number % digit.length * digit.stride;
            number /= digit.length;
        }
        index
    })
}

impl Edge {
    /// The number of cells that each cell needs.
    pub fn width(&self) -> u64 {
        self.gathered.iter().map(|digit| digit.length).product()
    }

    /// The cells that a cell needs, gathered ones in the order of their coordinates.
    pub fn needs(&self, cell: u64) -> impl Iterator<Item = u64> + '_ {
        let at = |link: &Link| Digit { stride: link.here, length: link.length }.of(cell) * link.there;
        let base: u64 = self.links.iter().map(at).sum();
        combinations(&self.gathered).map(move |offset| base + offset)
    }

    /// The cells that need a cell.
    pub fn feeds(&self, cell: u64) -> impl Iterator<Item = u64> + '_ {
        let at = |link: &Link| Digit { stride: link.there, length: link.length }.of(cell) * link.here;
        let base: u64 = self.links.iter().map(at).sum();
        combinations(&self.free).map(move |offset| base + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step of cells (a: 2, b: 3) that takes from one of cells (a: 2, c: 4), over all c.
    fn gather() -> Edge {
        Edge {
            from: 0,
            links: vec![Link { here: 3, there: 4, length: 2 }],
            gathered: vec![Digit { stride: 1, length: 4 }],
            free: vec![Digit { stride: 1, length: 3 }],
            tolerated: Some(0),
        }
    }

    #[test]
    fn needs_and_feeds_are_each_others_inverse() {
        let edge = gather();
        assert_eq!(edge.needs(4).collect::<Vec<_>>(), [4, 5, 6, 7]);
        assert_eq!(edge.feeds(6).collect::<Vec<_>>(), [3, 4, 5]);
        for here in 0..6 {
            for there in 0..8 {
                let needed = edge.needs(here).any(|cell| cell == there);
                assert_eq!(needed, edge.feeds(there).any(|cell| cell == here), "{here} {there}");
            }
        }
    }

    #[test]
    fn a_step_without_coordinates_is_one_cell() {
        let edge = Edge { from: 0, links: vec![], gathered: vec![], free: vec![], tolerated: Some(0) };
        assert_eq!(edge.needs(0).collect::<Vec<_>>(), [0]);
        assert_eq!(edge.feeds(0).collect::<Vec<_>>(), [0]);
        assert_eq!(edge.width(), 1);
    }
}
