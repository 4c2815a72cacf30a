//! Logs of a range of blocks, with the headers that prove where they belong.

use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::ports::{LogsAnswer, LogsRequest};
use pledge_core::types::LogFilter;

use crate::asker::Asker;
use crate::config::{EvmConfig, LogProof};
use crate::headers::{HeaderReader, READINGS_MAX};
use crate::receipts::ReceiptReader;

mod bloom;
mod doubts;
mod hashed;
mod heavy_block;
mod log_calls;
mod range_reader;
mod reading;
mod sealed;
mod sizes;
mod slice;
mod slice_reader;
#[cfg(test)]
mod stage_tests;
mod truncation;
mod width;

pub(crate) use reading::{Omission, Reading};

use bloom::Blooms;
use doubts::DoubtSettler;
use heavy_block::HeavyBlockReader;
use range_reader::RangeReader;
use sealed::SealedReader;
use sizes::Sizes;
use slice_reader::SliceReader;

const OPERATION: &str = "read logs";

/// Reads logs from one node, as far proven as its configuration asks for.
#[derive(Debug)]
pub(crate) struct LogReader {
    asker: Arc<Asker>,
    by_proof: ByProof,
    doubts: DoubtSettler,
}

/// The reader for a [`LogProof`].
#[derive(Debug)]
enum ByProof {
    Bloom(RangeReader),
    Receipts(SealedReader),
}

impl LogReader {
    pub(crate) fn new(config: &EvmConfig, asker: Arc<Asker>, headers: HeaderReader) -> Self {
        // What one of the readers finds out about the node, the others go by too.
        let receipts = Arc::new(ReceiptReader::new(asker.clone(), headers.clone()));
        let blooms = Arc::new(Blooms::new(asker.clone()));
        let sizes = Arc::new(Sizes::new(config.range_blocks_max));
        let heavy_blocks = Arc::new(HeavyBlockReader::new(
            asker.clone(),
            headers.clone(),
            receipts.clone(),
            blooms.clone(),
        ));
        let by_proof = match config.log_proof {
            LogProof::Bloom => {
                let slices = SliceReader::new(asker.clone(), headers.clone(), blooms.clone());
                let sizes = sizes.clone();
                let reader = RangeReader::new(asker.clone(), sizes, slices, heavy_blocks.clone());
                ByProof::Bloom(reader)
            }
            LogProof::Receipts => {
                let blocks_max = config.range_blocks_max.get();
                let reader =
                    SealedReader::new(asker.clone(), headers.clone(), receipts, blocks_max);
                ByProof::Receipts(reader)
            }
        };
        let doubts = DoubtSettler::new(asker.clone(), headers, sizes, blooms, heavy_blocks);
        Self { asker, by_proof, doubts }
    }

    /// The longest prefix of the range that the node gives in one answer.
    pub(crate) async fn read(&self, request: &LogsRequest<'_>) -> Result<LogsAnswer, ChainError> {
        let reading = self.read_with_doubts(request).await?;
        match self.settle_doubts(request, &reading).await? {
            None => Ok(reading.answer),
            Some(Omission { error, .. }) => Err(error),
        }
    }

    /// As [`LogReader::read`], without the question that settles the doubts: another node may
    /// answer it.
    pub(crate) async fn read_with_doubts(
        &self,
        request: &LogsRequest<'_>,
    ) -> Result<Reading, ChainError> {
        let mut readings = 1;
        loop {
            let reading = self.read_once(request).await?;
            let end = reading.answer.last().map_or(request.to, |last| last.number);
            // Core checks the answer that it trusts. This is about the node: it is asked again, and fails
            // here if it stays so, so that another one is asked within the same question.
            match reading.answer.verify(&LogsRequest { to: end, ..*request }) {
                Ok(()) => return Ok(reading),
                Err(error) if readings == READINGS_MAX => return Err(error),
                Err(error) => {
                    let (endpoint, cause) = (self.asker.endpoint(), error.detail());
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
        match &self.by_proof {
            ByProof::Bloom(reader) => reader.read(request, blocks).await,
            ByProof::Receipts(reader) => reader.read(request, blocks).await,
        }
    }

    /// The first block of which the reading, or this node by the block's hash, lacks logs. The
    /// reading may be another node's.
    ///
    /// `BlockGone` if this node does not have such a block.
    pub(crate) async fn settle_doubts(
        &self,
        request: &LogsRequest<'_>,
        reading: &Reading,
    ) -> Result<Option<Omission>, ChainError> {
        self.doubts.settle(request, reading).await
    }
}
