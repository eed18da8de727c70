//! Tokens as bytes, by our own rules, and the names they mention.
//!
//! # Format: version 1
//!
//! Each token is a tag byte, its text and a zero byte: `i` identifier, `p` one character of punctuation (whether it
//! is joined to the next does not count), `l` literal as written. Groups are `(`...`)`, `[`...`]`, `{`...`}`;
//! groups that macros make without a delimiter are not seen. Left out, because they are no code or come and go with
//! formatting: comments, `#[doc]`, `#[operation]` (what it says is elsewhere in the recipe), a comma before `>`, the last comma of a
//! list (that of a tuple of one stays), and a comma after a block that is a `match` arm.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

use super::tokens::{
    comma_before_end, dropped_attribute, dynamic, flat, is_attribute, is_path_separator, is_punct,
    is_tuple_of_one, is_unknown_macro, text_of,
};
use super::words::is_word_of_the_language;

/// Rendered tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendered {
    /// The item digest, hexadecimal.
    pub(crate) digest: String,
    pub(crate) mentions: Mentions,
}

/// What tokens mention.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentions {
    /// Identifiers that stand alone: they mean what is in scope. Keywords and primitive types are left out.
    pub(crate) free: BTreeSet<String>,
    /// Those after a `::`, and all that a macro may put there; `dyn Trait` is one of its own.
    pub(crate) anywhere: BTreeSet<String>,
    /// Those after a `.`: methods and fields.
    pub(crate) members: BTreeSet<String>,
    /// Those before a `::`, which may be crates.
    pub(crate) heads: BTreeSet<String>,
    /// Words in the text of attributes, such as `with = "module"`, which may be modules.
    pub(crate) words: BTreeSet<String>,
    /// Files of `include_str!` and its relatives, as written.
    pub(crate) includes: BTreeSet<String>,
    /// Whether something made by the build script may be included.
    pub(crate) build_script: bool,
}

impl Rendered {
    pub(crate) fn of(tokens: TokenStream) -> Self {
        let mut renderer =
            Renderer { macros: 0, bytes: b"metalab item 1\0".to_vec(), mentions: Mentions::default() };
        renderer.tokens(tokens, false);
        let Renderer { bytes, mentions, .. } = renderer;
        Self { digest: blake3::hash(&bytes).to_hex().to_string(), mentions }
    }
}

impl Mentions {
    /// All identifiers.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.free.iter().chain(&self.anywhere).chain(&self.members)
    }

    /// Those of a macro's definition, which mean what is in scope where it is used.
    pub(crate) fn of_a_macro(mut self) -> Self {
        self.anywhere.append(&mut self.free);
        self
    }
}

struct Renderer {
    /// How many macro invocations we are in that may put names anywhere.
    macros: usize,
    bytes: Vec<u8>,
    mentions: Mentions,
}

