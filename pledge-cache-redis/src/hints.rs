//! Hints that there are new events, from one instance to the others.

use std::time::Duration;

use futures::StreamExt;
use pledge_core::error::StoreError;
use pledge_core::event::EventSeq;
use redis::Msg;
use redis::aio::PubSub;
use tokio::time::{sleep, timeout};

use crate::link::{CALL_LIMIT, PAUSE, Redis};

/// How long a connection may be silent before it is asked whether it is there.
const SILENT_MAX: Duration = Duration::from_secs(15);

/// Hints between the instances that share a server and a prefix: that the log of events has some up to a
/// number. Whatever the server loses, the log has it, and an instance that gets no hint looks by itself.
#[derive(Debug, Clone)]
pub struct RedisHints {
    redis: Redis,
}

impl RedisHints {
    /// Hints through a server.
    pub const fn new(redis: Redis) -> Self {
        Self { redis }
    }

    /// Passes on that there are events up to this one. `Unavailable` while the server is away.
    pub async fn publish(&self, newest: EventSeq) -> Result<(), StoreError> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(self.redis.keys().events()).arg(newest.get());
        let _receivers: u64 = self.redis.call("publish a hint", &command, CALL_LIMIT).await?;
        Ok(())
    }

    /// Calls `on` for each hint, for ever: with the number, and with none once it listens again, since hints
    /// may have been missed.
    pub async fn listen(&self, on: impl Fn(Option<EventSeq>) + Send + Sync) {
        let channel = self.redis.keys().events();
        loop {
            match self.redis.subscribe(&channel).await {
                Ok(subscribed) => {
                    on(None);
                    listen_to(subscribed, &on).await;
                }
                // Whether the server is there is logged by the connection that all calls share.
                Err(reason) => tracing::debug!(reason, "no hints of other instances for now"),
            }
            sleep(PAUSE).await;
        }
    }
}

/// Returns once the connection is lost.
async fn listen_to(subscribed: PubSub, on: &(impl Fn(Option<EventSeq>) + Send + Sync)) {
    let (mut sink, mut messages) = subscribed.split();
    loop {
        match timeout(SILENT_MAX, messages.next()).await {
            Ok(Some(message)) => on(number(&message)),
            Ok(None) => return,
            // A connection that was cut without a sign stays silent for ever.
            Err(_) => match timeout(CALL_LIMIT, sink.ping::<redis::Value>()).await {
                Ok(Ok(_)) => {}
                _ => return,
            },
        }
    }
}

/// The number in a message; none for one of another form, which is a hint all the same.
fn number(message: &Msg) -> Option<EventSeq> {
    message.get_payload::<u64>().ok().map(EventSeq::new)
}
