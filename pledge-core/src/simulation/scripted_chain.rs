//! Blocks, as the script defines them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use alloy_primitives::{Address, B256, Bytes, keccak256};

use crate::error::ChainErrorKind;
use crate::ledger::{TokenMetadata, Transfer, UnreadableLog};
use crate::types::{
    Amount, BlockNumber, BlockRef, ChainId, Log, LogIndex, OutOfRange, Timestamp, Topics,
};

/// A transfer to mine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptedTransfer {
    /// The token contract that emits it.
    pub token: Address,
    /// Sender; zero mints.
    pub from: Address,
    /// Receiver; zero burns.
    pub to: Address,
    /// In base units of the token.
    pub amount: Amount,
}

/// A log to mine that is no transfer: no balance follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptedLog {
    /// The contract that emits it.
    pub address: Address,
    /// The hash of the event's signature first, then the indexed parameters.
    pub topics: Topics,
    /// The parameters that are not indexed.
    pub data: Bytes,
}

/// What a block consists of, in the order of its logs.
#[derive(Debug, Clone, Copy, Default)]
struct Content<'a> {
    transfers: &'a [ScriptedTransfer],
    unreadable: &'a [Address],
    logs: &'a [ScriptedLog],
}

/// A scripted chain. Clones are handles to the same chain, so one can mine while another is read.
#[derive(Debug, Clone)]
pub struct ScriptedChain {
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) chain: ChainId,
    pub(super) tokens: BTreeMap<Address, TokenMetadata>,
    pub(super) blocks: Vec<Block>,
    /// Makes the blocks after a fork differ from those before.
    branch: u64,
    pub(super) finalized: Option<BlockNumber>,
    /// The head that is shown, if it lags behind the newest block.
    pub(super) shown_head: Option<BlockNumber>,
    /// The most blocks that one answer for a range has.
    pub(super) range_blocks_max: u64,
    pub(super) failures: Vec<ChainErrorKind>,
    pub(super) calls: u64,
    /// Supplies that contracts claim, whatever their transfers sum to.
    pub(super) supplies: BTreeMap<Address, Amount>,
    /// Whether the node has dropped the state of its blocks.
    pub(super) is_pruned: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) header: BlockRef,
    pub(super) transfers: Vec<Transfer>,
    pub(super) unreadable: Vec<UnreadableLog>,
    pub(super) logs: Vec<Log>,
}

/// The blocks of a branch, genesis first, for a return to it.
#[derive(Debug, Clone)]
pub struct Branch(Vec<Block>);

impl ScriptedChain {
    /// A chain with a genesis block of the given time.
    pub fn new(chain: ChainId, genesis: Timestamp) -> Self {
        let mut script = Script {
            chain,
            tokens: BTreeMap::new(),
            blocks: Vec::new(),
            branch: 0,
            finalized: None,
            shown_head: None,
            range_blocks_max: u64::MAX,
            failures: Vec::new(),
            calls: 0,
            supplies: BTreeMap::new(),
            is_pruned: false,
        };
        script.push(genesis, Content::default());
        Self { script: Arc::new(Mutex::new(script)) }
    }

    /// Adds a token's contract.
    #[must_use]
    pub fn with_token(self, token: Address, metadata: TokenMetadata) -> Self {
        self.lock().tokens.insert(token, metadata);
        self
    }

    /// Adds empty blocks up to a height, `interval` seconds apart.
    pub fn with_height(self, height: u64, interval: u64) -> Result<Self, OutOfRange> {
        while self.head().number.get() < height {
            self.mine(Timestamp::new(self.head().time.get() + interval)?, &[]);
        }
        Ok(self)
    }

    /// Mines a block. Its time is not checked: a script may go back in time.
    pub fn mine(&self, time: Timestamp, transfers: &[ScriptedTransfer]) -> BlockRef {
        self.lock().push(time, Content { transfers, ..Content::default() })
    }

