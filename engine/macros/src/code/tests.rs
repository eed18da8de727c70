//! Reach over the package in `tests/fixtures`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path as Folder, PathBuf};

use quote::ToTokens;
use syn::visit::Visit;

use super::*;

fn fixtures() -> PathBuf {
    Folder::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A copy of the fixtures that a test may change.
fn copy() -> tempfile::TempDir {
    fn below(from: &Folder, to: &Folder) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = to.join(path.file_name().unwrap());
            if path.is_dir() {
                below(&path, &to);
            } else {
                fs::copy(&path, to).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    below(&fixtures(), folder.path());
    folder
}

/// The operations of a file, as the attribute gets them.
fn operations(file: &Folder) -> Vec<(ItemFn, usize)> {
    struct Find(Vec<(ItemFn, usize)>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_item_fn(&mut self, item: &'ast ItemFn) {
            let is_ours = |a: &syn::Attribute| a.path().segments.last().unwrap().ident == "operation";
            if item.attrs.iter().any(is_ours) {
                let mut item = item.clone();
                item.attrs.retain(|attribute| !is_ours(attribute));
                let line = item.sig.ident.span().start().line;
                self.0.push((item, line));
            }
            syn::visit::visit_item_fn(self, item);
        }
    }
    let mut find = Find(Vec::new());
    find.visit_file(&syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap());
    find.0
}

fn codes(fixtures: &Folder) -> BTreeMap<String, Code> {
    codes_with(fixtures, Grade::Reach, &[])
}

fn codes_with(fixtures: &Folder, grade: Grade, uses: &[Path]) -> BTreeMap<String, Code> {
    let mut all = BTreeMap::new();
    for (file, crate_name) in [("src/lib.rs", "code_lab"), ("examples/show.rs", "show")] {
        let file = fixtures.join("lab").join(file).canonicalize().unwrap();
        for (function, line) in operations(&file) {
            let place = Place {
                package: Some(fixtures.join("lab")),
                crate_name: Some(crate_name.to_owned()),
                file: Some(file.clone()),
                line,
            };
            let code = Code::at(&function, grade, uses, &place).unwrap();
            all.insert(function.sig.ident.to_string(), code);
        }
    }
    all
}

/// Format: for version 1 of the digests this never changes.
#[test]
fn golden() {
    use std::fmt::Write;
    let mut text = String::new();
    for (operation, code) in codes(&fixtures()) {
        writeln!(text, "{operation} {}", code.digest.unwrap()).unwrap();
        for item in code.items {
            writeln!(text, "    {} {} {}", &item.digest[..16], item.name, item.place).unwrap();
        }
    }
    let golden = fixtures().join("lab.golden");
    if std::env::var_os("METALAB_BLESS").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(golden).unwrap());
}

/// What changes when one thing changes: a file, the text in it, its new text, the operations that have another digest.
const CHANGES: &[(&str, &str, &str, &[&str])] = &[
    // Not code.
    ("lab/src/lib.rs", "// Calls a helper, which calls another.", "/* other\nwords */ // more", &[]),
    ("lab/src/lib.rs", "/// Alone.", "/// Not alone.\n///\n/// At all.", &[]),
    ("lab/src/lib.rs", "    deeper(x) + 1.0", "deeper(\n  x, /* x */\n) +\n\n 1.0", &[]),
    (
        "lab/src/lib.rs",
        "fn helper(x: f64) -> f64 {",
        "#[doc(hidden)] fn helper(\n    x: f64,\n) -> f64 {",
        &[],
    ),
    ("lab/src/lib.rs", "(version = \"3\")", "(version = \"4\")", &[]),
    ("lab/src/lib.rs", "mod stats;", "mod stats;\nfn new_and_unreached() {}", &[]),
    // Code that nothing reaches.
    ("lab/src/lib.rs", "fn unreached() -> f64 {\n    3.0", "fn unreached() -> f64 {\n    4.0", &[]),
    ("lab/src/models/mod.rs", "pub struct Garden;", "pub struct Garden(u8);", &[]),
    ("lab/src/models/mod.rs", "pub fn grow() {}", "pub fn grow() { panic!() }", &[]),
    ("lab/src/stats.rs", "    9.0", "    9.5", &["renamed", "shown"]),
    // Helpers, near and far.
    ("lab/src/lib.rs", "x * 2.0", "x * 2.5", &["alone", "nested"]),
    ("lab/src/lib.rs", "deeper(x) + 1.0", "deeper(x) - 1.0", &["helped", "parameters"]),
    ("lab/src/lib.rs", "x > 10.0", "x > 11.0", &["helped", "parameters"]),
    ("lab/src/stats.rs", "values.len() as f64", "values.len() as f64 + 0.0", &["renamed", "shown"]),
    ("lab/src/stats/spread.rs", "widest.max", "widest.min", &["globbed"]),
    // The same tokens, another meaning.
    ("lab/src/stats/spread.rs", "f64::consts::PI", "f64::consts::E as PI", &["globbed"]),
    ("lab/src/lib.rs", "use stats::mean as average", "use stats::count as average", &["renamed"]),
    // Methods nobody calls by name, and those of foreign types.
    ("lab/src/models/mod.rs", "fn fell(_: usize) {}", "fn fell(n: usize) { drop(n) }", &["typed"]),
    ("lab/src/models/tree.rs", "\"{}\"", "\"<{}>\"", &["typed"]),
    ("lab/src/stats.rs", "self * FACTOR", "FACTOR * self", &["extended"]),
    ("lab/src/stats.rs", "FACTOR: f64 = 2.0", "FACTOR: f64 = 2.1", &["extended"]),
    // Traits: an impl counts with its type, and where the trait is dynamic.
    ("lab/src/shapes.rs", "4.0 * self.0", "self.0 * 4.0", &["dynamic", "outlined"]),
    ("lab/src/shapes.rs", "6.0 * self.0", "self.0 * 6.0", &["dynamic"]),
    // Constants, in text too; macros.
    ("lab/src/lib.rs", "\"cells\"", "\"cell\"", &["formatted"]),
    ("lab/src/lib.rs", "SCALE: f64 = 3.0", "SCALE: f64 = 4.0", &["formatted"]),
    ("lab/src/lib.rs", "multiply($x, $x)", "multiply($x, $x + 0.0)", &["expanded"]),
    ("lab/src/lib.rs", "    a * b", "    b * a", &["expanded", "in_test"]),
    ("lab/src/lib.rs", "SECOND = 2", "SECOND = 3", &["tabled"]),
    // Files.
    ("lab/data/classes.txt", "dog", "fox", &["included"]),
    // Serde's names in text.
    ("lab/src/odd/place.rs", "serialize_f64", "serialize_f32", &["attributed"]),
    // The types the attribute writes.
    ("lab/src/lib.rs", "#[default(1.0)] scale", "#[default(2.0)] scale", &["helped", "parameters"]),
    // Other crates.
    ("lab/Cargo.lock", "3333333333", "4444444444", &["random"]),
    ("lab/Cargo.lock", "2222222222", "4444444444", &["older"]),
    ("lab/Cargo.lock", "#0123456789", "#9876543210", &["measured"]),
    ("lab/Cargo.lock", "1111111111", "4444444444", &[]),
    ("units/src/lib.rs", "{ x }", "{ x + 0.0 }", &["measured"]),
    // Examples, and items inside functions.
    ("lab/examples/show.rs", "    x\n", "    x + 0.0\n", &["shown"]),
    ("lab/examples/show.rs", "        1.0", "        2.0", &["inside"]),
    // Tests.
    ("lab/src/lib.rs", "    fn helper() {}", "    fn helper() { panic!() }", &[]),
    ("lab/src/lib.rs", "        7.0", "        8.0", &["in_test"]),
];

#[test]
fn a_change_reaches_exactly_whom_it_concerns() {
    let before = codes(&fixtures());
    for (file, old, new, expected) in CHANGES {
        let folder = copy();
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has {old:?}");
        fs::write(&path, text.replacen(old, new, 1)).unwrap();
        let after = codes(folder.path());
        let changed: Vec<&str> = before
            .iter()
            .filter(|(name, code)| after[*name].digest != code.digest)
            .map(|(name, _)| &**name)
            .collect();
        assert_eq!(changed, *expected, "{file}: {old:?} to {new:?}");
    }
}

#[test]
fn names_show_what_changed() {
    let codes = codes(&fixtures());
    let names =
        |operation: &str| codes[operation].items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>();
    // A glob may bring anything.
    assert_eq!(names("alone"), ["fn alone", "use stats::spread::*"]);
    assert!(names("helped").contains(&"fn deeper"));
    assert!(names("random").contains(&"crate rand 0.9.1"), "{:?}", names("random"));
    assert!(names("older").contains(&"crate rand 0.8.5"));
    assert!(
        names("typed").contains(&"impl std::fmt::Display for Tree in models::tree"),
        "{:?}",
        names("typed")
    );
    assert!(names("shown").contains(&"fn code_lab::stats::mean"), "{:?}", names("shown"));
    assert!(names("included").contains(&"file data/classes.txt"));
    assert!(!codes.values().flat_map(|code| &code.items).any(|item| item.name.contains("metalab 0")));
    let place = &codes["helped"].items.iter().find(|item| item.name == "fn helper").unwrap().place;
    assert_eq!(place, "src/lib.rs:26");
}

#[test]
fn body_counts_the_function_alone_and_what_it_says_it_uses() {
    let body = codes_with(&fixtures(), Grade::Body, &[]);
    assert!(body.values().all(|code| code.items.len() == 1));
    assert_eq!(
        body["helped"].items[0].digest,
        codes(&fixtures())["helped"].items.iter().find(|i| i.name == "fn helped").unwrap().digest
    );
    let uses = [syn::parse_quote!(stats::mean), syn::parse_quote!(forest)];
    let used = codes_with(&fixtures(), Grade::Body, &uses);
    let names: Vec<&str> = used["alone"].items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["crate forest 0.3.0", "fn alone", "fn stats::mean"]);
}

