//! The schema and its versions.

use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{Fault, SchemaVersion};
use sqlx::MySqlConnection;
use sqlx::migrate::{MigrateError, Migration, Migrator};

use crate::error::fault;

/// The migrator's own lock does nothing on MariaDB, so we take one.
static MIGRATOR: Migrator = Migrator { locking: false, ..sqlx::migrate!("./migrations") };

/// How long we wait for another process that brings the schema up to date.
const LOCK_WAIT_SECONDS: u32 = 120;

/// Brings the schema of database `name` up to date, one process after the other. The lock goes with
/// the connection. One that is up to date is left alone: its user needs rights on rows only.
pub(crate) async fn migrate(db: &mut MySqlConnection, name: &str) -> Result<(), Fault> {
    if schema_version(db, name).await?.is_current() && is_whole(db).await? {
        return Ok(());
    }
    lock(db, name).await?;
    // Read again under the lock: another process may have changed the schema meanwhile.
    let SchemaVersion { found, newest } = schema_version(db, name).await?;
    if (1..newest).contains(&found) {
        tracing::info!("bringing the schema of `{name}` from version {found} to {newest}");
    }
    // The server commits each change of a schema by itself, so an interrupted migration is half
    // made.
    let run = match MIGRATOR.run_direct(None, db, false).await {
        Err(MigrateError::Dirty(version)) => {
            begin_again(db, name, version).await?;
            MIGRATOR.run_direct(None, db, false).await
        }
        run => run,
    };
    run.map_err(|error| explain(name, error, found, newest))
}

/// Whether every change of the schema was made to its end, and is the one that we know.
async fn is_whole(db: &mut MySqlConnection) -> Result<bool, Fault> {
    let made = "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version";
    let made: Vec<(i64, Vec<u8>)> = sqlx::query_as(made).fetch_all(db).await.map_err(fault)?;
    let known = MIGRATOR.iter().map(|known| (known.version, known.checksum.to_vec()));
    Ok(made == known.collect::<Vec<_>>())
}

/// Forgets that an interrupted change of the schema was begun: all of it can be run again. That of
/// another version is not ours to finish.
async fn begin_again(db: &mut MySqlConnection, name: &str, version: i64) -> Result<(), Fault> {
    let known = MIGRATOR.iter().find(|known| known.version == version);
    let checksum = known.map_or(&[][..], |known: &Migration| &known.checksum);
    let forget = "DELETE FROM _sqlx_migrations WHERE version = ? AND NOT success AND checksum = ?";
    let forgotten = sqlx::query(forget).bind(version).bind(checksum).execute(db).await;
    if forgotten.map_err(fault)?.rows_affected() == 1 {
        tracing::warn!(
            "bringing the schema of `{name}` to version {version} was interrupted, doing it again"
        );
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "bringing the schema of `{name}` to version {version} was interrupted, and another version of \
         pledge began it: open it once with that version of pledge, or restore it from a backup"
    )))
}

async fn lock(db: &mut MySqlConnection, name: &str) -> Result<(), Fault> {
    // Names of locks end at 64 characters, those of databases too. MySQL 9.6 and later have no SHA1.
    let take = "SELECT GET_LOCK(CONCAT('pledge:', SHA2(DATABASE(), 224)), ?)";
    let taken: Option<i64> =
        sqlx::query_scalar(take).bind(LOCK_WAIT_SECONDS).fetch_one(db).await.map_err(fault)?;
    if taken == Some(1) {
        return Ok(());
    }
    let detail = format!("another process has been changing the schema of `{name}` for too long");
    Err(Fault::unavailable(detail))
}

/// The schema's version; one that is newer than this release, or of another program, is `Invalid`.
pub(crate) async fn schema_version(
    db: &mut MySqlConnection,
    name: &str,
) -> Result<SchemaVersion, Fault> {
    let newest = MIGRATOR.iter().map(|known| known.version).max().unwrap_or(0);
    let found = version_found(db, name).await?;
    if found > newest {
        return Err(Fault::invalid(format!(
            "`{name}` has schema version {found}, written by a newer version of pledge; this one \
             knows up to {newest}: upgrade pledge, or open another database"
        )));
    }
    Ok(SchemaVersion { found, newest })
}

/// Zero for an empty database.
async fn version_found(db: &mut MySqlConnection, name: &str) -> Result<i64, Fault> {
    let count = "SELECT count(*), count(nullif(table_name = '_sqlx_migrations', 0)) \
                 FROM information_schema.tables WHERE table_schema = DATABASE()";
    let (tables, ours): (i64, i64) =
        sqlx::query_as(count).fetch_one(&mut *db).await.map_err(fault)?;
    if tables == 0 {
        return Ok(0);
    }
    if ours == 0 {
        let detail = format!("`{name}` is the database of another program: open an empty one");
        return Err(Fault::invalid(detail));
    }
    let newest = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";
    sqlx::query_scalar(newest).fetch_one(db).await.map_err(fault)
}

fn explain(name: &str, error: MigrateError, found: i64, newest: i64) -> Fault {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            let fault = fault(error);
            if fault.kind() != StoreErrorKind::Invalid {
                return fault;
            }
            fault.with_detail(|detail| {
                format!(
                    "{detail}: the schema of `{name}` is of version {found}, to be brought to {newest}: run \
                     `pledge migrate` once with a user who may CREATE, ALTER, INDEX and DROP there"
                )
            })
        }
        other => Fault::invalid(format!(
            "the schema of `{name}` is not one that a release of pledge made"
        ))
        .caused_by(other),
    }
}
