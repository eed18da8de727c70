//! Columns in which some runs have numbers and others have not.
//!
//! Such a column is text: a function of the types that were recorded, whoever recorded them first. Where a question needs
//! numbers (in `avg`, in arithmetic, compared with a number, in the order of rows) it reads them: `number(x)` is the
//! number that a value is or reads as, 1 and 0 for true and false, and null for all else. So a question about one
//! experiment does not fail because another one has text at the same path.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, GroupByExpr, OrderBy, OrderByKind, Query, Select, SelectItem,
    SetExpr, Statement, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::names::{call, folded};
use super::paths::Paths;
use crate::columns::Kind;
use crate::session::catalog::Kinds;
use crate::session::number;

/// Functions whose arguments are numbers.
const OF_NUMBERS: &[&str] = &[
    "abs",
    "acos",
    "approx_median",
    "approx_percentile_cont",
    "approx_percentile_cont_with_weight",
    "asin",
    "atan",
    "atan2",
    "avg",
    "cbrt",
    "ceil",
    "ci95",
    "ci95_high",
    "ci95_low",
    "corr",
    "cos",
    "cosh",
    "covar",
    "covar_pop",
    "covar_samp",
    "degrees",
    "exp",
    "floor",
    "ln",
    "log",
    "log10",
    "log2",
    "mean",
    "median",
    "percentile_cont",
    "pow",
    "power",
    "quantile_cont",
    "radians",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "round",
    "signum",
    "sin",
    "sinh",
    "sqrt",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "stderr",
    "sum",
    "tan",
    "tanh",
    "trunc",
    "var",
    "var_pop",
    "var_population",
    "var_samp",
    "var_sample",
];

/// Functions that compare what they are given: numbers as numbers, where there are any.
const OF_ANYTHING: &[&str] = &["greatest", "least", "max", "min"];

