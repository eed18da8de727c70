//! A picture.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout::{self, Layout};
use super::{Edge, EdgeKind, Graph, Node, NodeKind, line};
use crate::inspect::xml::xml_text as escaped;

const HEIGHT: f64 = 44.0;
const MARGIN: f64 = 20.0;
/// The title above.
const HEAD: f64 = 28.0;
/// Between columns at least.
const BETWEEN: f64 = 56.0;
/// The width of a character of 12 and of 10 pixels: the font is of one width.
const LARGE: f64 = 7.23;
const SMALL: f64 = 6.03;
/// The most characters of the lines in a box; the tool tip has all.
const NAME: usize = 36;
const DETAIL: usize = 48;

/// The arrows between two boxes, as one.
struct Bundle {
    labels: Vec<String>,
    many: bool,
}

pub(super) fn write(graph: &Graph) -> String {
    let graph = &bundled(graph);
    let layout = layout::place(graph, HEIGHT);
    let columns = columns(graph, &layout);
    let right = columns.last().map_or(0.0, |(x, width)| x + width);
    let (width, height) =
        (right.max(columns_of(&graph.title) * LARGE) + 2.0 * MARGIN, layout.height + HEAD + 2.0 * MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\">\n\
         <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0.5 L8 4 L0 7.5 z\" fill=\"#5f6b7a\"/></marker></defs>\n\
         <text x=\"{MARGIN}\" y=\"{MARGIN}\" font-size=\"13\" font-weight=\"600\" fill=\"#1f2933\">{title}</text>\n\
         <g transform=\"translate({MARGIN} {top:.0})\">\n",
        title = escaped(&line(&graph.title, 200)),
        top = MARGIN + HEAD,
    );
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        arrow(&mut text, edge, route, &layout, &columns);
    }
    for (number, node) in graph.nodes.iter().enumerate() {
        let slot = layout.slots[number];
        let (x, width) = columns[slot.column];
        boxed(&mut text, node, x, slot.y - HEIGHT / 2.0, width);
    }
    // Labels last: nothing may cover them.
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        label(&mut text, edge, route, &layout, &columns);
    }
    text + "</g>\n</svg>\n"
}

/// Arrows between the same two boxes would cover each other: they become one.
fn bundled(graph: &Graph) -> Graph {
    let mut bundles: BTreeMap<(usize, usize), Bundle> = BTreeMap::new();
    for edge in &graph.edges {
        let bundle =
            bundles.entry((edge.from, edge.to)).or_insert_with(|| Bundle { labels: Vec::new(), many: false });
        bundle.labels.push(line(&edge.label, NAME));
        bundle.many |= edge.kind == EdgeKind::Many;
    }
    let mut merged = Graph { edges: Vec::new(), ..graph.clone() };
    for ((from, to), bundle) in bundles {
        let kind = if bundle.many { EdgeKind::Many } else { EdgeKind::One };
        merged.edge(from, to, bundle.labels.join(", "), kind);
    }
    merged
}

/// Left side and width of each column.
fn columns(graph: &Graph, layout: &Layout) -> Vec<(f64, f64)> {
    let mut widths = vec![0.0_f64; layout.columns];
    for (node, slot) in graph.nodes.iter().zip(&layout.slots) {
        let name = columns_of(&line(&node.name, NAME)) * LARGE;
        let detail = columns_of(&line(&node.detail, DETAIL)) * SMALL;
        widths[slot.column] = widths[slot.column].max(name.max(detail) + 24.0);
    }
    let mut between = vec![BETWEEN; layout.columns];
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        let column = layout.slots[route[0]].column;
        between[column] = between[column].max(columns_of(&edge.label) * SMALL + 32.0);
    }
    let mut x = 0.0;
    let places = widths.iter().zip(between).map(|(width, between)| {
        let left = x;
        x += width + between;
        (left, *width)
    });
    places.collect()
}

/// How many columns of a terminal a text takes: wide letters take two.
fn columns_of(text: &str) -> f64 {
    let wide = |c: char| matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    text.chars().map(|c| if wide(c) { 2.0 } else { 1.0 }).sum()
}

