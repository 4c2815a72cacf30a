//! The logs of one block out of its receipts, where `eth_getLogs` refuses it.

use std::sync::Arc;

use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ports::LogsAnswer;
use pledge_core::types::{BlockRef, Log};

use super::OPERATION;
use super::bloom::Blooms;
use super::hashed::Hashed;
use super::reading::Reading;
use super::slice::Slice;
use crate::asker::Asker;
use crate::failure::Failure;
use crate::headers::{HeaderReader, header_call};
use crate::receipts::{ReceiptReader, Seal};

/// Reads blocks that are too much for `eth_getLogs`.
#[derive(Debug)]
pub(super) struct HeavyBlockReader {
    asker: Arc<Asker>,
    headers: HeaderReader,
    receipts: Arc<ReceiptReader>,
    blooms: Arc<Blooms>,
}

impl HeavyBlockReader {
    pub(super) const fn new(
        asker: Arc<Asker>,
        headers: HeaderReader,
        receipts: Arc<ReceiptReader>,
        blooms: Arc<Blooms>,
    ) -> Self {
        Self { asker, headers, receipts, blooms }
    }

    /// The only block of a slice, of which the node refused the logs.
    pub(super) async fn read(
        &self,
        slice: &Slice<'_>,
        refusal: Failure,
    ) -> Result<Reading, ChainError> {
        let (block, logs) = self.logs(slice).await.map_err(|error| {
            // Never `Persistent`: a block that is refused today may be given tomorrow.
            let kind = match error.kind() {
                ChainErrorKind::BlockGone => ChainErrorKind::BlockGone,
                _ => ChainErrorKind::Transient,
            };
            let detail = format!("{}; by its receipts: {}", refusal.detail, error.detail());
            error.reclassified(kind, detail)
        })?;
        let answer = LogsAnswer { headers: vec![block], logs };
        Ok(Reading::proven(answer, self.asker.endpoint()))
    }

    /// The logs that are wanted of a slice's first block.
    pub(super) async fn logs(&self, slice: &Slice<'_>) -> Result<(BlockRef, Vec<Log>), ChainError> {
        let calls = vec![header_call(slice.from)];
        let found = self.asker.many_as(calls, |answer| Hashed::parse(&self.asker, answer)).await;
        let found = found.into_iter().next().expect("an answer for each call");
        let found = found.map_err(|failure| failure.during(OPERATION))?;
        let header = self.headers.of_block(OPERATION, slice.from, found.header)?;
        let seal = match (found.hashed, header.bloom) {
            (Some(hashed), _) => Seal::Root(hashed.receipts_root),
            (None, Some(bloom)) => Seal::Bloom(Box::new(bloom)),
            (None, None) => Seal::Missing,
        };
        let block = header.block;
        if matches!(seal, Seal::Missing) {
            self.blooms.warn_of_missing(block.id()).await;
        }
        let mut logs = self.receipts.logs(OPERATION, block.id(), seal).await?;
        logs.retain(|log| slice.request.selects(log));
        Ok((block, logs))
    }
}

#[cfg(test)]
#[path = "heavy_block_tests.rs"]
mod tests;
