//! A build without the office: its tables are neither made nor needed, and left alone where they are.

#![cfg(not(feature = "office"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use pledge_core::ports::{LedgerReads, Registry};
use pledge_core::types::ChainId;
use pledge_storage_sqlite::SqliteStore;
use sqlx::{Executor, Row};
use support::Place;

/// Every row of what another build has made.
async fn theirs(place: &Place) -> Vec<String> {
    let rows = "SELECT concat_ws('|', migration_set, version, name, hex(checksum), made) AS part \
                FROM schema_migration WHERE migration_set = 'office' \
                UNION ALL SELECT concat_ws('|', name, hex(instance), held_until, fence) FROM claim";
    let rows = sqlx::query(rows).fetch_all(&mut place.outsider().await).await.unwrap();
    rows.iter().map(|row| row.get("part")).collect()
}

#[tokio::test]
async fn a_new_file_has_no_table_of_the_office() {
    let place = Place::new();
    place.open().await.close().await;
    let count = "SELECT count(*) FROM sqlite_schema \
                 WHERE name LIKE 'claim%' OR name LIKE 'outbox%'";
    let count: i64 =
        sqlx::query_scalar(count).fetch_one(&mut place.outsider().await).await.unwrap();
    assert_eq!(count, 0);
    let (_, version) = SqliteStore::open_read_only(&place.path()).await.unwrap();
    assert!(version.is_current(), "{version:?}");
}

/// Whatever their version is: a build with the office may be of a later release.
#[tokio::test]
async fn tables_of_the_office_are_left_alone() {
    let place = Place::new();
    place.open().await.close().await;
    for made in [
        "CREATE TABLE claim (name TEXT, instance BLOB, held_until INTEGER, fence INTEGER)",
        "INSERT INTO claim VALUES ('prices:PLGR', zeroblob(16), 7, 3)",
        "INSERT INTO schema_migration (migration_set, version, name, checksum, made) \
         VALUES ('office', 1, 'base', zeroblob(32), 1), ('office', 99, 'later', zeroblob(32), 0)",
    ] {
        place.outsider().await.execute(made).await.unwrap();
    }
    let before = theirs(&place).await;
    assert_eq!(before.len(), 3);
    let (_, version) = SqliteStore::open_read_only(&place.path()).await.unwrap();
    assert!(version.is_current(), "{version:?}");
    let store = place.open().await;
    store.register_chain(ChainId::new(1), "one").await.unwrap();
    store.check().await.unwrap();
    assert_eq!(LedgerReads::chains(&store).await.unwrap().len(), 1);
    store.close().await;
    assert_eq!(theirs(&place).await, before);
}
