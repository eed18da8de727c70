//! The items of a file: what each defines, and what it mentions.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Ident, ItemFn, Meta, Token, UseTree};

use super::impls::{ImplHead, idents};
use super::render::{Mentions, Rendered};
use super::words::is_word_of_the_language;

/// An item of source code; text only, since tokens do not live longer than one expansion.
#[derive(Debug)]
pub(crate) struct Item {
    /// Such as `fn stats::mean`.
    pub(crate) name: String,
    /// The names by which it is reached, its own last.
    pub(crate) defines: Vec<String>,
    /// The names of methods and the like by which it is reached.
    pub(crate) members: Vec<String>,
    /// Names made from this one by derives may begin with it.
    pub(crate) stem: Option<String>,
    pub(crate) rendered: Rendered,
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    /// The module, such as `stats` or, for the root, the empty text.
    pub(crate) module: String,
    pub(crate) kind: Kind,
    /// Whether it is compiled for tests only.
    pub(crate) test: bool,
}

/// What matters of an item's kind.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A type or trait that is defined here.
    Type,
    /// Another name for something: `type`, `use a as b`.
    Alias,
    /// Reached by rules of its own.
    Impl(ImplHead),
    /// `use path::*`: counts for all of its module.
    Glob,
    /// `macro_rules!`: in scope by its place in the text, which is not looked at.
    Macro,
    /// An invocation that may define anything.
    Invocation,
    /// What could not be read: counts always.
    Opaque,
    /// Function, constant, macro.
    Other,
}

/// Where items are being read.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a Path,
    /// The path of the module, outermost first.
    pub(crate) module: Vec<String>,
    pub(crate) test: bool,
    pub(crate) items: &'a mut Vec<Item>,
}