/// Start and end of the first part of a route: between the first two columns it is in.
fn first_part(route: &[usize], layout: &Layout, columns: &[(f64, f64)]) -> ((f64, f64), (f64, f64)) {
    let (from, to) = (layout.slots[route[0]], layout.slots[route[1]]);
    let (x, width) = columns[from.column];
    ((x + width, from.y), (columns[to.column].0, to.y))
}

fn arrow(text: &mut String, edge: &Edge, route: &[usize], layout: &Layout, columns: &[(f64, f64)]) {
    let ((x, y), _) = first_part(route, layout, columns);
    let mut path = format!("M{x:.1} {y:.1}");
    let (mut x, mut y) = (x, y);
    for slot in &route[1..] {
        let slot = layout.slots[*slot];
        let (left, width) = columns[slot.column];
        let middle = f64::midpoint(x, left);
        let _ = write!(path, " C{middle:.1} {y:.1} {middle:.1} {0:.1} {left:.1} {0:.1}", slot.y);
        (x, y) = (left + width, slot.y);
        if slot_is_passed(route, layout, &slot) {
            let _ = write!(path, " H{x:.1}");
        }
    }
    let width = if edge.kind == EdgeKind::Many { 2.4 } else { 1.3 };
    let _ = writeln!(
        text,
        "<path d=\"{path}\" fill=\"none\" stroke=\"#5f6b7a\" stroke-width=\"{width}\" marker-end=\"url(#arrow)\"/>"
    );
}

/// Whether a route goes on after a slot.
fn slot_is_passed(route: &[usize], layout: &Layout, slot: &layout::Slot) -> bool {
    route.last().is_some_and(|last| layout.slots[*last].column != slot.column)
}

fn label(text: &mut String, edge: &Edge, route: &[usize], layout: &Layout, columns: &[(f64, f64)]) {
    if edge.label.is_empty() {
        return;
    }
    let ((x, y), (to_x, to_y)) = first_part(route, layout, columns);
    let (x, y) = (f64::midpoint(x, to_x), f64::midpoint(y, to_y));
    let width = columns_of(&edge.label) * SMALL + 6.0;
    let _ = writeln!(
        text,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"13\" fill=\"#ffffff\"/>\
         <text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"10\" text-anchor=\"middle\" fill=\"#3e4c59\">{}</text>",
        x - width / 2.0,
        y - 6.5,
        y + 3.5,
        escaped(&edge.label)
    );
}

fn boxed(text: &mut String, node: &Node, x: f64, y: f64, width: f64) {
    let (fill, stroke, more) = match node.kind {
        NodeKind::Step => ("#eef4fb", "#3b6ea5", ""),
        NodeKind::Run => ("#eef7ee", "#4a8a4f", ""),
        NodeKind::Failed => ("#fdecea", "#c0392b", ""),
        NodeKind::Focus => ("#fff8e1", "#b7791f", " stroke-width=\"2.5\""),
        NodeKind::Value => ("#f5f5f5", "#7b8794", " stroke-dasharray=\"5 3\""),
        NodeKind::More => ("#ffffff", "#ffffff", ""),
    };
    let middle = x + width / 2.0;
    let name_y = if node.detail.is_empty() { y + 26.0 } else { y + 18.0 };
    let whole = [&*node.name, &*node.detail].map(|part| line(part, 400)).join("\n");
    let _ = writeln!(
        text,
        "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"7\" \
         fill=\"{fill}\" stroke=\"{stroke}\"{more}/>\
         <text x=\"{middle:.1}\" y=\"{name_y:.1}\" font-size=\"12\" font-weight=\"600\" text-anchor=\"middle\" fill=\"#1f2933\">{}</text>\
         <text x=\"{middle:.1}\" y=\"{:.1}\" font-size=\"10\" text-anchor=\"middle\" fill=\"#52606d\">{}</text></g>",
        escaped(whole.trim_end()),
        escaped(&line(&node.name, NAME)),
        y + 34.0,
        escaped(&line(&node.detail, DETAIL)),
    );
}
