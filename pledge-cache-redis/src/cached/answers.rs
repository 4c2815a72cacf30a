//! Answers on the server, by question and state.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use pledge_core::primitives::{B256, keccak256};
use pledge_core::types::TokenId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::link::{CALL_LIMIT, Health, Redis};

const OPERATION: &str = "keep an answer";
/// A state is superseded with the next block, and its answers are asked for no more.
const EXPIRY: Duration = Duration::from_secs(60);
/// What is larger would keep small answers waiting on the one connection.
const BYTES_MAX: usize = 1024 * 1024;
/// Another version may answer otherwise.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How often a cache helped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Answers that were there.
    pub hits: u64,
    /// Answers that had to be read from the store. Calls that were not looked for are not counted.
    pub misses: u64,
}

#[derive(Debug)]
pub(super) struct Answers {
    redis: Redis,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Where the answer to one question about one state is kept.
#[derive(Debug)]
pub(super) struct Place {
    key: String,
}

impl Answers {
    pub(super) const fn new(redis: Redis) -> Self {
        Self { redis, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    pub(super) fn is_up(&self) -> bool {
        self.redis.health() == Health::Up
    }

    pub(super) fn counts(&self) -> CacheCounts {
        CacheCounts { hits: self.hits.load(Relaxed), misses: self.misses.load(Relaxed) }
    }

    pub(super) fn place(
        &self,
        token: TokenId,
        question: &impl Serialize,
        state: &impl Serialize,
    ) -> Place {
        let asked = serde_json::to_vec(&(VERSION, question, state));
        // A question may name a thousand accounts: its digest keeps the key short.
        let digest: B256 = keccak256(asked.expect("a question can be written"));
        Place { key: self.redis.keys().answer(token, digest) }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, place: &Place) -> Option<T> {
        let mut command = redis::cmd("GET");
        command.arg(&place.key);
        let found: Option<Vec<u8>> =
            self.redis.call(OPERATION, &command, CALL_LIMIT).await.unwrap_or_default();
        // What cannot be read, cut or written by another program, counts as absent: the store is
        // asked.
        let answer = found.and_then(|value| serde_json::from_slice(&value).ok());
        let count = if answer.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Relaxed);
        answer
    }

    /// That it fails is known to the connection.
    pub(super) async fn put(&self, place: &Place, answer: &impl Serialize) {
        let value = serde_json::to_vec(answer).expect("an answer can be written");
        if value.len() > BYTES_MAX {
            return;
        }
        let mut command = redis::cmd("SET");
        command.arg(&place.key).arg(value).arg("PX").arg(EXPIRY.as_millis().to_string());
        let _known = self.redis.call::<()>(OPERATION, &command, CALL_LIMIT).await;
    }
}