    /// Mines a block in which, after the transfers, each of some contracts emits a log that looks
    /// like a transfer but cannot be read.
    pub fn mine_unreadable(
        &self,
        time: Timestamp,
        transfers: &[ScriptedTransfer],
        contracts: &[Address],
    ) -> BlockRef {
        let content = Content { transfers, unreadable: contracts, ..Content::default() };
        self.lock().push(time, content)
    }

    /// Mines a block whose logs are no transfers.
    pub fn mine_logs(&self, time: Timestamp, logs: &[ScriptedLog]) -> BlockRef {
        self.lock().push(time, Content { logs, ..Content::default() })
    }

    /// Drops every block above a height. Blocks mined afterwards differ from those dropped, even
    /// with the same content. Genesis stays.
    pub fn fork_at(&self, height: u64) {
        let mut script = self.lock();
        let keep = usize::try_from(height).unwrap_or(usize::MAX).saturating_add(1);
        script.blocks.truncate(keep.max(1));
        script.branch += 1;
    }

    /// An independent chain that has the same blocks and tokens now.
    #[must_use]
    pub fn copy(&self) -> Self {
        let script = self.lock().clone();
        Self { script: Arc::new(Mutex::new(script)) }
    }

    /// The canonical branch as it is now.
    pub fn branch(&self) -> Branch {
        Branch(self.lock().blocks.clone())
    }

    /// Makes a branch canonical again, with exactly its old blocks.
    pub fn return_to(&self, branch: &Branch) {
        self.lock().blocks.clone_from(&branch.0);
    }

    /// The branch's newest block, whatever head is shown.
    pub fn head(&self) -> BlockRef {
        self.lock().newest()
    }

    /// The canonical block at a height.
    pub fn block(&self, height: u64) -> Option<BlockRef> {
        let at = usize::try_from(height).ok()?;
        self.lock().blocks.get(at).map(|block| block.header)
    }

    /// The transfers of the canonical block at a height.
    pub fn transfers_of(&self, height: u64) -> Vec<Transfer> {
        let at = usize::try_from(height).unwrap_or(usize::MAX);
        self.lock().blocks.get(at).map(|block| block.transfers.clone()).unwrap_or_default()
    }

    /// The logs of the canonical block at a height that look like transfers but cannot be read.
    pub fn unreadable_of(&self, height: u64) -> Vec<UnreadableLog> {
        let at = usize::try_from(height).unwrap_or(usize::MAX);
        self.lock().blocks.get(at).map(|block| block.unreadable.clone()).unwrap_or_default()
    }

    /// Every canonical log that looks like a transfer but cannot be read, in order.
    pub fn unreadable_logs(&self) -> Vec<UnreadableLog> {
        let script = self.lock();
        script.blocks.iter().flat_map(|block| &block.unreadable).copied().collect()
    }

    /// Every canonical transfer with its block's header, in order.
    pub fn transfers(&self) -> Vec<(BlockRef, Transfer)> {
        let script = self.lock();
        let of_block = |block: &Block| {
            let header = block.header;
            block.transfers.iter().map(move |transfer| (header, transfer.clone())).collect()
        };
        script.blocks.iter().flat_map::<Vec<_>, _>(of_block).collect()
    }

    /// Loses the transfers of a block but keeps its hash, like a node that answers before it has
    /// indexed the block's logs.
    pub fn lose_transfers_of(&self, height: u64) {
        let at = usize::try_from(height).unwrap_or(usize::MAX);
        if let Some(block) = self.lock().blocks.get_mut(at) {
            block.transfers.clear();
        }
    }

    /// Sets the block under the `finalized` tag.
    pub fn set_finalized(&self, height: Option<u64>) {
        self.lock().finalized = height.map(BlockNumber::new);
    }

    /// Shows an older head, like a node that lags; `None` shows the newest again.
    pub fn show_head(&self, height: Option<u64>) {
        self.lock().shown_head = height.map(BlockNumber::new);
    }

    /// Limits each answer for a range to this many blocks.
    pub fn answer_at_most(&self, blocks: u64) {
        self.lock().range_blocks_max = blocks.max(1);
    }

