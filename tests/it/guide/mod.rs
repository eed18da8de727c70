//! What the guides show compiles: the Rust of each guide stands here in a module of its name, among what it takes for
//! granted.

#![allow(
    dead_code,
    unused_variables,
    unused_imports,
    reason = "these are examples, and they are not executed"
)]

use std::collections::BTreeMap;
use std::path::Path;

// Formatted for readers of the guides.
#[rustfmt::skip]
mod capture;
#[rustfmt::skip]
mod context;
#[rustfmt::skip]
mod derived;
#[rustfmt::skip]
mod execution;
#[rustfmt::skip]
mod experiments;
#[rustfmt::skip]
mod parameters;
#[rustfmt::skip]
mod quickstart;
#[rustfmt::skip]
mod results;

const COMPILED: [(&str, &str); 8] = [
    ("capture", include_str!("capture.rs")),
    ("context", include_str!("context.rs")),
    ("derived", include_str!("derived.rs")),
    ("execution", include_str!("execution.rs")),
    ("experiments", include_str!("experiments.rs")),
    ("parameters", include_str!("parameters.rs")),
    ("quickstart", include_str!("quickstart.rs")),
    ("results", include_str!("results.rs")),
];

/// The blocks of a language in a Markdown text.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let begin = format!("```{language}\n");
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(&begin) {
        let (block, after) = after.split_once("```").expect("a block that ends");
        found.push(block);
        rest = after;
    }
    found
}

/// The first line of a block that does not stand in the code, all of them in order; how far they are indented does not
/// matter.
fn missing<'b>(block: &'b str, code: &str) -> Option<&'b str> {
    let mut code = code.lines().map(str::trim);
    let mut lines = block.lines().filter(|line| !line.trim().is_empty());
    lines.find(|line| !code.any(|other| other == line.trim()))
}

#[test]
fn the_rust_of_the_guides_is_what_is_compiled() {
    let compiled = BTreeMap::from(COMPILED);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap();
        for block in blocks(&text, "rust") {
            count += 1;
            let code =
                compiled.get(name).unwrap_or_else(|| panic!("{name}.md shows Rust that nothing compiles"));
            let missing = missing(block, code);
            assert_eq!(
                missing, None,
                "{name}.md shows what tests/it/guide/{name}.rs does not compile:\n{block}"
            );
        }
    }
    assert!(count >= 30, "{count} blocks");
    assert_eq!(missing("let x = 1;\nlet y = 2;", "  let y = 2;\n  let x = 1;"), Some("let y = 2;"));
}
