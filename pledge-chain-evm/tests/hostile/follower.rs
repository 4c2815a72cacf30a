//! An indexer and a settler over the source, and what they must end with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Log, U256, keccak256};
use pledge_chain_evm::{EvmChain, EvmConfig, LogProof};
use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenSpec, Transfer, UnreadableLog};
use pledge_core::points::{Programme, Settler, SettlerConfig};
use pledge_core::ports::Archive;
use pledge_core::stop::Stop;
use pledge_core::types::{Amount, BlockNumber, BlockRef, LogIndex, Timestamp};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::digest::{Digest, digest};
use pledge_testing::hostile_node::{Block, transfer};
use pledge_testing::oracle::oracle;
use pledge_testing::world::{CHAIN, NOW, THREE_PM, account, operator, spec, token};
use pledge_testing::{Fixture, Records};
use pledge_testing::{HostileChain, HostileNode};

use crate::stage::{TOKEN, connect, within};

/// As many headers as the followers hold.
pub(crate) const WINDOW: u64 = 16;
const POLLS_MAX: usize = 500;

/// What a follower follows, and how.
#[derive(Debug, Clone, Copy)]
struct Plan {
    genesis: u64,
    start: u64,
    confirmations: u64,
    /// `None`: by depth, with `confirmations`.
    finality: Option<Finality>,
}

const PLAN: Plan = Plan { genesis: THREE_PM, start: 1, confirmations: 0, finality: None };

/// A chain, a node of it, and an engine over the node.
pub(crate) struct Follower {
    plan: Plan,
    pub(crate) chain: HostileChain,
    pub(crate) node: Arc<HostileNode>,
    pub(crate) evm: Arc<EvmChain>,
    store: Arc<MemoryStore>,
    pending: Arc<MemoryPending>,
    pub(crate) fixture: Fixture,
    indexer: Indexer,
    settler: Settler,
    programme: Programme,
}

impl Follower {
    /// Of a chain that has its genesis only.
    pub(crate) async fn new(confirmations: u64) -> Self {
        Self::with(Plan { confirmations, ..PLAN }, |_| {}).await
    }

    /// With a source that waits for no answer long.
    pub(crate) async fn impatient(confirmations: u64, log_proof: LogProof) -> Self {
        let change = |config: &mut EvmConfig| {
            config.request_timeout = Duration::from_millis(250);
            config.log_proof = log_proof;
        };
        Self::with(Plan { confirmations, ..PLAN }, change).await
    }

    /// With a source that repeats what failed as one in service does.
    pub(crate) async fn patient(confirmations: u64, log_proof: LogProof) -> Self {
        let change = |config: &mut EvmConfig| {
            config.request_timeout = Duration::from_millis(250);
            config.retries_max = 14;
            config.log_proof = log_proof;
        };
        Self::with(Plan { confirmations, ..PLAN }, change).await
    }

    /// Of a chain whose `finalized` tag decides.
    pub(crate) async fn of_finalized() -> Self {
        Self::with(Plan { finality: Some(Finality::Finalized), ..PLAN }, |_| {}).await
    }

    /// Of a token that is followed from a block on.
    pub(crate) async fn from_block(start: u64) -> Self {
        Self::with(Plan { start, ..PLAN }, |_| {}).await
    }

    /// Of a chain with another genesis time.
    pub(crate) async fn since(genesis: u64) -> Self {
        Self::with(Plan { genesis, ..PLAN }, |_| {}).await
    }

    /// A chain with some life, all of it in the ledger or pending.
    pub(crate) async fn alive(confirmations: u64) -> Self {
        let mut follower = Self::new(confirmations).await;
        follower.mine(12, &[(0, 1, 1_000), (0, 2, 500)]);
        for _ in 0..10 {
            follower.mine(400, &[(1, 2, 3), (2, 3, 1)]);
        }
        follower.rest().await;
        follower
    }

