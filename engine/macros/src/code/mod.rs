//! Which code an operation is, and its digest.
//!
//! The digest of the grade `reach` is made from the function and, transitively, from every item of its crate whose
//! identifier it mentions. Nothing is resolved: two items of one name both count. Too much costs time, too little
//! costs truth.
//!
//! # Format: version 1
//!
//! ```text
//! item digest = BLAKE3("metalab item 1" 00 | rendered tokens)                     (module `render`)
//! code digest = BLAKE3("metalab code 1" 00 | (name 00 | item digest in hex 00)*)  sorted, each pair once
//! ```
//!
//! Names are those of [`CodeItem`]: `fn stats::mean`, `impl Model for Tree`, `use std::f64::consts::PI`,
//! `crate rand 0.10.1`, `file data/classes.txt`; what stands inside a function is `fn main()::local`. The operation itself is `fn name`, without its module.

mod crates;
mod impls;
mod items;
mod manifest;
mod reach;
mod render;
mod source;
mod target;
#[cfg(test)]
mod tests;
mod tokens;
mod words;

use std::collections::BTreeSet;
use std::path::PathBuf;

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{ItemFn, Path};

use self::manifest::Package;
use self::reach::{Graph, Start};
use self::render::Rendered;

/// How much of the code counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    /// The function and what it reaches in its crate.
    Reach,
    /// The function alone.
    Body,
    /// The executable; its digest is known when it runs.
    Binary,
    /// The version given by hand.
    Manual,
}

impl Grade {
    /// The grade called so in the attribute.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "reach" => Self::Reach,
            "body" => Self::Body,
            "binary" => Self::Binary,
            "manual" => Self::Manual,
            _ => return None,
        })
    }

    /// The name of the variant in the engine's enum.
    pub(crate) const fn variant(self) -> &'static str {
        match self {
            Self::Reach => "Reach",
            Self::Body => "Body",
            Self::Binary => "Binary",
            Self::Manual => "Manual",
        }
    }
}

/// The code of an operation.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) grade: Grade,
    /// Hexadecimal; only for `reach` and `body`.
    pub(crate) digest: Option<String>,
    /// What was counted, sorted by name.
    pub(crate) items: Vec<CodeItem>,
}

/// One thing that was counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CodeItem {
    pub(crate) name: String,
    pub(crate) digest: String,
    /// File and line below the package, such as `src/lib.rs:12`.
    pub(crate) place: String,
}

impl Code {
    /// The code of a function of the crate that is being compiled.
    ///
    /// # Errors
    /// When something in `uses` is unknown.
    pub(crate) fn of(function: &ItemFn, grade: Grade, uses: &[Path]) -> syn::Result<Self> {
        if matches!(grade, Grade::Binary | Grade::Manual) {
            return Ok(Self { grade, digest: None, items: Vec::new() });
        }
        let span = proc_macro2::Span::call_site();
        let place = Place {
            // Without cargo there is nothing but the file itself.
            package: std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
            crate_name: std::env::var("CARGO_CRATE_NAME").ok(),
            file: span.local_file().and_then(|file| file.canonicalize().ok()),
            line: function.sig.ident.span().start().line,
        };
        Self::at(function, grade, uses, &place)
    }

    /// The code of a function that stands at a place.
    fn at(function: &ItemFn, grade: Grade, uses: &[Path], place: &Place) -> syn::Result<Self> {
        let rendered = Rendered::of(function.to_token_stream());
        let ident = function.sig.ident.unraw().to_string();
        let package = place.package.as_deref().map(Package::load).unwrap_or_default();
        let own = CodeItem {
            name: format!("fn {ident}"),
            digest: rendered.digest.clone(),
            place: place
                .file
                .as_deref()
                .map_or_else(String::new, |file| format!("{}:{}", package.relative(file), place.line)),
        };
        let mut items = BTreeSet::from([own]);
        if grade == Grade::Reach || !uses.is_empty() {
            let trees = target::trees(&package, place.file.as_deref(), place.crate_name.as_deref());
            let start = Start { ident: &ident, rendered: &rendered, file: place.file.as_deref() };
            let graph = Graph::new(&package, &trees, &start);
            let mut reached = reach::Reached::default();
            if grade == Grade::Reach {
                graph.follow(&start, &mut reached);
            }
            for path in uses {
                graph.add_use(path, grade == Grade::Reach, &mut reached)?;
            }
            items.extend(graph.code_items(&reached));
        }
        let items: Vec<CodeItem> = items.into_iter().collect();
        Ok(Self { grade, digest: Some(digest(&items)), items })
    }
}

/// Where a function stands.
struct Place {
    package: Option<PathBuf>,
    crate_name: Option<String>,
    file: Option<PathBuf>,
    line: usize,
}

fn digest(items: &[CodeItem]) -> String {
    let pairs: BTreeSet<(&str, &str)> = items.iter().map(|item| (&*item.name, &*item.digest)).collect();
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"metalab code 1\0");
    for (name, digest) in pairs {
        hasher.update(name.as_bytes()).update(b"\0").update(digest.as_bytes()).update(b"\0");
    }
    hasher.finalize().to_hex().to_string()
}
