//! When an `impl` block counts.
//!
//! A value of a type that is defined here comes from code that names the type, an alias of it, or a function whose
//! signature does. So an impl for such a type counts when the type does: then all of it, with the calls nobody writes
//! (operators, `Drop`, `Display`). The exception is a value that other code has put behind a `dyn Trait`: where
//! `dyn Trait` is written, all impls of a trait of this crate count, and those that an attribute registers count
//! wherever the trait does. Naming the trait alone is no reason: a generic function would bring all models.
//!
//! An impl for a foreign type, or for all types, counts by the names of its trait and of its items, and by the types
//! of this crate in the trait's arguments.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{ImplItem, ItemImpl};

use super::words::is_word_of_the_language;

/// The first line of an impl.
#[derive(Debug)]
pub(crate) struct ImplHead {
    /// The self type and the trait as they are shown.
    pub(crate) self_text: String,
    pub(crate) trait_text: Option<String>,
    self_idents: Vec<String>,
    trait_ident: Option<String>,
    trait_arguments: Vec<String>,
    items: Vec<String>,
    generics: Vec<String>,
    registered: bool,
}

/// What reaches an impl.
#[derive(Debug, Default)]
pub(crate) struct ReachedBy {
    /// Types and traits of this crate: when one of them counts, so does the impl.
    pub(crate) types: BTreeSet<String>,
    /// Identifiers wherever they stand.
    pub(crate) names: BTreeSet<String>,
    /// Identifiers after a `.` or `::`.
    pub(crate) members: BTreeSet<String>,
}

impl ImplHead {
    /// `registered` says that an attribute may make it known elsewhere.
    pub(crate) fn of(item: &ItemImpl, registered: bool) -> Self {
        let path = item.trait_.as_ref().map(|(_, path, _)| path);
        let last = path.and_then(|path| path.segments.last());
        Self {
            self_text: shown(item.self_ty.to_token_stream()),
            trait_text: path.map(|path| shown(path.to_token_stream())),
            self_idents: idents(item.self_ty.to_token_stream()),
            trait_ident: last.map(|segment| segment.ident.unraw().to_string()),
            trait_arguments: last
                .map(|segment| idents(segment.arguments.to_token_stream()))
                .unwrap_or_default(),
            items: item.items.iter().filter_map(name).collect(),
            generics: item
                .generics
                .type_params()
                .map(|parameter| parameter.ident.unraw().to_string())
                .collect(),
            registered,
        }
    }

    /// What reaches the impl, given the names of this crate's types, traits and aliases.
    pub(crate) fn reached_by(&self, is_local: impl Fn(&str) -> bool) -> ReachedBy {
        let own = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| !self.generics.contains(name)).cloned().collect()
        };
        let (self_idents, arguments) = (own(&self.self_idents), own(&self.trait_arguments));
        let mut by = ReachedBy::default();
        by.types.extend(self_idents.iter().filter(|name| is_local(name)).cloned());
        let foreign = by.types.is_empty();
        by.types.extend(arguments.into_iter().filter(|name| is_local(name)));
        let local_trait = self.trait_ident.as_deref().is_some_and(is_local);
        if let Some(name) = &self.trait_ident {
            match (foreign || self.registered, local_trait) {
                (true, true) => drop(by.types.insert(name.clone())),
                (true, false) => drop(by.names.insert(name.clone())),
                (false, true) => drop(by.names.insert(format!("dyn {name}"))),
                (false, false) => {}
            }
        }
        if foreign {
            by.members.extend(self.items.iter().cloned());
            if !local_trait {
                // Then the type is of this crate after all, made by a macro.
                by.names.extend(self_idents);
            }
        }
        by
    }

    /// The identifiers of the self type.
    pub(crate) fn self_idents(&self) -> &[String] {
        &self.self_idents
    }
}

fn name(item: &ImplItem) -> Option<String> {
    Some(match item {
        ImplItem::Fn(item) => item.sig.ident.unraw().to_string(),
        ImplItem::Const(item) => item.ident.unraw().to_string(),
        ImplItem::Type(item) => item.ident.unraw().to_string(),
        _ => return None,
    })
}

pub(crate) fn idents(tokens: TokenStream) -> Vec<String> {
    let mut all = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.unraw().to_string();
                if !is_word_of_the_language(&name) {
                    all.push(name);
                }
            }
            TokenTree::Group(group) => all.extend(idents(group.stream())),
            _ => {}
        }
    }
    all
}

/// Tokens without spaces but where two words meet.
fn shown(tokens: TokenStream) -> String {
    let mut text = String::new();
    for part in tokens.to_string().split_whitespace() {
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if word(text.chars().last()) && word(part.chars().next()) {
            text.push(' ');
        }
        text.push_str(part);
    }
    text
}
