//! The scripted chain as a chain source.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes, U256, U512};
use async_trait::async_trait;

use super::ScriptedChain;
use super::scripted_chain::{Block, Script};
use crate::error::ChainError;
use crate::ledger::UnreadableLog;
use crate::ledger::erc20::{self, View, encode_number, encode_text};
use crate::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use crate::types::{
    Amount, BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, Log, Reverted,
    Topics,
};

const CALLS: &str = "call contracts";

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

    /// What a call returns after a canonical block. The script has no native balances, and runs no
    /// code but that of its tokens.
    fn outcome(&self, call: &Call, at: BlockId) -> Result<CallOutcome, ChainError> {
        let (token, view) = match call {
            Call::Balance(_) => return Ok(Ok(encode_number(U256::ZERO))),
            Call::Code(address) => {
                let has_code = self.tokens.contains_key(address);
                let code: &'static [u8] = if has_code { &[0x60] } else { &[] };
                return Ok(Ok(Bytes::from_static(code)));
            }
            Call::Contract { to: None, .. } => return Ok(Err(reverted("the script runs no code"))),
            Call::Contract { to: Some(token), data } => (*token, View::decode(data)),
        };
        // Amounts depend on the state of the block, which a script may prune, and metadata does not:
        // it is the same at every block.
        let metadata = self.tokens.get(&token);
        Ok(match view {
            Some(View::TotalSupply) => Ok(encode_number(self.supply_at(token, at)?.get())),
            Some(View::BalanceOf(account)) => {
                let balance = self.balances_at(token, at)?.remove(&account).unwrap_or_default();
                Ok(encode_number(balance.get()))
            }
            Some(View::Decimals) => Ok(metadata.map_or_else(Bytes::new, |metadata| {
                encode_number(U256::from(metadata.decimals.get()))
            })),
            Some(View::Symbol) => {
                Ok(metadata.map_or_else(Bytes::new, |metadata| encode_text(&metadata.symbol)))
            }
            None if metadata.is_none() => Ok(Bytes::new()),
            None => Err(reverted("the contract has no such function")),
        })
    }

    fn supply_at(&self, token: Address, at: BlockId) -> Result<Amount, ChainError> {
        // Before the claim: a node without state has no supply either.
        let balances = self.balances_at(token, at)?;
        if let Some(claimed) = self.supplies.get(&token) {
            return Ok(*claimed);
        }
        balances
            .values()
            .try_fold(Amount::ZERO, |sum, balance| sum.checked_add(*balance))
            .ok_or_else(|| ChainError::persistent(CALLS, "the script's supply exceeds 2^256-1"))
    }

    /// Balances at a canonical block, summed over every transfer up to it.
    fn balances_at(
        &self,
        token: Address,
        at: BlockId,
    ) -> Result<BTreeMap<Address, Amount>, ChainError> {
        if self.is_pruned {
            let detail = format!("the state of block {at} is pruned");
            return Err(ChainError::persistent(CALLS, detail));
        }
        // Received and sent are summed apart: within a block a balance may be below zero for a
        // while.
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
                balances.insert(address, balance.ok_or_else(impossible)?);
            }
        }
        // The remaining senders never received anything.
        match sent.iter().any(|(address, sent)| !address.is_zero() && !sent.is_zero()) {
            true => Err(impossible()),
            false => Ok(balances),
        }
    }
}

impl Block {
    /// The logs as contracts would write them, those that are no transfers last. One that cannot be
    /// read has neither addresses nor an amount.
    fn logs(&self) -> impl Iterator<Item = Log> {
        let hash = self.header.hash;
        let transfers = self.transfers.iter().map(move |transfer| erc20::encode(transfer, hash));
        let unreadable = self.unreadable.iter().map(move |log| {
            let UnreadableLog { token: address, block, log_index, tx_hash } = *log;
            let topics = Topics::new(&[erc20::TRANSFER_TOPIC]).expect("one is not too many");
            let data = Bytes::new();
            Log { block, block_hash: hash, log_index, tx_hash, address, topics, data }
        });
        transfers.chain(unreadable).chain(self.logs.iter().cloned())
    }
}

fn narrow(balance: U512) -> Option<Amount> {
    U256::checked_from_limbs_slice(balance.as_limbs()).map(Amount::new)
}

fn reverted(detail: &str) -> Reverted {
    Reverted(detail.to_owned())
}

fn impossible() -> ChainError {
    ChainError::persistent(CALLS, "the script overdraws a balance")
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

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        const OPERATION: &str = "read headers";
        let mut script = self.lock();
        script.call(OPERATION)?;
        blocks
            .numbers()
            .map(|number| script.block(OPERATION, number).map(|block| block.header))
            .collect()
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        const OPERATION: &str = "read headers";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let header =
            |number: &BlockNumber| script.block(OPERATION, *number).map(|block| block.header);
        numbers.iter().map(header).collect()
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        const OPERATION: &str = "read a range";
        let mut script = self.lock();
        script.call(OPERATION)?;
        let last = request.to.min(request.from.up(script.range_blocks_max - 1));
        script.block(OPERATION, last)?;
        let mut answer = LogsAnswer::default();
        for number in request.from.get()..=last.get() {
            let number = BlockNumber::new(number);
            let block = script.block(OPERATION, number)?;
            let before = answer.logs.len();
            answer.logs.extend(block.logs().filter(|log| request.selects(log)));
            let is_end = number == request.from || number == last;
            let wanted = is_end || answer.logs.len() > before;
            if wanted || request.detail == HeaderDetail::All {
                answer.headers.push(block.header);
            }
        }
        Ok(answer)
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        let mut script = self.lock();
        script.call(CALLS)?;
        if script.block(CALLS, at.number)?.header.hash != at.hash {
            return Err(ChainError::block_gone(CALLS, format!("block {at} is not canonical")));
        }
        calls.iter().map(|call| script.outcome(call, at)).collect()
    }
}
