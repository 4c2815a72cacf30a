//! The files of a database: who may read them, and what becomes of a store that loses them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::Registry;
use pledge_core::types::ChainId;
use pledge_storage_sqlite::SqliteStore;
use support::Place;

const CHAIN: ChainId = ChainId::new(1);
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// Every write is refused, and the error names the file that went.
async fn is_lost(store: &SqliteStore, file: &str) {
    for _ in 0..2 {
        let refused = store.register_chain(CHAIN, "after").await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
        assert!(refused.detail().contains(file), "{refused}");
        let checked = store.check().await.unwrap_err();
        assert!(checked.detail().contains("replaced while it was open"), "{checked}");
    }
}

#[tokio::test]
async fn a_database_that_is_deleted_while_it_is_open_takes_no_more_writes() {
    for gone in ["", "-wal"] {
        let place = Place::new();
        let store = place.open().await;
        store.register_chain(CHAIN, "before").await.unwrap();
        store.check().await.unwrap();
        let file = format!("{}{gone}", place.path());
        fs::remove_file(&file).unwrap();
        is_lost(&store, &file).await;
    }
}

#[tokio::test]
async fn a_database_that_is_replaced_while_it_is_open_takes_no_more_writes() {
    let (place, other) = (Place::new(), Place::new());
    let elsewhere = other.open().await;
    elsewhere.register_chain(CHAIN, "other").await.unwrap();
    elsewhere.close().await;
    let store = place.open().await;
    store.register_chain(CHAIN, "before").await.unwrap();
    fs::rename(other.path(), place.path()).unwrap();
    let before = fs::read(place.path()).unwrap();
    is_lost(&store, &place.path()).await;
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    let place = Place::new();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    for suffix in SUFFIXES {
        let file = fs::metadata(format!("{}{suffix}", place.path())).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "pledge.db{suffix}");
    }
}

/// A right that the owner gave to others is kept.
#[tokio::test]
async fn a_database_that_is_there_keeps_its_rights() {
    let place = Place::new();
    place.open().await.close().await;
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o640)).unwrap();
    let store = place.open().await;
    store.register_chain(CHAIN, "one").await.unwrap();
    for suffix in SUFFIXES {
        let file = fs::metadata(format!("{}{suffix}", place.path())).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o640, "pledge.db{suffix}");
    }
}
