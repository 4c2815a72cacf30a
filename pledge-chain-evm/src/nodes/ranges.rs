//! Ranges: one node reads, another is asked where its word alone is not enough.

use pledge_core::error::ChainError;
use pledge_core::ports::{RangeFacts, RangeRequest};
use tokio::time::Instant;

use super::EvmNodes;
use super::failover::is_of_the_node;
use crate::range::{Omission, Reading};

impl EvmNodes {
    pub(super) async fn read_range(
        &self,
        request: &RangeRequest<'_>,
    ) -> Result<RangeFacts, ChainError> {
        let (reader, reading) = self
            .ask_one(
                "read transfers",
                |node| Box::pin(node.read_range_with_doubts(request)),
                |reading| &reading.facts.headers,
            )
            .await?;
        if !reading.doubts.is_empty() {
            self.settle_doubts(reader, request, &reading).await?;
        }
        Ok(reading.facts)
    }

    /// The doubted blocks are asked of the first other node that has them, else of the reader itself.
    /// Whoever omits logs is left alone for a while.
    async fn settle_doubts(
        &self,
        reader: usize,
        request: &RangeRequest<'_>,
        reading: &Reading,
    ) -> Result<(), ChainError> {
        let mut others: Vec<usize> = self.state().usable(Instant::now()).collect();
        others.retain(|node| *node != reader);
        for node in others {
            let settled = self.nodes[node].settle_doubts(request, reading);
            match self.question(node, settled).await {
                Ok(omission) => return self.blame(omission, reader, node),
                Err(error) if is_of_the_node(&error) => self.failed(node, &error),
                Err(_) => {}
            }
        }
        let settled = self.nodes[reader].settle_doubts(request, reading);
        let omission = self.question(reader, settled).await?;
        self.blame(omission, reader, reader)
    }

    fn blame(
        &self,
        omission: Option<Omission>,
        reader: usize,
        asked: usize,
    ) -> Result<(), ChainError> {
        let Some(Omission { is_of_reading, error }) = omission else {
            self.answered(asked);
            return Ok(());
        };
        self.failed(if is_of_reading { reader } else { asked }, &error);
        Err(error)
    }
}
