//! What tokens are by the tokens around them: macros, attributes, paths, commas that only formatting needs.

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

use super::words::{is_macro_of_the_standard_library, is_word_of_the_language};

/// The tokens with undelimited groups opened, however deep.
pub(super) fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let mut all = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                all.extend(flat(group.stream()))
            }
            token => all.push(token),
        }
    }
    all
}

/// Whether a group after these tokens holds the arguments of a macro that is not one of the standard library.
pub(super) fn is_unknown_macro(before: &[TokenTree]) -> bool {
    let [.., TokenTree::Ident(name), TokenTree::Punct(bang)] = before else { return false };
    let name = name.to_string();
    bang.as_char() == '!' && !is_word_of_the_language(&name) && !is_macro_of_the_standard_library(&name)
}

/// `dyn Trait` for `dyn path::Trait + Send`.
pub(super) fn dynamic(after: &[TokenTree]) -> Option<String> {
    let path = after.iter().take_while(|token| matches!(token, TokenTree::Ident(_)) || is_punct(token, ':'));
    path.filter_map(
        |token| if let TokenTree::Ident(ident) = token { Some(format!("dyn {ident}")) } else { None },
    )
    .last()
}

pub(super) fn text_of(literal: &Literal) -> Option<String> {
    match syn::Lit::new(literal.clone()) {
        syn::Lit::Str(text) => Some(text.value()),
        _ => None,
    }
}

pub(super) fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

pub(super) fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    tokens.get(at..at + 2).is_some_and(|pair| pair.iter().all(|token| is_punct(token, ':')))
}

/// Whether the group at `at` is `#[...]` or `#![...]`.
pub(super) fn is_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let bracket = matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket);
    let before = |back: usize, character| at >= back && is_punct(&tokens[at - back], character);
    bracket && (before(1, '#') || (before(1, '!') && before(2, '#')))
}

/// Where to go on, when an attribute that does not count begins at `at`.
pub(super) fn dropped_attribute(tokens: &[TokenTree], at: usize) -> Option<usize> {
    if !is_punct(&tokens[at], '#') {
        return None;
    }
    let mut body = at + 1;
    if tokens.get(body).is_some_and(|token| is_punct(token, '!')) {
        body += 1;
    }
    let Some(TokenTree::Group(group)) = tokens.get(body) else { return None };
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let mut last = None;
    for token in flat(group.stream()) {
        match token {
            TokenTree::Ident(ident) => last = Some(ident.to_string()),
            token if is_punct(&token, ':') => {}
            _ => break,
        }
    }
    matches!(last.as_deref(), Some("doc" | "operation")).then_some(body + 1)
}

/// Whether the comma at `at` is one that formatting adds or takes, other than the last of a group.
pub(super) fn comma_before_end(tokens: &[TokenTree], at: usize, clause: bool) -> bool {
    let after_arm = at >= 3
        && matches!(&tokens[at - 1], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
        && is_punct(&tokens[at - 2], '>')
        && is_punct(&tokens[at - 3], '=');
    match tokens.get(at + 1) {
        Some(TokenTree::Punct(next)) if next.as_char() == '>' => true,
        Some(TokenTree::Group(next)) if clause && next.delimiter() == Delimiter::Brace => true,
        _ => after_arm,
    }
}

/// Whether the last comma of a group has a meaning: `(x,)`, but not `f(x,)`.
pub(super) fn is_tuple_of_one(group: &Group, inner: &[TokenTree], around: &[TokenTree], at: usize) -> bool {
    if group.delimiter() != Delimiter::Parenthesis
        || inner.iter().filter(|token| is_punct(token, ',')).count() != 1
    {
        return false;
    }
    let Some(before) = at.checked_sub(1).map(|before| &around[before]) else { return true };
    let is_call = match before {
        TokenTree::Ident(ident) => !is_word_of_the_language(&ident.to_string()),
        TokenTree::Group(before) => before.delimiter() != Delimiter::Brace,
        // The end of `f::<T>`, but not of `->` and `=>`.
        TokenTree::Punct(punct) => {
            let arrow = at >= 2 && (is_punct(&around[at - 2], '-') || is_punct(&around[at - 2], '='));
            matches!(punct.as_char(), '>') && !arrow || punct.as_char() == '?'
        }
        TokenTree::Literal(_) => false,
    };
    !is_call
}
