//! Writes messages of contracts' logs by hand, for the laws of their port.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use pledge_core::error::StoreError;
use pledge_core::event::{ReorgRecord, RewindCause, SequencedEvent};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState, Events};
use pledge_core::ports::{
    ChainState, ContractCommit, ContractLogsQuery, LogOrder, LogStore, LogsCommit, NewBlocks,
    Rewind, Seen,
};
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, ChainId, ContractId, Log, LogIndex, Topics,
};

use super::ledger::Ledger;
use crate::Fixture;
use crate::digest::{Digest, digest};
use crate::world::{CHAIN, token};

/// Where the contracts of the laws are.
pub const VAULT: Address = Address::repeat_byte(0x80);

/// A contract of the chain, by name.
pub fn named(name: &str) -> ContractId {
    ContractId::new(CHAIN, name).expect("a name of a test")
}

/// Every log of [`VAULT`] from block 1 on.
pub fn vault(name: &str) -> ContractSpec {
    ContractSpec {
        id: named(name),
        address: VAULT,
        events: Events::all(),
        start_block: BlockNumber::new(1),
    }
}

/// The first topic of the event with a number.
pub fn event(number: u8) -> B256 {
    B256::repeat_byte(number)
}

/// A log of [`VAULT`] with one topic.
pub fn log(block: &BlockRef, index: u64, topic0: B256) -> ConfirmedLog {
    log_with(block, index, &[topic0], &index.to_be_bytes())
}

/// A log of [`VAULT`].
pub fn log_with(block: &BlockRef, index: u64, topics: &[B256], data: &[u8]) -> ConfirmedLog {
    let log = Log {
        block: block.number,
        block_hash: block.hash,
        log_index: LogIndex::new(index),
        tx_hash: B256::left_padding_from(
            &[block.number.get().to_be_bytes(), index.to_be_bytes()].concat(),
        ),
        address: VAULT,
        topics: Topics::new(topics).expect("at most four"),
        data: Bytes::copy_from_slice(data),
    };
    ConfirmedLog { log, time: block.time }
}

/// A ledger, and contracts over the same chain.
#[derive(Debug, Clone)]
pub struct Contracts {
    pub ledger: Ledger,
}

/// All that a store holds of the chain and its token, and what was reported of every chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Everything {
    pub chains: Vec<ChainState>,
    pub ledger: Digest,
    pub headers: Vec<BlockRef>,
    pub events: Vec<SequencedEvent>,
    /// With the logs of each.
    pub contracts: Vec<(ContractState, Vec<ConfirmedLog>)>,
}

impl Everything {
    pub async fn of(fixture: &Fixture) -> Self {
        let Fixture { balances, points, logs, .. } = fixture;
        let mut contracts = Vec::new();
        for state in logs.contracts(CHAIN).await.expect("read") {
            let (contract, order) = (state.spec.id.clone(), LogOrder::OldestFirst);
            let query = ContractLogsQuery { contract, order, after: None, limit: usize::MAX };
            contracts.push((state, logs.contract_logs(&query).await.expect("read").value));
        }
        let all = BlockNumber::new(u64::MAX);
        Self {
            chains: balances.chains().await.expect("read"),
            ledger: digest(balances, points, token()).await.expect("read"),
            headers: balances.headers(CHAIN, all, usize::MAX).await.expect("read"),
            events: fixture.all_events().await.expect("read"),
            contracts,
        }
    }
}

impl Contracts {
    /// A registered token and contracts, and nothing committed.
    pub async fn open(fixture: Fixture, specs: &[ContractSpec]) -> Self {
        let contracts = Self { ledger: Ledger::open(fixture).await };
        contracts.register(specs).await;
        contracts
    }

    /// A ledger of five blocks, and contracts without a commit.
    pub async fn behind_blocks(fixture: Fixture, specs: &[ContractSpec]) -> Self {
        let contracts = Self { ledger: Ledger::with_blocks(fixture).await };
        contracts.register(specs).await;
        contracts
    }

