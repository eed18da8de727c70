//! Rows one below the other, a line for each column: nothing is cut.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::table::texts;
use crate::error::QueryError;

/// Rows with a head each, values that are null left empty.
pub(super) fn render(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String, QueryError> {
    let fail =
        |error: arrow::error::ArrowError| QueryError::Write { format: "line", message: error.to_string() };
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut number = 0;
    for batch in batches {
        let columns: Result<Vec<Vec<String>>, _> = batch.columns().iter().map(texts).collect();
        let columns = columns.map_err(fail)?;
        for row in 0..batch.num_rows() {
            number += 1;
            text.push_str(&format!("─ row {number}\n"));
            for (name, column) in names.iter().zip(&columns) {
                let blank = " ".repeat(width - name.chars().count());
                text.push_str(format!("{name}{blank}  {}", column[row]).trim_end());
                text.push('\n');
            }
        }
    }
    let plural = if number == 1 { "" } else { "s" };
    text.push_str(&format!("({number} row{plural})\n"));
    Ok(text)
}