impl Reader<'_> {
    /// Adds an item; modules are followed by the caller.
    pub(crate) fn read(&mut self, item: &syn::Item) {
        let attributes = attributes(item);
        let outer = self.test;
        self.test |= attributes.iter().any(is_test);
        match item {
            syn::Item::Use(item) => {
                let global = item.leading_colon.is_some();
                self.uses(
                    &item.tree,
                    if global { "::".to_owned() } else { String::new() },
                    item.use_token.span(),
                );
            }
            syn::Item::ExternCrate(item) => {
                let name = item.ident.unraw().to_string();
                let alias = item.rename.as_ref().map_or(name.clone(), |(_, alias)| alias.unraw().to_string());
                let everywhere = item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_use"));
                let kind = if everywhere { Kind::Opaque } else { Kind::Alias };
                let mut rendered = Rendered::of(item.to_token_stream());
                rendered.mentions.heads.insert(name.clone());
                self.add(format!("extern crate {name}"), vec![alias], kind, rendered, item.span());
            }
            syn::Item::Impl(item) => {
                let head = ImplHead::of(item, attributes.iter().any(makes_names));
                let name = match &head.trait_text {
                    Some(name) => format!("impl {name} for {}", head.self_text),
                    None => format!("impl {}", head.self_text),
                };
                let name = if self.module.is_empty() { name } else { format!("{name} in {}", self.path()) };
                let rendered = Rendered::of(item.to_token_stream());
                self.add(name, Vec::new(), Kind::Impl(head), rendered, item.impl_token.span());
            }
            syn::Item::Mod(_) => {}
            _ => self.named(item, attributes),
        }
        self.nested(item);
        self.test = outer;
    }

    fn named(&mut self, item: &syn::Item, attributes: &[Attribute]) {
        let mut members = Vec::new();
        let (word, ident, kind, mut also) = match item {
            syn::Item::Fn(item) => ("fn", Some(&item.sig.ident), Kind::Other, generated(item)),
            syn::Item::Const(item) if item.ident == "_" => ("const", None, Kind::Other, Vec::new()),
            syn::Item::Const(item) => ("const", Some(&item.ident), Kind::Other, Vec::new()),
            syn::Item::Static(item) => ("static", Some(&item.ident), Kind::Other, Vec::new()),
            syn::Item::Struct(item) => ("struct", Some(&item.ident), Kind::Type, Vec::new()),
            syn::Item::Union(item) => ("union", Some(&item.ident), Kind::Type, Vec::new()),
            syn::Item::Enum(item) => {
                // Variants may be in scope without the enum's name.
                let variants = item.variants.iter().map(|variant| variant.ident.unraw().to_string());
                ("enum", Some(&item.ident), Kind::Type, variants.collect())
            }
            syn::Item::Trait(item) => {
                members = item.items.iter().filter_map(trait_item_name).collect();
                ("trait", Some(&item.ident), Kind::Type, Vec::new())
            }
            syn::Item::TraitAlias(item) => ("trait", Some(&item.ident), Kind::Alias, Vec::new()),
            syn::Item::Type(item) => ("type", Some(&item.ident), Kind::Alias, Vec::new()),
            syn::Item::Macro(item) => {
                let kind = if item.ident.is_some() { Kind::Macro } else { Kind::Invocation };
                ("macro", item.ident.as_ref(), kind, Vec::new())
            }
            // What syn does not know, and `extern` blocks.
            _ => ("item", None, Kind::Other, Vec::new()),
        };
        let mut rendered = Rendered::of(item.to_token_stream());
        if matches!(kind, Kind::Macro) {
            rendered.mentions = rendered.mentions.of_a_macro();
        }
        let name = match (item, ident) {
            (_, Some(ident)) => {
                also.push(ident.unraw().to_string());
                format!("{word} {}", self.within(&ident.unraw().to_string()))
            }
            // An invocation may define whatever it names.
            (syn::Item::Macro(item), None) => {
                also = rendered.mentions.all().cloned().collect();
                let called = item.mac.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
                also.retain(|name| *name != called);
                // Needed to find what the macro's own body defines.
                also.push(format!("{called}!"));
                format!("macro {}", self.within(&format!("{called}!")))
            }
            (_, None) => {
                also = rendered.mentions.all().cloned().collect();
                format!("{word} {}", self.within("_"))
            }
        };
        let stem =
            ident.filter(|_| attributes.iter().any(makes_names)).map(|ident| ident.unraw().to_string());
        let span = match item {
            syn::Item::Macro(item) => item.mac.path.span(),
            _ => ident.map_or_else(|| item.span(), Ident::span),
        };
        // What a registry collects is reached by the registry's name: `#[distributed_slice(MODELS)] static TREE`.
        for attribute in attributes.iter().filter(|attribute| makes_names(attribute)) {
            if !attribute.path().is_ident("derive") {
                also.splice(0..0, idents(attribute.meta.to_token_stream()));
            }
        }
        if ident.is_none() {
            members.clone_from(&also);
        }
        self.add(name, also, kind, rendered, span);
        if let Some(last) = self.items.last_mut() {
            last.members = members;
            last.stem = stem;
        }
    }

    /// A file that could not be parsed: one item that always counts.
    pub(crate) fn opaque(&mut self, text: &str) {
        let rendered = text.parse::<TokenStream>().map_or_else(
            |_| Rendered {
                digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
                mentions: Mentions::default(),
            },
            Rendered::of,
        );
        let name = format!("source {}", self.within("*"));
        self.add(name, Vec::new(), Kind::Opaque, rendered, Span::call_site());
    }

    fn uses(&mut self, tree: &UseTree, mut path: String, span: Span) {
        match tree {
            UseTree::Path(segment) => {
                path.push_str(&segment.ident.to_string());
                path.push_str("::");
                self.uses(&segment.tree, path, span);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.uses(tree, path.clone(), span)),
            UseTree::Glob(_) => self.add_use(&path, "*", None, span),
            UseTree::Name(name) => self.add_use(&path, &name.ident.to_string(), None, span),
            UseTree::Rename(rename) => {
                self.add_use(&path, &rename.ident.to_string(), Some(&rename.rename), span)
            }
        }
    }

    fn add_use(&mut self, path: &str, last: &str, rename: Option<&Ident>, span: Span) {
        let segments: Vec<&str> = path.split("::").filter(|segment| !segment.is_empty()).collect();
        // `use a::b::{self}` brings `b`.
        let own = if last == "self" { segments.last().copied().unwrap_or(last) } else { last };
        let alias =
            rename.map_or_else(|| own.trim_start_matches("r#").to_owned(), |name| name.unraw().to_string());
        let mut name = format!("use {path}{last}");
        if let Some(rename) = rename {
            name.push_str(&format!(" as {rename}"));
        }
        let mut mentions = Mentions::default();
        for segment in segments.iter().copied().chain([own]) {
            let segment = segment.trim_start_matches("r#");
            if segment != "*" && !is_word_of_the_language(segment) {
                mentions.anywhere.insert(segment.to_owned());
                mentions.heads.insert(segment.to_owned());
            }
        }
        let rendered = Rendered { digest: blake3::hash(name.as_bytes()).to_hex().to_string(), mentions };
        let (kind, defines) = match (last, alias.as_str()) {
            ("*", _) => (Kind::Glob, Vec::new()),
            // `use Trait as _` brings methods: it counts like a glob.
            (_, "_") => (Kind::Glob, Vec::new()),
            _ => (Kind::Alias, vec![alias]),
        };
        self.add(name, defines, kind, rendered, span);
    }

    fn add(&mut self, name: String, defines: Vec<String>, kind: Kind, rendered: Rendered, span: Span) {
        let (file, module) = (self.file.to_owned(), self.path());
        let line = span.start().line;
        let test = self.test;
        self.items.push(Item {
            name,
            defines,
            members: Vec::new(),
            stem: None,
            rendered,
            file,
            line,
            module,
            kind,
            test,
        });
    }

    fn path(&self) -> String {
        self.module.join("::")
    }

    fn within(&self, name: &str) -> String {
        if self.module.is_empty() { name.to_owned() } else { format!("{}::{name}", self.path()) }
    }

    /// Items that stand inside functions: seen by an operation that stands there too.
    fn nested(&mut self, item: &syn::Item) {
        struct Find<'a, 'b>(&'a mut Reader<'b>);
        impl<'ast> Visit<'ast> for Find<'_, '_> {
            fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
                match statement {
                    syn::Stmt::Item(item) => self.0.read(item),
                    _ => syn::visit::visit_stmt(self, statement),
                }
            }
        }
        match item {
            syn::Item::Fn(item) => {
                self.module.push(format!("{}()", item.sig.ident.unraw()));
                Find(self).visit_block(&item.block);
                self.module.pop();
            }
            syn::Item::Impl(item) => Find(self).visit_item_impl(item),
            syn::Item::Trait(item) => Find(self).visit_item_trait(item),
            syn::Item::Const(item) => Find(self).visit_expr(&item.expr),
            _ => {}
        }
    }
}

