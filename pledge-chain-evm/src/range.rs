//! Transfers of a range of blocks, with the headers that prove where they belong.

use pledge_core::error::ChainError;
use pledge_core::ports::{RangeFacts, RangeRequest};
use pledge_core::types::{BlockNumber, BlockRef};

use crate::chain::EvmChain;
use crate::classify::Failure;
use crate::config::Verify;
use crate::decode::{Decoded, TRANSFER_TOPIC, decode};
use crate::wire::Log;

mod bloom;
mod doubts;
mod logs;
mod sealed;
mod truncation;

pub(crate) use bloom::FirstBloom;
pub(crate) use doubts::{Doubt, Omission, Reading};

const OPERATION: &str = "read transfers";

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
    if failure.fault.may_be_range_size() {
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
        let Some(blocks) = request.to.above(request.from) else {
            let detail = format!("{}..={} is no range", request.from, request.to);
            return Err(ChainError::persistent(OPERATION, detail));
        };
        if request.tokens.is_empty() {
            return Err(ChainError::persistent(OPERATION, "no token to read"));
        }
        let blocks = blocks.saturating_add(1);
        let reading = match self.verify {
            Verify::Bloom => self.read_unsealed(request, blocks).await?,
            Verify::Receipts => self.read_sealed(request, blocks).await?,
        };
        let end = reading.facts.last().map_or(request.to, |last| last.number);
        reading.facts.verify(&RangeRequest { to: end, ..*request })?;
        Ok(reading)
    }

    async fn read_unsealed(
        &self,
        request: &RangeRequest<'_>,
        blocks: u64,
    ) -> Result<Reading, ChainError> {
        loop {
            let size = self.range_size.of(blocks);
            let slice = Slice { from: request.from, to: request.from.up(size - 1), request };
            let failure = match self.read_slice(&slice).await {
                Ok(reading) => {
                    self.range_size.answered(size);
                    return Ok(reading);
                }
                Err(SliceError::Failed(error)) => return Err(error),
                Err(SliceError::Refused(failure)) => failure,
            };
            if !self.is_to_blame(&failure).await {
                return Err(failure.during(OPERATION));
            }
            let (endpoint, cause, hint) =
                (self.endpoint(), &failure.detail, failure.blocks_at_most);
            if size == 1 {
                let block = slice.from.get();
                tracing::info!(endpoint, block, cause, "block refused, reading its receipts");
                return self.read_heavy_block(&slice, failure).await;
            }
            tracing::info!(endpoint, blocks = size, hint, cause, "range refused, asking for less");
            self.range_size.refused(size, hint);
        }
    }

    /// Whether a question for less may pass after this failure.
    pub(crate) async fn is_to_blame(&self, failure: &Failure) -> bool {
        failure.fault.may_be_range_size() && self.rpc().is_of_the_question(failure).await
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
