//! Ranges by way of receipts, which the hash of their block seals.

use std::sync::atomic::Ordering;

use alloy::consensus;
use alloy::consensus::constants::EMPTY_ROOT_HASH;
use futures::{StreamExt, stream};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ports::{HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, Log, LogFilter};

use crate::chain::EvmChain;
use crate::failure::Failure;
use crate::headers::{check_links, header_call};
use crate::range::bloom::may_hold;
use crate::range::doubts::Reading;
use crate::range::{OPERATION, Slice};
use crate::receipts::{Seal, hashed_header};
use crate::response::Json;
use crate::wire::WireHeader;

/// How much one answer holds: it ends with the block in which it reaches `logs_max` logs.
#[derive(Debug, Clone, Copy)]
struct Page {
    blocks_max: u64,
    logs_max: usize,
}

const PAGE: Page = Page { blocks_max: 512, logs_max: 50_000 };

/// A header, and all of it if its fields give its hash.
struct Hashed {
    header: Option<WireHeader>,
    hashed: Option<consensus::Header>,
}

impl EvmChain {
    /// Every header is read and hashed. A block whose bloom is filled in and excludes the filter's logs holds
    /// none of them; the logs of the others come out of receipts that have the root of their header.
    pub(super) async fn read_sealed(
        &self,
        request: &LogsRequest<'_>,
        blocks: u64,
    ) -> Result<Reading, ChainError> {
        let answer = self.sealed_page(request, blocks, PAGE).await?;
        Ok(Reading { answer, doubts: Vec::new(), node: self.endpoint().to_owned() })
    }

    async fn sealed_page(
        &self,
        request: &LogsRequest<'_>,
        blocks: u64,
        page: Page,
    ) -> Result<LogsAnswer, ChainError> {
        let size = self.range_size.of(blocks).min(page.blocks_max);
        let mut slice = Slice { from: request.from, to: request.from.up(size - 1), request };
        let headers = self.hashed_headers(&slice).await?;
        slice.to = headers.last().map_or(slice.to, |(block, _)| block.number);
        let sealed: Vec<(BlockId, Seal)> = headers
            .iter()
            .filter(|(_, header)| may_have_sealed(header, request.filters))
            .map(|(block, header)| (block.id(), Seal::Root(header.receipts_root)))
            .collect();
        let mut found = stream::iter(sealed)
            .map(
                |(block, seal)| async move { (block, seal, self.receipts(OPERATION, block).await) },
            )
            .buffered(self.rpc().concurrency());
        let mut logs = Vec::new();
        while let Some((id, seal, receipts)) = found.next().await {
            let block = id.number;
            let receipts = match receipts {
                Ok(receipts) => receipts,
                Err(error) if block == slice.from => return Err(error),
                // What comes before it is proven.
                Err(error) => {
                    let (endpoint, cause) = (self.endpoint(), error.detail());
                    tracing::debug!(endpoint, %block, cause, "the range ends before a block");
                    slice.to = block.down(1);
                    break;
                }
            };
            let mut more = self.sealed_by(OPERATION, id, &seal, receipts)?;
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
        let found = self.rpc().many_as(calls, |answer| self.hashed(answer)).await;
        let mut headers = Vec::with_capacity(found.len());
        for (number, found) in numbers.zip(found) {
            let is_given = found.as_ref().is_ok_and(|found| found.header.is_some());
            if !is_given && !headers.is_empty() {
                tracing::debug!(endpoint = self.endpoint(), %number, "the range ends before a block");
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
        let block = self.header_of(OPERATION, number, header)?.block;
        let hashed = hashed.ok_or_else(|| {
            let detail = format!(
                "the header of block {block} that {} gives does not have that hash: the node is wrong, \
                 and then use another, or this chain's headers have a form unknown here, and then use \
                 log_proof = \"bloom\"",
                self.endpoint()
            );
            ChainError::persistent(OPERATION, detail)
        })?;
        Ok((block, hashed))
    }

    fn hashed(&self, answer: Json) -> Result<Hashed, Failure> {
        let header: Option<WireHeader> = self.rpc().parse(answer.clone())?;
        let hashed = header.as_ref().and_then(|header| hashed_header(&answer, header.hash));
        Ok(Hashed { header, hashed })
    }

    async fn wanted_logs(
        &self,
        request: &LogsRequest<'_>,
        block: BlockId,
        seal: Seal,
    ) -> Result<Vec<Log>, ChainError> {
        let mut logs = self.sealed_logs(OPERATION, block, seal).await?;
        logs.retain(|log| request.selects(log));
        Ok(logs)
    }

    /// The only block of a slice that is too much for `eth_getLogs`.
    pub(super) async fn read_heavy_block(
        &self,
        slice: &Slice<'_>,
        refusal: Failure,
    ) -> Result<Reading, ChainError> {
        let (block, logs) = self.heavy_block_logs(slice).await.map_err(|error| {
            let kind = match error.kind() {
                ChainErrorKind::BlockGone => ChainErrorKind::BlockGone,
                _ => ChainErrorKind::Transient,
            };
            let detail = format!("{}; by its receipts: {}", refusal.detail, error.detail());
            error.reclassified(kind, detail)
        })?;
        let node = self.endpoint().to_owned();
        let answer = LogsAnswer { headers: vec![block], logs };
        Ok(Reading { answer, doubts: Vec::new(), node })
    }

    /// The logs that are wanted of a slice's first block, out of its receipts.
    pub(super) async fn heavy_block_logs(
        &self,
        slice: &Slice<'_>,
    ) -> Result<(BlockRef, Vec<Log>), ChainError> {
        let calls = vec![header_call(slice.from)];
        let found = self.rpc().many_as(calls, |answer| self.hashed(answer)).await.remove(0);
        let found = found.map_err(|failure| failure.during(OPERATION))?;
        let header = self.header_of(OPERATION, slice.from, found.header)?;
        let seal = match (found.hashed, header.bloom) {
            (Some(hashed), _) => Seal::Root(hashed.receipts_root),
            (None, Some(bloom)) => Seal::Bloom(Box::new(bloom)),
            (None, None) => Seal::Missing,
        };
        if matches!(seal, Seal::Missing) {
            self.warn_of_missing_blooms(header.block.id()).await;
        }
        let logs = self.wanted_logs(slice.request, header.block.id(), seal).await?;
        Ok((header.block, logs))
    }

    /// Warns, once, that this chain's blooms are of no use.
    pub(super) async fn warn_of_missing_blooms(&self, block: BlockId) {
        if self.warned_of_missing_blooms.swap(true, Ordering::Relaxed) {
            return;
        }
        let header = self.rpc().many(vec![header_call(block.number)]).await.remove(0).ok();
        let is_hashed = header.is_some_and(|header| hashed_header(&header, block.hash).is_some());
        let remedy = if is_hashed {
            "set log_proof = \"receipts\" to notice them"
        } else {
            "and log_proof = \"receipts\" cannot be used, for the headers do not give their hashes: \
             use a node that you trust"
        };
        tracing::warn!(
            endpoint = self.endpoint(),
            block = %block,
            remedy,
            "the chain's blocks have no bloom: logs that the node omits cannot be noticed"
        );
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
