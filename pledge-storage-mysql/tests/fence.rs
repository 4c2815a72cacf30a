//! A change of the schema next to processes that write.

#![cfg(feature = "office")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::Registry;
use pledge_core::types::ChainId;
use pledge_storage_mysql::MySqlStore;
use pledge_testing::{MySqlPlace, OFFICE_TABLES, OwnServer};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row};
use support::Place;

/// What a write asks first.
const PASS: &str = "SELECT version FROM schema_migration WHERE migration_set = 'office'";
/// Long enough for a change of the schema to reach its first statement. One that is slower proves less, and
/// fails nothing.
const REACHES_THE_CHANGE: Duration = Duration::from_millis(500);

/// Takes the office back: what is left is the schema of an earlier release.
async fn without_office(db: &mut MySqlConnection) {
    for table in OFFICE_TABLES {
        db.execute(AssertSqlSafe(format!("DROP TABLE {table}"))).await.unwrap();
    }
    let forget = "DELETE FROM schema_migration WHERE migration_set = 'office'";
    db.execute(forget).await.unwrap();
}

async fn tables(db: &mut MySqlConnection) -> usize {
    db.fetch_all("SHOW TABLES").await.unwrap().len()
}

/// The records of migrations, by which the processes of an earlier release go on or stop.
async fn records(db: &mut MySqlConnection) -> Vec<(String, u32, u8)> {
    let select = "SELECT migration_set, version, made FROM schema_migration ORDER BY 1, 2";
    let rows = db.fetch_all(select).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// The processes of the earlier release go on. One of the users lacks every right to change the schema, one
/// finds out at the first change.
#[tokio::test]
async fn a_user_who_may_not_change_the_schema_leaves_no_record_of_a_change() {
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    MySqlStore::open(&place.url()).await.unwrap().close().await;
    let mut root = place.outsider().await;
    without_office(&mut root).await;
    let before = (tables(&mut root).await, records(&mut root).await);
    for (user, more) in [("writer", ""), ("alterer", ", ALTER")] {
        let rights = format!("GRANT SELECT, INSERT, UPDATE, DELETE{more} ON {}.*", place.name());
        let grant = AssertSqlSafe(format!("{rights} TO {user} IDENTIFIED BY 'secret'"));
        root.execute(grant).await.unwrap();
        let url = place.url().replace("root@", &format!("{user}:secret@"));
        let error = MySqlStore::open(&url).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{error}");
        assert!(error.detail().contains("pledge migrate"), "{error}");
        assert_eq!((tables(&mut root).await, records(&mut root).await), before, "{user}");
    }
    MySqlStore::open(&place.url()).await.unwrap().close().await;
    assert_eq!(tables(&mut root).await, before.0 + OFFICE_TABLES.len());
}

/// Records a change of the schema that a newer release has begun, or made.
async fn record_newer(db: &mut MySqlConnection, whole: bool) {
    let insert = "INSERT INTO schema_migration (migration_set, version, name, checksum, made) \
                  VALUES ('engine', 9999, 'later', repeat(x'00', 32), ?)";
    sqlx::query(insert).bind(whole).execute(db).await.unwrap();
}

async fn forget_newer(db: &mut MySqlConnection) {
    db.execute("DELETE FROM schema_migration WHERE version = 9999").await.unwrap();
}

/// It stops for a change that was made, and only waits for one that may be withdrawn.
#[tokio::test]
async fn a_running_store_writes_again_once_the_change_of_a_newer_release_is_withdrawn() {
    let place = Place::new().await;
    let store = place.open().await;
    let mut outsider = place.outsider().await;
    let write = async |name| store.register_chain(ChainId::new(1), name).await;
    for _ in 0..2 {
        record_newer(&mut outsider, false).await;
        let refused = write("meanwhile").await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable, "{refused}");
        store.check().await.unwrap();
        forget_newer(&mut outsider).await;
        store.check().await.unwrap();
        write("after").await.unwrap();
    }
    record_newer(&mut outsider, true).await;
    write("too late").await.unwrap_err();
    forget_newer(&mut outsider).await;
    assert_eq!(store.check().await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

/// Takes the eleventh version of the engine back, which changes two tables, and forgets the one behind it, whose
/// parts are there.
async fn without_halts(db: &mut MySqlConnection) {
    for undo in [
        "ALTER TABLE chain DROP COLUMN halt_reason",
        "ALTER TABLE token DROP COLUMN halt_reason",
        "DELETE FROM schema_migration WHERE migration_set = 'engine' AND version >= 11",
    ] {
        db.execute(undo).await.unwrap();
    }
}

/// Half of a change would stop the processes of both releases for as long as the transaction is open.
#[tokio::test]
async fn a_change_of_the_schema_does_not_begin_while_a_transaction_holds_one_of_its_tables() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    without_halts(&mut outsider).await;
    let before = (records(&mut outsider).await, support::schema(&mut outsider).await);
    let mut reader = place.outsider().await;
    let mut idle = reader.begin().await.unwrap();
    idle.fetch_all("SELECT * FROM token").await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    let text = error.detail();
    assert!(text.contains("the table `token`") && text.contains("SHOW PROCESSLIST"), "{text}");
    assert_eq!((records(&mut outsider).await, support::schema(&mut outsider).await), before);
    idle.commit().await.unwrap();
    place.open().await.close().await;
    assert_eq!(records(&mut outsider).await.len(), before.0.len() + 2);
}

/// What an administrator notes of a table is the administrator's.
#[tokio::test]
async fn a_change_of_the_schema_leaves_the_comments_of_its_tables() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    without_halts(&mut outsider).await;
    for table in ["schema_migration", "chain", "token"] {
        let note = AssertSqlSafe(format!("ALTER TABLE {table} COMMENT = 'kept for {table}'"));
        outsider.execute(note).await.unwrap();
    }
    place.open().await.close().await;
    let select = "SELECT CAST(table_comment AS CHAR) FROM information_schema.tables \
                  WHERE table_schema = DATABASE() AND table_comment <> '' ORDER BY table_name";
    let kept: Vec<String> = sqlx::query_scalar(select).fetch_all(&mut outsider).await.unwrap();
    assert_eq!(kept, ["kept for chain", "kept for schema_migration", "kept for token"]);
}

/// It passed the fence when there was nothing to see, and what it writes is of the schema of before.
#[tokio::test]
async fn a_change_of_the_schema_waits_for_a_write_that_began_before_it() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    without_office(&mut outsider).await;
    let before = tables(&mut outsider).await;
    let mut writer = place.outsider().await;
    let mut write = writer.begin().await.unwrap();
    write.fetch_all(PASS).await.unwrap();
    let mut opening = Box::pin(place.try_open());
    let opened = tokio::time::timeout(REACHES_THE_CHANGE, &mut opening).await;
    assert!(opened.is_err(), "opened in the middle of a write: {opened:?}");
    assert_eq!(tables(&mut outsider).await, before);
    write.commit().await.unwrap();
    opening.await.unwrap().close().await;
    assert_eq!(tables(&mut outsider).await, before + OFFICE_TABLES.len());
}

/// The writes go on, and the change is made later.
#[tokio::test]
async fn a_change_of_the_schema_that_waits_for_too_long_leaves_no_record() {
    let place = Place::new().await;
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    without_office(&mut outsider).await;
    let before = records(&mut outsider).await;
    let mut writer = place.outsider().await;
    let mut write = writer.begin().await.unwrap();
    write.fetch_all(PASS).await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert_eq!(records(&mut outsider).await, before);
    write.commit().await.unwrap();
    place.open().await.close().await;
}
