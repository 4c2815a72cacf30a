//! Ranges by way of receipts, which the hash of their block seals.

use std::sync::Arc;

use alloy::consensus;
use alloy::consensus::constants::EMPTY_ROOT_HASH;
use futures::{StreamExt, stream};
use pledge_core::error::ChainError;
use pledge_core::ports::{HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, LogFilter};

use super::OPERATION;
use super::bloom::may_hold;
use super::hashed::Hashed;
use super::reading::Reading;
use super::slice::Slice;
use crate::asker::Asker;
use crate::failure::Failure;
use crate::headers::{HeaderReader, check_links, header_call};
use crate::receipts::{ReceiptReader, Seal};

/// How much one answer holds: it ends with the block in which it reaches `logs_max` logs.
#[derive(Debug, Clone, Copy)]
struct Page {
    blocks_max: u64,
    logs_max: usize,
}

const PAGE: Page = Page { blocks_max: 512, logs_max: 50_000 };

/// Reads logs that the hash of their block seals.
#[derive(Debug)]
pub(super) struct SealedReader {
    asker: Arc<Asker>,
    headers: HeaderReader,
    receipts: Arc<ReceiptReader>,
    /// Blocks in one answer at most.
    blocks_max: u64,
}

impl SealedReader {
    pub(super) const fn new(
        asker: Arc<Asker>,
        headers: HeaderReader,
        receipts: Arc<ReceiptReader>,
        blocks_max: u64,
    ) -> Self {
        Self { asker, headers, receipts, blocks_max }
    }

    /// The longest prefix of a range of `blocks` blocks that fits into one answer. Every header is
    /// read and hashed. A block whose bloom is filled in and excludes the filter's logs holds none of
    /// them; the logs of the others come out of receipts that have the root of their header.
    pub(super) async fn read(
        &self,
        request: &LogsRequest<'_>,
        blocks: u64,
    ) -> Result<Reading, ChainError> {
        let answer = self.page(request, blocks, PAGE).await?;
        Ok(Reading::proven(answer, self.asker.endpoint()))
    }

    async fn page(
        &self,
        request: &LogsRequest<'_>,
        blocks: u64,
        page: Page,
    ) -> Result<LogsAnswer, ChainError> {
        let size = blocks.min(self.blocks_max).min(page.blocks_max);
        let mut slice = Slice { from: request.from, to: request.from.up(size - 1), request };
        let headers = self.hashed_headers(&slice).await?;
        slice.to = headers.last().map_or(slice.to, |(block, _)| block.number);
        let sealed: Vec<(BlockId, Seal)> = headers
            .iter()
            .filter(|(_, header)| may_have_sealed(header, request.filters))
            .map(|(block, header)| (block.id(), Seal::Root(header.receipts_root)))
            .collect();
        let mut found = stream::iter(sealed)
            .map(|(block, seal)| async move {
                (block, seal, self.receipts.read(OPERATION, block).await)
            })
            .buffered(self.asker.concurrency());
        let mut logs = Vec::new();
        while let Some((id, seal, receipts)) = found.next().await {
            let block = id.number;
            let receipts = match receipts {
                Ok(receipts) => receipts,
                Err(error) if block == slice.from => return Err(error),
                // What comes before it is proven.
                Err(error) => {
                    let (endpoint, cause) = (self.asker.endpoint(), error.detail());
                    tracing::debug!(endpoint, %block, cause, "the range ends before a block");
                    slice.to = block.down(1);
                    break;
                }
            };
            // A proof that fails is no end of the range: what the node gives is wrong, not missing.
            let mut more = self.receipts.logs_in(OPERATION, id, &seal, receipts)?;
            more.retain(|log| request.selects(log));
            logs.extend(more);
            if logs.len() >= page.logs_max {
                slice.to = block;
                break;
            }
        }
        let mut blocks: Vec<BlockRef> = headers.iter().map(|(block, _)| *block).collect();
        blocks.retain(|block| {
            let is_end = block.number == slice.from || block.number == slice.to;
            let is_wanted = request.detail == HeaderDetail::All
                || is_end
                || logs.binary_search_by_key(&block.number, |log| log.block).is_ok();
            block.number <= slice.to && is_wanted
        });
        Ok(LogsAnswer { headers: blocks, logs })
    }

    /// The headers of a slice up to the first that the node does not give.
    async fn hashed_headers(
        &self,
        slice: &Slice<'_>,
    ) -> Result<Vec<(BlockRef, consensus::Header)>, ChainError> {
        let numbers = (slice.from.get()..=slice.to.get()).map(BlockNumber::new);
        let calls = numbers.clone().map(header_call).collect();
        let found = self.asker.many_as(calls, |answer| Hashed::parse(&self.asker, answer)).await;
        let mut headers = Vec::with_capacity(found.len());
        for (number, found) in numbers.zip(found) {
            let is_given = found.as_ref().is_ok_and(|found| found.header.is_some());
            if !is_given && !headers.is_empty() {
                tracing::debug!(endpoint = self.asker.endpoint(), %number, "the range ends before a block");
                break;
            }
            headers.push(self.hashed_header(number, found)?);
        }
        let blocks: Vec<BlockRef> = headers.iter().map(|(block, _)| *block).collect();
        check_links(OPERATION, &blocks)?;
        Ok(headers)
    }

    fn hashed_header(
        &self,
        number: BlockNumber,
        found: Result<Hashed, Failure>,
    ) -> Result<(BlockRef, consensus::Header), ChainError> {
        let Hashed { header, hashed } = found.map_err(|failure| failure.during(OPERATION))?;
        let block = self.headers.of_block(OPERATION, number, header)?.block;
        let hashed = hashed.ok_or_else(|| {
            let detail = format!(
                "the header of block {block} that {} gives does not have that hash: the node is wrong, \
                 and then use another, or this chain's headers have a form unknown here, and then use \
                 log_proof = \"bloom\"",
                self.asker.endpoint()
            );
            ChainError::persistent(OPERATION, detail)
        })?;
        Ok((block, hashed))
    }
}

/// Whether the receipts of a block may hold a log that a filter selects. A chain that fills in no
/// blooms still has the root of receipts.
fn may_have_sealed(header: &consensus::Header, filters: &[LogFilter<'_>]) -> bool {
    let is_unsaid = header.logs_bloom.is_zero() && header.receipts_root != EMPTY_ROOT_HASH;
    is_unsaid || may_hold(&header.logs_bloom, filters)
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
