//! Transfers of a range of blocks, with the headers that prove where they belong.

use pledge_core::error::ChainError;
use pledge_core::ports::{RangeFacts, RangeRequest};
use pledge_core::types::{BlockNumber, BlockRef};

use crate::chain::EvmChain;
use crate::config::LogProof;
use crate::decode::{Decoded, TRANSFER_TOPIC, decode};
use crate::failure::Failure;
use crate::wire::Log;

mod bloom;
mod doubts;
mod logs;
mod sealed;
mod truncation;
mod width;

pub(crate) use bloom::FirstBloom;
pub(crate) use doubts::{Doubt, Omission, Reading};
pub(crate) use width::Width;

const OPERATION: &str = "read transfers";

/// How often blocks are read whose headers contradict one another.
pub(crate) const READINGS_MAX: usize = 2;

/// Geth takes no more addresses in a filter.
pub(crate) const FILTER_TOKENS_MAX: u64 = 1_000;

/// A question of a size that the node may take.
#[derive(Debug, Clone, Copy)]
struct Slice<'a> {
    from: BlockNumber,
    to: BlockNumber,
    request: &'a RangeRequest<'a>,
}

/// Why a slice has no answer.
enum SliceError {
    /// Fewer blocks may pass.
    Refused(Failure),
    Failed(ChainError),
}

impl From<ChainError> for SliceError {
    fn from(error: ChainError) -> Self {
        Self::Failed(error)
    }
}

fn refused_or_failed(failure: Failure) -> SliceError {
    if failure.recurs {
        SliceError::Refused(failure)
    } else {
        SliceError::Failed(failure.during(OPERATION))
    }
}

impl EvmChain {
    /// The longest prefix of the range that the node gives in one answer.
    pub(crate) async fn read_range(
        &self,
        request: &RangeRequest<'_>,
    ) -> Result<RangeFacts, ChainError> {
        let reading = self.read_range_with_doubts(request).await?;
        match self.settle_doubts(request, &reading).await? {
            None => Ok(reading.facts),
            Some(Omission { error, .. }) => Err(error),
        }
    }

    /// As [`EvmChain::read_range`], without the question that settles the doubts: another node may
    /// answer it.
    pub(crate) async fn read_range_with_doubts(
        &self,
        request: &RangeRequest<'_>,
    ) -> Result<Reading, ChainError> {
        let mut readings = 1;
        loop {
            let reading = self.read_once(request).await?;
            let end = reading.facts.last().map_or(request.to, |last| last.number);
            match reading.facts.verify(&RangeRequest { to: end, ..*request }) {
                Ok(()) => return Ok(reading),
                Err(error) if readings == READINGS_MAX => return Err(error),
                Err(error) => {
                    let (endpoint, cause) = (self.endpoint(), error.detail());
                    tracing::debug!(endpoint, cause, "an answer contradicts itself, asking again");
                    readings += 1;
                }
            }
        }
    }

    async fn read_once(&self, request: &RangeRequest<'_>) -> Result<Reading, ChainError> {
        let Some(blocks) = request.to.above(request.from) else {
            let detail = format!("{}..={} is no range", request.from, request.to);
            return Err(ChainError::persistent(OPERATION, detail));
        };
        if request.tokens.is_empty() {
            return Err(ChainError::persistent(OPERATION, "no token to read"));
        }
        let blocks = blocks.saturating_add(1);
        match self.log_proof {
            LogProof::Bloom => self.read_unsealed(request, blocks).await,
            LogProof::Receipts => self.read_sealed(request, blocks).await,
        }
    }

    async fn read_unsealed(
        &self,
        request: &RangeRequest<'_>,
        blocks: u64,
    ) -> Result<Reading, ChainError> {
        let size_before = self.range_size.of(u64::MAX);
        loop {
            let size = self.range_size.of(blocks);
            let filters = request.tokens.len().div_ceil(self.filter_tokens(request));
            let ranges = self.range_width.of(filters).min(blocks.div_ceil(size));
            let to = request.from.up(size.saturating_mul(ranges).min(blocks) - 1);
            let slice = Slice { from: request.from, to, request };
            let failure = match self.read_slice(&slice, size).await {
                Ok((reading, None)) => {
                    self.filter_size.answered(self.filter_tokens(request) as u64);
                    self.range_width.answered(ranges, reading.facts.transfers.len());
                    if self.range_size.answered(size) {
                        self.range_width.renew();
                    }
                    return Ok(reading);
                }
                Ok((reading, Some(failure))) => {
                    self.refuse_ranges(size, &failure);
                    return Ok(reading);
                }
                Err(SliceError::Failed(error)) => return Err(error),
                Err(SliceError::Refused(failure)) => failure,
            };
            let (endpoint, cause) = (self.endpoint(), &failure.detail);
            let tokens = self.filter_tokens(request) as u64;
            if tokens > 1 && (size == 1 || failure.names_addresses) {
                // If fewer blocks did not help, it was not the blocks.
                tracing::info!(endpoint, tokens, cause, "filter refused, asking for fewer tokens");
                self.filter_size.refused(tokens, None);
                self.range_size.acquit(size_before);
                self.range_width.renew();
                continue;
            }
            if size == 1 {
                let block = slice.from.get();
                tracing::info!(endpoint, block, cause, "block refused, reading its receipts");
                let block = Slice { to: slice.from, ..slice };
                return self.read_heavy_block(&block, failure).await;
            }
            self.refuse_ranges(size, &failure);
        }
    }

    fn refuse_ranges(&self, size: u64, failure: &Failure) {
        let (endpoint, cause, hint) = (self.endpoint(), &failure.detail, failure.blocks_at_most);
        tracing::info!(endpoint, blocks = size, hint, cause, "range refused, asking for less");
        self.range_size.refused(size, hint);
        self.range_width.renew();
    }
}

/// Whether a log is asked for, whatever its block.
fn wants(request: &RangeRequest<'_>, log: &Log) -> bool {
    request.tokens.contains(&log.address) && log.topics.first() == Some(&TRANSFER_TOPIC)
}

fn facts(headers: Vec<BlockRef>, logs: &[Log]) -> RangeFacts {
    let (mut transfers, mut unreadable) = (Vec::with_capacity(logs.len()), Vec::new());
    for log in logs {
        match decode(log) {
            Decoded::Transfer(transfer) => transfers.push(transfer),
            Decoded::Unreadable(log) => unreadable.push(log),
            Decoded::Nothing => {}
        }
    }
    RangeFacts { headers, transfers, unreadable }
}
