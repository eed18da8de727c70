//! Mermaid.

use super::{EdgeKind, Graph, NodeKind, line};

pub(super) fn write(graph: &Graph) -> String {
    let mut text = format!("flowchart LR\n  %% {}\n", escaped(&graph.title));
    for (number, node) in graph.nodes.iter().enumerate() {
        let lines = [&node.name, &node.detail].into_iter().filter(|line| !line.is_empty());
        let lines: Vec<_> = lines.map(|line| escaped(line)).collect();
        let class = match node.kind {
            NodeKind::Step | NodeKind::Run => "",
            NodeKind::Failed => ":::failed",
            NodeKind::Focus => ":::focus",
            NodeKind::Value => ":::value",
            NodeKind::More => ":::more",
        };
        text.push_str(&format!("  n{number}[\"{}\"]{class}\n", lines.join("<br/>")));
    }
    for edge in &graph.edges {
        let arrow = if edge.kind == EdgeKind::Many { "==>" } else { "-->" };
        let label =
            if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&edge.label)) };
        text.push_str(&format!("  n{} {arrow}{label} n{}\n", edge.from, edge.to));
    }
    let classes = [
        (NodeKind::Failed, "failed stroke:#c0392b"),
        (NodeKind::Focus, "focus stroke-width:3px"),
        (NodeKind::Value, "value stroke-dasharray:4"),
        (NodeKind::More, "more stroke:none,fill:none"),
    ];
    for (kind, class) in classes {
        if graph.nodes.iter().any(|node| node.kind == kind) {
            text.push_str(&format!("  classDef {class}\n"));
        }
    }
    text
}

/// Letters, digits and a few signs as they are, everything else by its number: Mermaid, Markdown and HTML each read
/// signs of their own.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in line(text, 200).chars() {
        match c {
            _ if c.is_alphanumeric() || " _-.,:()=/…".contains(c) => escaped.push(c),
            _ => escaped.push_str(&format!("#{};", u32::from(c))),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn signs_with_a_meaning_are_escaped() {
        assert_eq!(super::escaped("a\"]<b>`#\n|"), "a#34;#93;#60;b#62;#96;#35; #124;");
        assert_eq!(super::escaped("k=3 (lab::größe)"), "k=3 (lab::größe)");
    }
}
