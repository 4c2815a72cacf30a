//! The schema and its versions.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{SqliteConnection, SqlitePool};

use crate::error::Fault;
use crate::store::explain_open;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// "PLDG", written by the first migration.
const APPLICATION_ID: i64 = 0x504c_4447;

/// Brings the schema up to date in one transaction, so that two programs that open a new file at
/// once do not meet half-way.
pub(crate) async fn migrate(writer: &SqlitePool, location: &str) -> Result<(), Fault> {
    let explain = |error| explain_open(location, error);
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(explain)?;
    refuse_foreign(&mut tx, location).await?;
    let run = MIGRATOR.run_direct(None, &mut *tx, false).await;
    run.map_err(|error| explain_migration(location, error))?;
    tx.commit().await?;
    Ok(())
}

async fn refuse_foreign(db: &mut SqliteConnection, location: &str) -> Result<(), Fault> {
    let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *db).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(db).await?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    let detail = format!("`{location}` is the database of another program");
    Err(Fault::invalid(detail))
}

fn explain_migration(location: &str, error: MigrateError) -> Fault {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(version) => Fault::invalid(format!(
            "`{location}` has schema version {version}, written by a newer version of pledge; this \
             one knows up to {}: upgrade pledge, or open another file",
            MIGRATOR.iter().map(|known| known.version).max().unwrap_or(0)
        )),
        other => Fault::invalid(format!(
            "the schema of `{location}` is not one that a release of pledge made"
        ))
        .caused_by(other),
    }
}
