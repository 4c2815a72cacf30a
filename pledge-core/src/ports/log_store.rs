//! Where the confirmed logs of contracts are kept.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{NewBlocks, Seen};
use crate::error::StoreError;
use crate::logs::{ConfirmedLog, ContractSpec, ContractState};
use crate::types::{BlockNumber, ChainId, ContractId, LogIndex};

/// Blocks to add to the logs of one or more contracts at the same cursor.
#[derive(Debug, Clone)]
pub struct LogsCommit {
    /// The blocks, on the chain of every contract.
    pub blocks: NewBlocks,
    /// One entry per contract.
    pub contracts: Vec<ContractCommit>,
}

/// The logs of one contract in the blocks.
#[derive(Debug, Clone)]
pub struct ContractCommit {
    /// On the chain of the commit.
    pub contract: ContractId,
    /// All its logs in the blocks, in chain order.
    pub logs: Vec<ConfirmedLog>,
}

/// In which order logs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrder {
    /// As the chain has them.
    OldestFirst,
    /// From the newest on.
    NewestFirst,
}

/// A page of one contract's logs.
#[derive(Debug, Clone)]
pub struct ContractLogsQuery {
    /// The contract whose logs are listed.
    pub contract: ContractId,
    /// In which order.
    pub order: LogOrder,
    /// Continues after this position in the order; `None` starts at its beginning.
    pub after: Option<(BlockNumber, LogIndex)>,
    /// The maximum number of logs.
    pub limit: usize,
}

/// Reads the logs of contracts up to their cursors.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait LogReads: Debug + Send + Sync + 'static {
    /// Every followed contract of a chain, ascending by name.
    async fn contracts(&self, chain: ChainId) -> Result<Vec<ContractState>, StoreError>;

    /// One contract; `None` if unknown.
    async fn contract(&self, contract: &ContractId) -> Result<Option<ContractState>, StoreError>;

    /// A page of a contract's logs. `Invalid` if the contract is unknown.
    async fn contract_logs(
        &self,
        query: &ContractLogsQuery,
    ) -> Result<Seen<Vec<ConfirmedLog>>, StoreError>;
}

/// The logs of contracts: one cursor per contract, and everything up to it. Part of the database
/// that keeps the ledger: [`LedgerWrites::rewind`](super::LedgerWrites::rewind) takes both back in
/// one write, and both hold the headers of their blocks together.
///
/// # Contract
/// - A write happens whole or not at all, and is durable once it returns `Ok`.
/// - A write names the block it builds on. If a contract is at another block, it returns `Conflict`
///   and writes nothing.
/// - A message that contradicts itself (`check`) is `Invalid`, and nothing is written.
/// - The reads of one call see one snapshot and return its cursor and epoch.
/// - A log that is kept changes or goes only by a rewind, which bumps the epoch: pages with equal
///   epochs fit together.
/// - Contracts, also of one address, are independent of each other and of the tokens.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait LogStore: LogReads {
    /// Registers a contract. The same spec again returns the contract's current state; another spec
    /// under the same name is `Invalid`, as is a contract of an unknown chain.
    async fn register_contract(&self, spec: &ContractSpec) -> Result<ContractState, StoreError>;

    /// Adds blocks: logs and their number, headers and cursors, in one write.
    ///
    /// `Conflict` if the chain is paused or halted, a contract is not at the base, a held header
    /// contradicts one of these, or the block that confirms them is not held any more
    /// ([`NewBlocks::check_held`]).
    async fn commit_logs(&self, commit: &LogsCommit) -> Result<(), StoreError>;
}
