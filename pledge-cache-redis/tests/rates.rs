//! How often a client may ask, counted by several instances together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use pledge_cache_redis::{Redis, RedisRates, Taken};
use pledge_core::error::StoreErrorKind;
use redis::AsyncCommands;
use support::{absent, healthy, outsider, prefix, server};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// A request of a client that may send one a second, and a burst.
async fn take(rates: &RedisRates, burst: u32) -> Taken {
    rates.take("10.0.0.1", NonZeroU32::MIN, number(burst)).await.unwrap()
}

#[tokio::test]
async fn instances_count_together_and_clients_apart() {
    let prefix = prefix();
    let instance = async || RedisRates::new(Redis::connect(&server(), &prefix).await.unwrap());
    let (one, other) = (instance().await, instance().await);
    let first = take(&one, 3).await;
    assert!(first.is_allowed && first.remaining == 2, "{first:?}");
    assert!(take(&other, 3).await.is_allowed);
    assert!(take(&one, 3).await.is_allowed);
    let refused = take(&other, 3).await;
    assert!(!refused.is_allowed && refused.remaining == 0, "{refused:?}");
    assert!(refused.allowed_in <= Duration::from_secs(1) && !refused.allowed_in.is_zero());
    assert!(refused.full_in > Duration::from_secs(2), "{refused:?}");
    assert!(one.take("10.0.0.2", NonZeroU32::MIN, number(3)).await.unwrap().is_allowed);
}

#[tokio::test]
async fn a_refused_request_is_allowed_when_its_refusal_names() {
    let rates = RedisRates::new(healthy().await);
    let take = async || rates.take("10.0.0.1", number(5), NonZeroU32::MIN).await.unwrap();
    assert!(take().await.is_allowed);
    let refused = take().await;
    assert!(!refused.is_allowed);
    tokio::time::sleep(refused.allowed_in + Duration::from_millis(5)).await;
    assert!(take().await.is_allowed);
}

#[tokio::test]
async fn a_clock_that_was_set_back_refuses_for_no_longer_than_a_burst_lasts() {
    let redis = healthy().await;
    let rates = RedisRates::new(redis.clone());
    let key = format!("{}:{{10.0.0.1}}:rate", redis.prefix());
    let _: () = outsider(&server()).await.set(&key, "9000000000000000").await.unwrap();
    let refused = take(&rates, 2).await;
    assert!(!refused.is_allowed && refused.full_in <= Duration::from_secs(2), "{refused:?}");
}

#[tokio::test]
async fn what_is_kept_of_a_client_ends_by_itself() {
    let redis = healthy().await;
    take(&RedisRates::new(redis.clone()), 2).await;
    let key = format!("{}:{{10.0.0.1}}:rate", redis.prefix());
    let lasts: i64 = outsider(&server()).await.pttl(&key).await.unwrap();
    assert!((1..=1_000).contains(&lasts), "{lasts}");
}

#[tokio::test]
async fn a_server_that_is_away_counts_nothing() {
    let rates = RedisRates::new(absent().await);
    let error = rates.take("10.0.0.1", NonZeroU32::MIN, NonZeroU32::MIN).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}