    /// Makes the next `calls` calls fail.
    pub fn fail_next(&self, calls: usize, kind: ChainErrorKind) {
        self.lock().failures.extend(std::iter::repeat_n(kind, calls));
    }

    /// Makes a contract claim another supply than its transfers sum to, like one that mints or
    /// burns without a log; `None` undoes it.
    pub fn claim_supply(&self, token: Address, supply: Option<Amount>) {
        let supplies = &mut self.lock().supplies;
        match supply {
            Some(supply) => supplies.insert(token, supply),
            None => supplies.remove(&token),
        };
    }

    /// Drops the state of all blocks, like a node that keeps none: balances and supplies have no
    /// answer.
    pub fn prune_state(&self, is_pruned: bool) {
        self.lock().is_pruned = is_pruned;
    }

    /// The number of calls so far.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no holder panics")
    }
}

impl Script {
    pub(super) fn newest(&self) -> BlockRef {
        self.blocks.last().expect("genesis is never dropped").header
    }

    fn push(&mut self, time: Timestamp, content: Content<'_>) -> BlockRef {
        // The hash covers the branch and the parent: a block mined again after a fork differs even
        // if its content is the same.
        let Content { transfers, unreadable, logs } = content;
        let parent = self.blocks.last().map(|block| block.header);
        let block = parent.map_or(BlockNumber::new(0), |parent| parent.number.next());
        let parent_hash = parent.map(|parent| parent.hash).unwrap_or_default();
        let hash = self.hash((block, parent_hash, time), content);
        let mut places = (0_u64..).map(|index| (LogIndex::new(index), tx_hash(hash, index)));
        let transfers = transfers.iter().zip(&mut places);
        let transfers = transfers.map(|(transfer, (log_index, tx_hash))| Transfer {
            token: transfer.token,
            block,
            log_index,
            tx_hash,
            from: transfer.from,
            to: transfer.to,
            amount: transfer.amount,
        });
        let transfers = transfers.collect();
        let unreadable = unreadable.iter().zip(&mut places);
        let unreadable = unreadable.map(|(token, (log_index, tx_hash))| UnreadableLog {
            token: *token,
            block,
            log_index,
            tx_hash,
        });
        let unreadable = unreadable.collect();
        let logs = logs.iter().zip(places).map(|(log, (log_index, tx_hash))| {
            let ScriptedLog { address, topics, data } = log.clone();
            Log { block, block_hash: hash, log_index, tx_hash, address, topics, data }
        });
        let header = BlockRef { number: block, hash, parent_hash, time };
        self.blocks.push(Block { header, transfers, unreadable, logs: logs.collect() });
        header
    }

    fn hash(
        &self,
        (number, parent_hash, time): (BlockNumber, B256, Timestamp),
        Content { transfers, unreadable, logs }: Content<'_>,
    ) -> B256 {
        // Hashed in one piece: a hasher is compiled where it is used, without optimization in tests, and took
        // nearly half of the simulation's instructions.
        let mut bytes = Vec::new();
        for part in [self.chain.get(), self.branch, number.get(), time.get()] {
            bytes.extend_from_slice(&part.to_be_bytes());
        }
        bytes.extend_from_slice(parent_hash.as_slice());
        for transfer in transfers {
            for address in [transfer.token, transfer.from, transfer.to] {
                bytes.extend_from_slice(address.as_slice());
            }
            bytes.extend_from_slice(&transfer.amount.to_be_bytes());
        }
        unreadable.iter().for_each(|contract| bytes.extend_from_slice(contract.as_slice()));
        for log in logs {
            bytes.extend_from_slice(log.address.as_slice());
            for topic in log.topics.as_slice() {
                bytes.extend_from_slice(topic.as_slice());
            }
            bytes.extend_from_slice(&log.data);
        }
        keccak256(bytes)
    }
}

fn tx_hash(block: B256, index: u64) -> B256 {
    keccak256([&block[..], &index.to_be_bytes()].concat())
}
