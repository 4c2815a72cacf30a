//! Users who may do less than everything, and servers that do less than is needed.

use pledge_core::error::StoreErrorKind;
use pledge_core::ports::{LedgerReads, Registry};
use pledge_storage_mysql::MySqlStore;
use pledge_testing::conformance::points_store::{self, settle_both};
use pledge_testing::world::CHAIN;
use pledge_testing::{MySqlPlace, OwnServer};

use crate::stage::{fixture, refused, run};

/// The URL of a user with these rights on the database.
async fn user(place: &MySqlPlace, rights: &str) -> String {
    let mut root = place.outsider().await;
    run(&mut root, "CREATE USER pledge IDENTIFIED BY 'secret'").await;
    run(&mut root, &format!("GRANT {rights} ON {}.* TO pledge", place.name())).await;
    place.url().replace("root@", "pledge:secret@")
}

#[tokio::test]
async fn a_user_who_may_only_write_rows_works_on_a_schema_that_is_up_to_date() {
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    MySqlStore::open(&place.url()).await.unwrap().close().await;
    let url = user(&place, "SELECT, INSERT, UPDATE, DELETE").await;
    let store = MySqlStore::open(&url).await.unwrap();
    let ledger = points_store::open(fixture(&store)).await;
    settle_both(&ledger, (0, 7_200)).await;
    let to = ledger.chain.block(2).unwrap();
    ledger.rewind_to(to).await.unwrap();
}

#[tokio::test]
async fn a_user_who_may_only_write_rows_is_sent_to_pledge_migrate_by_an_old_schema() {
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let url = user(&place, "SELECT, INSERT, UPDATE, DELETE").await;
    let (kind, text) = refused(MySqlStore::open(&url).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert!(text.contains("pledge migrate") && text.contains("CREATE"), "{text}");
    MySqlStore::open(&place.url()).await.unwrap().close().await;
    for older in ["UPDATE schema_migration SET made = 0", "DROP TABLE contract_log"] {
        run(&mut place.outsider().await, older).await;
    }
    let (kind, text) = refused(MySqlStore::open(&url).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert!(text.contains("version 0") && text.contains("pledge migrate"), "{text}");
}

#[tokio::test]
async fn a_user_who_may_only_read_looks_at_everything() {
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    MySqlStore::open(&place.url()).await.unwrap().register_chain(CHAIN, "one").await.unwrap();
    let url = user(&place, "SELECT").await;
    let (store, version) = MySqlStore::open_read_only(&url).await.unwrap();
    assert!(version.is_current(), "{version:?}");
    assert_eq!(store.chains().await.unwrap()[0].name, "one");
    assert!(store.register_chain(CHAIN, "two").await.is_err());
}

#[tokio::test]
async fn a_server_whose_log_refuses_our_writes_is_refused_with_what_to_set() {
    let server = OwnServer::mariadb(&["--log-bin", "--binlog-format=STATEMENT"]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let (kind, text) = refused(MySqlStore::open(&place.url()).await);
    assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
    assert!(text.contains("binlog_format") && text.contains("ROW"), "{text}");
    run(&mut place.outsider().await, "SET GLOBAL binlog_format = 'ROW'").await;
    let store = MySqlStore::open(&place.url()).await.unwrap();
    store.register_chain(CHAIN, "one").await.unwrap();
}

#[tokio::test]
async fn a_server_that_ignores_the_order_of_an_index_is_refused_with_the_version_it_takes() {
    let server = OwnServer::mariadb(&["--version=10.6.18-MariaDB"]).await;
    let place = MySqlPlace::on(&server.url()).await;
    for opened in [
        MySqlStore::open(&place.url()).await.map(|_| ()),
        MySqlStore::open_read_only(&place.url()).await.map(|_| ()),
    ] {
        let (kind, text) = refused(opened);
        assert_eq!(kind, StoreErrorKind::Invalid, "{text}");
        assert!(text.contains("10.6.18") && text.contains("MariaDB 10.8"), "{text}");
    }
}
