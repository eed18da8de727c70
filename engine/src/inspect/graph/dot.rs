//! Graphviz.

use super::{EdgeKind, Graph, NodeKind, line};

pub(super) fn write(graph: &Graph) -> String {
    let mut text = String::from("digraph {\n");
    text.push_str("  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"monospace\", fontsize=11];\n");
    text.push_str("  edge [fontname=\"monospace\", fontsize=10];\n");
    text.push_str(&format!("  label={};\n  labelloc=t;\n", quoted(&[&graph.title])));
    for (number, node) in graph.nodes.iter().enumerate() {
        let style = match node.kind {
            NodeKind::Step | NodeKind::Run => "",
            NodeKind::Failed => ", color=\"#c0392b\"",
            NodeKind::Focus => ", penwidth=2.5",
            NodeKind::Value => ", style=\"rounded,dashed\"",
            NodeKind::More => ", shape=plaintext",
        };
        text.push_str(&format!("  n{number} [label={}{style}];\n", quoted(&[&node.name, &node.detail])));
    }
    for edge in &graph.edges {
        let style = if edge.kind == EdgeKind::Many { ", penwidth=2" } else { "" };
        text.push_str(&format!(
            "  n{} -> n{} [label={}{style}];\n",
            edge.from,
            edge.to,
            quoted(&[&edge.label])
        ));
    }
    text + "}\n"
}

/// Lines as one quoted string. A quote ends a string and a backslash begins an escape: both are escaped. What is
/// quoted is never read as HTML.
fn quoted(lines: &[&str]) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    let lines = lines.map(|text| line(text, 200).replace('\\', "\\\\").replace('"', "\\\""));
    format!("\"{}\"", lines.collect::<Vec<_>>().join("\\n"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_stay_inside_of_their_quotes() {
        assert_eq!(super::quoted(&["a\"]; n9 [x=\"", "\\N\n"]), r#""a\"]; n9 [x=\"\n\\N ""#);
        assert_eq!(super::quoted(&["<b>x</b>", ""]), "\"<b>x</b>\"");
    }
}
