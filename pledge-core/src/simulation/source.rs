//! The scripted chain as a chain source.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, U512};
use async_trait::async_trait;

use super::ScriptedChain;
use super::scripted_chain::{Block, Script};
use crate::error::{ChainError, ChainErrorKind};
use crate::ledger::TokenMetadata;
use crate::ports::{ChainSource, HeaderDetail, RangeFacts, RangeRequest};
use crate::types::{Account, Amount, BlockId, BlockNumber, BlockRef, ChainId};

impl Script {
    /// Counts the call, and fails it if the script has a failure queued.
    fn call(&mut self, operation: &'static str) -> Result<(), ChainError> {
        self.calls += 1;
        match self.failures.pop() {
            Some(kind) => Err(ChainError::new(kind, operation, "failed by script")),
            None => Ok(()),
        }
    }

    /// The blocks up to the shown head.
    fn visible(&self) -> &[Block] {
        let height = self.shown_head.map_or(u64::MAX, BlockNumber::get);
        let count = usize::try_from(height).unwrap_or(usize::MAX).saturating_add(1);
        &self.blocks[..count.min(self.blocks.len())]
    }

    fn block(&self, operation: &'static str, number: BlockNumber) -> Result<&Block, ChainError> {
        let at = usize::try_from(number.get()).unwrap_or(usize::MAX);
        let gone = || ChainError::block_gone(operation, format!("there is no block {number}"));
        self.visible().get(at).ok_or_else(gone)
    }

    /// Balances at a block, summed over every transfer up to it.
    fn balances_at(
        &self,
        operation: &'static str,
        token: Address,
        at: BlockId,
    ) -> Result<BTreeMap<Address, Amount>, ChainError> {
        if self.block(operation, at.number)?.header.hash != at.hash {
            return Err(ChainError::block_gone(operation, format!("block {at} is not canonical")));
        }
        if self.is_pruned {
            let detail = format!("the state of block {at} is pruned");
            return Err(ChainError::persistent(operation, detail));
        }
        let wide = |amount: Amount| U512::from(amount.get());
        let (mut received, mut sent) = (BTreeMap::<_, U512>::new(), BTreeMap::<_, U512>::new());
        let blocks = self.blocks.iter().filter(|block| block.header.number <= at.number);
        for transfer in blocks.flat_map(|block| &block.transfers).filter(|t| t.token == token) {
            *received.entry(transfer.to).or_default() += wide(transfer.amount);
            *sent.entry(transfer.from).or_default() += wide(transfer.amount);
        }
        let mut balances = BTreeMap::new();
        for (address, received) in received {
            let sent = sent.remove(&address).unwrap_or_default();
            let balance = received.checked_sub(sent).and_then(narrow);
            if !address.is_zero() {
                balances.insert(address, balance.ok_or_else(|| impossible(operation))?);
            }
        }
        // The remaining senders never received anything.
        match sent.iter().any(|(address, sent)| !address.is_zero() && !sent.is_zero()) {
            true => Err(impossible(operation)),
            false => Ok(balances),
        }
    }
}

fn narrow(balance: U512) -> Option<Amount> {
    U256::checked_from_limbs_slice(balance.as_limbs()).map(Amount::new)
}

fn impossible(operation: &'static str) -> ChainError {
    ChainError::persistent(operation, "the script overdraws a balance")
}

#[async_trait]
impl ChainSource for ScriptedChain {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        let mut script = self.lock();
        script.call("read the chain id")?;
        Ok(script.chain)
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        let mut script = self.lock();
        script.call("read the head")?;
        Ok(script.visible().last().expect("genesis is always visible").header)
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        const OPERATION: &str = "read the finalized block";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let number = script.finalized;
        number.map(|number| script.block(OPERATION, number).map(|block| block.header)).transpose()
    }

    async fn headers(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<BlockRef>, ChainError> {
        const OPERATION: &str = "read headers";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let numbers = (from.get()..=to.get()).map(BlockNumber::new);
        numbers.map(|number| script.block(OPERATION, number).map(|block| block.header)).collect()
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        const OPERATION: &str = "read headers";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let header =
            |number: &BlockNumber| script.block(OPERATION, *number).map(|block| block.header);
        numbers.iter().map(header).collect()
    }

    async fn range<'a>(&self, request: RangeRequest<'a>) -> Result<RangeFacts, ChainError> {
        const OPERATION: &str = "read a range";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let last = request.to.min(request.from.up(script.range_blocks_max - 1));
        script.block(OPERATION, last)?;
        let mut facts = RangeFacts::default();
        for number in request.from.get()..=last.get() {
            let number = BlockNumber::new(number);
            let block = script.block(OPERATION, number)?;
            let count = |facts: &RangeFacts| facts.transfers.len() + facts.unreadable.len();
            let before = count(&facts);
            let asked = block.transfers.iter().filter(|t| request.tokens.contains(&t.token));
            facts.transfers.extend(asked.cloned());
            let asked = block.unreadable.iter().filter(|log| request.tokens.contains(&log.token));
            facts.unreadable.extend(asked.copied());
            let is_end = number == request.from || number == last;
            let wanted = is_end || count(&facts) > before;
            if wanted || request.detail == HeaderDetail::All {
                facts.headers.push(block.header);
            }
        }
        Ok(facts)
    }

    async fn token_metadata(&self, token: Address) -> Result<TokenMetadata, ChainError> {
        const OPERATION: &str = "read a token";
        let mut script = self.lock();
        script.call(OPERATION)?;
        script.tokens.get(&token).cloned().ok_or_else(|| {
            let detail = format!("there is no contract code at {token}");
            ChainError::new(ChainErrorKind::Persistent, OPERATION, detail)
        })
    }

    async fn balances(
        &self,
        token: Address,
        accounts: &[Account],
        at: BlockId,
    ) -> Result<Vec<Amount>, ChainError> {
        const OPERATION: &str = "read balances";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let balances = script.balances_at(OPERATION, token, at)?;
        let of = |account: &Account| balances.get(&account.address()).copied().unwrap_or_default();
        Ok(accounts.iter().map(of).collect())
    }

    async fn total_supply(&self, token: Address, at: BlockId) -> Result<Amount, ChainError> {
        const OPERATION: &str = "read the supply";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let balances = script.balances_at(OPERATION, token, at)?;
        if let Some(claimed) = script.supplies.get(&token) {
            return Ok(*claimed);
        }
        balances
            .values()
            .try_fold(Amount::ZERO, |sum, balance| sum.checked_add(*balance))
            .ok_or_else(|| ChainError::persistent(OPERATION, "the script's supply exceeds 2^256-1"))
    }
}
