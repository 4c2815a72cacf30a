//! The schema of a database on a server.

use pledge_storage_sql::{Fault, Place, Schema, SchemaVersion};
use sqlx::MySqlConnection;
use sqlx::migrate::{MigrateError, Migration};

use crate::dialect::MySqlDialect;
use crate::direct::Direct;
use crate::earlier::EARLIER;
use crate::error::fault;

/// How long we wait for another process that brings the schema up to date.
const LOCK_WAIT_SECONDS: u32 = 120;

/// Brings the schema of database `name` up to date, one process after the other. The lock goes with
/// the connection. One that is up to date is left alone: its user needs rights on rows only.
pub(crate) async fn migrate(db: &mut MySqlConnection, name: &str) -> Result<(), Fault> {
    let place = place(name);
    // Whatever this look finds wrong may be what another process is changing: it is looked at again,
    // under the lock.
    if Schema::look(&mut Direct(db), place).await.is_ok_and(|schema| schema.is_whole()) {
        return Ok(());
    }
    lock(db, name).await?;
    // Looked at under the lock: another process may have changed the schema meanwhile.
    let mut schema = Schema::look(&mut Direct(db), place).await?;
    schema.announce();
    if schema.is_earlier() {
        end_earlier(db, name, &schema).await?;
        schema = schema.leave_earlier(&mut Direct(db)).await?;
    }
    schema.bring_up_to_date(&mut Direct(db)).await
}

/// The schema's version; one that is newer than this release, or of another program, is `Invalid`.
pub(crate) async fn schema_version(
    db: &mut MySqlConnection,
    name: &str,
) -> Result<SchemaVersion, Fault> {
    Ok(Schema::look(&mut Direct(db), place(name)).await?.version())
}

const fn place(name: &str) -> Place<'_> {
    Place { name, what: "database" }
}

/// Runs what is left of the earlier texts.
async fn end_earlier(
    db: &mut MySqlConnection,
    name: &str,
    schema: &Schema<'_>,
) -> Result<(), Fault> {
    // The server commits each change of a schema by itself, so an interrupted migration is half
    // made.
    let run = match EARLIER.run_direct(None, db, false).await {
        Err(MigrateError::Dirty(version)) => {
            begin_again(db, name, version).await?;
            EARLIER.run_direct(None, db, false).await
        }
        run => run,
    };
    run.map_err(|error| match error {
        // Only a statement can lack a right.
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            schema.explain(fault(error), &MySqlDialect)
        }
        other => Fault::invalid(format!(
            "the schema of `{name}` is not one that a release of pledge made"
        ))
        .caused_by(other),
    })
}

/// Forgets that an interrupted change of the schema was begun: all of it can be run again. That of
/// another version is not ours to finish.
async fn begin_again(db: &mut MySqlConnection, name: &str, version: i64) -> Result<(), Fault> {
    let known = EARLIER.iter().find(|known| known.version == version);
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
