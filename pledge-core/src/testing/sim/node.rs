//! A node that fails, lags, answers in part, and sometimes answers nonsense.

use std::sync::Arc;

use alloy_primitives::Address;
use async_trait::async_trait;

use super::control::Control;
use crate::error::{ChainError, ChainErrorKind};
use crate::ledger::TokenMetadata;
use crate::ports::{ChainSource, HeaderDetail, RangeFacts, RangeRequest};
use crate::simulation::ScriptedChain;
use crate::types::{Account, Amount, BlockId, BlockNumber, BlockRef, ChainId};

/// How far behind a head may lag.
const LAG_BLOCKS_MAX: u64 = 12;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) chain: ScriptedChain,
    pub(super) control: Arc<Control>,
}

impl Node {
    /// The way to the node: a crash point, and perhaps its end.
    async fn call(&self, label: &'static str) -> Result<(), ChainError> {
        self.control.point(label).await;
        let mut state = self.control.lock();
        let often = state.faults.failed_call;
        if !state.dice.chance(often) {
            return Ok(());
        }
        state.counters.failed_calls += 1;
        let kinds = [
            (4, ChainErrorKind::Transient),
            (1, ChainErrorKind::Persistent),
            (3, ChainErrorKind::BlockGone),
        ];
        let kind = state.dice.pick(&kinds);
        state.trace.word("failed");
        Err(ChainError::new(kind, label, "failed by the seed"))
    }

    /// An older block, as a node shows it that is behind the others.
    fn lag(&self, head: BlockRef) -> BlockRef {
        let mut state = self.control.lock();
        let often = state.faults.lagging_head;
        if !state.dice.chance(often) {
            return head;
        }
        state.counters.lagging_heads += 1;
        let blocks = state.dice.between(1, LAG_BLOCKS_MAX);
        self.chain.block(head.number.down(blocks).get()).unwrap_or(head)
    }

    /// What no node may answer, and some do.
    fn breach(&self, facts: &mut RangeFacts, detail: HeaderDetail) {
        let mut state = self.control.lock();
        let often = state.faults.breach;
        if !state.dice.chance(often) {
            return;
        }
        let kind = state.dice.below(5);
        let broken = match kind {
            0 if facts.transfers.len() > 1 => {
                facts.transfers.reverse();
                true
            }
            1 if !facts.transfers.is_empty() => {
                let again = facts.transfers[0].clone();
                facts.transfers.insert(1, again);
                true
            }
            2 if facts.headers.len() > 1 => {
                facts.headers.remove(0);
                true
            }
            3 if facts.headers.len() > 2 && detail == HeaderDetail::All => {
                facts.headers.remove(1);
                true
            }
            4 if facts.headers.len() > 1 && detail == HeaderDetail::All => {
                let other = facts.headers[0].parent_hash;
                facts.headers[1].parent_hash = other;
                true
            }
            _ => false,
        };
        if broken {
            state.counters.breaches += 1;
            state.trace.word("breach");
        }
    }
}

#[async_trait]
impl ChainSource for Node {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.chain.chain_id().await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.call("head").await?;
        let head = self.chain.head().number;
        let shown = ChainSource::head(&self.chain).await?;
        if shown.number < head {
            self.control.lock().counters.lagging_heads += 1;
        }
        Ok(self.lag(shown))
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.call("finalized").await?;
        self.chain.finalized().await
    }

    async fn headers(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<BlockRef>, ChainError> {
        self.call("read headers").await?;
        self.chain.headers(from, to).await
    }

    async fn range<'a>(&self, request: RangeRequest<'a>) -> Result<RangeFacts, ChainError> {
        self.call("range").await?;
        let mut asked = request;
        {
            let mut state = self.control.lock();
            let often = state.faults.short_range;
            let blocks = request.to.above(request.from).unwrap_or_default();
            if blocks > 0 && state.dice.chance(often) {
                state.counters.short_ranges += 1;
                asked.to = request.from.up(state.dice.below(blocks));
            }
        }
        let mut facts = self.chain.range(asked).await?;
        self.breach(&mut facts, request.detail);
        Ok(facts)
    }

    async fn token_metadata(&self, token: Address) -> Result<TokenMetadata, ChainError> {
        self.chain.token_metadata(token).await
    }

    async fn balances(
        &self,
        token: Address,
        accounts: &[Account],
        at: BlockId,
    ) -> Result<Vec<Amount>, ChainError> {
        self.chain.balances(token, accounts, at).await
    }

    async fn total_supply(&self, token: Address, at: BlockId) -> Result<Amount, ChainError> {
        self.call("read a supply").await?;
        self.control.lock().counters.supplies += 1;
        self.chain.total_supply(token, at).await
    }
}
