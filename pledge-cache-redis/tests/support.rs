//! A place of its own on a server for every test.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use pledge_cache_redis::{Health, Redis};
use pledge_testing::OwnServer;
use tokio::time::{sleep, timeout};

const VARIABLE: &str = "PLEDGE_TEST_REDIS_URL";

/// The server that tests share.
pub(crate) fn server() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} names no server: run `scripts/services.sh exec cargo test …`")
    })
}

/// A prefix that no other test has.
pub(crate) fn prefix() -> String {
    format!("pledge_test_{:016x}", RandomState::new().hash_one("a prefix"))
}

/// A handle to the server that tests share, under a prefix of its own.
pub(crate) async fn healthy() -> Redis {
    let redis = connect(&server()).await;
    assert_eq!(redis.health(), Health::Up);
    redis
}

/// A handle to a server where nothing listens.
pub(crate) async fn absent() -> Redis {
    let redis = connect("redis://127.0.0.1:1").await;
    assert_ne!(redis.health(), Health::Up);
    redis
}

pub(crate) async fn connect(url: &str) -> Redis {
    Redis::connect(url, &prefix()).await.unwrap()
}

/// Waits until the server was reached again.
pub(crate) async fn is_up(redis: &Redis) {
    let up = async {
        while redis.health() != Health::Up {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), up).await.unwrap();
}

/// Starts a server that was stopped or killed, empty, on its old port.
pub(crate) async fn restart(server: &mut OwnServer, redis: &Redis) {
    server.start().await;
    is_up(redis).await;
}

/// Another program's connection.
pub(crate) async fn outsider(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