#[test]
fn uses_are_followed_by_reach_and_unknown_ones_named() {
    let used = codes_with(&fixtures(), Grade::Reach, &[syn::parse_quote!(stats::mean)]);
    assert!(used["alone"].items.iter().any(|item| item.name == "fn stats::count"));

    let file = fixtures().join("lab/src/lib.rs");
    let (function, line) = operations(&file).remove(0);
    let place = Place { package: Some(fixtures().join("lab")), crate_name: None, file: Some(file), line };
    let error =
        Code::at(&function, Grade::Reach, &[syn::parse_quote!(a::nobody)], &place).unwrap_err().to_string();
    assert!(
        error.starts_with("`nobody` is neither an item of this crate nor one of its dependencies"),
        "{error}"
    );
}

#[test]
fn binary_and_manual_look_at_nothing() {
    let function: ItemFn = syn::parse_quote!(
        fn f() {}
    );
    for grade in [Grade::Binary, Grade::Manual] {
        let code = Code::of(&function, grade, &[]).unwrap();
        assert!(code.digest.is_none() && code.items.is_empty());
    }
}

#[test]
fn a_file_that_cannot_be_parsed_counts_whole() {
    let folder = copy();
    let path = folder.path().join("lab/src/stats.rs");
    let before = codes(folder.path());
    let broken = fs::read_to_string(&path).unwrap().replace("const FACTOR", "cons FACTOR");
    fs::write(&path, &broken).unwrap();
    let once = codes(folder.path());
    fs::write(&path, broken.replace("2.0", "2.01")).unwrap();
    let twice = codes(folder.path());
    for operation in before.keys() {
        assert!(once[operation].items.iter().any(|item| item.name.ends_with("stats::*")), "{operation}");
        assert_ne!(once[operation].digest, twice[operation].digest, "{operation}");
    }
}

#[test]
fn a_function_whose_target_is_unknown_reaches_all_sources() {
    let function: ItemFn = syn::parse_quote!(
        fn made(x: f64) -> f64 {
            helper(x)
        }
    );
    let place = Place { package: Some(fixtures().join("lab")), crate_name: None, file: None, line: 0 };
    let code = Code::at(&function, Grade::Reach, &[], &place).unwrap();
    assert!(code.items.iter().any(|item| item.name == "fn deeper"));
    // Without cargo.
    let place = Place { package: None, ..place };
    assert_eq!(Code::at(&function, Grade::Reach, &[], &place).unwrap().items.len(), 1);
    assert_eq!(function.to_token_stream().to_string(), "fn made (x : f64) -> f64 { helper (x) }");
}
