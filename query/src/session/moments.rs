//! `runs AS OF '2026-11-20'`: tables as they were, inside a question.
//!
//! The parser knows no such words. As `AS OF` followed by a text is nothing else in SQL, the text of a question is spelt anew
//! before it is parsed: the table becomes one of a store that is called by the moment, `"as of 2026-11-20".runs`, or
//! `"old as of 2026-11-20".runs` for an attached one. These names have blanks, which attached stores cannot have.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Statement, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};

use crate::error::QueryError;

const AS_OF: &str = "as of ";

/// Words after which a table is named.
const BEFORE: [&str; 6] = ["from", "join", "in", "table", "describe", "desc"];

/// A store at a moment, as a question names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The attached store; `None` for the session's own.
    pub(super) store: Option<String>,
    /// The moment as it was written.
    pub(super) written: String,
}

impl Moment {
    fn name(&self) -> String {
        let store = self.store.as_ref().map(|store| format!("{store} ")).unwrap_or_default();
        format!("{store}{AS_OF}{}", self.written)
    }

    fn parse(name: &str) -> Option<Self> {
        if let Some(written) = name.strip_prefix(AS_OF) {
            return Some(Self { store: None, written: written.to_owned() });
        }
        let (store, written) = name.split_once(&format!(" {AS_OF}"))?;
        Some(Self { store: Some(store.to_owned()), written: written.to_owned() })
    }
}

/// Whether a store is called by a moment.
pub(super) fn is_moment(store: &str) -> bool {
    store.contains(' ')
}

/// The moments whose tables a statement names, by the names of their stores.
pub(super) fn named(statement: &Statement) -> BTreeMap<String, Moment> {
    let mut found = Found::default();
    let _ = statement.visit(&mut found);
    found.0
}

#[derive(Default)]
struct Found(BTreeMap<String, Moment>);

impl Visitor for Found {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(store), ObjectNamePart::Identifier(_)] = relation.0.as_slice()
            && store.quote_style == Some('"')
            && let Some(moment) = Moment::parse(&store.value)
        {
            self.0.insert(store.value.clone(), moment);
        }
        ControlFlow::Continue(())
    }
}

/// A question whose tables of other moments are spelt as tables of stores. Text that is no SQL is left to the parser.
pub(super) fn spelt(text: &str) -> Result<Cow<'_, str>, QueryError> {
    // Most questions name no moment.
    if !text.to_ascii_lowercase().contains("of") {
        return Ok(Cow::Borrowed(text));
    }
    let Ok(mut tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location() else {
        return Ok(Cow::Borrowed(text));
    };
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    let mut spelt = String::new();
    let mut done = 0;
    for (at, window) in tokens.windows(3).enumerate() {
        let [first, second, third] = window else { continue };
        let Token::SingleQuotedString(written) = &third.token else { continue };
        if !(is_word(first, "as") && is_word(second, "of")) {
            continue;
        }
        let Some((store, table)) = table_before(&tokens[..at]) else {
            let message = format!(
                "`AS OF '{written}'` stands after the name of a table, as in `FROM runs AS OF '{written}'`"
            );
            return Err(QueryError::Syntax { message });
        };
        let name = Moment { store: store.map(folded), written: written.trim().to_owned() }.name();
        let begin = offset(text, store.map_or(table.1, |(_, begin)| begin));
        spelt.push_str(&text[done..begin]);
        spelt.push_str(&format!("\"{}\".", name.replace('"', "\"\"")));
        spelt.push_str(&table.0.to_string());
        done = offset(text, third.span.end);
    }
    spelt.push_str(&text[done..]);
    Ok(if done == 0 { Cow::Borrowed(text) } else { Cow::Owned(spelt) })
}

type Named<'a> = (&'a Word, Location);

fn folded((word, _): Named<'_>) -> String {
    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() }
}

/// The table at the end of these tokens, and its store; words that other systems write before `AS OF` are left out.
fn table_before(tokens: &[TokenWithSpan]) -> Option<(Option<Named<'_>>, Named<'_>)> {
    let begins = |tokens: &[TokenWithSpan]| {
        let is_begin = |last: &TokenWithSpan| {
            matches!(last.token, Token::Comma | Token::LParen)
                || BEFORE.iter().any(|word| is_word(last, word))
        };
        tokens.last().is_none_or(is_begin)
    };
    let tokens = match tokens {
        [before @ .., a, b] if is_word(a, "for") && is_word(b, "system_time") => before,
        [before @ .., a] if (is_word(a, "timestamp") || is_word(a, "version")) && !begins(before) => before,
        all => all,
    };
    let word = |token: &'_ TokenWithSpan| token.span.start;
    match tokens {
        [before @ .., store, dot, table] if dot.token == Token::Period => {
            match (&store.token, &table.token) {
                (Token::Word(s), Token::Word(t)) if begins(before) => {
                    Some((Some((s, word(store))), (t, word(table))))
                }
                _ => None,
            }
        }
        [before @ .., table] => match &table.token {
            Token::Word(t) if begins(before) => Some((None, (t, word(table)))),
            _ => None,
        },
        [] => None,
    }
}

fn is_word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}

/// The byte at which a place of the text is: its lines and columns count from one, columns in characters.
fn offset(text: &str, place: Location) -> usize {
    let (line, column) = (place.line.saturating_sub(1) as usize, place.column.saturating_sub(1) as usize);
    let begin: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[begin..];
    begin + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn tables_of_moments_are_spelt_as_tables_of_stores() {
        let cases = [
            ("SELECT 1 AS of FROM runs", "SELECT 1 AS of FROM runs"),
            ("SELECT * FROM runs AS OF '2026-01-01'", "SELECT * FROM \"as of 2026-01-01\".runs"),
            (
                "SELECT 'é AS OF ''x''' FROM Old.runs\n  as of ' deadbeef'\nr JOIN runs FOR SYSTEM_TIME AS OF '2' b",
                "SELECT 'é AS OF ''x''' FROM \"old as of deadbeef\".runs\nr JOIN \"as of 2\".runs b",
            ),
            (
                "SELECT * FROM a, \"b c\" TIMESTAMP AS OF 'x\"y', version AS OF 'z'",
                "SELECT * FROM a, \"as of x\"\"y\".\"b c\", \"as of z\".version",
            ),
            ("DESC runs AS OF 'x'", "DESC \"as of x\".runs"),
            ("FROM (a AS OF 'x' JOIN b USING (c))", "FROM (\"as of x\".a JOIN b USING (c))"),
            ("SELECT 'unclosed as of", "SELECT 'unclosed as of"),
        ];
        for (written, expected) in cases {
            assert_eq!(spelt(written).unwrap(), expected);
        }
        for wrong in
            ["SELECT * FROM (SELECT 1) AS OF 'x'", "SELECT 1 AS OF 'x'", "AS OF 'x'", "SELECT a.b AS OF 'x'"]
        {
            assert!(spelt(wrong).unwrap_err().to_string().contains("after the name of a table"), "{wrong}");
        }
    }

    #[test]
    fn names_of_moments_are_read_back() {
        for store in [None, Some("old".to_owned())] {
            let moment = Moment { store, written: "2026-01-01 as of".into() };
            assert!(is_moment(&moment.name()));
            assert_eq!(Moment::parse(&moment.name()), Some(moment));
        }
        assert_eq!(Moment::parse("all"), None);
    }
}
