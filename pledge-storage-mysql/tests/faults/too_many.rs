//! A server that has no connection left, for anybody or for this user.

use std::time::Duration;

use pledge_core::ports::Registry;
use pledge_storage_mysql::MySqlStore;
use pledge_testing::world::CHAIN;
use pledge_testing::{MySqlPlace, OwnServer};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, Connection, MySqlConnection};

use crate::stage::{is_unavailable, run};

async fn leave(crowd: Vec<MySqlConnection>) {
    for connection in crowd {
        connection.close().await.unwrap();
    }
}

/// A server counts a connection for a moment longer than it lasts.
async fn goes_through_soon(store: &MySqlStore) {
    for _ in 0..100 {
        match store.register_chain(CHAIN, "after").await {
            Ok(()) => return,
            refused => is_unavailable(refused, ""),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server has room and the store does not see it");
}

/// Takes a place that the store has given up, as soon as the server knows of it.
async fn join(options: &MySqlConnectOptions) -> MySqlConnection {
    for _ in 0..100 {
        if let Ok(connection) = options.connect().await {
            return connection;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the store keeps its places");
}

#[tokio::test]
async fn a_server_with_too_many_connections_is_unavailable_until_one_ends() {
    let server = OwnServer::mariadb(&["--max-connections=10"]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let store = MySqlStore::open(&place.url()).await.unwrap();
    let options: MySqlConnectOptions = server.url().parse().unwrap();
    let mut crowd = Vec::new();
    while let Ok(connection) = options.connect().await {
        crowd.push(connection);
    }
    assert!(crowd.len() >= 10, "{}", crowd.len());
    is_unavailable(MySqlStore::open(&place.url()).await, "1040");
    is_unavailable(store.register_chain(CHAIN, "meanwhile").await, "");
    leave(crowd).await;
    goes_through_soon(&store).await;
}

#[tokio::test]
async fn a_user_with_too_many_connections_is_unavailable_until_one_ends() {
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let mut root = place.outsider().await;
    run(&mut root, "CREATE USER pledge IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS 2").await;
    run(&mut root, &format!("GRANT ALL ON {}.* TO pledge", place.name())).await;
    let url = place.url().replace("root@", "pledge:secret@");
    let store = MySqlStore::open(&url).await.unwrap();
    let options: MySqlConnectOptions = url.parse().unwrap();
    let crowd = [join(&options).await, join(&options).await];
    is_unavailable(store.register_chain(CHAIN, "meanwhile").await, "1226");
    is_unavailable(MySqlStore::open(&url).await, "1226");
    leave(crowd.into()).await;
    goes_through_soon(&store).await;
}
