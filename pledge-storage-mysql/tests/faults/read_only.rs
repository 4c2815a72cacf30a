//! A server that takes no writes: what a replica is, and what a primary becomes.

use pledge_core::ports::{LedgerReads, LedgerWrites, Registry};
use pledge_storage_mysql::MySqlStore;
use pledge_testing::world::{CHAIN, token};
use pledge_testing::{MySqlPlace, OwnServer};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, MySqlConnection};

use crate::stage::{Stage, is_unavailable, run};

async fn root(server: &OwnServer) -> MySqlConnection {
    let options: MySqlConnectOptions = server.url().parse().unwrap();
    options.connect().await.unwrap()
}

#[tokio::test]
async fn a_server_that_becomes_read_only_is_unavailable_for_writes_and_answers_reads() {
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let mut root = root(&server).await;
    run(&mut root, "CREATE USER pledge IDENTIFIED BY 'secret'").await;
    run(&mut root, &format!("GRANT ALL ON {}.* TO pledge", place.name())).await;
    let url = place.url().replace("root@", "pledge:secret@");
    let store = MySqlStore::open(&url).await.unwrap();
    store.register_chain(CHAIN, "before").await.unwrap();
    run(&mut root, "SET GLOBAL read_only = 1").await;
    is_unavailable(store.register_chain(CHAIN, "meanwhile").await, "1290");
    assert_eq!(store.chains().await.unwrap()[0].name, "before");
    run(&mut root, "SET GLOBAL read_only = 0").await;
    store.register_chain(CHAIN, "after").await.unwrap();
    assert_eq!(store.chains().await.unwrap()[0].name, "after");
}

#[tokio::test]
async fn a_server_whose_tables_cannot_be_written_is_unavailable_for_writes() {
    let mut server = OwnServer::mariadb(&[]).await;
    let stage = Stage::on(&server).await;
    let before = stage.everything().await;
    stage.ledger.mine(9_000, &[(0, 5, 77)]);
    let message = stage.ledger.message(&[token()], 6).await;
    server.stop().await;
    server.start_with(&["--innodb-read-only=1"]).await;
    let refused = stage.store.commit(&message).await;
    let chains = stage.store.chains().await;
    server.stop().await;
    server.start_with(&[]).await;
    is_unavailable(refused, "1036");
    assert_eq!(chains.unwrap().len(), 1);
    assert_eq!(stage.everything().await, before);
    stage.store.commit(&message).await.unwrap();
}
