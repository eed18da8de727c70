//! The items that an operation reaches: a walk over identifiers.
//!
//! An identifier alone means an item of its own module, what a `use` there brings (by name, or by a glob from a
//! module or enum of that name), or a macro. After a `::` it means anything of that name, after a `.` any
//! member of that name: paths and types are not resolved. What a macro's definition or arguments mention may come
//! to stand anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use syn::ext::IdentExt;

use super::items::{Item, Kind};
use super::manifest::Package;
use super::render::{Mentions, Rendered};
use super::source::Tree;
use super::words::is_word_of_the_language;
use super::{CodeItem, crates};

/// The operation's function.
pub(crate) struct Start<'a> {
    pub(crate) ident: &'a str,
    pub(crate) rendered: &'a Rendered,
    pub(crate) file: Option<&'a Path>,
}

/// The items of the targets, by what reaches them.
pub(crate) struct Graph<'a> {
    package: &'a Package,
    items: Vec<&'a Item>,
    names: Index,
    /// Reached by a name in whatever scope.
    anywhere: Index,
    members: Index,
    /// Impls by the types and traits of this crate.
    impls: Index,
    globs: Index,
    modules: Index,
    /// Derives and attributes may define names that begin so.
    stems: Vec<(&'a str, usize)>,
    opaque: Vec<usize>,
    /// What globs bring into modules.
    opened: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The operation itself, which is not counted a second time.
    own: BTreeSet<usize>,
}

/// What was reached.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    items: BTreeSet<usize>,
    dependencies: BTreeSet<String>,
    files: BTreeSet<CodeItem>,
}

/// Items by name.
#[derive(Default)]
struct Index(BTreeMap<String, Vec<usize>>);

impl Index {
    fn add(&mut self, name: impl Into<String>, item: usize) {
        self.0.entry(name.into()).or_default().push(item);
    }

    fn get(&self, name: &str) -> impl Iterator<Item = usize> {
        self.0.get(name).into_iter().flatten().copied()
    }
}

