//! Which targets of a package a function belongs to.

use std::path::Path;
use std::sync::Arc;

use super::crates::is_ours;
use super::manifest::{Package, Root};
use super::source::Tree;

/// The items that a function in `file` can reach: those of its target and, seen from a binary, example or test, of the
/// package's library (but not of metalab's own, whose items are what every other package has as dependencies).
///
/// A file may belong to several targets: then to all of them, unless the crate's name tells which one is meant. A
/// function whose target is not found (it comes from a macro, or a documentation test) reaches everything in `src/`.
pub(crate) fn trees(package: &Package, file: Option<&Path>, crate_name: Option<&str>) -> Vec<Arc<Tree>> {
    let holding = |roots: Vec<&Root>| -> Vec<(Root, Arc<Tree>)> {
        let trees = roots.into_iter().map(|root| (root.clone(), Tree::load(&root.file, "")));
        trees.filter(|(_, tree)| file.is_some_and(|file| tree.holds(file))).collect()
    };
    let all = || package.library.iter().chain(&package.others);
    let mut found =
        holding(all().filter(|root| crate_name.is_some_and(|name| root.crate_name == name)).collect());
    if found.is_empty() {
        found = holding(all().collect());
    }
    let in_library = found.iter().any(|(root, _)| Some(root) == package.library.as_ref());
    let mut trees: Vec<Arc<Tree>> = found.iter().map(|(_, tree)| Arc::clone(tree)).collect();
    if trees.is_empty() {
        if let Some(file) = file {
            trees.push(Tree::load(file, ""));
        }
        for file in sources(&package.folder.join("src")) {
            if !trees.iter().any(|tree| tree.holds(&file)) {
                trees.push(Tree::load(&file, ""));
            }
        }
    } else if !in_library
        && !is_ours(&package.name)
        && let Some(library) = &package.library
    {
        trees.push(Tree::load(&library.file, &library.crate_name));
    }
    trees
}

/// All Rust files below a folder in a fixed order; hidden folders and `target` are left out.
pub(crate) fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                files.extend(sources(&path));
            }
        } else if name.ends_with(".rs") {
            files.push(path.canonicalize().unwrap_or(path));
        }
    }
    files
}
