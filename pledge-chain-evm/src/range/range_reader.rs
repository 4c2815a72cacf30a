//! Ranges by way of `eth_getLogs`, as large as the node takes.

use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::ports::LogsRequest;

use super::heavy_block::HeavyBlockReader;
use super::reading::Reading;
use super::sizes::{Sizes, parts};
use super::slice::{Slice, SliceError};
use super::slice_reader::SliceReader;
use crate::asker::Asker;
use crate::failure::Failure;

/// Reads ranges, and asks for less where the node refuses.
#[derive(Debug)]
pub(super) struct RangeReader {
    asker: Arc<Asker>,
    sizes: Arc<Sizes>,
    slices: SliceReader,
    heavy_blocks: Arc<HeavyBlockReader>,
}

impl RangeReader {
    pub(super) const fn new(
        asker: Arc<Asker>,
        sizes: Arc<Sizes>,
        slices: SliceReader,
        heavy_blocks: Arc<HeavyBlockReader>,
    ) -> Self {
        Self { asker, sizes, slices, heavy_blocks }
    }

    /// The longest prefix of a range of `blocks` blocks that the node gives in one answer.
    pub(super) async fn read(
        &self,
        request: &LogsRequest<'_>,
        blocks: u64,
    ) -> Result<Reading, ChainError> {
        // A filter that is too long looks like a range that is: ranges that shrank in vain get this
        // size back.
        let size_before = self.sizes.range_blocks();
        loop {
            let plan = self.sizes.plan(request, blocks);
            let (size, addresses) = (plan.range_blocks, plan.addresses);
            let to = plan.end(request.from, blocks);
            let slice = Slice { from: request.from, to, request };
            let parts = parts(request, addresses);
            let failure = match self.slices.read(&slice, &parts, size).await {
                Ok((reading, None)) => {
                    self.sizes.answered(&plan, reading.answer.logs.len());
                    return Ok(reading);
                }
                Ok((reading, Some(failure))) => {
                    self.refuse_ranges(size, &failure);
                    return Ok(reading);
                }
                Err(SliceError::Failed(error)) => return Err(error),
                Err(SliceError::Refused(failure)) => failure,
            };
            let (endpoint, cause) = (self.asker.endpoint(), &failure.detail);
            if addresses > 1 && (size == 1 || failure.names_addresses) {
                // If fewer blocks did not help, it was not the blocks.
                tracing::info!(
                    endpoint,
                    addresses,
                    cause,
                    "filter refused, asking for fewer contracts"
                );
                self.sizes.refuse_filter(addresses, size_before);
                continue;
            }
            if size == 1 {
                let block = slice.from.get();
                tracing::info!(endpoint, block, cause, "block refused, reading its receipts");
                let block = Slice { to: slice.from, ..slice };
                return self.heavy_blocks.read(&block, failure).await;
            }
            self.refuse_ranges(size, &failure);
        }
    }

    fn refuse_ranges(&self, size: u64, failure: &Failure) {
        let (endpoint, cause) = (self.asker.endpoint(), &failure.detail);
        let hint = failure.blocks_at_most;
        tracing::info!(endpoint, blocks = size, hint, cause, "range refused, asking for less");
        self.sizes.refuse_range(size, hint);
    }
}
