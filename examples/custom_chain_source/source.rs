//! The chain as the engine asks for it.

use async_trait::async_trait;
use pledge_core::ledger::erc20;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId};

use super::csv_chain::{Answer, CsvChain, TOKEN};

#[async_trait]
impl ChainSource for CsvChain {
    async fn chain_id(&self) -> Answer<ChainId> {
        Ok(TOKEN.chain)
    }

    async fn head(&self) -> Answer<BlockRef> {
        self.block(BlockNumber::new(self.transfers.len() as u64))
    }

    async fn finalized(&self) -> Answer<Option<BlockRef>> {
        self.head().await.map(Some)
    }

    async fn headers(&self, blocks: BlockSpan) -> Answer<Vec<BlockRef>> {
        blocks.numbers().map(|number| self.block(number)).collect()
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Answer<LogsAnswer> {
        let headers = self.headers(BlockSpan::new(request.from, request.to)).await?;
        let mut logs = Vec::new();
        for row in &self.transfers {
            if (request.from..=request.to).contains(&row.block) {
                logs.push(erc20::encode(row, self.block(row.block)?.hash));
            }
        }
        logs.retain(|log| request.selects(log));
        Ok(LogsAnswer { headers, logs })
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Answer<Vec<CallOutcome>> {
        let rows = self.until(at)?;
        calls.iter().map(|call| self.outcome(call, &rows)).collect()
    }
}