impl Paths<'_> {
    /// Notes the names that subqueries give to columns of several types.
    pub(super) fn note_renamed(&mut self, statement: &mut Statement) {
        struct Aliases<'p, 'a>(&'p mut Paths<'a>);
        impl VisitorMut for Aliases<'_, '_> {
            type Break = ();
            fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
                for item in &select.projection {
                    let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
                    if let Some(kinds) = self.0.kinds(expr).filter(is_mixed) {
                        self.0.renamed.entry(folded(alias).to_lowercase()).or_default().extend(kinds);
                    }
                }
                ControlFlow::Continue(())
            }
        }
        let _ = statement.visit(&mut Aliases(self));
    }

    /// Reads numbers in the operands of an expression that needs them.
    pub(super) fn read_numbers(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Function(function) => self.arguments(function),
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => self.as_number(expr),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.as_truth(expr),
            Expr::IsTrue(expr) | Expr::IsFalse(expr) | Expr::IsNotTrue(expr) | Expr::IsNotFalse(expr) => {
                self.as_truth(expr);
            }
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.as_truth(left);
                self.as_truth(right);
            }
            Expr::BinaryOp { left, op, right } if is_arithmetic(op) => {
                self.as_number(left);
                self.as_number(right);
            }
            Expr::BinaryOp { left, op, right } if is_comparison(op) => {
                if is_literal(left) || is_literal(right) {
                    self.meet_literal(left, right);
                    self.meet_literal(right, left);
                } else if self.is_number(left) || self.is_number(right) {
                    self.as_number(left);
                    self.as_number(right);
                }
            }
            Expr::Between { expr, low, high, .. } if self.is_number(low) || self.is_number(high) => {
                [expr, low, high].into_iter().for_each(|part| self.as_number(part));
            }
            Expr::InList { expr, list, .. } => {
                if list.iter().any(|item| self.is_number(item)) && list.iter().all(|item| !is_text(item)) {
                    self.as_number(expr);
                } else {
                    list.iter_mut().for_each(|item| self.meet_literal(expr, item));
                }
            }
            Expr::Case { operand: None, conditions, .. } => {
                conditions.iter_mut().for_each(|CaseWhen { condition, .. }| self.as_truth(condition));
            }
            _ => {}
        }
    }

    fn arguments(&mut self, function: &mut Function) {
        let name = function.name.to_string().to_lowercase();
        let of_numbers = OF_NUMBERS.contains(&name.as_str());
        let of_anything = OF_ANYTHING.contains(&name.as_str());
        for ordered in &mut function.within_group {
            self.as_number(&mut ordered.expr);
        }
        let FunctionArguments::List(list) = &mut function.args else { return };
        for clause in &mut list.clauses {
            if let FunctionArgumentClause::OrderBy(order) = clause {
                order.iter_mut().for_each(|ordered| self.as_number(&mut ordered.expr));
            }
        }
        for argument in &mut list.args {
            let (FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
            | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
            | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. }) = argument
            else {
                continue;
            };
            let is_read =
                of_numbers || of_anything && self.kinds(expr).is_some_and(|kinds| has_numbers(&kinds));
            if is_read {
                self.as_number(expr);
            }
        }
    }

    /// Reads the numbers of an expression, if it is a column with other things than numbers.
    fn as_number(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Nested(inner) => self.as_number(inner),
            Expr::Case { conditions, else_result, .. } => {
                conditions.iter_mut().for_each(|when| self.as_number(&mut when.result));
                else_result.iter_mut().for_each(|result| self.as_number(result));
            }
            Expr::Function(function) if passes_on(function) => {
                let FunctionArguments::List(list) = &mut function.args else { return };
                for argument in &mut list.args {
                    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                        self.as_number(expr);
                    }
                }
            }
            other => {
                let readable = |kinds: &Kinds| {
                    is_mixed(kinds) && (has_numbers(kinds) || kinds.contains(&Kind::Bool))
                        || kinds.iter().eq([&Kind::Bool])
                };
                if self.kinds(other).is_some_and(|kinds| readable(&kinds)) {
                    wrap(other);
                }
            }
        }
    }

    /// Reads a condition that is a column with other things than true and false.
    pub(super) fn as_truth(&mut self, expr: &mut Expr) {
        if let Expr::Nested(inner) = expr {
            return self.as_truth(inner);
        }
        if self.kinds(expr).is_some_and(|kinds| !kinds.iter().eq([&Kind::Bool])) {
            wrap(expr);
            let zero = Expr::value(Value::Number("0".into(), false));
            *expr = Expr::Nested(Box::new(Expr::BinaryOp {
                left: Box::new(std::mem::replace(expr, zero.clone())),
                op: BinaryOperator::NotEq,
                right: Box::new(zero),
            }));
        }
    }

    /// Brings a column and a literal that it is compared with to one type, where the column has others than the literal.
    fn meet_literal(&mut self, column: &mut Expr, literal: &mut Expr) {
        let (Expr::Value(value), Some(kinds)) = (&mut *literal, self.kinds(column)) else { return };
        match &value.value {
            Value::Boolean(truth) if is_mixed(&kinds) => {
                value.value = Value::SingleQuotedString(truth.to_string());
            }
            Value::Boolean(_) if has_numbers(&kinds) => self.as_truth(column),
            // A text that is no number is equal to no number, which is an answer.
            Value::SingleQuotedString(text) => {
                let reads = number::read(text).is_some();
                if !reads && kinds.iter().all(|kind| matches!(kind, Kind::F64 | Kind::I64 | Kind::Bool)) {
                    let expr = Box::new(std::mem::replace(column, Expr::value(Value::Null)));
                    let (kind, data_type) = (CastKind::Cast, DataType::Varchar(None));
                    let text = Expr::Cast { kind, expr, data_type, array: false, format: None };
                    // A bare cast would be moved to the literal, which does not read as a number.
                    *column =
                        call("nullif", vec![text, Expr::value(Value::SingleQuotedString(String::new()))]);
                }
            }
            _ => {}
        }
    }

    /// In the order of rows, numbers come before text, as numbers.
    pub(super) fn sort_numbers_first(&mut self, query: &mut Query) {
        let SetExpr::Select(select) = &*query.body else { return };
        let grouped = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if !by.is_empty());
        if select.distinct.is_some() || grouped {
            return;
        }
        let Some(OrderBy { kind: OrderByKind::Expressions(order), .. }) = &mut query.order_by else { return };
        let mut all = Vec::with_capacity(order.len());
        for ordered in order.drain(..) {
            let kinds = self.kinds(&ordered.expr);
            if kinds.is_some_and(|kinds| is_mixed(&kinds) && has_numbers(&kinds)) {
                let mut first = ordered.clone();
                wrap(&mut first.expr);
                all.push(first);
            }
            all.push(ordered);
        }
        *order = all;
    }

    /// Whether an expression is a number, as far as its text shows.
    fn is_number(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Value(value) => matches!(value.value, Value::Number(..)),
            Expr::Nested(inner) => self.is_number(inner),
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, .. } => true,
            Expr::BinaryOp { op, .. } => is_arithmetic(op),
            Expr::Cast { data_type, .. } => is_numeric_type(data_type),
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                OF_NUMBERS.contains(&name.as_str()) || matches!(name.as_str(), "number" | "count")
            }
            Expr::Subquery(query) => match &*query.body {
                SetExpr::Select(select) => match select.projection.as_slice() {
                    [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => {
                        self.is_number(expr) || self.is_extreme_number(expr)
                    }
                    _ => false,
                },
                _ => false,
            },
            other => self.kinds(other).is_some_and(|kinds| has_numbers(&kinds) && !is_mixed(&kinds)),
        }
    }

    /// Whether it is `max` or `min` of a column that has numbers.
    fn is_extreme_number(&self, expr: &Expr) -> bool {
        let Expr::Function(function) = expr else { return false };
        let FunctionArguments::List(list) = &function.args else { return false };
        OF_ANYTHING.contains(&function.name.to_string().to_lowercase().as_str())
            && list.args.iter().all(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                    self.kinds(expr).is_some_and(|kinds| has_numbers(&kinds))
                }
                _ => false,
            })
    }
}

/// Whether a column of these types is text although not all its values are.
fn is_mixed(kinds: &Kinds) -> bool {
    kinds.len() > 1 && !kinds.iter().all(|kind| matches!(kind, Kind::F64 | Kind::I64))
}

fn has_numbers(kinds: &Kinds) -> bool {
    kinds.contains(&Kind::F64) || kinds.contains(&Kind::I64)
}

/// Functions that give one of their arguments.
fn passes_on(function: &Function) -> bool {
    let name = function.name.to_string().to_lowercase();
    ["coalesce", "nullif", "ifnull", "nvl"].contains(&name.as_str())
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(op, Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo)
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(op, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq)
}

/// Whether an expression is a literal that is no number.
fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_) | Value::Boolean(_)))
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn is_numeric_type(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Double(_)
            | DataType::DoublePrecision
            | DataType::Float(_)
            | DataType::Real
            | DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::SmallInt(_)
            | DataType::Decimal(_)
            | DataType::Numeric(_)
    )
}

fn wrap(expr: &mut Expr) {
    let inner = std::mem::replace(expr, Expr::value(Value::Null));
    *expr = call("number", vec![inner]);
}
