//! What is drawn, before it is known where: in characters or as SVG.

use super::{Bar, Line, Points, bars, picture, svg};
use crate::console::Paint;

/// The most bars; the rest is counted.
const BARS: usize = 30;
/// Lines of a picture in characters, without its labels.
const HEIGHT: usize = 16;

/// Numbers with the form in which they are drawn.
#[derive(Clone, Debug)]
pub(crate) enum Chart {
    /// A bar for each name.
    Bars(Vec<Bar>),
    /// How often numbers fall into ranges that touch each other.
    Histogram { edges: Vec<f64>, counts: Vec<u64>, log: bool },
    /// Points and lines over two axes, each even or logarithmic.
    Points { groups: Vec<(Points, Line)>, log: (bool, bool) },
}

/// What stands around a picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
}

impl Chart {
    /// In characters; `None` when nothing in it is a number.
    pub(crate) fn text(&self, width: usize, paint: Paint) -> Option<String> {
        match self {
            Self::Bars(all) => {
                let shown = shown(all);
                let more = all.len() - shown.len();
                let more = if more > 0 { format!("(and {more} more)\n") } else { String::new() };
                (!shown.is_empty()).then(|| bars(shown, width) + &more)
            }
            Self::Histogram { edges, counts, .. } => {
                let ranges = edges.windows(2).zip(counts);
                let all: Vec<Bar> = ranges.map(|(edges, count)| Bar::of_range(edges, *count)).collect();
                (!all.is_empty()).then(|| bars(&all, width))
            }
            Self::Points { groups, log } => picture(groups, *log, (width, HEIGHT), paint),
        }
    }

    /// As SVG; `None` when nothing in it is a number.
    pub(crate) fn svg(&self, labels: &Labels) -> Option<String> {
        match self {
            Self::Bars(all) => {
                let shown = shown(all);
                svg::bars(shown, all.len() - shown.len(), labels)
            }
            Self::Histogram { edges, counts, log } => svg::histogram(edges, counts, *log, labels),
            Self::Points { groups, log } => svg::points(groups, *log, labels),
        }
    }
}

fn shown(bars: &[Bar]) -> &[Bar] {
    &bars[..bars.len().min(BARS)]
}
