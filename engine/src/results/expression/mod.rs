//! A small language for choosing runs: `params.lr < 0.01 and metrics.loss > 0 and status = 'succeeded'`.
//!
//! # Grammar
//!
//! ```text
//! expression := or
//! or         := and ("or" and)*
//! and        := not ("and" not)*
//! not        := "not" not | comparison
//! comparison := sum [ ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") sum
//!                   | ["not"] "in" "(" expression ("," expression)* ")"
//!                   | "is" ["not"] "null" ]
//! sum        := product (("+" | "-") product)*
//! product    := factor (("*" | "/" | "%") factor)*
//! factor     := "-" factor | number | 'text' | true | false | null | field | function "(" ... ")" | "(" expression ")"
//! ```
//!
//! Words are the same in capitals. In text, `''` is one `'`. A part of a field that is no plain word stands in double
//! quotes: `params."learning rate"`.
//!
//! # Fields
//!
//! | field | is |
//! | --- | --- |
//! | `params.lr`, `params.prepare.threshold` | an argument, of this step or of one before it |
//! | `metrics.loss`, `derived.gap` | a metric, a derived metric |
//! | `status` | `succeeded`, `failed`, `cancelled`, `timed_out`, `not run` |
//! | `step`, `replicate`, `run_id` | where the run stands; the id as 64 digits |
//! | `duration`, `started` | seconds; seconds since 1970 |
//! | `output` | the return value, if it is a number, truth value or text |
//! | `error` | the first line of the error |
//! | `tag` | any of the tags of the cell and of the experiment: `tag = 'x'` is true if one of them is `x` |
//!
//! Another word is a parameter, or else a metric, or else a derived metric of that name.
//!
//! # Functions
//!
//! `abs sqrt exp ln log10 floor ceil round` of a number, `min max` of two, `is_nan`, `starts_with(text, start)`,
//! `contains(text, part)`.
//!
//! # Rules
//!
//! * What a run does not have is null. A comparison with null, and arithmetic with null or with what is no number, is
//!   null; `and`, `or` and `not` are those of SQL (`false and null` is false). A run is chosen only by *true*.
//! * Whole numbers and floats are compared as numbers; `/` gives a float. A number, a text and a truth value are never
//!   equal, and not in any order (null). NaN is equal to nothing, and neither less nor greater.
//! * `and` and `or` look to the right only when the left does not decide: `status = 'failed' and metrics.loss > 1` reads no
//!   record of a run that succeeded.
//! * A name that none of the runs looked at has, though one of them succeeded, is refused: it is misspelt.

mod datum;
mod eval;
mod field;
mod lex;
mod parse;

pub(crate) use datum::Datum;
pub(crate) use eval::{Row, Seen};
pub(crate) use field::Field;

use crate::name::nearest;

/// An expression that was read; see the [module](self).
///
/// ```
/// use metalab_engine::results::expression::Expression;
///
/// Expression::parse("params.lr < 0.01 and status in ('succeeded', 'failed')")?;
/// let error = Expression::parse("params.lr <").unwrap_err();
/// assert_eq!(error.to_string(), "`params.lr <` cannot be read at its end: a value is missing");
/// # Ok::<(), metalab_engine::results::expression::ExpressionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    root: parse::Node,
}

/// An expression that cannot be read or has no meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It breaks the grammar.
    #[error("`{text}` cannot be read {place}: {what}")]
    Syntax {
        /// The expression, shortened.
        text: String,
        /// Where: `at its end`, or at a character.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// It is not true or false.
    #[error("`{text}` is {found} for run {run}, not true or false: compare it with something")]
    NotTruth {
        /// The expression, or the part of it.
        text: String,
        /// What it is.
        found: String,
        /// The run, short.
        run: String,
    },
    /// A field that no run has.
    #[error("no run has `{field}`{}", remedy(.nearest.as_deref(), .known))]
    NoField {
        /// The field.
        field: String,
        /// The one that may be meant.
        nearest: Option<String>,
        /// Those there are.
        known: Vec<String>,
    },
}

fn remedy(nearest: Option<&str>, known: &[String]) -> String {
    let meant = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    match (known.is_empty(), meant.is_empty()) {
        (true, _) => meant,
        (false, true) => format!("; there are {}", known.join(", ")),
        (false, false) => format!("{meant} There are {}", known.join(", ")),
    }
}

impl ExpressionError {
    /// A field that no run has, where runs have others.
    pub(crate) fn no_field(field: &Field, known: Vec<String>) -> Self {
        let field = field.to_string();
        // A bare word may be meant for any of them.
        let bare =
            known.iter().filter_map(|name| Some(name.split_once('.')?.1)).filter(|_| !field.contains('.'));
        let nearest = nearest(&field, known.iter().map(String::as_str).chain(bare));
        Self::NoField { field, nearest, known }
    }
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it breaks the grammar; the error says where.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Ok(Self { text: text.to_owned(), root: parse::parse(text)? })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
