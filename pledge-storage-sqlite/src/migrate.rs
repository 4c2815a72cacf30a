//! The schema and its versions.

use pledge_storage_sql::{Fault, SchemaVersion};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{SqliteConnection, SqlitePool};

use crate::error::{explain_open, fault};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// "PLDG", written by the first migration.
const APPLICATION_ID: i64 = 0x504c_4447;

/// Brings the schema up to date in one transaction, so that two programs that open a new file at
/// once do not meet half-way.
pub(crate) async fn migrate(writer: &SqlitePool, location: &str) -> Result<(), Fault> {
    let explain = |error| explain_open(location, error);
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(explain)?;
    let SchemaVersion { found, newest } = schema_version(&mut tx, location).await?;
    if (1..newest).contains(&found) {
        tracing::info!("bringing the schema of {location} from version {found} to {newest}");
    }
    let run = MIGRATOR.run_direct(None, &mut *tx, false).await;
    run.map_err(|error| explain_migration(location, error))?;
    tx.commit().await.map_err(fault)?;
    Ok(())
}

/// The schema's version; one that is newer than this release, or of another program, is `Invalid`.
pub(crate) async fn schema_version(
    db: &mut SqliteConnection,
    location: &str,
) -> Result<SchemaVersion, Fault> {
    refuse_foreign(db, location).await?;
    let query = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(query).fetch_one(&mut *db).await.map_err(fault)?;
    let found = if tables == 0 {
        0
    } else {
        let query = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
        sqlx::query_scalar(query).fetch_one(db).await.map_err(fault)?
    };
    let newest = MIGRATOR.iter().map(|known| known.version).max().unwrap_or(0);
    if found > newest {
        return Err(Fault::invalid(format!(
            "`{location}` has schema version {found}, written by a newer version of pledge; this one \
             knows up to {newest}: upgrade pledge, or open another file"
        )));
    }
    Ok(SchemaVersion { found, newest })
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

fn explain_migration(location: &str, error: MigrateError) -> Fault {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => fault(error),
        other => Fault::invalid(format!(
            "the schema of `{location}` is not one that a release of pledge made: name another file"
        ))
        .caused_by(other),
    }
}
