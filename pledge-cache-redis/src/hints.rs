//! Hints from one instance to the others: that there are new events, or what else they have to say.

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
/// number, or a word of the instances' own. Whatever the server loses, the store has it, and an instance that gets
/// no hint looks by itself.
#[derive(Debug, Clone)]
pub struct RedisHints {
    redis: Redis,
}

/// What an instance is notified of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// It listens from now on: hints may have been missed.
    Listening,
    /// The log of events has some up to this one.
    Events(EventSeq),
    /// A word of the instances' own.
    Word(String),
}

impl RedisHints {
    /// Hints through a server.
    pub const fn new(redis: Redis) -> Self {
        Self { redis }
    }

    /// Passes on that there are events up to this one. `Unavailable` while the server is away.
    pub async fn publish(&self, newest: EventSeq) -> Result<(), StoreError> {
        self.publish_text(&newest.get().to_string()).await
    }

    /// Passes on a word that is no number. `Unavailable` while the server is away.
    pub async fn publish_word(&self, word: &str) -> Result<(), StoreError> {
        self.publish_text(word).await
    }

    async fn publish_text(&self, text: &str) -> Result<(), StoreError> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(self.redis.keys().hints()).arg(text);
        let _receivers: u64 = self.redis.call("publish a hint", &command, CALL_LIMIT).await?;
        Ok(())
    }

    /// Calls `on` for each hint, for ever.
    pub async fn listen(&self, on: impl Fn(Hint) + Send + Sync) {
        let channel = self.redis.keys().hints();
        loop {
            match self.redis.subscribe(&channel).await {
                Ok(subscribed) => {
                    on(Hint::Listening);
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
async fn listen_to(subscribed: PubSub, on: &(impl Fn(Hint) + Send + Sync)) {
    let (mut sink, mut messages) = subscribed.split();
    loop {
        match timeout(SILENT_MAX, messages.next()).await {
            Ok(Some(message)) => on(hint(&message)),
            Ok(None) => return,
            // A connection that was cut without a sign stays silent for ever.
            Err(_) => match timeout(CALL_LIMIT, sink.ping::<redis::Value>()).await {
                Ok(Ok(_)) => {}
                _ => return,
            },
        }
    }
}

/// What a message means; bytes that are no text are a word too, which nobody knows.
fn hint(message: &Msg) -> Hint {
    match message.get_payload::<u64>() {
        Ok(number) => Hint::Events(EventSeq::new(number)),
        Err(_) => Hint::Word(String::from_utf8_lossy(message.get_payload_bytes()).into_owned()),
    }
}