    /// A ledger and a contract `vault` that are both at block 5.
    pub async fn with_logs(fixture: Fixture) -> Self {
        let contracts = Self { ledger: Ledger::with_blocks(fixture).await };
        contracts.follow("vault").await;
        contracts
    }

    /// Brings a new contract to the head, block by block. Each block has as many logs as its height.
    pub async fn follow(&self, name: &str) {
        self.register(&[vault(name)]).await;
        for height in 1..=self.ledger.chain.head().number.get() {
            let message = self.message(&[(name, self.some_of(height))], height).await;
            self.store().commit_logs(&message).await.expect("a commit on the cursor");
        }
    }

    async fn register(&self, specs: &[ContractSpec]) {
        for spec in specs {
            self.store().register_contract(spec).await.expect("register a contract");
        }
    }

    pub fn store(&self) -> &Arc<dyn LogStore> {
        &self.ledger.fixture.logs
    }

    pub fn block(&self, height: u64) -> BlockRef {
        self.ledger.chain.block(height).expect("the block was mined")
    }

    /// As many logs of a block as its height.
    pub fn some_of(&self, height: u64) -> Vec<ConfirmedLog> {
        (0..height).map(|index| log(&self.block(height), index, event(1))).collect()
    }

    /// The message that brings contracts from the cursor of the first to a height.
    pub async fn message(&self, parts: &[(&str, Vec<ConfirmedLog>)], height: u64) -> LogsCommit {
        let state = self.state(parts[0].0).await;
        let first = state.next_block().get();
        LogsCommit {
            blocks: NewBlocks {
                chain: CHAIN,
                base: state.cursor.map(|cursor| cursor.id()),
                confirmed_by: None,
                first: self.block(first),
                tip: self.block(height),
                headers: (first..=height).map(|height| self.block(height)).collect(),
                retain_from: BlockNumber::new(0),
            },
            contracts: parts
                .iter()
                .map(|(name, logs)| ContractCommit { contract: named(name), logs: logs.clone() })
                .collect(),
        }
    }

    pub async fn state(&self, name: &str) -> ContractState {
        self.store().contract(&named(name)).await.expect("read").expect("registered")
    }

    pub async fn cursor(&self, name: &str) -> BlockId {
        self.state(name).await.cursor.expect("committed").id()
    }

    /// Every log of a contract, in one page.
    pub async fn logs(&self, name: &str) -> Vec<ConfirmedLog> {
        self.page(name, LogOrder::OldestFirst, None, usize::MAX).await.value
    }

    pub async fn page(
        &self,
        name: &str,
        order: LogOrder,
        after: Option<(BlockNumber, LogIndex)>,
        limit: usize,
    ) -> Seen<Vec<ConfirmedLog>> {
        let query = ContractLogsQuery { contract: named(name), order, after, limit };
        self.store().contract_logs(&query).await.expect("read")
    }

    /// The held headers of the chain, from the newest on.
    pub async fn headers(&self) -> Vec<BlockRef> {
        let all = BlockNumber::new(u64::MAX);
        self.ledger.store().headers(CHAIN, all, usize::MAX).await.expect("read")
    }

    /// All that the store holds.
    pub async fn everything(&self) -> Everything {
        Everything::of(&self.ledger.fixture).await
    }

    /// Takes the token and contracts back from their cursors.
    pub async fn rewind(&self, names: &[&str], to: BlockRef) -> Result<ReorgRecord, StoreError> {
        let rewind = self.rewind_of(names, to).await;
        self.ledger.store().rewind(&rewind).await
    }

    /// The message of that.
    pub async fn rewind_of(&self, names: &[&str], to: BlockRef) -> Rewind {
        let mut contracts = Vec::new();
        for name in names {
            contracts.push((named(name), self.cursor(name).await));
        }
        let tokens = self.ledger.cursor().await.filter(|cursor| cursor.number > to.number);
        let tokens = tokens.into_iter().map(|cursor| (token(), cursor.id())).collect();
        Rewind { chain: CHAIN, to, tokens, contracts, cause: RewindCause::Reorg }
    }
}

/// A chain that no store knows.
pub const ELSEWHERE: ChainId = ChainId::new(84_532);
