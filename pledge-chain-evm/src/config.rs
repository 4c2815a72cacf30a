//! How to reach a node, and how hard to press it.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use pledge_core::types::ChainId;
use url::Url;

use crate::redact::endpoint;

/// One node and the limits of a conversation with it.
///
/// Its `Debug` shows the host only: the rest of a url often holds an API key.
#[derive(Clone)]
pub struct EvmConfig {
    /// The chain that must be behind the url.
    pub chain: ChainId,
    /// `http` or `https`.
    pub url: Url,
    /// Longest wait for one answer.
    pub request_timeout: Duration,
    /// Repeats of a request that failed on the way, or that the node was too busy for.
    pub retries_max: usize,
    /// Wait before the first repeat; it doubles with each, and some chance is added.
    pub retry_delay_min: Duration,
    /// Longest wait before a repeat. A node that asks for a longer one is not asked again: the error
    /// says for how long.
    pub retry_delay_max: Duration,
    /// Calls in one JSON-RPC batch.
    pub batch_requests_max: NonZeroUsize,
    /// Batches under way at once within one question.
    pub batches_concurrent_max: NonZeroUsize,
    /// Blocks in one `eth_getLogs`. Found by trial below this bound where a node takes less.
    pub range_blocks_max: NonZeroU64,
    /// Longest answer read, in bytes.
    pub answer_bytes_max: usize,
    /// Calls sent in a second, each one of a batch counted; `None` sends as many as it likes. A batch
    /// has no more calls than one second has.
    pub requests_per_second: Option<NonZeroU32>,
}

const fn non_zero(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("the defaults are not zero")
}

impl EvmConfig {
    /// A node of `chain` with limits that public nodes bear.
    pub const fn new(chain: ChainId, url: Url) -> Self {
        Self {
            chain,
            url,
            request_timeout: Duration::from_secs(30),
            retries_max: 5,
            retry_delay_min: Duration::from_millis(250),
            retry_delay_max: Duration::from_secs(10),
            batch_requests_max: non_zero(100),
            batches_concurrent_max: non_zero(4),
            range_blocks_max: NonZeroU64::new(10_000).expect("ten thousand is not zero"),
            answer_bytes_max: 256 << 20,
            requests_per_second: None,
        }
    }
}

impl fmt::Debug for EvmConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvmConfig")
            .field("chain", &self.chain)
            .field("endpoint", &endpoint(&self.url))
            .field("request_timeout", &self.request_timeout)
            .field("retries_max", &self.retries_max)
            .field("batch_requests_max", &self.batch_requests_max)
            .field("range_blocks_max", &self.range_blocks_max)
            .field("requests_per_second", &self.requests_per_second)
            .finish_non_exhaustive()
    }
}