impl Renderer {
    fn tokens(&mut self, tokens: TokenStream, attribute: bool) {
        let tokens = flat(tokens);
        let mut at = 0;
        let mut clause = false;
        while let Some(token) = tokens.get(at) {
            if let Some(after) = dropped_attribute(&tokens, at) {
                at = after;
                continue;
            }
            match token {
                TokenTree::Group(group) => {
                    clause &= group.delimiter() != Delimiter::Brace;
                    let attribute = attribute || is_attribute(&tokens, at);
                    let unknown = usize::from(is_unknown_macro(&tokens[..at]));
                    self.macros += unknown;
                    self.group(group, &tokens, at, attribute);
                    self.macros -= unknown;
                }
                TokenTree::Ident(ident) => {
                    let text = ident.to_string();
                    clause |= text == "where";
                    self.push(b'i', &text);
                    self.mention(&text, &tokens, at);
                    if text == "dyn" {
                        self.mentions.anywhere.extend(dynamic(&tokens[at + 1..]));
                    }
                }
                TokenTree::Punct(punct)
                    if punct.as_char() == ',' && comma_before_end(&tokens, at, clause) => {}
                TokenTree::Punct(punct) => self.push(b'p', punct.as_char().encode_utf8(&mut [0; 4])),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    self.push(b'l', &text);
                    self.words(literal, &text, attribute);
                }
            }
            at += 1;
        }
    }

    fn push(&mut self, tag: u8, text: &str) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }

    fn group(&mut self, group: &Group, around: &[TokenTree], at: usize, attribute: bool) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => (b'(', b')'),
            Delimiter::Bracket => (b'[', b']'),
            Delimiter::Brace => (b'{', b'}'),
            // `flat` has opened these.
            Delimiter::None => return self.tokens(group.stream(), attribute),
        };
        self.bytes.push(open);
        let mut inner: Vec<TokenTree> = flat(group.stream());
        if inner.last().is_some_and(|last| is_punct(last, ',')) && !is_tuple_of_one(group, &inner, around, at)
        {
            inner.pop();
        }
        self.tokens(inner.into_iter().collect(), attribute);
        self.bytes.push(close);
    }

    fn mention(&mut self, text: &str, tokens: &[TokenTree], at: usize) {
        let lifetime = at > 0 && is_punct(&tokens[at - 1], '\'');
        let name = text.strip_prefix("r#").unwrap_or(text);
        if lifetime || is_word_of_the_language(text) {
            return;
        }
        if matches!(name, "include_str" | "include_bytes" | "include")
            && tokens.get(at + 1).is_some_and(|token| is_punct(token, '!'))
            && let Some(TokenTree::Group(arguments)) = tokens.get(at + 2)
            && let Some(TokenTree::Literal(literal)) = flat(arguments.stream()).first()
            && let Some(path) = text_of(literal)
        {
            self.mentions.includes.insert(path);
        }
        if is_path_separator(tokens, at + 1) {
            self.mentions.heads.insert(name.to_owned());
        }
        let before = |back: usize, character| at >= back && is_punct(&tokens[at - back], character);
        let named = if before(1, '.') && !before(2, '.') {
            &mut self.mentions.members
        } else if self.macros > 0 || (before(1, ':') && before(2, ':')) {
            &mut self.mentions.anywhere
        } else {
            &mut self.mentions.free
        };
        named.insert(name.to_owned());
    }

    /// Names inside text: `"{SCALE}"` in a format string, `"path::to::function"` in an attribute.
    fn words(&mut self, literal: &Literal, text: &str, attribute: bool) {
        if !text.contains('"') {
            return;
        }
        let Some(text) = text_of(literal) else { return };
        self.mentions.build_script |= text == "OUT_DIR";
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        if attribute {
            let path = text.split("::").count() > 1;
            for word in text.split(|c| !is_part(c)).filter(|word| !word.is_empty()) {
                self.mentions.words.insert(word.to_owned());
                if path {
                    self.mentions.heads.insert(word.to_owned());
                }
            }
        }
        for rest in text.replace("{{", "").split('{').skip(1) {
            let word: String = rest.chars().take_while(|c| is_part(*c)).collect();
            if word.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                self.mentions.free.insert(word);
            }
            // `{:>width$}` and `{:.precision$}`.
            for argument in rest.split('}').next().unwrap_or_default().split('$').rev().skip(1) {
                let start = argument.rfind(|c: char| !is_part(c)).map_or(0, |at| at + 1);
                self.mentions.free.extend(argument.get(start..).filter(|a| !a.is_empty()).map(str::to_owned));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Rendered {
        Rendered::of(text.parse().unwrap())
    }

    #[test]
    fn comments_docs_and_formatting_do_not_count() {
        for (one, other) in [
            ("fn f(x: u8) -> u8 { x + 1 }", "/// doc\nfn f(\n  x: u8,\n) -> u8 { x+1 /* c */ }"),
            (
                "#[inline] fn f() {}",
                "#[inline] #[doc(hidden)] #[metalab::operation(version = \"2\")] fn f() {}",
            ),
            ("[1, 2]", "[1,2,]"),
            ("g::<u8>(x)", "g::<u8,>(\nx,\n)"),
            ("match x { A => {} B => 1 }", "match x { A => {}, B => 1, }"),
            ("fn f<T>() where T: X {}", "fn f<T,>() where T: X, {}"),
            ("a>>b", "a > > b"),
        ] {
            assert_eq!(of(one).digest, of(other).digest, "{one}");
        }
    }

    #[test]
    fn what_has_a_meaning_counts() {
        for (one, other) in [
            ("x + 1", "x - 1"),
            ("(x,)", "(x)"),
            ("return (x,)", "return (x)"),
            ("fn f() -> (u8,) {}", "fn f() -> (u8) {}"),
            ("1.0", "1.00"),
            ("\"a\"", "\"b\""),
            ("a b", "ab"),
            ("{ a }", "( a )"),
            ("a(b)c", "a(b c)"),
            ("#[inline] fn f() {}", "fn f() {}"),
        ] {
            assert_ne!(of(one).digest, of(other).digest, "{one}");
        }
    }

    #[test]
    fn names_are_found_where_they_hide() {
        let mentions = of(r#"
            #[serde(with = "units::metres")]
            fn f<'a>() { println!("{SCALE:>width$} {{no}} {}", rand::random::<f64>() + r#type);
                x.method(0..end); local!(hidden); let b: &dyn models::Model<u8> = &x; include_str!("a.txt") }
        "#)
        .mentions;
        let is = |names: &BTreeSet<String>, name: &str| names.contains(name);
        for name in ["SCALE", "width", "rand", "println", "type", "serde"] {
            assert!(is(&mentions.free, name), "{name}");
        }
        for name in ["random", "hidden", "dyn Model"] {
            assert!(is(&mentions.anywhere, name), "{name}");
        }
        assert!(
            is(&mentions.members, "method") && !is(&mentions.members, "end") && is(&mentions.free, "end")
        );
        assert!(!mentions.all().any(|name| matches!(name.as_str(), "a" | "f64" | "fn" | "no")));
        assert!(is(&mentions.words, "units") && is(&mentions.words, "metres"));
        assert!(mentions.heads.contains("rand") && !mentions.heads.contains("println"));
        assert_eq!(mentions.includes.iter().collect::<Vec<_>>(), ["a.txt"]);
    }

    /// Format: these never change for version 1.
    #[test]
    fn golden_digests() {
        assert_eq!(of("fn f() {}").digest, GOLDEN[0]);
        assert_eq!(of("const X: [f64; 2] = [1.0, -2e3];").digest, GOLDEN[1]);
    }

    const GOLDEN: [&str; 2] = [
        "62166bfa438deca256d504923e432238cf4d0ac90c894016225bcfce2aa96f44",
        "0f8dbe02d24ffc5f3bfc09c6afb1c18d6ff6777fc66d9cb84dfbeb2459a806df",
    ];
}
