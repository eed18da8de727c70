//! From tokens to a tree.

use super::lex::{Placed, Token, lex, wrong};
use super::{Datum, ExpressionError, Field};

/// How deep expressions may be nested.
const DEEPEST: usize = 100;
/// The longest expression, in bytes.
const LONGEST: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Sqrt,
    Exp,
    Ln,
    Log10,
    Floor,
    Ceil,
    Round,
    Min,
    Max,
    IsNan,
    StartsWith,
    Contains,
}

const FUNCTIONS: [(&str, Function, usize); 13] = [
    ("abs", Function::Abs, 1),
    ("sqrt", Function::Sqrt, 1),
    ("exp", Function::Exp, 1),
    ("ln", Function::Ln, 1),
    ("log10", Function::Log10, 1),
    ("floor", Function::Floor, 1),
    ("ceil", Function::Ceil, 1),
    ("round", Function::Round, 1),
    ("min", Function::Min, 2),
    ("max", Function::Max, 2),
    ("is_nan", Function::IsNan, 1),
    ("starts_with", Function::StartsWith, 2),
    ("contains", Function::Contains, 2),
];

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Literal(Datum),
    Field(Field),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    In { value: Box<Node>, list: Vec<Node>, not: bool },
    IsNull { value: Box<Node>, not: bool },
    Call(Function, Vec<Node>),
}

