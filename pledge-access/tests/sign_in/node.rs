//! A chain on which the test decides what accounts have for code, and what contracts answer.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::primitives::{B256, Bytes};
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, Reverted, Timestamp,
};

pub(crate) const CHAIN: ChainId = ChainId::new(56);

/// What the accounts of the chain are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accounts {
    /// Plain keys.
    Keys,
    /// Contracts that accept every signature.
    Accepting,
    /// Contracts that revert.
    Reverting,
    /// The node does not answer.
    Down,
}

#[derive(Debug)]
pub(crate) struct Node {
    accounts: Mutex<(Accounts, usize)>,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self { accounts: Mutex::new((Accounts::Keys, 0)) }
    }

    pub(crate) fn set(&self, accounts: Accounts) {
        self.lock().0 = accounts;
    }

    /// How often it was asked about accounts.
    pub(crate) fn asked(&self) -> usize {
        self.lock().1
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Accounts, usize)> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn down<T>() -> Result<T, ChainError> {
    Err(ChainError::transient("ask the node", "it does not answer"))
}

#[async_trait]
impl ChainSource for Node {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        Ok(CHAIN)
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        let (number, time) = (BlockNumber::new(7), Timestamp::ZERO);
        Ok(BlockRef { number, hash: B256::repeat_byte(7), parent_hash: B256::ZERO, time })
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        down()
    }

    async fn headers(&self, _: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        down()
    }

    async fn logs<'a>(&self, _: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        down()
    }

    async fn calls(&self, calls: &[Call], _: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        let mut state = self.lock();
        state.1 += 1;
        let (accounts, _) = *state;
        if accounts == Accounts::Down {
            return down();
        }
        let mut accepted = [0; 32];
        accepted[..4].copy_from_slice(&[0x16, 0x26, 0xba, 0x7e]);
        let bytes = |bytes: &[u8]| Ok(Bytes::copy_from_slice(bytes));
        let outcome = |call: &Call| match (call, accounts) {
            (Call::Code(_), Accounts::Keys) => bytes(&[]),
            (Call::Code(_), _) => bytes(&[1]),
            (_, Accounts::Accepting) => bytes(&accepted),
            (_, Accounts::Keys) => bytes(&[]),
            (_, _) => Err(Reverted("execution reverted".to_owned())),
        };
        Ok(calls.iter().map(outcome).collect())
    }
}