/// Where mentions stand.
#[derive(Clone, Copy)]
struct Scope<'a> {
    file: Option<&'a Path>,
    /// `None` where the module is not known, so that everything is in scope.
    module: Option<&'a str>,
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
            names: Index::default(),
            anywhere: Index::default(),
            members: Index::default(),
            impls: Index::default(),
            globs: Index::default(),
            modules: Index::default(),
            stems: Vec::new(),
            opaque: Vec::new(),
            opened: BTreeMap::new(),
            own,
        };
        graph.index();
        graph.open_through();
        graph
    }

    fn index(&mut self) {
        let mut types: BTreeSet<&str> = BTreeSet::new();
        let mut aliases: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        let mut macros: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        for item in &self.items {
            // The own name is the last one.
            let Some(name) = item.defines.last() else { continue };
            match item.kind {
                Kind::Type => drop(types.insert(name)),
                Kind::Alias => aliases.entry(name).or_default().push(item),
                Kind::Macro => macros.entry(name).or_default().push(item),
                _ => {}
            }
        }
        // `type Grid = Vec<f64>` stands for nothing of this crate.
        let behind = |name: &str| -> BTreeSet<&str> {
            let mentions =
                aliases.get(name).into_iter().flatten().flat_map(|alias| alias.rendered.mentions.all());
            mentions.map(String::as_str).filter(|name| types.contains(name)).collect()
        };
        for (at, item) in self.items.iter().enumerate() {
            self.modules.add(&item.module, at);
            for name in &item.defines {
                self.names.add(name, at);
            }
            for name in &item.members {
                self.members.add(name, at);
            }
            if let Some(stem) = &item.stem {
                self.stems.push((stem, at));
            }
            match &item.kind {
                Kind::Impl(head) => {
                    let mut by = head.reached_by(|name| types.contains(name) || !behind(name).is_empty());
                    // `impl Alias` belongs to the type behind the alias.
                    by.types.extend(head.self_idents().iter().flat_map(|n| behind(n)).map(str::to_owned));
                    by.types.into_iter().for_each(|name| self.impls.add(name, at));
                    by.names.into_iter().for_each(|name| self.anywhere.add(name, at));
                    by.members.into_iter().for_each(|name| self.members.add(name, at));
                }
                Kind::Glob => {
                    self.globs.add(&item.module, at);
                    if let Some(target) = self.glob_target(item) {
                        self.opened.entry(&item.module).or_default().insert(target);
                    }
                }
                Kind::Opaque => self.opaque.push(at),
                Kind::Macro => item.defines.iter().for_each(|name| self.anywhere.add(name, at)),
                Kind::Invocation => {
                    // What it defines may be named in the macro's own body alone.
                    let called = item.defines.iter().filter_map(|name| macros.get(name.strip_suffix('!')?));
                    for name in called.flatten().flat_map(|definition| definition.rendered.mentions.all()) {
                        self.names.add(name, at);
                        self.members.add(name, at);
                    }
                }
                Kind::Type | Kind::Alias | Kind::Other => {}
            }
        }
    }

    /// The name of the module or enum of this crate from which a glob brings items, or [`ANY`].
    fn glob_target(&self, glob: &'a Item) -> Option<&'a str> {
        let path = glob.name.strip_prefix("use ")?.trim_start_matches("::").strip_suffix("::*")?;
        let first = path.split("::").next()?;
        if matches!(first, "std" | "core" | "alloc") || self.package.dependencies.contains_key(first) {
            return None;
        }
        let last = path.rsplit("::").next()?;
        Some(if is_word_of_the_language(last) { ANY } else { last })
    }

    /// Globs bring what other globs brought.
    fn open_through(&mut self) {
        loop {
            let mut more = Vec::new();
            for (module, targets) in &self.opened {
                let through = self.opened.iter().filter(|(other, _)| targets.contains(last_of(other)));
                let new = through.flat_map(|(_, theirs)| theirs.difference(targets).copied());
                more.extend(new.map(|target| (*module, target)));
            }
            if more.is_empty() {
                return;
            }
            for (module, target) in more {
                self.opened.entry(module).or_default().insert(target);
            }
        }
    }

    /// Whether an identifier that stands alone can mean an item.
    fn in_scope(&self, item: &Item, scope: Scope<'_>) -> bool {
        let Some(module) = scope.module else { return true };
        around(module).any(|module| {
            let brought = |targets: &BTreeSet<&str>| {
                let own = item.defines.last().map_or("", String::as_str);
                targets.contains(ANY) || targets.contains(last_of(&item.module)) || targets.contains(own)
            };
            item.module == module || self.opened.get(module).is_some_and(brought)
        })
    }

    /// Walks from the operation.
    pub(crate) fn follow(&self, start: &Start<'_>, reached: &mut Reached) {
        let mut todo: Vec<usize> = self.opaque.clone();
        let file = start.file;
        if self.own.is_empty() {
            // It comes from a macro.
            todo.extend(self.globs.0.values().flatten());
            let scope = Scope { file, module: None };
            self.mentioned(&start.rendered.mentions, scope, reached, &mut todo);
        }
        for &own in &self.own {
            let module = &self.items[own].module;
            todo.extend(around(module).flat_map(|module| self.globs.get(module)));
            let scope = Scope { file, module: Some(module) };
            self.mentioned(&start.rendered.mentions, scope, reached, &mut todo);
        }
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
        let found = self.names.get(&last).chain(self.anywhere.get(&last)).chain(self.members.get(&last));
        let found: Vec<usize> = found.chain(self.module(&last)).collect();
        if self.package.dependencies.contains_key(&first) {
            reached.dependencies.insert(first);
        } else if found.is_empty() {
            return Err(syn::Error::new_spanned(
                path,
                format!(
                    "`{last}` is neither an item of this crate nor one of its dependencies: `uses(...)` takes items by path, and crates by the name used in code"
                ),
            ));
        }
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
                todo.extend(around(&item.module).flat_map(|module| self.globs.get(module)));
            }
            if let (Kind::Type | Kind::Alias | Kind::Invocation, Some(name)) =
                (&item.kind, item.defines.last())
            {
                todo.extend(self.impls.get(name));
            }
            let scope = Scope { file: Some(&item.file), module: Some(&item.module) };
            self.mentioned(&item.rendered.mentions, scope, reached, &mut todo);
        }
    }

    fn mentioned(&self, mentions: &Mentions, scope: Scope<'_>, reached: &mut Reached, todo: &mut Vec<usize>) {
        for name in &mentions.free {
            todo.extend(self.names.get(name).filter(|item| self.in_scope(self.items[*item], scope)));
            todo.extend(self.anywhere.get(name));
            todo.extend(self.made_from(name));
        }
        for name in mentions.anywhere.iter().chain(&mentions.words) {
            todo.extend(self.names.get(name).chain(self.anywhere.get(name)).chain(self.members.get(name)));
            todo.extend(self.made_from(name));
        }
        todo.extend(mentions.members.iter().flat_map(|name| self.members.get(name)));
        todo.extend(mentions.words.iter().flat_map(|word| self.module(word)));
        let heads = mentions.heads.iter().filter(|name| self.package.dependencies.contains_key(*name));
        reached.dependencies.extend(heads.cloned());
        let files =
            mentions.includes.iter().filter_map(|path| crates::file_item(self.package, scope.file?, path));
        reached.files.extend(files);
        if mentions.build_script {
            reached.files.extend(crates::build_script_item(self.package));
        }
    }

    /// Items from whose name a derive may have made this one: `Builder` made `TreeBuilder` from `Tree`.
    fn made_from(&self, name: &str) -> impl Iterator<Item = usize> {
        let longer = move |stem: &str| name.len() > stem.len() && name.starts_with(stem);
        self.stems.iter().filter(move |(stem, _)| longer(stem)).map(|(_, at)| *at)
    }

    /// All items of the modules called so: `#[serde(with = "module")]` does not say which it needs.
    fn module(&self, name: &str) -> Vec<usize> {
        let called = |path: &str| path.rsplit("::").next() == Some(name) && !name.is_empty();
        self.modules
            .0
            .iter()
            .filter(|(path, _)| called(path))
            .flat_map(|(_, items)| items.iter().copied())
            .collect()
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

/// A glob from a module that is not named, such as `super::*`: it may bring anything.
const ANY: &str = "*";

fn last_of(module: &str) -> &str {
    module.rsplit("::").next().unwrap_or(module)
}

/// A module and, while it is the body of a function, what is around it.
fn around(module: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(module), |path| {
        path.ends_with("()").then(|| path.rsplit_once("::").map_or("", |(outer, _)| outer))
    })
}