pub(super) fn parse(text: &str) -> Result<Node, ExpressionError> {
    if text.len() > LONGEST {
        return Err(wrong(text, None, format!("it is longer than {LONGEST} bytes")));
    }
    let mut parser = Parser { text, tokens: lex(text)?, at: 0, depth: 0 };
    let node = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(node),
        other => Err(parser.wrong(format!("{other} does not belong here"))),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

/// How strongly operators bind: the weakest first.
fn operator(token: &Token) -> Option<(Operator, u8)> {
    use Operator::{Add, And, Divide, Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    use Operator::{Multiply, Or, Remainder, Subtract, Unequal};
    Some(match token {
        Token::Word(word) if word.eq_ignore_ascii_case("or") => (Or, 1),
        Token::Word(word) if word.eq_ignore_ascii_case("and") => (And, 2),
        Token::Sign("=" | "==") => (Equal, COMPARISON),
        Token::Sign("!=" | "<>") => (Unequal, COMPARISON),
        Token::Sign("<") => (Less, COMPARISON),
        Token::Sign("<=") => (LessOrEqual, COMPARISON),
        Token::Sign(">") => (Greater, COMPARISON),
        Token::Sign(">=") => (GreaterOrEqual, COMPARISON),
        Token::Sign("+") => (Add, 5),
        Token::Sign("-") => (Subtract, 5),
        Token::Sign("*") => (Multiply, 6),
        Token::Sign("/") => (Divide, 6),
        Token::Sign("%") => (Remainder, 6),
        _ => return None,
    })
}

const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const NEGATE: u8 = 7;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn wrong(&self, what: impl Into<String>) -> ExpressionError {
        let (token, at) = &self.tokens[self.at];
        wrong(self.text, (*token != Token::End).then_some(*at), what)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn take_sign(&mut self, sign: &'static str, why: &str) -> Result<(), ExpressionError> {
        if *self.peek() == Token::Sign(sign) {
            self.next();
            return Ok(());
        }
        Err(self.wrong(format!("`{sign}` is missing {why}")))
    }

    /// An expression whose operators bind at least so strongly.
    fn expression(&mut self, least: u8) -> Result<Node, ExpressionError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(format!("it is nested more than {DEEPEST} deep")));
        }
        let mut left = self.operand()?;
        let mut compared = false;
        loop {
            if COMPARISON >= least && self.is_comparison_word() {
                if compared {
                    return Err(self.wrong("two comparisons in a row: write `a < b and b < c`"));
                }
                compared = true;
                left = self.comparison_word(left)?;
                continue;
            }
            let Some((operator, strength)) = operator(self.peek()).filter(|(_, found)| *found >= least)
            else {
                break;
            };
            if strength == COMPARISON && std::mem::replace(&mut compared, true) {
                return Err(self.wrong("two comparisons in a row: write `a < b and b < c`"));
            }
            self.next();
            let right = self.expression(strength + 1)?;
            // Behind `and` and `or` a comparison may come again.
            compared &= strength >= COMPARISON;
            left = self.checked(Node::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn is_comparison_word(&self) -> bool {
        let negated = self.is_word("not")
            && matches!(self.tokens.get(self.at + 1), Some((Token::Word(word), _)) if word.eq_ignore_ascii_case("in"));
        negated || self.is_word("in") || self.is_word("is")
    }

    /// `in (...)`, `not in (...)`, `is null`, `is not null`.
    fn comparison_word(&mut self, value: Node) -> Result<Node, ExpressionError> {
        let value = Box::new(value);
        if self.take_word("is") {
            let not = self.take_word("not");
            return match self.take_word("null") {
                true => Ok(Node::IsNull { value, not }),
                false => Err(self.wrong("after `is` comes `null` or `not null`")),
            };
        }
        let not = self.take_word("not");
        self.take_word("in");
        self.take_sign("(", "after `in`")?;
        let list = self.list()?;
        Ok(Node::In { value, list, not })
    }

    /// Expressions up to the closing parenthesis.
    fn list(&mut self) -> Result<Vec<Node>, ExpressionError> {
        let mut list = vec![self.expression(0)?];
        while *self.peek() == Token::Sign(",") {
            self.next();
            list.push(self.expression(0)?);
        }
        self.take_sign(")", "at the end of the list")?;
        Ok(list)
    }

    fn operand(&mut self) -> Result<Node, ExpressionError> {
        let node = match self.peek().clone() {
            Token::Word(word) => return self.word(&word),
            Token::Name(parts) => {
                let field = Field::of(parts, true);
                Node::Field(field.ok_or_else(|| self.wrong("a name is missing behind the dot"))?)
            }
            Token::Int(x) => Node::Literal(Datum::Int(x)),
            Token::Float(x) => Node::Literal(Datum::Float(x)),
            Token::Text(text) => Node::Literal(Datum::Text(text)),
            Token::Sign("-") => {
                self.next();
                let negated = self.expression(NEGATE)?;
                return self.checked(Node::Negate(Box::new(negated)));
            }
            Token::Sign("(") => {
                self.next();
                let node = self.expression(0)?;
                self.take_sign(")", "at the end of the parentheses")?;
                return Ok(node);
            }
            Token::End => return Err(self.wrong("a value is missing")),
            other => return Err(self.wrong(format!("a value is missing before {other}"))),
        };
        self.next();
        Ok(node)
    }

    fn word(&mut self, word: &str) -> Result<Node, ExpressionError> {
        let small = word.to_ascii_lowercase();
        let literal = match small.as_str() {
            "true" => Some(Datum::Bool(true)),
            "false" => Some(Datum::Bool(false)),
            "null" => Some(Datum::Null),
            "not" => {
                self.next();
                return Ok(Node::Not(Box::new(self.expression(NOT)?)));
            }
            "and" | "or" | "in" | "is" => {
                return Err(self.wrong(format!("a value is missing before `{word}`")));
            }
            _ => None,
        };
        if let Some(literal) = literal {
            self.next();
            return Ok(Node::Literal(literal));
        }
        if self.tokens.get(self.at + 1).is_some_and(|(token, _)| *token == Token::Sign("(")) {
            return self.call(&small);
        }
        let field = Field::of(word.split('.').map(str::to_owned).collect(), false);
        let field = field.ok_or_else(|| self.wrong(format!("say which: `{word}.name`")))?;
        self.next();
        Ok(Node::Field(field))
    }

    fn call(&mut self, name: &str) -> Result<Node, ExpressionError> {
        let Some((_, function, count)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            let known: Vec<_> = FUNCTIONS.iter().map(|(name, ..)| format!("`{name}`")).collect();
            return Err(self.wrong(format!("there is no function `{name}`; there are {}", known.join(", "))));
        };
        let start = self.at;
        self.next();
        self.next();
        let arguments = self.list()?;
        if arguments.len() != *count {
            self.at = start;
            return Err(self.wrong(format!("`{name}` takes {count} value(s), here are {}", arguments.len())));
        }
        arguments.iter().try_for_each(|argument| self.plain(argument))?;
        Ok(Node::Call(*function, arguments))
    }

    /// Refuses to compute with tags: a run may have several.
    fn checked(&self, node: Node) -> Result<Node, ExpressionError> {
        match &node {
            Node::Binary(Operator::Equal | Operator::Unequal | Operator::And | Operator::Or, ..) => {}
            Node::Binary(_, left, right) => [left, right].iter().try_for_each(|side| self.plain(side))?,
            Node::Negate(inner) => self.plain(inner)?,
            _ => {}
        }
        Ok(node)
    }

    fn plain(&self, node: &Node) -> Result<(), ExpressionError> {
        match node {
            Node::Field(Field::Tag) => {
                Err(self.wrong("a run may have several tags: write `tag = 'x'` or `tag in ('x', 'y')`"))
            }
            _ => Ok(()),
        }
    }
}
