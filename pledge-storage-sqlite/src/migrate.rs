//! The schema of a file.

use pledge_storage_sql::{Fault, Place, Schema, SchemaVersion, Transaction};
use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, SqlitePool};

use crate::earlier::EARLIER;
use crate::error::{explain_open, fault};
use crate::transaction::SqliteUnit;

/// "PLDG": distinguishes our files from those of other programs.
const APPLICATION_ID: i64 = 0x504c_4447;

/// Brings the schema up to date in one transaction, so that two programs that open a new file at
/// once do not meet half-way.
pub(crate) async fn migrate(writer: &SqlitePool, location: &str) -> Result<(), Fault> {
    let explain = |error| explain_open(location, error);
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(explain)?;
    refuse_foreign(&mut tx, location).await?;
    let mut unit = SqliteUnit::Write(tx, None);
    let mut schema = Schema::look(&mut unit, place(location)).await?;
    schema.announce();
    if schema.is_earlier() {
        let run = EARLIER.run_direct(None, unit.db(), false).await;
        run.map_err(|error| explain_earlier(location, error))?;
        schema = schema.leave_earlier(&mut unit).await?;
    }
    if schema.version().is_empty {
        let mark = AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"));
        sqlx::query(mark).execute(unit.db()).await.map_err(fault)?;
    }
    schema.bring_up_to_date(&mut unit).await?;
    Box::new(unit).commit().await
}

/// The schema's version; one that is newer than this release, or of another program, is `Invalid`.
pub(crate) async fn schema_version(
    db: PoolConnection<Sqlite>,
    location: &str,
) -> Result<SchemaVersion, Fault> {
    let mut unit = SqliteUnit::Statement(db);
    refuse_foreign(unit.db(), location).await?;
    Ok(Schema::look(&mut unit, place(location)).await?.version())
}

const fn place(location: &str) -> Place<'_> {
    Place { name: location, what: "file" }
}

async fn refuse_foreign(db: &mut SqliteConnection, location: &str) -> Result<(), Fault> {
    let id: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *db).await.map_err(fault)?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(db)
        .await
        .map_err(fault)?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    let detail = format!("`{location}` is the database of another program: name another file");
    Err(Fault::invalid(detail))
}

fn explain_earlier(location: &str, error: MigrateError) -> Fault {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => fault(error),
        other => Fault::invalid(format!(
            "the schema of `{location}` is not one that a release of pledge made: name another file"
        ))
        .caused_by(other),
    }
}
