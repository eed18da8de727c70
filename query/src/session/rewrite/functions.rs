//! Functions that are other words for what DataFusion has.
//!
//! `argmax(x, y)` is the `x` of the row with the greatest `y`, `argmin(x, y)` that with the smallest;
//! `short_id(run_id)` is the beginning of an id, as tables show it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
    ObjectName, OrderByExpr, OrderByOptions, Value, VisitMut, VisitorMut,
};

use super::names::call;

/// Puts what they mean in the place of such functions.
pub(super) fn expand(tree: &mut impl VisitMut) {
    let _ = tree.visit(&mut Functions);
}

struct Functions;

impl VisitorMut for Functions {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        match function.name.to_string().to_lowercase().as_str() {
            "argmax" | "max_by" => extreme(function, false),
            "argmin" | "min_by" => extreme(function, true),
            "short_id" => {
                if let Some([id]) = arguments(function) {
                    *expr = call("left", vec![id, Expr::value(Value::Number("12".into(), false))]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The arguments of a plain call, if there are this many.
fn arguments<const N: usize>(function: &Function) -> Option<[Expr; N]> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let plain = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let all: Option<Vec<Expr>> = list.args.iter().map(plain).collect();
    all?.try_into().ok().filter(|_| list.clauses.is_empty())
}

/// `first_value(x ORDER BY y) FILTER (WHERE y IS NOT NULL)`.
fn extreme(function: &mut Function, ascending: bool) {
    let Some([shown, by]) = arguments(function) else { return };
    let FunctionArguments::List(list) = &mut function.args else { return };
    let options = OrderByOptions { asc: Some(ascending), nulls_first: Some(false) };
    let order = OrderByExpr { expr: by.clone(), options, with_fill: None };
    list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(shown))];
    list.clauses = vec![FunctionArgumentClause::OrderBy(vec![order])];
    let there = Expr::IsNotNull(Box::new(by));
    let filter = match function.filter.take() {
        Some(filter) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(filter)),
            op: datafusion::sql::sqlparser::ast::BinaryOperator::And,
            right: Box::new(there),
        },
        None => there,
    };
    function.filter = Some(Box::new(filter));
    function.name = ObjectName::from(vec![Ident::new("first_value")]);
}
