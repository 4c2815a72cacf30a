//! Values on their way into a statement, and out of a row.

use pledge_storage_sql::{Fault, Row, Value};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row as _};

use crate::error::fault;

/// What compares as greater than every number.
const BEYOND_NUMBERS: &[u8] = b"beyond";

/// A column of numbers holds 63 bits and a sign; our numbers have none.
pub(crate) fn arguments(values: Vec<Value>) -> Result<SqliteArguments, Fault> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Number(number) => {
                arguments.add(i64::try_from(number).map_err(Fault::too_large)?)
            }
            // No row has a number below zero.
            Value::Key(number) => arguments.add(i64::try_from(number).unwrap_or(-1)),
            // SQLite orders bytes above every number. The largest number would not do: a row may have it.
            Value::Bound(number) => match i64::try_from(number) {
                Ok(number) => arguments.add(number),
                Err(_) => arguments.add(BEYOND_NUMBERS),
            },
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Text(text) => arguments.add(text),
        };
        added.map_err(Fault::too_large)?;
    }
    Ok(arguments)
}

/// A row of an answer.
pub(crate) struct DbRow(pub(crate) SqliteRow);

impl Row for DbRow {
    fn number(&self, column: &str) -> Result<Option<u64>, Fault> {
        let number: Option<i64> = self.0.try_get(column).map_err(fault)?;
        let number = number.map(u64::try_from).transpose();
        number.map_err(|error| Fault::malformed(column, error))
    }

    fn bytes(&self, column: &str) -> Result<Option<&[u8]>, Fault> {
        self.0.try_get(column).map_err(fault)
    }

    fn text(&self, column: &str) -> Result<Option<&str>, Fault> {
        self.0.try_get(column).map_err(fault)
    }
}
