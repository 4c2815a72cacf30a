//! Values on their way into a statement, and out of a row.

use pledge_storage_sql::{Fault, Row, Value};
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, Row as _};

use crate::error::fault;

/// `Invalid` where the values have more than `bytes_max`. A column of numbers holds 64 bits, so a
/// bound is a number like any other.
pub(crate) fn arguments(values: Vec<Value>, bytes_max: usize) -> Result<MySqlArguments, Fault> {
    // Refused here: beyond its limit the server ends the connection, and the caller would try again
    // for ever.
    let bytes = values.iter().map(|value| match value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Text(text) => text.len(),
        Value::Null | Value::Number(_) | Value::Key(_) | Value::Bound(_) => 0,
    });
    let bytes: usize = bytes.sum();
    if bytes > bytes_max {
        let detail = format!(
            "{bytes} bytes at once are more than the {bytes_max} that the server takes: raise its \
             max_allowed_packet"
        );
        return Err(Fault::invalid(detail));
    }
    let mut arguments = MySqlArguments::default();
    for value in values {
        let added = match value {
            Value::Null => arguments.add(None::<u64>),
            Value::Number(number) | Value::Key(number) | Value::Bound(number) => {
                arguments.add(number)
            }
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Text(text) => arguments.add(text),
        };
        added.map_err(Fault::too_large)?;
    }
    Ok(arguments)
}

/// A row of an answer.
pub(crate) struct DbRow(pub(crate) MySqlRow);

impl Row for DbRow {
    /// A column has no sign, a count has one.
    fn number(&self, column: &str) -> Result<Option<u64>, Fault> {
        match self.0.try_get(column) {
            Err(sqlx::Error::ColumnDecode { .. }) => {
                let number: Option<i64> = self.0.try_get(column).map_err(fault)?;
                let number = number.map(u64::try_from).transpose();
                number.map_err(|error| Fault::malformed(column, error))
            }
            read => read.map_err(fault),
        }
    }

    fn bytes(&self, column: &str) -> Result<Option<&[u8]>, Fault> {
        self.0.try_get(column).map_err(fault)
    }

    fn text(&self, column: &str) -> Result<Option<&str>, Fault> {
        self.0.try_get(column).map_err(fault)
    }
}
