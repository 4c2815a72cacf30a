//! Values on their way into a statement, and out of a row.

use std::borrow::Cow;

use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{Fault, Row, Value};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo};
use sqlx::{Arguments, Encode, Postgres, Row as _, Type};

/// The type that the place of a value has.
const OF_ITS_PLACE: PgTypeInfo = PgTypeInfo::with_oid(Oid(0));

/// Null, for a column of any type.
struct Null;

/// A text, for a column of texts or of bytes.
struct Utf8(String);

impl Type<Postgres> for Null {
    fn type_info() -> PgTypeInfo {
        OF_ITS_PLACE
    }
}

impl Type<Postgres> for Utf8 {
    fn type_info() -> PgTypeInfo {
        OF_ITS_PLACE
    }
}

impl Encode<'_, Postgres> for Utf8 {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&str as Encode<'_, Postgres>>::encode_by_ref(&&*self.0, buffer)
    }
}

impl Encode<'_, Postgres> for Null {
    fn encode_by_ref(&self, _buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

pub(crate) fn arguments(values: Vec<Value>) -> Result<PgArguments, Fault> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Null => arguments.add(Null),
            Value::Number(number) => {
                arguments.add(i64::try_from(number).map_err(Fault::too_large)?)
            }
            // No row has a number below zero.
            Value::Key(number) => arguments.add(i64::try_from(number).unwrap_or(-1)),
            // One that does not fit is in the text.
            Value::Bound(number) => arguments.add(i64::try_from(number).unwrap_or(0)),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Text(text) => arguments.add(Utf8(text)),
        };
        added.map_err(Fault::too_large)?;
    }
    Ok(arguments)
}

/// A text with the bounds in it that no `BIGINT` holds: a number that long is a `NUMERIC`, with which
/// every number compares. They come from callers that make numbers up, so the text is not kept
/// prepared for long.
pub(crate) fn with_bounds(sql: Cow<'static, str>, values: &[Value]) -> Cow<'static, str> {
    let beyond = |value: &Value| match value {
        Value::Bound(bound) if i64::try_from(*bound).is_err() => Some(*bound),
        _ => None,
    };
    if values.iter().all(|value| beyond(value).is_none()) {
        return sql;
    }
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|char: char| !char.is_ascii_digit()).unwrap_or(part.len());
        let (mark, rest) = part.split_at(digits);
        let value = mark.parse::<usize>().ok().and_then(|number| values.get(number - 1));
        let word = value.and_then(beyond).map_or_else(|| format!("${mark}"), |it| it.to_string());
        text.push_str(&word);
        text.push_str(rest);
    }
    text.into()
}

pub(crate) struct DbRow(pub(crate) PgRow);

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
        let Err(sqlx::Error::ColumnDecode { .. }) = self.0.try_get::<Option<&str>, _>(column)
        else {
            return self.0.try_get(column).map_err(fault);
        };
        let text = self.bytes(column)?.map(std::str::from_utf8).transpose();
        text.map_err(|error| Fault::malformed(column, error))
    }
}

/// What the caller does about an error of the driver.
pub(crate) fn fault(error: sqlx::Error) -> Fault {
    let kind = match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            match code.get(..2).unwrap_or_default() {
                "08" | "40" | "53" | "55" | "57" => StoreErrorKind::Unavailable,
                "22" | "23" | "42" => StoreErrorKind::Invalid,
                _ => StoreErrorKind::Corrupt,
            }
        }
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            StoreErrorKind::Unavailable
        }
        _ => StoreErrorKind::Corrupt,
    };
    Fault::new(kind, "the server refuses").caused_by(error)
}
