//! The items that an operation reaches: a walk over identifiers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use syn::ext::IdentExt;

use super::items::{Item, Kind};
use super::manifest::Package;
use super::render::{Mentions, Rendered};
use super::source::Tree;
use super::{CodeItem, crates};

/// The operation's function.
pub(crate) struct Start<'a> {
    pub(crate) ident: &'a str,
    pub(crate) rendered: &'a Rendered,
    pub(crate) file: Option<&'a Path>,
}

/// The items of the targets, by the names that reach them.
pub(crate) struct Graph<'a> {
    package: &'a Package,
    items: Vec<&'a Item>,
    by_name: BTreeMap<String, Vec<usize>>,
    stems: Vec<(&'a str, usize)>,
    globs: BTreeMap<&'a str, Vec<usize>>,
    modules: BTreeMap<&'a str, Vec<usize>>,
    opaque: Vec<usize>,
    /// The operation itself, which is not counted a second time.
    own: BTreeSet<usize>,
}

/// What was reached.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    items: BTreeSet<usize>,
    dependencies: BTreeSet<String>,
    files: BTreeSet<CodeItem>,
    names: BTreeSet<String>,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(package: &'a Package, trees: &'a [Arc<Tree>], start: &Start<'_>) -> Self {
        let all = trees.iter().flat_map(|tree| &tree.items);
        let is_own = |item: &Item| {
            item.rendered.digest == start.rendered.digest
                && item.defines.iter().any(|name| name == start.ident)
        };
        // Items for tests count for an operation that is itself in a test.
        let in_test = all.clone().any(|item| item.test && is_own(item) && Some(&*item.file) == start.file)
            && !all.clone().any(|item| !item.test && is_own(item));
        let items: Vec<&Item> = all.filter(|item| in_test || !item.test).collect();
        let own = items.iter().enumerate().filter(|(_, item)| is_own(item)).map(|(at, _)| at).collect();

        let mut graph = Self {
            package,
            items,
            by_name: BTreeMap::new(),
            stems: Vec::new(),
            globs: BTreeMap::new(),
            modules: BTreeMap::new(),
            opaque: Vec::new(),
            own,
        };
        graph.index();
        graph
    }

    fn index(&mut self) {
        let aliases: BTreeMap<&str, &Item> = self
            .items
            .iter()
            .filter(|item| matches!(item.kind, Kind::Alias))
            .flat_map(|item| item.defines.iter().map(move |name| (name.as_str(), *item)))
            .collect();
        let types: BTreeSet<&str> = self
            .items
            .iter()
            .filter(|item| matches!(item.kind, Kind::Type))
            // The last name is the type's own; before it stand variants and methods.
            .filter_map(|item| item.defines.last().map(String::as_str))
            .collect();
        let macros: BTreeMap<&str, &Item> = self
            .items
            .iter()
            .filter(|item| item.name.starts_with("macro "))
            .flat_map(|item| item.defines.iter().map(move |name| (name.as_str(), *item)))
            .collect();
        for (at, &item) in self.items.iter().enumerate() {
            let mut names: BTreeSet<String> = item.defines.iter().cloned().collect();
            match &item.kind {
                Kind::Impl(head) => {
                    names.extend(
                        head.reached_by(|name| {
                            types.contains(name) || is_local_alias(name, &aliases, &types)
                        }),
                    );
                    // `impl Alias` belongs to the type behind the alias.
                    for alias in head.self_idents().iter().filter_map(|name| aliases.get(name.as_str())) {
                        let behind = alias.rendered.mentions.idents.iter();
                        names.extend(behind.filter(|name| types.contains(name.as_str())).cloned());
                    }
                }
                Kind::Glob => self.globs.entry(&item.module).or_default().push(at),
                Kind::Opaque => self.opaque.push(at),
                Kind::Type | Kind::Alias | Kind::Other => {}
            }
            // What an invocation defines may be named in the macro alone.
            for called in item.defines.iter().filter_map(|name| name.strip_suffix('!')) {
                if let Some(definition) = macros.get(called) {
                    names.extend(definition.rendered.mentions.idents.iter().cloned());
                }
            }
            for name in names {
                self.by_name.entry(name).or_default().push(at);
            }
            if let Some(stem) = &item.stem {
                self.stems.push((stem, at));
            }
            self.modules.entry(&item.module).or_default().push(at);
        }
    }

    /// Walks from the operation.
    pub(crate) fn from_start(&self, start: &Start<'_>, reached: &mut Reached) {
        let mut todo: Vec<usize> = self.opaque.clone();
        for &own in &self.own {
            todo.extend(self.globs_around(&self.items[own].module));
        }
        if self.own.is_empty() {
            // It comes from a macro: its module is not known.
            todo.extend(self.globs.values().flatten());
        }
        self.mentioned(&start.rendered.mentions, start.file, reached, &mut todo);
        self.walk(todo, reached);
    }

    /// Adds what `uses(path)` names.
    ///
    /// # Errors
    /// When it is neither an item nor a dependency.
    pub(crate) fn add_use(
        &self,
        path: &syn::Path,
        transitively: bool,
        reached: &mut Reached,
    ) -> syn::Result<()> {
        let name =
            |segment: Option<&syn::PathSegment>| segment.map(|segment| segment.ident.unraw().to_string());
        let (first, last) = (name(path.segments.first()), name(path.segments.last()));
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let items = self.by_name.get(last.as_str()).cloned().unwrap_or_default();
        let module: Vec<usize> = self.module(&last);
        if self.package.dependencies.contains_key(&first) {
            reached.dependencies.insert(first);
        } else if items.is_empty() && module.is_empty() {
            return Err(syn::Error::new_spanned(
                path,
                format!(
                    "`{last}` is neither an item of this crate nor one of its dependencies: `uses(...)` takes items by path, and crates by the name used in code"
                ),
            ));
        }
        let found: Vec<usize> = items.into_iter().chain(module).filter(|at| !self.own.contains(at)).collect();
        if transitively {
            self.walk(found, reached);
        } else {
            reached.items.extend(found);
        }
        Ok(())
    }

    fn walk(&self, mut todo: Vec<usize>, reached: &mut Reached) {
        while let Some(at) = todo.pop() {
            if !reached.items.insert(at) {
                continue;
            }
            let item = self.items[at];
            if !matches!(item.kind, Kind::Glob) {
                todo.extend(self.globs_around(&item.module));
            }
            self.mentioned(&item.rendered.mentions, Some(&item.file), reached, &mut todo);
        }
    }

    fn mentioned(
        &self,
        mentions: &Mentions,
        file: Option<&Path>,
        reached: &mut Reached,
        todo: &mut Vec<usize>,
    ) {
        for name in &mentions.idents {
            if !reached.names.insert(name.clone()) {
                continue;
            }
            todo.extend(self.by_name.get(name.as_str()).into_iter().flatten());
            let made_from =
                self.stems.iter().filter(|(stem, _)| name.len() > stem.len() && name.starts_with(stem));
            todo.extend(made_from.map(|(_, at)| at));
        }
        for word in &mentions.words {
            todo.extend(self.module(word));
        }
        for name in &mentions.heads {
            if self.package.dependencies.contains_key(name) {
                reached.dependencies.insert(name.clone());
            }
        }
        let files = mentions.includes.iter().filter_map(|path| crates::file_item(self.package, file?, path));
        reached.files.extend(files);
        if mentions.build_script {
            reached.files.extend(crates::build_script_item(self.package));
        }
    }

    /// All items of the modules called so: `#[serde(with = "module")]` does not say which it needs.
    fn module(&self, name: &str) -> Vec<usize> {
        let called = |path: &&str| path.rsplit("::").next() == Some(name) && !name.is_empty();
        self.modules
            .iter()
            .filter(|(path, _)| called(path))
            .flat_map(|(_, items)| items.iter().copied())
            .collect()
    }

    /// The globs of a module and, for a function's body, of the modules around it.
    fn globs_around(&self, module: &str) -> impl Iterator<Item = usize> {
        let around = std::iter::successors(Some(module), |path| {
            path.ends_with("()").then(|| path.rsplit_once("::").map_or("", |(outer, _)| outer))
        });
        around.filter_map(|path| self.globs.get(path)).flatten().copied()
    }

    /// What was reached, as it is shown and hashed.
    pub(crate) fn code_items(&self, reached: &Reached) -> Vec<CodeItem> {
        let items = reached.items.iter().filter(|at| !self.own.contains(at)).map(|at| {
            let item = self.items[*at];
            CodeItem {
                name: item.name.clone(),
                digest: item.rendered.digest.clone(),
                place: format!("{}:{}", self.package.relative(&item.file), item.line),
            }
        });
        let dependencies = reached.dependencies.iter().filter_map(|name| self.package.dependencies.get(name));
        let dependencies = dependencies.flat_map(|dependency| crates::crate_items(self.package, dependency));
        items.chain(dependencies).chain(reached.files.iter().cloned()).collect()
    }
}

/// Whether an alias stands for something of this crate; `type Grid = Vec<f64>` does not.
fn is_local_alias(name: &str, aliases: &BTreeMap<&str, &Item>, types: &BTreeSet<&str>) -> bool {
    let Some(alias) = aliases.get(name) else { return false };
    alias.rendered.mentions.idents.iter().any(|behind| types.contains(behind.as_str()))
}
