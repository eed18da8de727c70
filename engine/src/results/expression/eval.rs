//! What an expression is for a run.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::parse::{Function, Node, Operator};
use super::{Datum, Expression, ExpressionError, Field};
use crate::results::ResultError;

/// A run as an expression sees it: nothing is read before it is asked for.
pub(crate) trait Row {
    /// The run, short, for messages.
    fn run(&self) -> String;

    /// A field; null if the run does not have it.
    fn field(&self, field: &Field) -> Result<Datum, ResultError>;

    /// All tags.
    fn tags(&self) -> Vec<String>;

    /// Whether it succeeded, so that it has what its operation gives.
    fn succeeded(&self) -> bool;
}

/// Which fields were found in any run, and which were only looked for.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    found: RefCell<BTreeSet<Field>>,
    /// In runs that succeeded.
    missed: RefCell<BTreeSet<Field>>,
}

impl Seen {
    fn note(&self, field: &Field, row: &impl Row, datum: &Datum) {
        if !matches!(field, Field::Param(_) | Field::Metric(_) | Field::Derived(_) | Field::Any(_)) {
            return;
        }
        let set = match datum.is_null() {
            true if !row.succeeded() => return,
            true => &self.missed,
            false => &self.found,
        };
        if !set.borrow().contains(field) {
            set.borrow_mut().insert(field.clone());
        }
    }

    /// A field that nobody had although somebody succeeded.
    pub(crate) fn misspelt(&self) -> Option<Field> {
        self.missed.borrow().difference(&self.found.borrow()).next().cloned()
    }
}

impl Expression {
    /// Whether it is true for a run.
    pub(crate) fn is_true(&self, row: &impl Row, seen: &Seen) -> Result<bool, ResultError> {
        let datum = eval(&self.root, row, seen)?;
        Ok(truth(datum, row, &self.text)? == Some(true))
    }
}

/// True, false, or neither.
fn truth(datum: Datum, row: &impl Row, text: &str) -> Result<Option<bool>, ResultError> {
    match datum {
        Datum::Bool(truth) => Ok(Some(truth)),
        Datum::Null => Ok(None),
        other => {
            let text = crate::name::shown(text);
            Err(ExpressionError::NotTruth { text, found: other.to_string(), run: row.run() }.into())
        }
    }
}

fn of_truth(truth: Option<bool>) -> Datum {
    truth.map_or(Datum::Null, Datum::Bool)
}

fn eval(node: &Node, row: &impl Row, seen: &Seen) -> Result<Datum, ResultError> {
    Ok(match node {
        Node::Literal(datum) => datum.clone(),
        Node::Field(field) => {
            let datum = row.field(field)?;
            seen.note(field, row, &datum);
            datum
        }
        Node::Not(inner) => of_truth(part(inner, row, seen)?.map(|truth| !truth)),
        Node::Negate(inner) => match eval(inner, row, seen)? {
            Datum::Int(x) => x.checked_neg().map_or(Datum::Float(-(x as f64)), Datum::Int),
            Datum::Float(x) => Datum::Float(-x),
            _ => Datum::Null,
        },
        Node::Binary(Operator::And, left, right) => match part(left, row, seen)? {
            Some(false) => Datum::Bool(false),
            left => match (left, part(right, row, seen)?) {
                (_, Some(false)) => Datum::Bool(false),
                (Some(true), Some(true)) => Datum::Bool(true),
                _ => Datum::Null,
            },
        },
        Node::Binary(Operator::Or, left, right) => match part(left, row, seen)? {
            Some(true) => Datum::Bool(true),
            left => match (left, part(right, row, seen)?) {
                (_, Some(true)) => Datum::Bool(true),
                (Some(false), Some(false)) => Datum::Bool(false),
                _ => Datum::Null,
            },
        },
        Node::Binary(operator, left, right) => match (&**left, &**right) {
            (Node::Field(Field::Tag), other) | (other, Node::Field(Field::Tag)) => {
                let wanted = eval(other, row, seen)?;
                let has = has_tag(row, &wanted);
                of_truth(has.map(|has| has == (*operator == Operator::Equal)))
            }
            _ => binary(*operator, &eval(left, row, seen)?, &eval(right, row, seen)?),
        },
        Node::In { value, list, not } => {
            let is_tag = matches!(**value, Node::Field(Field::Tag));
            let value = if is_tag { Datum::Null } else { eval(value, row, seen)? };
            let mut found = Some(false);
            for item in list {
                let item = eval(item, row, seen)?;
                let equal = if is_tag { has_tag(row, &item) } else { equal(&value, &item) };
                match equal {
                    Some(true) => {
                        found = Some(true);
                        break;
                    }
                    Some(false) => {}
                    None => found = None,
                }
            }
            of_truth(found.map(|found| found != *not))
        }
        Node::IsNull { value, not } => {
            let is_null = match **value {
                Node::Field(Field::Tag) => row.tags().is_empty(),
                _ => eval(value, row, seen)?.is_null(),
            };
            Datum::Bool(is_null != *not)
        }
        Node::Call(function, arguments) => {
            let arguments = arguments.iter().map(|argument| eval(argument, row, seen));
            call(*function, &arguments.collect::<Result<Vec<_>, _>>()?)
        }
    })
}

