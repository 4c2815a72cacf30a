//! A server that comes and goes.

mod support;

use std::time::{Duration, Instant};

use pledge_cache_redis::{Health, Redis, RedisLeases};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::ports::Leases;
use pledge_core::sharing::{InstanceId, Lease};
use pledge_core::types::ChainId;
use pledge_testing::OwnServer;
use redis::AsyncCommands;
use support::{absent, connect, healthy, is_up, outsider, restart, server};

const MINUTE: Duration = Duration::from_secs(60);

fn lease() -> Lease {
    Lease::whole(InstanceId::new(7), [ChainId::new(1)])
}

async fn ask(redis: &Redis) -> Result<Vec<Lease>, StoreError> {
    RedisLeases::new(redis.clone()).renew(&lease(), MINUTE).await
}

fn reason(redis: &Redis) -> String {
    match redis.health() {
        Health::Degraded { reason, .. } => reason,
        Health::Up => panic!("the server is there"),
    }
}

#[tokio::test]
async fn a_url_of_another_form_is_refused_and_not_shown() {
    for url in [
        "",
        "x",
        "127.0.0.1:6379",
        "http://u:secret@h",
        "redis://u:secret@h:port",
        "redis://:secret@h/x",
    ] {
        let error = Redis::connect(url, "pledge").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{url}");
        assert!(error.to_string().contains("redis[s]://"), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_prefix_that_would_mean_something_in_a_key_is_refused() {
    for prefix in ["", "a b", "a{b}", "a*", "ä"] {
        let error = Redis::connect(&server(), prefix).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{prefix}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_error_and_reported() {
    let redis = Redis::connect("redis://user:secret@127.0.0.1:1", "pledge").await.unwrap();
    assert!(reason(&redis).contains("refused"), "{}", reason(&redis));
    let error = ask(&redis).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(!format!("{error} {error:?} {redis:?}").contains("secret"));
}

#[tokio::test]
async fn a_server_that_refuses_to_be_used_is_degraded_with_its_reason() {
    let server = OwnServer::redis(&[]).await;
    let mut require = redis::cmd("CONFIG");
    require.arg("SET").arg("requirepass").arg("right");
    require.exec_async(&mut outsider(&server.url()).await).await.unwrap();
    let url = |password| server.url().replace("//", &format!("//:{password}@"));
    let redis = connect(&url("wrong")).await;
    assert!(!reason(&redis).is_empty());
    assert!(!reason(&redis).contains("wrong"), "{}", reason(&redis));
    assert_eq!(connect(&url("right")).await.health(), Health::Up);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_degraded() {
    let redis = connect(&server().replace("redis://", "rediss://")).await;
    assert!(!reason(&redis).is_empty());
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_degraded() {
    let full = OwnServer::redis(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]).await;
    let redis = connect(&full.url()).await;
    assert!(reason(&redis).contains("memory"), "{}", reason(&redis));
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_used_again_once_it_is_back() {
    let mut server = OwnServer::redis(&[]).await;
    let redis = connect(&server.url()).await;
    ask(&redis).await.unwrap();
    server.kill();
    ask(&redis).await.unwrap_err();
    assert!(matches!(redis.health(), Health::Degraded { .. }));
    restart(&mut server, &redis).await;
    assert_eq!(ask(&redis).await.unwrap(), [lease()]);
}

#[tokio::test]
async fn a_stalled_server_costs_one_wait_and_then_none() {
    let server = OwnServer::redis(&[]).await;
    let redis = connect(&server.url()).await;
    server.freeze();
    let started = Instant::now();
    for _ in 0..100 {
        ask(&redis).await.unwrap_err();
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(reason(&redis).contains("no answer"), "{}", reason(&redis));
    // Nor while it is tried in the background whether it answers again.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let started = Instant::now();
    ask(&redis).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
    server.thaw();
    is_up(&redis).await;
    ask(&redis).await.unwrap();
}

#[tokio::test]
async fn a_server_that_was_absent_is_found_without_being_asked() {
    let mut server = OwnServer::redis(&[]).await;
    server.stop().await;
    let redis = connect(&server.url()).await;
    assert_ne!(redis.health(), Health::Up);
    restart(&mut server, &redis).await;
    ask(&redis).await.unwrap();
}

#[tokio::test]
async fn the_time_since_a_server_is_away_is_that_of_the_first_failure() {
    let redis = absent().await;
    let before = redis.health();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    ask(&redis).await.unwrap_err();
    assert_eq!(redis.health(), before);
}

#[tokio::test]
async fn what_is_stored_is_below_the_prefix_and_ends_by_itself() {
    let server = OwnServer::redis(&[]).await;
    let redis = Redis::connect(&server.url(), "mine").await.unwrap();
    ask(&redis).await.unwrap();
    let mut outsider = outsider(&server.url()).await;
    let keys: Vec<String> = outsider.keys("*").await.unwrap();
    assert!(keys.len() >= 2, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("mine:"), "{key}");
        // -1 is never, -2 is gone already.
        let ends: i64 = outsider.pttl(&key).await.unwrap();
        assert_ne!(ends, -1, "{key}");
    }
}

#[tokio::test]
async fn an_offer_whose_end_was_evicted_is_none() {
    let url = server();
    let redis = healthy().await;
    let leases = RedisLeases::new(redis.clone());
    leases.renew(&lease(), MINUTE).await.unwrap();
    let mut outsider = outsider(&url).await;
    let ends = format!("{}:{{leases}}:ends", redis.prefix());
    let gone: u32 = outsider.del(&ends).await.unwrap();
    assert_eq!(gone, 1);
    let other = Lease { instance: InstanceId::new(8), ..lease() };
    assert_eq!(leases.renew(&other, MINUTE).await.unwrap(), [other]);
}

#[tokio::test]
async fn nothing_is_left_of_leases_that_ended() {
    let redis = healthy().await;
    let leases = RedisLeases::new(redis.clone());
    let shortly = Duration::from_millis(1);
    assert_eq!(leases.renew(&lease(), shortly).await.unwrap(), [lease()]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut outsider = outsider(&server()).await;
    for name in ["ends", "offers"] {
        let key = format!("{}:{{leases}}:{name}", redis.prefix());
        let is_there: bool = outsider.exists(&key).await.unwrap();
        assert!(!is_there, "{key}");
    }
}

/// Where each lease ends, or what is offered.
async fn lease_key(redis: &Redis, name: &str) -> String {
    format!("{}:{{leases}}:{name}", redis.prefix())
}

#[tokio::test]
async fn an_end_far_ahead_of_the_servers_clock_holds_a_lease_no_longer_than_it_was_taken_for() {
    let redis = healthy().await;
    let leases = RedisLeases::new(redis.clone());
    let (dead, alive) = (lease(), Lease { instance: InstanceId::new(8), ..lease() });
    let shortly = Duration::from_secs(1);
    leases.renew(&dead, shortly).await.unwrap();
    let mut outsider = outsider(&server()).await;
    let ends = lease_key(&redis, "ends").await;
    let year = 31_536_000_000_000_u64;
    let planted: u32 = outsider.zadd(&ends, dead.instance.to_string(), year * 100).await.unwrap();
    assert_eq!(planted, 0, "the member is there already");
    let persisted: u32 = outsider.persist(&ends).await.unwrap();
    assert_eq!(persisted, 1);
    assert_eq!(leases.renew(&alive, MINUTE).await.unwrap(), [dead, alive.clone()]);
    tokio::time::sleep(shortly).await;
    assert_eq!(leases.renew(&alive, MINUTE).await.unwrap(), [alive]);
    let left: i64 = outsider.pttl(&ends).await.unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
}

#[tokio::test]
async fn an_offer_without_a_duration_is_none() {
    let redis = healthy().await;
    let leases = RedisLeases::new(redis.clone());
    leases.renew(&lease(), MINUTE).await.unwrap();
    let mut outsider = outsider(&server()).await;
    let offers = lease_key(&redis, "offers").await;
    let other = Lease { instance: InstanceId::new(8), ..lease() };
    for strange in ["{}", "", "86400000000 {}", "-1 {}"] {
        let instance = lease().instance.to_string();
        let _: u32 = outsider.hset(&offers, instance, strange).await.unwrap();
        let held = leases.renew(&other, MINUTE).await.unwrap();
        assert_eq!(held, std::slice::from_ref(&other), "{strange}");
        leases.renew(&lease(), MINUTE).await.unwrap();
    }
}
