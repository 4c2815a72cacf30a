//! Servers that a test stops, kills, freezes and starts again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use pledge_testing::{MySqlPlace, OwnServer};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, MySqlConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn connect(server: &OwnServer) -> MySqlConnection {
    let options: MySqlConnectOptions = server.url().parse().unwrap();
    options.connect().await.unwrap()
}

async fn count(server: &OwnServer) -> i64 {
    let mut connection = connect(server).await;
    sqlx::query_scalar("SELECT count(*) FROM d.t").fetch_one(&mut connection).await.unwrap()
}

/// A server with one row in `d.t`.
async fn with_a_row() -> OwnServer {
    let server = OwnServer::mariadb(&[]).await;
    let mut connection = connect(&server).await;
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "INSERT INTO d.t VALUES (1)"] {
        connection.execute(sql).await.unwrap();
    }
    server
}

#[tokio::test]
async fn a_mariadb_keeps_its_rows_when_it_is_stopped_and_when_it_is_killed() {
    let mut server = with_a_row().await;
    server.stop().await;
    server.start().await;
    assert_eq!(count(&server).await, 1);
    server.kill();
    server.start().await;
    assert_eq!(count(&server).await, 1);
}

#[tokio::test]
async fn a_mariadb_is_started_again_with_other_options() {
    let mut server = OwnServer::mariadb(&["--max-connections=17"]).await;
    let select = "SELECT CAST(@@max_connections AS SIGNED)";
    let asked: i64 =
        sqlx::query_scalar(select).fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(asked, 17);
    server.stop().await;
    server.start_with(&["--max-connections=18"]).await;
    let asked: i64 =
        sqlx::query_scalar(select).fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(asked, 18);
}

#[tokio::test]
async fn a_frozen_mariadb_answers_nothing_until_it_is_thawed() {
    let server = with_a_row().await;
    let mut connection = connect(&server).await;
    server.freeze();
    let ping = timeout(Duration::from_millis(300), connection.ping()).await;
    server.thaw();
    assert!(ping.is_err());
    assert_eq!(count(&server).await, 1);
}

#[tokio::test]
async fn the_data_of_a_server_go_with_it() {
    let server = OwnServer::mariadb(&[]).await;
    let data = server.data();
    assert!(data.exists());
    drop(server);
    assert!(!data.exists());
}

#[tokio::test]
async fn a_place_on_a_server_is_dropped_with_its_handle() {
    let server = OwnServer::mariadb(&[]).await;
    let place = MySqlPlace::on(&server.url()).await;
    let proxy = place.proxy().await;
    for url in [place.url(), place.url_through(&proxy)] {
        let options: MySqlConnectOptions = url.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        let name: String =
            sqlx::query_scalar("SELECT DATABASE()").fetch_one(&mut connection).await.unwrap();
        assert_eq!(name, place.name());
    }
    assert_eq!(proxy.counts().connections, 1);
    drop(place);
    let left = "SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'pledge%'";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_redis_is_empty_when_it_is_started_again() {
    let mut server = OwnServer::redis(&[]).await;
    assert!(ask(&server, "SET a 1").await.starts_with("+OK"));
    assert!(ask(&server, "DBSIZE").await.starts_with(":1\r\n"));
    server.stop().await;
    server.start().await;
    assert!(ask(&server, "DBSIZE").await.starts_with(":0\r\n"));
}

#[tokio::test]
async fn a_redis_takes_options() {
    let server =
        OwnServer::redis(&["--maxmemory", "2mb", "--maxmemory-policy", "noeviction"]).await;
    let answer = ask(&server, "CONFIG GET maxmemory").await;
    assert!(answer.contains("2097152"), "{answer}");
}

/// The answer to a command, and to `QUIT`.
async fn ask(server: &OwnServer, command: &str) -> String {
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    connection.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}
