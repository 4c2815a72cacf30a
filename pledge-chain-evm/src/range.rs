//! Logs of a range of blocks, with the headers that prove where they belong.

use pledge_core::error::ChainError;
use pledge_core::ports::{LogsAnswer, LogsRequest};
use pledge_core::types::BlockNumber;
use pledge_core::types::LogFilter;

use crate::chain::EvmChain;
use crate::config::LogProof;
use crate::failure::Failure;

mod bloom;
mod doubts;
mod logs;
mod sealed;
mod truncation;
mod width;

pub(crate) use bloom::FirstBloom;
pub(crate) use doubts::{Doubt, Omission, Reading};
pub(crate) use width::Width;

const OPERATION: &str = "read logs";

/// How often blocks are read whose headers contradict one another.
pub(crate) const READINGS_MAX: usize = 2;

/// Geth takes no more addresses in a filter.
pub(crate) const FILTER_ADDRESSES_MAX: u64 = 1_000;

/// A question of a size that the node may take.
#[derive(Debug, Clone, Copy)]
struct Slice<'a> {
    from: BlockNumber,
    to: BlockNumber,
    request: &'a LogsRequest<'a>,
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
    pub(crate) async fn read_logs(
        &self,
        request: &LogsRequest<'_>,
    ) -> Result<LogsAnswer, ChainError> {
        let reading = self.read_logs_with_doubts(request).await?;
        match self.settle_doubts(request, &reading).await? {
            None => Ok(reading.answer),
            Some(Omission { error, .. }) => Err(error),
        }
    }

    /// As [`EvmChain::read_logs`], without the question that settles the doubts: another node may
    /// answer it.
    pub(crate) async fn read_logs_with_doubts(
        &self,
        request: &LogsRequest<'_>,
    ) -> Result<Reading, ChainError> {
        let mut readings = 1;
        loop {
            let reading = self.read_once(request).await?;
            let end = reading.answer.last().map_or(request.to, |last| last.number);
            match reading.answer.verify(&LogsRequest { to: end, ..*request }) {
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

    async fn read_once(&self, request: &LogsRequest<'_>) -> Result<Reading, ChainError> {
        let Some(blocks) = request.to.above(request.from) else {
            let detail = format!("{}..={} is no range", request.from, request.to);
            return Err(ChainError::persistent(OPERATION, detail));
        };
        if request.filters.iter().all(LogFilter::selects_nothing) {
            return Err(ChainError::persistent(OPERATION, "the filters select nothing"));
        }
        let blocks = blocks.saturating_add(1);
        match self.log_proof {
            LogProof::Bloom => self.read_unsealed(request, blocks).await,
            LogProof::Receipts => self.read_sealed(request, blocks).await,
        }
    }

    async fn read_unsealed(
        &self,
        request: &LogsRequest<'_>,
        blocks: u64,
    ) -> Result<Reading, ChainError> {
        let size_before = self.range_size.of(u64::MAX);
        loop {
            let size = self.range_size.of(blocks);
            let filters = self.parts(request).len();
            let ranges = self.range_width.of(filters).min(blocks.div_ceil(size));
            let to = request.from.up(size.saturating_mul(ranges).min(blocks) - 1);
            let slice = Slice { from: request.from, to, request };
            let failure = match self.read_slice(&slice, size).await {
                Ok((reading, None)) => {
                    self.filter_size.answered(self.filter_addresses(request) as u64);
                    self.range_width.answered(ranges, reading.answer.logs.len());
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
            let addresses = self.filter_addresses(request) as u64;
            if addresses > 1 && (size == 1 || failure.names_addresses) {
                // If fewer blocks did not help, it was not the blocks.
                tracing::info!(
                    endpoint,
                    addresses,
                    cause,
                    "filter refused, asking for fewer contracts"
                );
                self.filter_size.refused(addresses, None);
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
