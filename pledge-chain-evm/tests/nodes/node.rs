//! Nodes of one chain, each with what is wrong with it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, Log, U256};
use pledge_chain_evm::EvmConfig;
use pledge_core::types::{BlockId, BlockNumber, ChainId};
use pledge_testing::hostile_node::{Block, Branch, Lie, Outlook, Refusal, Switch, Wire, transfer};
use pledge_testing::{HostileChain, HostileNode};
use serde_json::json;

pub(crate) const CHAIN: ChainId = ChainId::new(31_337);
pub(crate) const TOKEN: Address = Address::repeat_byte(0x70);
const HOLDER: Address = Address::repeat_byte(0xa1);

/// A chain with a height and a token; every tenth block mints one unit.
pub(crate) fn chain(height: u64) -> HostileChain {
    let chain = HostileChain::new(CHAIN.get(), 1_000);
    chain.deploy(TOKEN, "PLG", 18);
    mine(&chain, height);
    chain
}

/// Mines `blocks` more blocks.
pub(crate) fn mine(chain: &HostileChain, blocks: u64) {
    for _ in 0..blocks {
        let head = chain.head();
        let is_tenth = (head.number() + 1).is_multiple_of(10);
        let logs: Vec<Log> = is_tenth.then(mint).into_iter().collect();
        chain.mine(head.header.timestamp + 1, &logs);
    }
}

/// A block with an event of the token that is no transfer, and that a bloom cannot distinguish from
/// one.
pub(crate) fn mine_lookalike(chain: &HostileChain) -> Arc<Block> {
    let topics = vec![B256::repeat_byte(5), topic()];
    let log = Log::new_unchecked(TOKEN, topics, Bytes::new());
    chain.mine(chain.head().header.timestamp + 1, &[log])
}

/// The first topic of a transfer.
fn topic() -> B256 {
    mint().topics()[0]
}

fn mint() -> Log {
    transfer(TOKEN, Address::ZERO, HOLDER, U256::from(1))
}

/// Another branch: the blocks up to a height, and `blocks` of its own above.
pub(crate) fn fork(chain: &HostileChain, at: u64, blocks: u64) -> Branch {
    let honest = chain.branch();
    chain.roll_back_to(at);
    mine(chain, blocks);
    let fork = chain.branch();
    chain.return_to(&honest);
    fork
}

/// The newest block of a chain.
pub(crate) fn head(chain: &HostileChain) -> BlockId {
    id(&chain.head())
}

/// The newest block of a branch.
pub(crate) fn tip(branch: &Branch) -> BlockId {
    id(branch.last().unwrap())
}

fn id(block: &Block) -> BlockId {
    BlockId { number: BlockNumber::new(block.number()), hash: block.hash }
}

/// A node on a free port for as long as the test runs.
pub(crate) struct Node {
    node: HostileNode,
    counted: AtomicUsize,
}

impl Node {
    pub(crate) async fn start(chain: &HostileChain) -> Self {
        Self { node: HostileNode::of(chain).await, counted: AtomicUsize::new(0) }
    }

    /// Nothing is wrong any more.
    pub(crate) fn is_well(&self) {
        self.node.calm();
    }

    pub(crate) fn is_away(&self) {
        self.fails(503);
    }

    /// Every request fails with this status.
    pub(crate) fn fails(&self, status: u16) {
        self.node.on(Wire::status(status, ""));
    }

    /// It is busy, and asks to be left alone for `seconds` seconds.
    pub(crate) fn is_busy_for(&self, seconds: u64) {
        let rest = vec![("retry-after", seconds.to_string())];
        self.node.on(Wire::Status(429, rest, String::new()));
    }

    /// It takes requests and never answers.
    pub(crate) fn hangs(&self) {
        self.node.on(Wire::Silence);
    }

    /// It fails when it is asked about a block, or for a range with it.
    pub(crate) fn fails_at(&self, method: &'static str, block: u64) {
        self.node.on(Switch::of(Wire::status(503, "")).only(&[method]).at(block..=block));
    }

    /// It answers a method, or a question for a tag, with an error.
    pub(crate) fn refuses(&self, name: &'static str, code: i64) {
        self.node.on(Switch::of(Refusal::error(code, "no")).only(&[name]));
    }

    /// It answers every call of a contract as if there were no code.
    pub(crate) fn runs_nothing(&self) {
        self.node.on(Switch::of(Lie::Answers(json!("0x"))).only(&["eth_call"]));
    }

