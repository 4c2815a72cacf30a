//! What is loaded when the server and other instances come between.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use pledge_cache_redis::{Health, Redis, RedisPending};
use pledge_core::ledger::Transfer;
use pledge_core::ports::{PendingBlock, PendingCache, PendingSnapshot};
use pledge_core::primitives::B256;
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::LogIndex;
use pledge_testing::world::{CHAIN, account, at, token, tokens};
use pledge_testing::{FaultProxy, OwnServer};
use redis::AsyncCommands;
use support::{connect, is_up, outsider, prefix, restart, server};

/// A snapshot of `blocks` blocks; another number of transfers is another snapshot.
fn snapshot(blocks: u64, transfers: u64) -> PendingSnapshot {
    let chain = ScriptedChain::new(CHAIN, at(0));
    let base = chain.head().id();
    let blocks = (1..=blocks).map(|seconds| {
        let header = chain.mine(at(seconds), &[]);
        let transfer = |index| Transfer {
            token: token().address,
            block: header.number,
            log_index: LogIndex::new(index),
            tx_hash: B256::repeat_byte(7),
            from: account(index + 1).address(),
            to: account(index + 2).address(),
            amount: tokens(1),
        };
        PendingBlock { header, transfers: (0..transfers).map(transfer).collect() }
    });
    PendingSnapshot { base, tokens: vec![token().address], blocks: blocks.collect() }
}

/// Two instances that share a prefix.
async fn instances(url: &str, other: &str) -> [(Redis, RedisPending); 2] {
    let prefix = prefix();
    let one = Redis::connect(url, &prefix).await.unwrap();
    let other = Redis::connect(other, &prefix).await.unwrap();
    assert_eq!((one.health(), other.health()), (Health::Up, Health::Up));
    [one, other].map(|redis| (redis.clone(), RedisPending::new(redis)))
}

async fn store(cache: &RedisPending, blocks: u64) {
    cache.store(CHAIN, &snapshot(blocks, 0)).await.unwrap();
}

/// How many blocks the snapshot has.
async fn load(cache: &RedisPending) -> Option<usize> {
    cache.load(CHAIN).await.unwrap().map(|snapshot| snapshot.blocks.len())
}

#[tokio::test]
async fn another_instance_loads_what_was_stored() {
    let [(_, one), (_, other)] = instances(&server(), &server()).await;
    store(&one, 1).await;
    assert_eq!(other.load(CHAIN).await.unwrap(), Some(snapshot(1, 0)));
    store(&one, 2).await;
    assert_eq!(load(&other).await, Some(2));
}

#[tokio::test]
async fn what_another_instance_stored_later_counts() {
    let [(_, one), (_, other)] = instances(&server(), &server()).await;
    store(&one, 1).await;
    store(&other, 2).await;
    assert_eq!((load(&one).await, load(&other).await), (Some(2), Some(2)));
}

#[tokio::test]
async fn a_snapshot_that_could_not_be_written_counts_and_is_written_later() {
    let mut server = OwnServer::redis(&[]).await;
    let [(redis, one), (other_redis, other)] = instances(&server.url(), &server.url()).await;
    store(&one, 1).await;
    server.kill();
    store(&one, 2).await;
    assert_eq!(load(&one).await, Some(2));
    restart(&mut server, &redis).await;
    assert_eq!(load(&one).await, Some(2));
    // It has not noticed yet.
    assert_eq!(load(&other).await, None);
    is_up(&other_redis).await;
    assert_eq!(load(&other).await, Some(2));
}

#[tokio::test]
async fn what_the_server_forgot_is_written_again() {
    let [(redis, one), (_, other)] = instances(&server(), &server()).await;
    store(&one, 1).await;
    let key = format!("{}:{{{CHAIN}}}:pending", redis.prefix());
    let gone: u32 = outsider(&server()).await.del(&key).await.unwrap();
    assert_eq!(gone, 1);
    assert_eq!(load(&other).await, None);
    assert_eq!(load(&one).await, Some(1));
    assert_eq!(load(&other).await, Some(1));
}

#[tokio::test]
async fn an_instance_that_was_cut_off_takes_nothing_newer_back() {
    let server = OwnServer::redis(&[]).await;
    let proxy = FaultProxy::before(server.address()).await;
    let through = format!("redis://{}", proxy.address());
    let [(redis, one), (_, other)] = instances(&through, &server.url()).await;
    for stored_meanwhile in [false, true] {
        store(&one, 1).await;
        proxy.refuse(true);
        proxy.cut();
        store(&one, 2).await;
        assert_eq!((load(&one).await, load(&other).await), (Some(2), Some(1)));
        if stored_meanwhile {
            store(&other, 3).await;
        }
        proxy.calm();
        is_up(&redis).await;
        let counts = Some(if stored_meanwhile { 3 } else { 2 });
        assert_eq!(load(&one).await, counts);
        assert_eq!(load(&other).await, counts);
    }
}

#[tokio::test]
async fn without_a_server_only_what_was_stored_here_counts() {
    let mut server = OwnServer::redis(&[]).await;
    let [(_, one), (_, other)] = instances(&server.url(), &server.url()).await;
    store(&one, 1).await;
    assert_eq!(load(&other).await, Some(1));
    server.kill();
    assert_eq!((load(&one).await, load(&other).await), (Some(1), None));
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_nothing() {
    let [(redis, one), (_, other)] = instances(&server(), &server()).await;
    let key = format!("{}:{{{CHAIN}}}:pending", redis.prefix());
    let mut outsider = outsider(&server()).await;
    let mut unlinked = snapshot(3, 0);
    unlinked.blocks.remove(1);
    let unlinked = serde_json::to_string(&unlinked).unwrap();
    let values = ["x".to_owned(), format!("{:016x}{{}}", 1), format!("{:016x}{unlinked}", 2)];
    for value in &values {
        let () = outsider.set_ex(&key, value, 60).await.unwrap();
        assert_eq!(load(&other).await, None, "{value}");
    }
    store(&one, 1).await;
    assert_eq!(load(&other).await, Some(1));
    for value in &values {
        let () = outsider.set_ex(&key, value, 60).await.unwrap();
        assert_eq!(load(&one).await, Some(1), "{value}");
    }
    assert_eq!((redis.health(), load(&other).await), (Health::Up, None));
}

#[tokio::test]
async fn megabytes_are_kept() {
    let [(redis, one), (_, other)] = instances(&server(), &server()).await;
    let large = snapshot(10, 2_000);
    assert!(serde_json::to_string(&large).unwrap().len() > 5_000_000);
    one.store(CHAIN, &large).await.unwrap();
    assert_eq!(redis.health(), Health::Up);
    assert!(other.load(CHAIN).await.unwrap() == Some(large));
}

#[tokio::test]
async fn a_stalled_server_delays_no_snapshot_for_long() {
    let server = OwnServer::redis(&[]).await;
    let redis = connect(&server.url()).await;
    let cache = RedisPending::new(redis);
    server.freeze();
    let started = std::time::Instant::now();
    for blocks in 1..=20 {
        store(&cache, blocks).await;
        assert_eq!(load(&cache).await, Some(usize::try_from(blocks).unwrap()));
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
    server.thaw();
}
