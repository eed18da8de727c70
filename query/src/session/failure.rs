//! DataFusion's errors in our words.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use metalab_engine::name::nearest;

use super::asking::Inner;
use super::guard::one_line;
use crate::error::QueryError;

impl Inner {
    /// DataFusion's error in our words.
    pub(super) fn failed(&self, error: &DataFusionError, known: &[String]) -> QueryError {
        match error.find_root() {
            DataFusionError::SchemaError(inner, _) => match &**inner {
                SchemaError::FieldNotFound { field, valid_fields } => {
                    let names = valid_fields.iter().map(|column| column.name.as_str());
                    let names = names.chain(known.iter().map(String::as_str));
                    // What was written is no help.
                    let names = names.filter(|name| *name != field.name);
                    QueryError::NoColumn {
                        column: field.name.clone(),
                        table: field.relation.as_ref().map(|table| table.table().to_owned()),
                        nearest: nearest(&field.name, names),
                    }
                }
                SchemaError::AmbiguousReference { field } => QueryError::Sql {
                    message: format!(
                        "column `{}` is in several tables: write the table before it",
                        field.name
                    ),
                },
                _ => QueryError::Sql { message: one_line(error) },
            },
            DataFusionError::ResourcesExhausted(_) => QueryError::OutOfMemory { limit: self.memory },
            DataFusionError::ObjectStore(source) => {
                QueryError::table("attempts", "reading a file")(source.to_string())
            }
            DataFusionError::ParquetError(source) => {
                QueryError::table("attempts", "reading a file")(source.to_string())
            }
            root => {
                let message = one_line(root);
                match message
                    .strip_prefix("Error during planning: ")
                    .unwrap_or(&message)
                    .strip_prefix("Invalid function '")
                {
                    Some(rest) => {
                        let function = rest.split('\'').next().unwrap_or_default().to_owned();
                        let scalar = self.state.scalar_functions().keys();
                        let names = scalar.chain(self.state.aggregate_functions().keys());
                        let names = names.chain(self.state.window_functions().keys());
                        let nearest = nearest(&function, names.map(String::as_str));
                        QueryError::NoFunction { function, nearest }
                    }
                    None => QueryError::Sql { message },
                }
            }
        }
    }
}