    /// It leaves out the logs of a block, however it is asked.
    pub(crate) fn omits_logs_of(&self, block: u64) {
        self.node.on(Switch::of(Lie::NoLogs).only(&["eth_getLogs"]).at(block..=block));
    }

    /// It leaves them out when it is asked first.
    pub(crate) fn omits_logs_once(&self, block: u64) {
        let lie = Switch::of(Lie::NoLogs).only(&["eth_getLogs"]);
        self.node.on(lie.at(block..=block).times(1));
    }

    /// It has a transfer in a block that no other node has, and that the block's bloom admits.
    pub(crate) fn invents_log(&self, block: &Block) {
        self.invents(block, topic());
    }

    /// The same, but the bloom does not admit it.
    pub(crate) fn invents_absurd_log(&self, block: &Block) {
        self.invents(block, B256::repeat_byte(9));
    }

    fn invents(&self, block: &Block, holder: B256) {
        let number = block.number();
        let log = json!({
            "address": TOKEN,
            "topics": [topic(), holder, holder],
            "data": B256::ZERO,
            "blockNumber": format!("{number:#x}"),
            "blockHash": block.hash,
            "transactionHash": B256::repeat_byte(7),
            "transactionIndex": "0x0",
            "logIndex": "0x0",
            "removed": false,
        });
        let lie = Switch::of(Lie::Answers(json!([log]))).only(&["eth_getLogs"]);
        self.node.on(lie.at(number..=number));
    }

    /// It has not seen the newest `blocks` blocks.
    pub(crate) fn lags(&self, blocks: u64) {
        self.node.on(Outlook::Behind(blocks));
    }

    pub(crate) fn is_on(&self, branch: &Branch) {
        self.node.on(Outlook::Fork(branch.clone()));
    }

    pub(crate) fn reports_chain(&self, id: &str) {
        self.node.on(Switch::of(Lie::Answers(json!(id))).only(&["eth_chainId"]));
    }

    /// It names a head that is nowhere.
    pub(crate) fn names_head(&self, number: u64) {
        let lie = Lie::Field("number", json!(format!("{number:#x}")));
        self.node.on(Switch::of(lie).only(&["latest"]));
        let lie = Lie::Field("hash", json!(B256::repeat_byte(9)));
        self.node.on(Switch::of(lie).only(&["latest"]));
    }

    /// Its block at a height has the time of the first.
    pub(crate) fn turns_time_back_at(&self, block: u64) {
        let lie = Lie::Field("timestamp", json!("0x3e9"));
        self.node.on(Switch::of(lie).only(&["eth_getBlockByNumber"]).at(block..=block));
    }

    /// It does not have these blocks.
    pub(crate) fn lacks(&self, blocks: RangeInclusive<u64>) {
        self.node.on(Switch::of(Lie::NULL).only(&["eth_getBlockByNumber"]).at(blocks));
    }

    /// Its block 0 is another.
    pub(crate) fn has_genesis(&self, hash: B256) {
        let lie = Lie::Field("hash", json!(hash));
        self.node.on(Switch::of(lie).only(&["eth_getBlockByNumber"]).at(0..=0));
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.node.port())
    }

    /// How often it was asked since this was called last.
    pub(crate) fn requests(&self) -> usize {
        let requests = self.node.requests().len();
        requests - self.counted.swap(requests, Ordering::Relaxed)
    }

    /// How often a method was called.
    pub(crate) fn calls_of(&self, method: &str) -> usize {
        self.node.asked(method).len()
    }

    /// How often it was asked for block 0.
    pub(crate) fn calls_for_genesis(&self) -> usize {
        let asked = self.node.asked("eth_getBlockByNumber");
        asked.iter().filter(|params| params[0] == "0x0").count()
    }

    /// The most calls that came in one request.
    pub(crate) fn longest_batch(&self) -> usize {
        self.node.requests().iter().map(Vec::len).max().unwrap_or_default()
    }

    pub(crate) fn config(&self) -> EvmConfig {
        EvmConfig {
            request_timeout: Duration::from_secs(10),
            retry_delay_min: Duration::from_millis(1),
            retry_delay_max: Duration::from_millis(5),
            ..EvmConfig::new(CHAIN, self.node.url().parse().unwrap())
        }
    }
}