/// The types that `#[metalab::operation]` writes beside a function.
fn generated(item: &ItemFn) -> Vec<String> {
    let is_ours =
        |a: &&Attribute| a.path().segments.last().is_some_and(|segment| segment.ident == "operation");
    let Some(attribute) = item.attrs.iter().find(is_ours) else { return Vec::new() };
    let camel = crate::operation::upper_camel(&item.sig.ident.unraw().to_string());
    let mut names = vec![format!("{camel}Params"), format!("{camel}Grid"), camel];
    if let Meta::List(list) = &attribute.meta {
        // `type = "Fit"`, `params = "FitArguments"`.
        names.extend(list.tokens.clone().into_iter().filter_map(|token| match token {
            TokenTree::Literal(literal) => Some(literal.to_string().trim_matches('"').to_owned()),
            _ => None,
        }));
    }
    names
}

fn trait_item_name(item: &syn::TraitItem) -> Option<String> {
    Some(match item {
        syn::TraitItem::Fn(item) => item.sig.ident.unraw().to_string(),
        syn::TraitItem::Const(item) => item.ident.unraw().to_string(),
        syn::TraitItem::Type(item) => item.ident.unraw().to_string(),
        _ => return None,
    })
}

/// Whether an attribute may make items with names of its own: all but those known to make none.
fn makes_names(attribute: &Attribute) -> bool {
    const PLAIN: [&str; 16] = [
        "doc",
        "allow",
        "expect",
        "warn",
        "deny",
        "inline",
        "must_use",
        "cfg",
        "repr",
        "serde",
        "non_exhaustive",
        "default",
        "derive",
        "cold",
        "test",
        "operation",
    ];
    const DERIVES: [&str; 13] = [
        "Clone",
        "Copy",
        "Debug",
        "PartialEq",
        "Eq",
        "Hash",
        "PartialOrd",
        "Ord",
        "Default",
        "Serialize",
        "Deserialize",
        "Error",
        "Context",
    ];
    let last =
        |path: &syn::Path| path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    if attribute.path().is_ident("derive")
        && let Meta::List(list) = &attribute.meta
        && let Ok(derives) = list.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated)
    {
        return derives.iter().any(|derive| !DERIVES.contains(&last(derive).as_str()));
    }
    !PLAIN.contains(&last(attribute.path()).as_str())
}

/// Whether an attribute keeps its item out of everything but tests.
pub(crate) fn is_test(attribute: &Attribute) -> bool {
    fn needs_test(meta: &Meta) -> bool {
        match meta {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .is_ok_and(|all| all.iter().any(needs_test)),
            _ => false,
        }
    }
    attribute.path().is_ident("test")
        || (attribute.path().is_ident("cfg")
            && attribute.parse_args::<Meta>().is_ok_and(|meta| needs_test(&meta)))
}

pub(crate) fn attributes(item: &syn::Item) -> &[Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::ExternCrate(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::ForeignMod(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::TraitAlias(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Union(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
