//! Which statements a session runs: those that only read.

use datafusion::sql::parser::{DFParserBuilder, ExplainStatement, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{DescribeAlias, ObjectName, SetExpr, ShowStatementOptions, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;

use super::moments::spelt;
use crate::error::QueryError;

/// Nesting that no honest query has; deeper text is refused before it can exhaust the stack.
pub(crate) const DEPTH: usize = 50;

/// A question that may be asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// SELECT, WITH, VALUES, or EXPLAIN of one.
    Query(Box<Statement>),
    /// SHOW TABLES.
    Tables,
    /// DESCRIBE, SHOW COLUMNS.
    Columns(ObjectName),
}

/// Parses one statement and refuses what does not read.
pub(crate) fn parse(text: &str) -> Result<Question, QueryError> {
    let syntax = |error: datafusion::error::DataFusionError| QueryError::Syntax { message: one_line(&error) };
    let text = spelt(text)?;
    let mut parser = DFParserBuilder::new(text.as_ref())
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(DEPTH)
        .build()
        .map_err(syntax)?;
    let mut statements = parser.parse_statements().map_err(syntax)?;
    let found = statements.len();
    let (Some(statement), 1) = (statements.pop_front(), found) else {
        return Err(QueryError::NotOne { found });
    };
    match statement {
        Parsed::Statement(statement) => allow(*statement),
        Parsed::Explain(explain) => explained(explain).map(|statement| Question::Query(Box::new(statement))),
        other => Err(refused(&first_word(&other.to_string()))),
    }
}

/// DataFusion's own EXPLAIN as the parser's, so that its query can be walked like any other.
fn explained(explain: ExplainStatement) -> Result<Statement, QueryError> {
    let Parsed::Statement(statement) = *explain.statement else {
        return Err(refused("EXPLAIN of this statement"));
    };
    read_only(&statement)?;
    Ok(Statement::Explain {
        describe_alias: DescribeAlias::Explain,
        analyze: explain.options.analyze,
        verbose: explain.options.verbose,
        query_plan: false,
        estimate: false,
        statement,
        format: None,
        options: None,
    })
}

fn allow(statement: Statement) -> Result<Question, QueryError> {
    match statement {
        Statement::ShowTables { .. } => Ok(Question::Tables),
        Statement::ExplainTable { table_name, .. } => Ok(Question::Columns(table_name)),
        Statement::ShowColumns { show_options, .. } => match shown_table(&show_options) {
            Some(table) => Ok(Question::Columns(table)),
            None => Err(QueryError::Syntax { message: "SHOW COLUMNS needs FROM and a table".into() }),
        },
        other => {
            read_only(&other)?;
            Ok(Question::Query(Box::new(other)))
        }
    }
}

fn shown_table(options: &ShowStatementOptions) -> Option<ObjectName> {
    options.show_in.as_ref().and_then(|place| place.parent_name.clone())
}

fn read_only(statement: &Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Query(query) => set_expression(&query.body),
        Statement::Explain { statement, .. } => read_only(statement),
        other => Err(refused(&first_word(&other.to_string()))),
    }
}

fn set_expression(body: &SetExpr) -> Result<(), QueryError> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => Err(refused("SELECT INTO")),
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => set_expression(&query.body),
        SetExpr::SetOperation { left, right, .. } => {
            set_expression(left).and_then(|()| set_expression(right))
        }
        other => Err(refused(&first_word(&other.to_string()))),
    }
}

fn refused(what: &str) -> QueryError {
    QueryError::Refused { what: what.to_owned() }
}

/// The first words of a statement, as its name.
fn first_word(statement: &str) -> String {
    let mut words = statement.split_whitespace().map(str::to_uppercase);
    let first = words.next().unwrap_or_default();
    let paired =
        ["CREATE", "DROP", "ALTER", "SHOW", "INSERT", "DELETE", "TRUNCATE"].contains(&first.as_str());
    match words.next().filter(|_| paired) {
        Some(second) if second.chars().all(char::is_alphabetic) => format!("{first} {second}"),
        _ => first,
    }
}

/// The message of an error without DataFusion's prefixes, line breaks and backtraces.
pub(crate) fn one_line(error: &datafusion::error::DataFusionError) -> String {
    let text = error.find_root().message().into_owned();
    let text = text.split("\n\nbacktrace:").next().unwrap_or_default();
    let text = text.trim_start_matches("sql parser error: ");
    let text = text.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")")).unwrap_or(text);
    let text =
        text.strip_prefix("TokenizerError(\"").and_then(|rest| rest.strip_suffix("\")")).unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