    async fn with(plan: Plan, change: impl FnOnce(&mut EvmConfig)) -> Self {
        let chain = HostileChain::new(CHAIN.get(), plan.genesis);
        chain.deploy(TOKEN, "USDX", 18);
        let node = HostileNode::of(&chain).await;
        let evm = connect(&node, |config| {
            config.retries_max = 1;
            change(config);
        });
        let evm = Arc::new(evm.await.unwrap());
        let follower = Self::over(plan, chain, Arc::new(node), evm, Arc::default());
        let Fixture { balances, points, .. } = &follower.fixture;
        let spec = TokenSpec { start_block: BlockNumber::new(plan.start), ..spec(token()) };
        balances.register_chain(CHAIN, "hostile").await.unwrap();
        balances.register_token(&spec).await.unwrap();
        points.put_programme(&follower.programme, &operator()).await.unwrap();
        follower
    }

    fn over(
        plan: Plan,
        chain: HostileChain,
        node: Arc<HostileNode>,
        evm: Arc<EvmChain>,
        pending: Arc<MemoryPending>,
    ) -> Self {
        let store = Arc::new(MemoryStore::new());
        let fixture = Fixture::new(store.clone(), ());
        let finality = plan.finality.unwrap_or(Finality::Depth(plan.confirmations));
        let config = IndexerConfig {
            finality,
            retained_headers: WINDOW,
            slice_blocks_max: 9,
            clock_slack: None,
        };
        let balances = fixture.balances.clone();
        let indexer = Indexer::new(CHAIN, evm.clone(), balances, pending.clone(), config);
        let (balances, points) = (fixture.balances.clone(), fixture.points.clone());
        let settler = Settler::new(balances, points, SettlerConfig::default());
        let programme = Programme::main(token(), "0.05".parse().unwrap());
        Self { plan, chain, node, evm, store, pending, fixture, indexer, settler, programme }
    }

    /// All that the store holds.
    pub(crate) async fn export(&self) -> Records {
        let mut records = Records::default();
        self.store.export(&mut records).await.unwrap();
        records
    }

    /// The same engine over a store that holds these records. The pending blocks are kept.
    pub(crate) async fn restored(self, mut records: Records) -> Self {
        let restored = Self::over(self.plan, self.chain, self.node, self.evm, self.pending);
        restored.store.import(&mut records, &operator()).await.unwrap();
        restored
    }

    pub(crate) async fn poll(&mut self) -> Poll {
        within(self.indexer.poll(NOW)).await
    }

    /// Polls until there is nothing to do, and settles what is closed.
    pub(crate) async fn rest(&mut self) {
        for _ in 0..POLLS_MAX {
            match self.poll().await {
                Poll::Idle => {
                    self.settler.run(token(), &Stop::never(), |_| {}).await.unwrap();
                    return;
                }
                Poll::Advanced(_) | Poll::Rewound(_) | Poll::Retry(_) => {}
                Poll::Stopped(status) => panic!("the chain stopped: {status}"),
            }
        }
        panic!("the indexer does not come to rest: {:?}", self.poll().await);
    }

    /// Polls until the chain halts, and returns the reason.
    pub(crate) async fn halt(&mut self) -> String {
        for _ in 0..POLLS_MAX {
            if let Poll::Stopped(ChainStatus::Halted(reason)) = self.poll().await {
                return reason;
            }
        }
        panic!("the chain goes on");
    }

    pub(crate) async fn digest(&self) -> Digest {
        digest(&self.fixture.balances, &self.fixture.points, token()).await.unwrap()
    }

    /// What one pass over the chain, as it is now, gives.
    pub(crate) fn truth(&self) -> Digest {
        let cursor = self.chain.head().number() - self.plan.confirmations;
        self.truth_up_to(cursor)
    }

    pub(crate) fn truth_up_to(&self, cursor: u64) -> Digest {
        let branch = self.chain.branch();
        let transfers: Vec<_> = branch.iter().flat_map(|block| transfers(block)).collect();
        let at = |height: u64| header(&branch[usize::try_from(height).unwrap()]);
        let in_ledger =
            branch.iter().filter(|block| (self.plan.start..=cursor).contains(&block.number()));
        let logs = in_ledger.flat_map(|block| read_logs(block).1);
        let unreadable = logs.filter(|log| log.token == token().address).collect();
        let programmes = std::slice::from_ref(&self.programme);
        let digest = oracle(token(), &at(self.plan.start), &at(cursor), &transfers, programmes);
        Digest { unreadable, ..digest }
    }

