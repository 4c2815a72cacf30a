//! The chain behind the node: blocks that can be mined, replaced and brought back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use alloy::primitives::{Address, B256, Bytes, Log, LogData, U256, keccak256};

use super::block::{Block, Transaction};

/// The default number of logs in a transaction.
const LOGS_A_TRANSACTION: usize = 2;

/// A chain with real headers. Clones are handles on the same chain.
#[derive(Debug, Clone)]
pub struct HostileChain {
    state: Arc<Mutex<View>>,
}

/// The blocks of one branch, genesis first.
pub type Branch = Arc<Vec<Arc<Block>>>;

/// One node's view of a chain at one moment.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) id: u64,
    pub(super) blocks: Branch,
    /// The number of newest blocks that it does not have yet.
    pub(super) behind: u64,
    pub(super) finalized: Option<u64>,
    pub(super) tokens: BTreeMap<Address, Token>,
    /// The number of blocks and transactions made so far.
    made: u64,
}

/// A contract's own metadata.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) symbol: String,
    pub(super) decimals: u8,
    /// The first block with its code.
    pub(super) since: u64,
}

impl HostileChain {
    /// A chain of a genesis block without transactions.
    pub fn new(id: u64, genesis_time: u64) -> Self {
        let view = View {
            id,
            blocks: Arc::new(vec![Arc::new(Block::new(None, genesis_time, 0, vec![]))]),
            behind: 0,
            finalized: None,
            tokens: BTreeMap::new(),
            made: 0,
        };
        Self { state: Arc::new(Mutex::new(view)) }
    }

    /// Deploys a token in genesis, or changes its metadata.
    pub fn deploy(&self, token: Address, symbol: &str, decimals: u8) {
        self.deploy_at(token, symbol, decimals, 0);
    }

    /// Deploys a token in a block.
    pub fn deploy_at(&self, token: Address, symbol: &str, decimals: u8, since: u64) {
        let symbol = symbol.to_owned();
        self.view_mut().tokens.insert(token, Token { symbol, decimals, since });
    }

    /// Mines a block with these logs, spread over transactions.
    pub fn mine(&self, time: u64, logs: &[Log]) -> Arc<Block> {
        let mut transactions = Vec::new();
        if !logs.is_empty() {
            transactions.push(self.transaction(vec![]));
        }
        for logs in logs.chunks(LOGS_A_TRANSACTION) {
            transactions.push(self.transaction(logs.to_vec()));
        }
        self.include(time, transactions)
    }

    /// A transaction that is in no block yet.
    pub fn transaction(&self, logs: Vec<Log>) -> Transaction {
        let mut view = self.view_mut();
        view.made += 1;
        Transaction { hash: keccak256(view.made.to_be_bytes()), logs }
    }

    /// Mines a block of these transactions. No block is ever mined twice, whatever is in it.
    pub fn include(&self, time: u64, transactions: Vec<Transaction>) -> Arc<Block> {
        let mut view = self.view_mut();
        view.made += 1;
        let block = Block::new(view.blocks.last().map(Arc::as_ref), time, view.made, transactions);
        let block = Arc::new(block);
        Arc::make_mut(&mut view.blocks).push(block.clone());
        block
    }

    /// Drops every block above a height: the head goes down, and the next block begins a fork.
    pub fn roll_back_to(&self, height: u64) {
        let keep = usize::try_from(height).expect("a height that was mined") + 1;
        Arc::make_mut(&mut self.view_mut().blocks).truncate(keep);
    }

    /// The canonical branch as it is now.
    pub fn branch(&self) -> Branch {
        self.view().blocks
    }

    /// Makes a branch canonical again.
    pub fn return_to(&self, branch: &Branch) {
        self.view_mut().blocks = branch.clone();
    }

    /// The newest block.
    pub fn head(&self) -> Arc<Block> {
        self.view().blocks.last().expect("genesis is never dropped").clone()
    }

    /// The canonical block at a height. Panics if there is none.
    pub fn block(&self, height: u64) -> Arc<Block> {
        self.view().block(height).expect("a block of the chain").clone()
    }

    /// Sets the height of the `finalized` block, which need not exist. With `None` the node answers
    /// null.
    pub fn finalize(&self, height: Option<u64>) {
        self.view_mut().finalized = height;
    }

    pub(super) fn view(&self) -> View {
        self.view_mut().clone()
    }

    fn view_mut(&self) -> MutexGuard<'_, View> {
        self.state.lock().expect("no holder panics")
    }
}

impl View {
    pub(super) fn head(&self) -> u64 {
        (self.blocks.len() as u64 - 1).saturating_sub(self.behind)
    }

    pub(super) fn block(&self, height: u64) -> Option<&Arc<Block>> {
        if height > self.head() {
            return None;
        }
        self.blocks.get(usize::try_from(height).ok()?)
    }

    pub(super) fn block_of_hash(&self, hash: B256) -> Option<&Arc<Block>> {
        self.visible().iter().find(|block| block.hash == hash)
    }

    /// The number of transactions up to a block: the nonce of their one sender.
    pub(super) fn sent_up_to(&self, height: u64) -> u64 {
        let blocks = self.visible().iter().take_while(|block| block.number() <= height);
        blocks.map(|block| block.transactions.len() as u64).sum()
    }

    /// The blocks that the node has.
    pub(super) fn visible(&self) -> &[Arc<Block>] {
        let count = usize::try_from(self.head()).expect("the length of a list") + 1;
        &self.blocks[..count]
    }
}

/// The log of an ERC-20 transfer.
pub fn transfer(token: Address, from: Address, to: Address, amount: U256) -> Log {
    let topics = vec![transfer_topic(), from.into_word(), to.into_word()];
    let data = Bytes::from(amount.to_be_bytes_vec());
    Log { address: token, data: LogData::new_unchecked(topics, data) }
}

/// The first topic of a transfer.
pub(super) fn transfer_topic() -> B256 {
    keccak256("Transfer(address,address,uint256)")
}