fn part(node: &Node, row: &impl Row, seen: &Seen) -> Result<Option<bool>, ResultError> {
    let datum = eval(node, row, seen)?;
    let text = match node {
        Node::Field(field) => field.to_string(),
        Node::Literal(datum) => datum.to_string(),
        _ => "a part of it".into(),
    };
    truth(datum, row, &text)
}

fn has_tag(row: &impl Row, wanted: &Datum) -> Option<bool> {
    match wanted {
        Datum::Null => None,
        Datum::Text(wanted) => Some(row.tags().iter().any(|tag| tag == wanted)),
        _ => Some(false),
    }
}

/// Whether two values are equal; `None` with null.
pub(super) fn equal(a: &Datum, b: &Datum) -> Option<bool> {
    match a.is_null() || b.is_null() {
        true => None,
        false => Some(a.equals(b)),
    }
}

fn binary(operator: Operator, a: &Datum, b: &Datum) -> Datum {
    let compare = |holds: fn(Ordering) -> bool| match (a.order(b), a.is_alike(b)) {
        (Some(order), _) => Datum::Bool(holds(order)),
        // NaN is in no order; other kinds are in none either, but nobody said what they are.
        (None, true) if !a.is_null() => Datum::Bool(false),
        _ => Datum::Null,
    };
    match operator {
        Operator::Equal => of_truth(equal(a, b)),
        Operator::Unequal => of_truth(equal(a, b).map(|equal| !equal)),
        Operator::Less => compare(Ordering::is_lt),
        Operator::LessOrEqual => compare(Ordering::is_le),
        Operator::Greater => compare(Ordering::is_gt),
        Operator::GreaterOrEqual => compare(Ordering::is_ge),
        _ => arithmetic(operator, a, b),
    }
}

/// Whole numbers stay whole where they can.
fn arithmetic(operator: Operator, a: &Datum, b: &Datum) -> Datum {
    if let (Datum::Int(a), Datum::Int(b)) = (a, b) {
        let exact = match operator {
            Operator::Add => a.checked_add(*b),
            Operator::Subtract => a.checked_sub(*b),
            Operator::Multiply => a.checked_mul(*b),
            Operator::Remainder => a.checked_rem(*b),
            _ => None,
        };
        if let Some(exact) = exact {
            return Datum::Int(exact);
        }
    }
    let (Some(a), Some(b)) = (a.number(), b.number()) else { return Datum::Null };
    Datum::Float(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => a % b,
    })
}

fn call(function: Function, arguments: &[Datum]) -> Datum {
    let texts = |holds: fn(&str, &str) -> bool| match arguments {
        [Datum::Text(text), Datum::Text(part)] => Datum::Bool(holds(text, part)),
        _ => Datum::Null,
    };
    match function {
        Function::StartsWith => return texts(|text, part| text.starts_with(part)),
        Function::Contains => return texts(|text, part| text.contains(part)),
        Function::Abs => {
            if let [Datum::Int(x)] = arguments
                && let Some(x) = x.checked_abs()
            {
                return Datum::Int(x);
            }
        }
        _ => {}
    }
    let numbers: Option<Vec<f64>> = arguments.iter().map(Datum::number).collect();
    let Some(numbers) = numbers else { return Datum::Null };
    let x = numbers[0];
    Datum::Float(match function {
        Function::IsNan => return Datum::Bool(x.is_nan()),
        Function::Abs => x.abs(),
        Function::Sqrt => x.sqrt(),
        Function::Exp => x.exp(),
        Function::Ln => x.ln(),
        Function::Log10 => x.log10(),
        Function::Floor => x.floor(),
        Function::Ceil => x.ceil(),
        Function::Round => x.round(),
        Function::Min => x.min(numbers[1]),
        _ => x.max(numbers[1]),
    })
}
