//! A source with scripted lies, honest otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use alloy_primitives::B256;
use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ledger::erc20::{View, encode_number};
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{
    Amount, BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, Timestamp,
};

/// The lies of a source. By default there are none.
#[derive(Debug, Clone, Default)]
pub struct Lies {
    /// The false head.
    pub head: Option<BlockRef>,
    /// Whether the false head is also returned by height, linked to a true block.
    pub shows_head: bool,
    /// The false finalized block.
    pub finalized: Option<BlockRef>,
    /// False block times, by height.
    pub times: BTreeMap<BlockNumber, Timestamp>,
    /// Blocks below this height are gone, as on a node that pruned them.
    pub gone_below: BlockNumber,
    /// Blocks that are gone while those around them are there.
    pub withheld: BTreeSet<BlockNumber>,
    /// A block that is left out of ranges in which it is neither first nor last.
    pub left_out: Option<BlockNumber>,
    /// The next supplies, the last one first; `None` means that the block is gone.
    pub supplies: Vec<Option<Amount>>,
    /// Another chain whose ranges are returned, as by another machine behind the same url.
    pub ranges: Option<ScriptedChain>,
}

/// A scripted chain read through a node that lies. Clones of the chain stay honest.
#[derive(Debug)]
pub struct Liar {
    chain: ScriptedChain,
    lies: Mutex<Lies>,
}

/// A block that no chain has.
pub fn invented(height: u64, time: Timestamp) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(height),
        hash: B256::repeat_byte(0xee),
        parent_hash: B256::repeat_byte(0xed),
        time,
    }
}

impl Liar {
    /// A source that is honest until lies are set.
    pub fn new(chain: &ScriptedChain) -> Self {
        Self { chain: chain.clone(), lies: Mutex::default() }
    }

    /// Sets the lies from now on.
    pub fn tell(&self, lies: Lies) {
        *self.lies() = lies;
    }

    /// Removes all lies.
    pub fn stop(&self) {
        self.tell(Lies::default());
    }

    fn lies(&self) -> MutexGuard<'_, Lies> {
        self.lies.lock().expect("no holder panics")
    }

    fn bend(&self, header: BlockRef) -> BlockRef {
        let time = self.lies().times.get(&header.number).copied();
        BlockRef { time: time.unwrap_or(header.time), ..header }
    }

    fn refuse_gone(&self, from: BlockNumber) -> Result<(), ChainError> {
        if from < self.lies().gone_below {
            return Err(ChainError::block_gone("read blocks", format!("block {from} is null")));
        }
        Ok(())
    }
}

#[async_trait]
impl ChainSource for Liar {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.chain.chain_id().await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        let head = ChainSource::head(&self.chain).await?;
        let claimed = self.lies().head;
        Ok(claimed.unwrap_or_else(|| self.bend(head)))
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        let finalized = self.chain.finalized().await?;
        Ok(self.lies().finalized.or(finalized))
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        let BlockSpan { first: from, last: to } = blocks;
        self.refuse_gone(from)?;
        let Lies { head, shows_head, withheld, .. } = self.lies().clone();
        if let Some(block) = withheld.range(from..=to).next() {
            return Err(ChainError::block_gone("read blocks", format!("block {block} is null")));
        }
        if let Some(head) = head.filter(|head| shows_head && head.number == to) {
            let below = BlockRef {
                number: to.down(1),
                hash: head.parent_hash,
                parent_hash: B256::ZERO,
                ..head
            };
            let shown = [below, head].into_iter().filter(|block| block.number >= from);
            return Ok(shown.collect());
        }
        let headers = self.chain.headers(blocks).await?;
        Ok(headers.into_iter().map(|header| self.bend(header)).collect())
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.refuse_gone(request.from)?;
        let ranges = self.lies().ranges.clone();
        let mut answer = ranges.unwrap_or_else(|| self.chain.clone()).logs(request).await?;
        for header in &mut answer.headers {
            *header = self.bend(*header);
        }
        let ends = [answer.headers.first(), answer.last()].map(|end| end.map(|end| end.number));
        if let Some(block) = self.lies().left_out.filter(|block| !ends.contains(&Some(*block))) {
            answer.headers.retain(|header| header.number != block);
            answer.logs.retain(|log| log.block != block);
        }
        Ok(answer)
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        let is_supply =
            |call: &Call| View::in_call(call).is_some_and(|(_, view)| view == View::TotalSupply);
        let Some(supply) = calls.iter().position(is_supply) else {
            return ChainSource::calls(&self.chain, calls, at).await;
        };
        let next = self.lies().supplies.pop();
        if next == Some(None) {
            return Err(ChainError::block_gone("read a supply", format!("{at} is gone")));
        }
        let mut outcomes = ChainSource::calls(&self.chain, calls, at).await?;
        if let Some(claimed) = next.flatten() {
            outcomes[supply] = Ok(encode_number(claimed.get()));
        }
        Ok(outcomes)
    }
}
