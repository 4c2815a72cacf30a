//! The chain as the engine asks for it.

use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ledger::{TokenMetadata, Transfer};
use pledge_core::ports::{ChainSource, RangeFacts, RangeRequest};
use pledge_core::primitives::Address;
use pledge_core::types::{Account, Amount, BlockId, BlockNumber, BlockRef, ChainId};

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

    async fn headers(&self, from: BlockNumber, to: BlockNumber) -> Answer<Vec<BlockRef>> {
        (from.get()..=to.get()).map(|number| self.block(BlockNumber::new(number))).collect()
    }

    async fn range<'a>(&self, request: RangeRequest<'a>) -> Answer<RangeFacts> {
        let headers = self.headers(request.from, request.to).await?;
        let asked = |row: &&Transfer| {
            request.tokens.contains(&row.token) && (request.from..=request.to).contains(&row.block)
        };
        let transfers = self.transfers.iter().filter(asked).cloned().collect();
        Ok(RangeFacts { headers, transfers, unreadable: Vec::new() })
    }

    async fn token_metadata(&self, token: Address) -> Answer<TokenMetadata> {
        let known = (token == TOKEN.address).then(|| self.metadata.clone());
        known.ok_or_else(|| ChainError::persistent("read a token", format!("{token} is no token")))
    }

    async fn balances(&self, token: Address, of: &[Account], at: BlockId) -> Answer<Vec<Amount>> {
        let rows = self.until(token, at)?;
        let held = |account: &Account| {
            let (received, sent) = flows(&rows, account.address());
            received?.checked_sub(sent?)
        };
        of.iter().map(|account| held(account).ok_or_else(impossible)).collect()
    }

    async fn total_supply(&self, token: Address, at: BlockId) -> Answer<Amount> {
        let (burned, minted) = flows(&self.until(token, at)?, Address::ZERO);
        let supply = minted.zip(burned).and_then(|(minted, burned)| minted.checked_sub(burned));
        supply.ok_or_else(impossible)
    }
}

/// All that an address received, and all that it sent; `None` beyond 2^256 - 1.
fn flows(rows: &[&Transfer], who: Address) -> (Option<Amount>, Option<Amount>) {
    let sum = |side: fn(&Transfer) -> Address| {
        let mut amounts = rows.iter().filter(|row| side(row) == who).map(|row| row.amount);
        amounts.try_fold(Amount::ZERO, Amount::checked_add)
    };
    (sum(|row| row.to), sum(|row| row.from))
}

fn impossible() -> ChainError {
    ChainError::persistent("read balances", "more is sent than held, or a sum exceeds 2^256 - 1")
}
