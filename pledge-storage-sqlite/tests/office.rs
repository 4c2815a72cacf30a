//! The tables of the office in a file.

#![cfg(feature = "office")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::{LedgerReads, Registry};
use pledge_core::sharing::InstanceId;
use pledge_core::types::ChainId;
use pledge_office::base::{ClaimName, Claims};
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::OFFICE_TABLES;
use sqlx::{AssertSqlSafe, Executor, Row, SqliteConnection};
use support::Place;

/// A file of a build without the office, with one chain.
async fn of_an_embedder() -> Place {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(ChainId::new(1), "one").await.unwrap();
    store.close().await;
    let mut outsider = place.outsider().await;
    for table in OFFICE_TABLES {
        outsider.execute(AssertSqlSafe(format!("DROP TABLE {table}"))).await.unwrap();
    }
    let forget = "DELETE FROM schema_migration WHERE migration_set = 'office'";
    outsider.execute(forget).await.unwrap();
    place
}

#[tokio::test]
async fn a_file_of_an_embedder_gets_the_tables_of_the_office() {
    let place = of_an_embedder().await;
    let (_, version) = SqliteStore::open_read_only(&place.path()).await.unwrap();
    assert_eq!((version.set, version.found, version.newest), ("office", 0, 2));
    assert!(!version.is_empty && !version.is_current(), "{version:?}");
    assert_eq!(version.of_set(), " of the office");
    let store = place.open().await;
    assert_eq!(LedgerReads::chains(&store).await.unwrap()[0].name, "one");
    let (name, instance) = (ClaimName::new("a").unwrap(), InstanceId::new(1));
    let claim = store.take(&name, instance, Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!(store.holder(&name).await.unwrap(), Some(claim));
    let (_, version) = SqliteStore::open_read_only(&place.path()).await.unwrap();
    assert!(version.is_current(), "{version:?}");
    assert_eq!((version.set, version.of_set().as_str()), ("engine", ""));
}

#[tokio::test]
async fn a_newer_schema_of_the_office_stops_writes_and_is_not_opened() {
    let place = Place::new();
    let store = place.open().await;
    let newer = "INSERT INTO schema_migration (migration_set, version, name, checksum, made) \
                 VALUES ('office', 9999, 'later', zeroblob(32), 1)";
    place.outsider().await.execute(newer).await.unwrap();
    let error = store.register_chain(ChainId::new(1), "one").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let error = place.try_open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.to_string().contains("9999"), "{error}");
}

/// Each statement that selects more than one row by anything but its key.
#[tokio::test]
async fn every_page_of_the_office_is_read_in_the_order_of_an_index() {
    let place = Place::new();
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    for (select, index) in [
        (
            "SELECT * FROM outbox_message WHERE channel = 'ops' AND due <= 7 \
             ORDER BY due, id LIMIT 8",
            "outbox_message_by_due (channel=? AND due<?)",
        ),
        (
            "SELECT * FROM outbox_message WHERE channel = 'ops' AND due > 1900 \
             ORDER BY due, id LIMIT 8",
            "outbox_message_by_due (channel=? AND due>?)",
        ),
        (
            "SELECT id FROM outbox_message WHERE ended <= 7 ORDER BY ended LIMIT 8",
            "outbox_message_by_end (ended<?)",
        ),
        (
            "SELECT * FROM outbox_attempt WHERE message = zeroblob(16) AND attempt > 3 \
             ORDER BY attempt LIMIT 8",
            "PRIMARY KEY (message=? AND attempt>?)",
        ),
    ] {
        shows(&mut outsider, select, index).await;
    }
}

/// The pages of users, keys, invitations and sessions, and what is removed of them.
#[tokio::test]
async fn every_page_of_access_is_read_in_the_order_of_an_index() {
    let place = Place::new();
    place.open().await.close().await;
    let mut outsider = place.outsider().await;
    let behind = "created <= 7 AND (created < 7 OR id < zeroblob(16))";
    let newest = "ORDER BY created DESC, id DESC LIMIT 8";
    for table in ["access_user", "access_key", "access_invitation"] {
        let index = format!("{table}_by_time");
        shows(&mut outsider, &format!("SELECT * FROM {table} {newest}"), &index).await;
        let next = format!("SELECT * FROM {table} WHERE {behind} {newest}");
        shows(&mut outsider, &next, &format!("{index} (created<?)")).await;
    }
    let of_owner =
        format!("SELECT * FROM access_key WHERE owner_id = zeroblob(16) AND {behind} {newest}");
    let index = "access_key_by_owner (owner_id=? AND created<?)";
    shows(&mut outsider, &of_owner, index).await;
    let sessions = "SELECT * FROM access_session \
                    WHERE user_id = zeroblob(16) AND ended IS NULL AND over_at > 7 \
                    AND signed_in <= 7 AND (signed_in < 7 OR id < zeroblob(16)) \
                    ORDER BY signed_in DESC, id DESC LIMIT 8";
    let index = "access_session_by_user (user_id=? AND signed_in<?)";
    shows(&mut outsider, sessions, index).await;
    for (table, key, time, index) in [
        ("access_session", "id", "done_at", "by_end"),
        ("access_invitation", "id", "done_at", "by_end"),
        ("access_nonce", "nonce", "over_at", "by_end"),
        ("access_ticket", "hash", "over_at", "by_end"),
        ("access_failure", "attempted", "last_at", "by_time"),
        ("access_request", "request", "first_begun", "by_time"),
    ] {
        let old = format!("SELECT {key} FROM {table} WHERE {time} <= 7 ORDER BY {time} LIMIT 8");
        shows(&mut outsider, &old, &format!("{table}_{index} ({time}<?)")).await;
    }
}

/// The plan of a statement is one step, by an index.
async fn shows(outsider: &mut SqliteConnection, select: &str, index: &str) {
    let plan = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {select}"));
    let rows = sqlx::query(plan).fetch_all(outsider).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    let [step] = &steps[..] else { panic!("{select} sorts: {steps:?}") };
    assert!(step.contains(index), "{select}: {step}");
}
