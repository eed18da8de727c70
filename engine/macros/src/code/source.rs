//! The source files of a target, found by following `mod` declarations.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use super::items::{Item, Reader, is_test};

/// All items of a target.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) items: Vec<Item>,
    /// Its files, in their canonical form, with what tells whether they changed.
    files: BTreeMap<PathBuf, Stamp>,
}

/// Time and size of a file.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

/// One target is read once, however many operations it has. Compilers live for one crate, but editors' macro servers go on,
/// which is why files are looked at again.
static READ: Mutex<BTreeMap<(PathBuf, String), Arc<Tree>>> = Mutex::new(BTreeMap::new());

impl Tree {
    /// The target with this root file; `prefix` stands before its module paths.
    pub(crate) fn load(root: &Path, prefix: &str) -> Arc<Self> {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let key = (root, prefix.to_owned());
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = read.get(&key)
            && tree.files.iter().all(|(file, stamp)| self::stamp(file) == *stamp)
        {
            return Arc::clone(tree);
        }
        let tree = Arc::new(Self::read(&key.0, prefix));
        read.insert(key, Arc::clone(&tree));
        tree
    }

    fn read(root: &Path, prefix: &str) -> Self {
        // The compiler's own tokens know no lines and grow its source map.
        let _fallback = Fallback::force();
        let mut tree = Self::default();
        let children = root.parent().map(Path::to_owned).unwrap_or_default();
        let module = if prefix.is_empty() { Vec::new() } else { vec![prefix.to_owned()] };
        tree.file(root, &children, module, false);
        tree
    }

    /// Whether a file, in its canonical form, belongs to the target.
    pub(crate) fn holds(&self, file: &Path) -> bool {
        self.files.contains_key(file)
    }

    /// Reads one file, whose child modules are below the folder `children`.
    fn file(&mut self, file: &Path, children: &Path, module: Vec<String>, test: bool) {
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        // A module that is declared twice, or includes itself.
        if self.files.contains_key(&file) {
            return;
        }
        self.files.insert(file.clone(), stamp(&file));
        let Ok(text) = fs::read_to_string(&file) else { return };
        match syn::parse_file(&text) {
            Ok(parsed) => {
                let test = test || parsed.attrs.iter().any(is_test);
                let beside = file.parent().unwrap_or(Path::new("")).to_owned();
                let place = Folders { beside: &beside, children };
                self.items(&parsed.items, &file, &place, module, test);
            }
            Err(_) => Reader { file: &file, module, test, items: &mut self.items }.opaque(&text),
        }
    }

    fn items(
        &mut self,
        items: &[syn::Item],
        file: &Path,
        folders: &Folders<'_>,
        module: Vec<String>,
        test: bool,
    ) {
        for item in items {
            match item {
                syn::Item::Mod(item) => {
                    let name = item.ident.unraw().to_string();
                    let test = test || item.attrs.iter().any(is_test);
                    let mut inner = module.clone();
                    inner.push(name.clone());
                    match &item.content {
                        Some((_, items)) => {
                            let below = folders.children.join(&name);
                            let below = Folders { beside: &below, children: &below };
                            self.items(items, file, &below, inner, test);
                        }
                        None => self.declared(&name, &paths(&item.attrs), folders, &inner, test),
                    }
                }
                syn::Item::Macro(invocation) if invocation.ident.is_none() => {
                    self.invocation(invocation, file, folders, &module, test);
                    Reader { file, module: module.clone(), test, items: &mut self.items }.read(item);
                }
                _ => Reader { file, module: module.clone(), test, items: &mut self.items }.read(item),
            }
        }
    }

    /// `mod name;`, perhaps with `#[path = "..."]`.
    fn declared(
        &mut self,
        name: &str,
        paths: &[String],
        folders: &Folders<'_>,
        module: &[String],
        test: bool,
    ) {
        for path in paths {
            let file = folders.beside.join(path);
            let children = file.parent().unwrap_or(Path::new("")).to_owned();
            self.file(&file, &children, module.to_vec(), test);
        }
        let flat = folders.children.join(format!("{name}.rs"));
        let nested = folders.children.join(name).join("mod.rs");
        for file in [flat, nested] {
            if file.is_file() {
                self.file(&file, &folders.children.join(name), module.to_vec(), test);
            }
        }
    }

    /// `include!("file.rs")`, and modules declared inside macros such as `cfg_if!`.
    fn invocation(
        &mut self,
        item: &syn::ItemMacro,
        file: &Path,
        folders: &Folders<'_>,
        module: &[String],
        test: bool,
    ) {
        if item.mac.path.segments.last().is_some_and(|segment| segment.ident == "include")
            && let Ok(path) = syn::parse2::<syn::LitStr>(item.mac.tokens.clone())
            && let Some(folder) = file.parent()
        {
            self.file(&folder.join(path.value()), folders.children, module.to_vec(), test);
        }
        for name in declared_modules(item.mac.tokens.clone()) {
            let mut inner = module.to_vec();
            inner.push(name.clone());
            self.declared(&name, &[], folders, &inner, test);
        }
    }
}

/// Where the modules declared at some place are looked for.
struct Folders<'a> {
    /// For those with `#[path]`.
    beside: &'a Path,
    /// For the others.
    children: &'a Path,
}

/// The files named by `#[path = "..."]`, also inside `cfg_attr`.
fn paths(attributes: &[Attribute]) -> Vec<String> {
    fn from(meta: &Meta, found: &mut Vec<String>) {
        match meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => {
                if let Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) = &pair.value {
                    found.push(path.value());
                }
            }
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                type Metas = syn::punctuated::Punctuated<Meta, syn::Token![,]>;
                if let Ok(metas) = list.parse_args_with(Metas::parse_terminated) {
                    metas.iter().skip(1).for_each(|meta| from(meta, found));
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    attributes.iter().for_each(|attribute| from(&attribute.meta, &mut found));
    found
}

fn declared_modules(tokens: TokenStream) -> BTreeSet<String> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = BTreeSet::new();
    for window in tokens.windows(3) {
        if let [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(end)] = window
            && word == "mod"
            && end.as_char() == ';'
        {
            found.insert(name.unraw().to_string());
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            found.extend(declared_modules(group.stream()));
        }
    }
    found
}

pub(crate) fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// While it lives, new tokens are those of `proc_macro2` itself.
struct Fallback;

impl Fallback {
    fn force() -> Self {
        proc_macro2::fallback::force();
        Self
    }
}

impl Drop for Fallback {
    fn drop(&mut self) {
        proc_macro2::fallback::unforce();
    }
}
