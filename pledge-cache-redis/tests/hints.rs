//! Hints from one instance to the others.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use pledge_cache_redis::{Hint, Redis, RedisHints};
use pledge_core::error::StoreErrorKind;
use pledge_core::event::EventSeq;
use pledge_testing::OwnServer;
use support::{absent, connect, is_up, outsider, prefix, server};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What an instance is notified of, once it listens.
struct Listener {
    hints: UnboundedReceiver<Hint>,
    task: JoinHandle<()>,
}

impl Listener {
    async fn of(redis: Redis) -> Self {
        let (sender, hints) = unbounded_channel();
        let task = tokio::spawn(async move {
            RedisHints::new(redis).listen(|hint| sender.send(hint).expect("the test waits")).await;
        });
        let mut listener = Self { hints, task };
        assert_eq!(listener.next().await, Hint::Listening, "it listens from now on");
        listener
    }

    async fn next(&mut self) -> Hint {
        timeout(Duration::from_secs(10), self.hints.recv()).await.unwrap().unwrap()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn seq(number: u64) -> EventSeq {
    EventSeq::new(number)
}

fn events(number: u64) -> Hint {
    Hint::Events(seq(number))
}

#[tokio::test]
async fn a_hint_reaches_the_instances_of_the_same_prefix_and_no_other() {
    let prefix = prefix();
    let instance = async || Redis::connect(&server(), &prefix).await.unwrap();
    let (mut one, mut other) =
        (Listener::of(instance().await).await, Listener::of(instance().await).await);
    let mut foreign = Listener::of(connect(&server()).await).await;
    RedisHints::new(instance().await).publish(seq(7)).await.unwrap();
    assert_eq!((one.next().await, other.next().await), (events(7), events(7)));
    assert!(foreign.hints.try_recv().is_err());
}

#[tokio::test]
async fn a_message_that_is_no_number_is_a_word() {
    let redis = connect(&server()).await;
    let channel = format!("{}:events", redis.prefix());
    let mut listener = Listener::of(redis.clone()).await;
    let mut outsider = outsider(&server()).await;
    let _: u64 =
        redis::cmd("PUBLISH").arg(channel).arg("x").query_async(&mut outsider).await.unwrap();
    assert_eq!(listener.next().await, Hint::Word("x".to_owned()));
    RedisHints::new(redis).publish_word("user:7").await.unwrap();
    assert_eq!(listener.next().await, Hint::Word("user:7".to_owned()));
}

#[tokio::test]
async fn hints_go_on_after_a_flush_and_after_the_server_was_killed() {
    let mut own = OwnServer::redis(&[]).await;
    let redis = connect(&own.url()).await;
    let mut listener = Listener::of(redis.clone()).await;
    let hints = RedisHints::new(redis.clone());
    let mut other = outsider(&own.url()).await;
    let _: () = redis::cmd("FLUSHALL").query_async(&mut other).await.unwrap();
    hints.publish(seq(1)).await.unwrap();
    assert_eq!(listener.next().await, events(1));
    own.kill();
    assert_eq!(hints.publish(seq(2)).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    own.start().await;
    is_up(&redis).await;
    assert_eq!(listener.next().await, Hint::Listening, "hints may have been missed");
    hints.publish(seq(3)).await.unwrap();
    assert_eq!(listener.next().await, events(3));
}

#[tokio::test]
async fn without_a_server_a_hint_is_unavailable_at_once() {
    let hints = RedisHints::new(absent().await);
    assert_eq!(hints.publish(seq(1)).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}