    /// Comes to rest, and has what one pass gives.
    pub(crate) async fn expect_truth(&mut self) {
        self.rest().await;
        assert_eq!(self.digest().await, self.truth());
    }

    /// Comes to rest at the chain's head, whatever head the node names now and then, and has what one
    /// pass gives.
    pub(crate) async fn expect_truth_in_time(&mut self) {
        for _ in 0..10 {
            self.rest().await;
            if self.digest().await == self.truth() {
                return;
            }
        }
        assert_eq!(self.digest().await, self.truth());
    }

    /// Mines a block of these transfers between numbered accounts, `later` seconds after the
    /// newest.
    pub(crate) fn mine(&self, later: u64, moves: &[Move]) {
        let logs: Vec<Log> =
            moves.iter().map(|(from, to, amount)| log(*from, *to, *amount)).collect();
        self.chain.mine(self.chain.head().header.timestamp + later, &logs);
    }

    /// Mines empty blocks, an hour from the first to the last.
    pub(crate) fn mine_empty(&self, blocks: u64) {
        for _ in 0..blocks {
            self.mine(3_600 / blocks, &[]);
        }
    }

    /// Drops the newest `depth` blocks.
    pub(crate) fn drop_blocks(&self, depth: u64) {
        self.chain.roll_back_to(self.chain.head().number() - depth);
    }

    /// What each account holds at the head.
    pub(crate) fn held(&self) -> BTreeMap<Address, U256> {
        let mut held: BTreeMap<Address, U256> = BTreeMap::new();
        for block in self.chain.branch().iter() {
            for (_, transfer) in transfers(block) {
                let amount = transfer.amount.get();
                if !transfer.from.is_zero() {
                    *held.entry(transfer.from).or_default() -= amount;
                }
                if !transfer.to.is_zero() {
                    *held.entry(transfer.to).or_default() += amount;
                }
            }
        }
        held
    }
}

/// From, to and how much; 0 is the zero address.
pub(crate) type Move = (u64, u64, u64);

pub(crate) fn log(from: u64, to: u64, amount: u64) -> Log {
    transfer(TOKEN, address(from), address(to), U256::from(amount))
}

pub(crate) fn address(number: u64) -> Address {
    if number == 0 { Address::ZERO } else { account(number).address() }
}

fn transfer_topic() -> B256 {
    keccak256("Transfer(address,address,uint256)")
}

fn header(block: &Block) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(block.number()),
        hash: block.hash,
        parent_hash: block.header.parent_hash,
        time: Timestamp::new(block.header.timestamp).unwrap(),
    }
}

/// The transfers of a block.
fn transfers(block: &Block) -> Vec<(BlockRef, Transfer)> {
    read_logs(block).0
}

/// The transfers of a block and the logs that only look like some, separated the plain way: the
/// three parameters are words, first those that are topics, then those that are data.
fn read_logs(block: &Block) -> (Vec<(BlockRef, Transfer)>, Vec<UnreadableLog>) {
    let of_transaction = block
        .transactions
        .iter()
        .flat_map(|transaction| transaction.logs.iter().map(move |log| (transaction.hash, log)));
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for (index, (tx_hash, log)) in (0_u64..).zip(of_transaction) {
        let (topics, data) = (log.data.topics(), &log.data.data);
        if topics.first() != Some(&transfer_topic()) || (topics.len() == 3 && data.is_empty()) {
            continue;
        }
        let (number, log_index) = (BlockNumber::new(block.number()), LogIndex::new(index));
        let bytes = [topics[1..].concat(), data.to_vec()].concat();
        let is_address = |at: usize| bytes[at..at + 12] == [0; 12];
        let has_form = topics.len() < 4 && !data.is_empty() && bytes.len() == 96;
        if !has_form || !is_address(0) || !is_address(32) {
            let (token, block) = (log.address, number);
            unreadable.push(UnreadableLog { token, block, log_index, tx_hash });
            continue;
        }
        let transfer = Transfer {
            token: log.address,
            block: number,
            log_index,
            tx_hash,
            from: Address::from_slice(&bytes[12..32]),
            to: Address::from_slice(&bytes[44..64]),
            amount: Amount::new(U256::from_be_slice(&bytes[64..])),
        };
        found.push((header(block), transfer));
    }
    (found, unreadable)
}
