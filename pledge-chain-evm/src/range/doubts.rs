//! Blocks in which a node may have omitted logs, and the question that settles it.

use std::collections::BTreeMap;
use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::ports::LogsRequest;
use pledge_core::types::{BlockId, Log};

use super::OPERATION;
use super::bloom::Blooms;
use super::heavy_block::HeavyBlockReader;
use super::log_calls::{block_logs_call, placed};
use super::reading::{Doubt, Omission, Reading};
use super::sizes::{Sizes, parts};
use super::slice::Slice;
use crate::asker::Asker;
use crate::classify::Fault;
use crate::headers::{HeaderReader, header_by_hash_call};
use crate::http::Answer;
use crate::wire::WireLog;

/// Asks one node for doubted blocks by their hashes.
#[derive(Debug)]
pub(super) struct DoubtSettler {
    asker: Arc<Asker>,
    headers: HeaderReader,
    sizes: Arc<Sizes>,
    blooms: Arc<Blooms>,
    heavy_blocks: Arc<HeavyBlockReader>,
}

impl DoubtSettler {
    pub(super) const fn new(
        asker: Arc<Asker>,
        headers: HeaderReader,
        sizes: Arc<Sizes>,
        blooms: Arc<Blooms>,
        heavy_blocks: Arc<HeavyBlockReader>,
    ) -> Self {
        Self { asker, headers, sizes, blooms, heavy_blocks }
    }

    /// Asks the node for the logs of each doubted block by its hash, and returns the first
    /// omission. The reading may be another node's.
    ///
    /// `BlockGone` if the node does not have such a block.
    pub(super) async fn settle(
        &self,
        request: &LogsRequest<'_>,
        reading: &Reading,
    ) -> Result<Option<Omission>, ChainError> {
        let parts = parts(request, self.sizes.filter_addresses(request));
        let calls = reading.doubts.iter().flat_map(|Doubt { block, .. }| {
            let logs = parts.iter().map(|part| block_logs_call(part, *block));
            [header_by_hash_call(*block)].into_iter().chain(logs)
        });
        let mut answers = self.asker.many(calls.collect()).await.into_iter();
        for doubt in &reading.doubts {
            let mut next = || answers.next().expect("an answer for each call");
            let header = next();
            let logs = parts.iter().map(|_| next()).collect();
            let logs = self.logs_of_block(request, doubt.block, header, logs).await?;
            let omission = reading.compare(doubt, &logs, self.asker.endpoint());
            if omission.is_some() {
                return Ok(omission);
            }
        }
        Ok(None)
    }

    async fn logs_of_block(
        &self,
        request: &LogsRequest<'_>,
        block: BlockId,
        header: Answer,
        logs: Vec<Answer>,
    ) -> Result<Vec<Log>, ChainError> {
        // Some nodes answer an empty list for a block that they do not have.
        let header = self.headers.in_answer(OPERATION, block.number, header)?;
        if header.block.hash != block.hash {
            return Err(self.headers.lost(OPERATION, block));
        }
        let slice = Slice { from: block.number, to: block.number, request };
        let parsed = logs.into_iter().map(|logs| self.asker.parse::<Vec<WireLog>>(logs?));
        let logs = match parsed.collect::<Result<Vec<_>, _>>() {
            Ok(logs) => placed(&slice, logs.concat())?,
            Err(failure) if failure.recurs || failure.fault == Fault::Malformed => {
                return self.heavy_blocks.logs(&slice).await.map(|(_, logs)| logs);
            }
            Err(failure) => return Err(failure.during(OPERATION)),
        };
        if logs.iter().any(|log| log.block_hash != block.hash) {
            return Err(self.headers.lost(OPERATION, block));
        }
        let headers = BTreeMap::from([(block.number, header)]);
        self.blooms.examine(&headers, &logs, request.filters).map(|_| logs)
    }
}
