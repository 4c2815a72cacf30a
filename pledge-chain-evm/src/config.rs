//! How to reach a node, and how hard to press it.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use pledge_core::types::ChainId;
use url::Url;

use crate::redact::endpoint;

/// How much a node must prove of the transfers that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogProof {
    /// The logs of `eth_getLogs` must fit the blooms of the headers that come with them: near the head
    /// those of all blocks, further back those of the ends of a range and of blocks with logs. Where a
    /// bloom may hold a transfer that the answer lacks, the block is asked for again by its hash. A
    /// number of logs at which providers stop is compared with the halves of the range.
    ///
    /// Not noticed: some of a token's logs missing from a block that has others of it, a block
    /// missing from a range far from the head, another amount or index of a log, and whatever a
    /// node reports the same way twice. On a chain whose headers carry no bloom nothing is noticed;
    /// a warning is logged.
    #[default]
    Bloom,
    /// `eth_getLogs` is not used. Every header is read and its hash recomputed, so that its bloom and
    /// its receipts root are the block's own: a block whose bloom excludes the tokens has no transfers
    /// of them, and the logs of the others come out of receipts that have that root. A bloom of zero
    /// excludes nothing where there are receipts, for some chains fill none in. No transfer can be
    /// omitted, added or changed within a block; the transaction that a transfer names is the node's
    /// word.
    ///
    /// Costs a request for each such block, whose receipts the node must have kept, and every
    /// header of a backfill. Headers and receipts must have the form of Ethereum or of the OP
    /// stack; otherwise an error advises `Bloom`.
    Receipts,
}

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
    /// Repeats of a call that failed by itself, and failures in a row of the node, before it is given
    /// up. A time-out counts twice.
    pub retries_max: usize,
    /// Shortest wait before a repeat. The first repeat after an answer comes at once; waits grow while
    /// the node answers nothing, with some chance added, and any answer ends that.
    pub retry_delay_min: Duration,
    /// Longest wait before a repeat. A node that asks for a longer one is not asked again: the
    /// error names it.
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
    /// How much the node must prove.
    pub log_proof: LogProof,
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
            retries_max: 14,
            retry_delay_min: Duration::from_millis(20),
            retry_delay_max: Duration::from_secs(10),
            batch_requests_max: non_zero(100),
            batches_concurrent_max: non_zero(4),
            range_blocks_max: NonZeroU64::new(10_000).expect("ten thousand is not zero"),
            answer_bytes_max: 64 << 20,
            requests_per_second: None,
            log_proof: LogProof::Bloom,
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
            .field("log_proof", &self.log_proof)
            .finish_non_exhaustive()
    }
}
