//! Questions put together from parts: columns, conditions, an order.
//!
//! Each part is parsed on its own, as an expression and nothing else, and takes its place in the statement as a tree:
//! no text of a part can become another part of the question.

use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, LimitClause, ObjectName, ObjectNamePart, OrderBy, OrderByExpr, OrderByKind,
    OrderByOptions, SelectItem, SetExpr, Statement, TableFactor, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::guard::{DEPTH, Question, one_line, parse};
use super::moments::spelt;
use crate::error::QueryError;

/// A table narrowed to some of its columns and rows, in an order.
///
/// ```
/// use metalab_engine::store::Store;
/// use metalab_query::{Listing, Options, Session};
///
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let session = Session::open(&Store::memory()?, Options::default()).await?;
/// let listing = Listing::of("runs").columns(["id", "duration_s * 1000"]).filter("status = 'failed'").sort("started", true);
/// assert_eq!(session.list(&listing.limit(10)).await?.num_rows(), 0);
/// // A part is an expression; what would end it, or begin another part, is refused.
/// assert!(session.list(&Listing::of("runs").filter("true UNION SELECT 1")).await.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Listing {
    table: String,
    columns: Vec<Column>,
    filters: Vec<String>,
    equals: Vec<(String, String)>,
    sort: Vec<(String, bool)>,
    limit: Option<u64>,
}

#[derive(Clone, Debug)]
enum Column {
    /// As a user writes it.
    Expression(String),
    /// As it is called.
    Exact(String),
}

impl Listing {
    /// All columns and rows of a table; its name is exact.
    pub fn of(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            columns: Vec::new(),
            filters: Vec::new(),
            equals: Vec::new(),
            sort: Vec::new(),
            limit: None,
        }
    }

    /// Only these columns, which may be expressions.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns.extend(columns.into_iter().map(|column| Column::Expression(column.into())));
        self
    }

    /// Only these columns, by the names that [`Session::columns`](crate::Session::columns) gives.
    #[must_use]
    pub fn exact_columns<'a>(mut self, columns: impl IntoIterator<Item = &'a String>) -> Self {
        self.columns.extend(columns.into_iter().map(|column| Column::Exact(column.clone())));
        self
    }

    /// Only rows for which this expression is true; of several, all must be.
    #[must_use]
    pub fn filter(mut self, expression: impl Into<String>) -> Self {
        self.filters.push(expression.into());
        self
    }

    /// Only rows with this text in a column; the text is no SQL.
    #[must_use]
    pub fn equals(mut self, column: impl Into<String>, text: impl Into<String>) -> Self {
        self.equals.push((column.into(), text.into()));
        self
    }

    /// Sorts by an expression, after those that were said before. Rows where it is null come last.
    #[must_use]
    pub fn sort(mut self, expression: impl Into<String>, descending: bool) -> Self {
        self.sort.push((expression.into(), descending));
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// The question, after every part was checked.
    pub(super) fn question(&self) -> Result<Question, QueryError> {
        let Question::Query(mut statement) = parse("SELECT * FROM t")? else { return Err(incomplete()) };
        let Statement::Query(query) = &mut *statement else { return Err(incomplete()) };
        let SetExpr::Select(select) = &mut *query.body else { return Err(incomplete()) };
        for table in &mut select.from {
            let TableFactor::Table { name, .. } = &mut table.relation else { return Err(incomplete()) };
            let exact = Ident::with_quote('"', &self.table);
            *name = ObjectName(vec![ObjectNamePart::Identifier(exact)]);
        }
        if !self.columns.is_empty() {
            let column = |column: &Column| match column {
                Column::Expression(text) => Ok(SelectItem::UnnamedExpr(expression(text)?)),
                Column::Exact(name) => {
                    let alias = Ident::with_quote('"', name);
                    Ok(SelectItem::ExprWithAlias { expr: exact(name), alias })
                }
            };
            select.projection = self.columns.iter().map(column).collect::<Result<_, QueryError>>()?;
        }
        let filters = self.filters.iter().map(|text| Ok(Expr::Nested(Box::new(expression(text)?))));
        let equals = self.equals.iter().map(|(column, text)| {
            let text = Expr::Value(Value::SingleQuotedString(text.clone()).into());
            Ok(binary(expression(column)?, BinaryOperator::Eq, text))
        });
        let conditions = filters.chain(equals).collect::<Result<Vec<_>, QueryError>>()?;
        select.selection = conditions.into_iter().reduce(|a, b| binary(a, BinaryOperator::And, b));
        if !self.sort.is_empty() {
            let order = |(text, descending): &(String, bool)| {
                let options = OrderByOptions { asc: Some(!descending), nulls_first: Some(false) };
                Ok(OrderByExpr { expr: expression(text)?, options, with_fill: None })
            };
            let orders = self.sort.iter().map(order).collect::<Result<Vec<_>, QueryError>>()?;
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(orders), interpolate: None });
        }
        if let Some(limit) = self.limit {
            let limit = Expr::Value(Value::Number(limit.to_string(), false).into());
            query.limit_clause =
                Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: Vec::new() });
        }
        Ok(Question::Query(statement))
    }
}

/// A column by its name: parts with dots or quotes in them stand in quotes, the others as they are.
fn exact(name: &str) -> Expr {
    let mut parts = vec![String::new()];
    let mut characters = name.chars().peekable();
    let mut quoted = false;
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => {
                parts.last_mut().map(|part| part.push('"'))
            }
            '"' => {
                quoted = !quoted;
                None
            }
            '.' if !quoted => {
                parts.push(String::new());
                None
            }
            c => parts.last_mut().map(|part| part.push(c)),
        };
    }
    let mut parts: Vec<Ident> = parts.into_iter().map(|part| Ident::with_quote('"', part)).collect();
    match parts.len() {
        1 => Expr::Identifier(parts.remove(0)),
        _ => Expr::CompoundIdentifier(parts),
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// Parses one expression, to the end of the text.
fn expression(text: &str) -> Result<Expr, QueryError> {
    let wrong = |message: String| QueryError::Syntax { message: format!("`{text}`: {message}") };
    let spelt = spelt(text)?;
    let mut parser = DFParserBuilder::new(spelt.as_ref())
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(DEPTH)
        .build()
        .map_err(|error| wrong(one_line(&error)))?;
    let parser = &mut parser.parser;
    let parsed = parser.parse_expr().map_err(|error| wrong(error.to_string()))?;
    match parser.peek_token().token {
        Token::EOF => Ok(parsed),
        other => Err(wrong(format!("an expression is to end where `{other}` comes"))),
    }
}

fn incomplete() -> QueryError {
    QueryError::Sql { message: "the question could not be put together".into() }
}
