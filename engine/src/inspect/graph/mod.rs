//! Graphs to look at: the steps of an experiment, and what a run was made from and what was made from it.

mod dot;
mod layout;
mod lineage;
mod mermaid;
mod steps;
mod svg;

pub use lineage::lineage;
pub use steps::{steps_of, steps_of_plan};

/// A graph with names for people. [`to_dot`](Self::to_dot), [`to_mermaid`](Self::to_mermaid) and
/// [`to_svg`](Self::to_svg) write it; the same graph gives the same text.
///
/// ```standalone_crate
/// use metalab_engine::Experiment;
/// use metalab_engine::inputs::Input;
/// use metalab_engine::inspect::{EdgeKind, steps_of_plan};
/// # extern crate metalab_engine as metalab;
///
/// #[metalab::operation]
/// fn square(x: f64) -> f64 {
///     x * x
/// }
///
/// #[metalab::operation]
/// fn half(value: Input<f64>) -> f64 {
///     *value / 2.0
/// }
///
/// let mut experiment = Experiment::new("chain", "1");
/// let squares = experiment.step(Square::grid().x([1.0, 2.0, 3.0]));
/// experiment.step(Half::grid().value(&squares));
/// let store = metalab::Store::memory()?;
/// let graph = steps_of_plan(&store, &experiment)?;
/// assert_eq!((graph.nodes[0].name.as_str(), graph.edges[0].label.as_str()), ("square", "value"));
/// assert_eq!(graph.edges[0].kind, EdgeKind::One);
/// assert!(graph.to_mermaid().starts_with("flowchart LR\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Graph {
    /// What it shows.
    pub title: String,
    /// What is drawn as boxes.
    pub nodes: Vec<Node>,
    /// What is drawn as arrows.
    pub edges: Vec<Edge>,
}

/// A box with two lines.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Node {
    /// The first line: name of a step, or of an operation with the first digits of a run.
    pub name: String,
    /// The second line.
    pub detail: String,
    /// What it stands for.
    pub kind: NodeKind,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A step of an experiment.
    Step,
    /// A run that succeeded.
    Run,
    /// A run that did not.
    Failed,
    /// The run that was asked about.
    Focus,
    /// A value of the store.
    Value,
    /// Some more that are left out.
    More,
}

/// An arrow, from what makes a value to what takes it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Edge {
    /// Number of the node that makes it.
    pub from: usize,
    /// Number of the node that takes it.
    pub to: usize,
    /// The input, and how it is wired.
    pub label: String,
    /// How many values go along it.
    pub kind: EdgeKind,
}

/// How many values go along an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// One for each cell.
    One,
    /// Many, gathered.
    Many,
}

impl Graph {
    fn new(title: String) -> Self {
        Self { title, nodes: Vec::new(), edges: Vec::new() }
    }

    /// Adds a node; its number.
    fn node(&mut self, name: impl Into<String>, detail: impl Into<String>, kind: NodeKind) -> usize {
        self.nodes.push(Node { name: name.into(), detail: detail.into(), kind });
        self.nodes.len() - 1
    }

    /// Adds an edge.
    fn edge(&mut self, from: usize, to: usize, label: impl Into<String>, kind: EdgeKind) {
        self.edges.push(Edge { from, to, label: label.into(), kind });
    }

    /// The graph in the language of Graphviz.
    pub fn to_dot(&self) -> String {
        dot::write(self)
    }

    /// The graph in the language of Mermaid, as Markdown pages show it.
    pub fn to_mermaid(&self) -> String {
        mermaid::write(self)
    }

    /// The graph as a picture that needs no other program.
    pub fn to_svg(&self) -> String {
        svg::write(self)
    }
}

/// A text on one line of at most so many characters: names come from outside and may be anything.
fn line(text: &str, most: usize) -> String {
    let mut characters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}
