//! Attacks on the indexer from outside: a source that lies in one field, a store that does not keep
//! its contract, instances with different views.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod after_a_fork;
mod claims;
mod forks;
mod instances;
mod lies;
mod other_branch;
mod processed;
mod quiet_rewinds;
mod refused;
mod rewinds;
mod starts;
mod stores;
mod stranded;
mod within_a_poll;

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll as Ready, Waker};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use pledge_core::error::{ChainError, ChainErrorKind, StoreError};
use pledge_core::event::ReorgRecord;
use pledge_core::forward_store;
use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, IndexerError, Poll};
use pledge_core::ledger::{TokenState, erc20};
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState, Events};
use pledge_core::ports::{
    BalanceStore, ChainReport, ChainSource, ContractLogsQuery, LedgerCommit, LedgerReads,
    LedgerWrites, LogOrder, LogReads, LogStore, LogsAnswer, LogsCommit, LogsRequest, Registry,
    Rewind,
};
use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, ContractId, Log,
    LogIndex, TokenId, Topics,
};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::Fixture;
use pledge_testing::world::{
    CHAIN, CONFIRMATIONS, NOW, World, account, at, operator, resume_chain, resume_token, token,
    tokens,
};

const POOL: Address = Address::repeat_byte(0x7e);
const CONFIG: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(CONFIRMATIONS),
    retained_headers: 64,
    slice_blocks_max: 7,
    clock_slack: None,
};

type Answer<T> = Result<T, ChainError>;
type BendLogs = Box<dyn FnMut(&LogsRequest<'_>, Answer<LogsAnswer>) -> Answer<LogsAnswer> + Send>;
/// The question at which something happens, counted from zero, and what.
type Hook = (usize, Box<dyn FnMut() + Send>);
type BendHeaders =
    Box<dyn FnMut(BlockNumber, Answer<Vec<BlockRef>>) -> Answer<Vec<BlockRef>> + Send>;

/// A scripted chain whose answers are changed on their way.
struct Bent {
    chain: ScriptedChain,
    logs: Mutex<Option<BendLogs>>,
    headers: Mutex<Option<BendHeaders>>,
    head: Mutex<Option<BlockRef>>,
    finalized: Mutex<Option<BlockRef>>,
    hook: Mutex<Option<Hook>>,
}

impl fmt::Debug for Bent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bent").finish_non_exhaustive()
    }
}

impl Bent {
    fn new(chain: &ScriptedChain) -> Arc<Self> {
        Arc::new(Self {
            chain: chain.clone(),
            logs: Mutex::default(),
            headers: Mutex::default(),
            head: Mutex::default(),
            finalized: Mutex::default(),
            hook: Mutex::default(),
        })
    }

    fn ask(&self) {
        let mut hook = self.hook.lock().unwrap();
        match &mut *hook {
            Some((0, act)) => act(),
            Some((left, _)) => {
                *left -= 1;
                return;
            }
            None => return,
        }
        *hook = None;
    }

    fn bend(
        &self,
        bend: impl FnMut(&LogsRequest<'_>, Answer<LogsAnswer>) -> Answer<LogsAnswer> + Send + 'static,
    ) {
        *self.logs.lock().unwrap() = Some(Box::new(bend));
    }

    fn honest(&self) {
        *self.logs.lock().unwrap() = None;
        *self.headers.lock().unwrap() = None;
        *self.head.lock().unwrap() = None;
        *self.finalized.lock().unwrap() = None;
    }
}

#[async_trait]
impl ChainSource for Bent {
    async fn chain_id(&self) -> Answer<ChainId> {
        self.chain.chain_id().await
    }

    async fn head(&self) -> Answer<BlockRef> {
        self.ask();
        let head = ChainSource::head(&self.chain).await?;
        Ok(self.head.lock().unwrap().unwrap_or(head))
    }

    async fn finalized(&self) -> Answer<Option<BlockRef>> {
        let finalized = self.chain.finalized().await?;
        Ok(self.finalized.lock().unwrap().or(finalized))
    }

    async fn headers(&self, blocks: BlockSpan) -> Answer<Vec<BlockRef>> {
        self.ask();
        let answer = self.chain.headers(blocks).await;
        match &mut *self.headers.lock().unwrap() {
            Some(bend) => bend(blocks.first, answer),
            None => answer,
        }
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Answer<LogsAnswer> {
        let answer = self.chain.logs(request).await;
        self.ask();
        match &mut *self.logs.lock().unwrap() {
            Some(bend) => bend(&request, answer),
            None => answer,
        }
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Answer<Vec<CallOutcome>> {
        self.ask();
        ChainSource::calls(&self.chain, calls, at).await
    }
}

/// A store that answers `Ok` to some writes and writes nothing, or fails them.
#[derive(Debug)]
struct Odd {
    inner: Arc<MemoryStore>,
    ignored: Mutex<BTreeSet<&'static str>>,
    failing: Mutex<BTreeSet<&'static str>>,
    stale: Mutex<Option<(Vec<TokenState>, Vec<ContractState>)>>,
    reports: Mutex<Vec<ChainReport>>,
}

impl Odd {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::default(),
            ignored: Mutex::default(),
            failing: Mutex::default(),
            stale: Mutex::default(),
            reports: Mutex::default(),
        })
    }

    fn ignore(&self, method: &'static str) {
        self.ignored.lock().unwrap().insert(method);
    }

    fn fail(&self, method: &'static str) {
        self.failing.lock().unwrap().insert(method);
    }

    /// Whether the write is to be done.
    fn takes(&self, method: &'static str) -> Result<bool, StoreError> {
        if self.failing.lock().unwrap().contains(method) {
            return Err(StoreError::invalid(method, "refused by the test"));
        }
        Ok(!self.ignored.lock().unwrap().contains(method))
    }
}

#[async_trait]
impl Registry for Odd {
    async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError> {
        self.reports.lock().unwrap().push(report.clone());
        self.inner.report_chain(report).await
    }

    async fn halt_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        reason: &str,
    ) -> Result<(), StoreError> {
        match self.takes("halt_token")? {
            true => self.inner.halt_token(token, base, reason).await,
            false => Ok(()),
        }
    }

    async fn heal_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError> {
        match self.takes("heal_token")? {
            true => self.inner.heal_token(token, base).await,
            false => Ok(()),
        }
    }

    forward_store!(inner: register_chain pause_chain resume_chain register_token record_supply);
    forward_store!(inner: pause_token resume_token);
}

#[async_trait]
impl LedgerReads for Odd {
    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError> {
        let stale = self.stale.lock().unwrap().as_ref().map(|stale| stale.0.clone());
        match stale {
            Some(stale) => Ok(stale),
            None => self.inner.tokens(chain).await,
        }
    }

    forward_store!(inner: chains chain token headers edges states history last_change_block);
    forward_store!(inner: changes unreadable_logs change_time histories holders);
}

#[async_trait]
impl LedgerWrites for Odd {
    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError> {
        match self.takes("commit")? {
            true => self.inner.commit(commit).await,
            false => Ok(()),
        }
    }

    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError> {
        match self.takes("rewind")? {
            true => self.inner.rewind(rewind).await,
            false => Ok(ReorgRecord {
                chain: rewind.chain,
                to: rewind.to,
                tokens: Vec::new(),
                contracts: Vec::new(),
            }),
        }
    }

    forward_store!(inner: record_edges);
}

#[async_trait]
impl LogReads for Odd {
    async fn contracts(&self, chain: ChainId) -> Result<Vec<ContractState>, StoreError> {
        let stale = self.stale.lock().unwrap().as_ref().map(|stale| stale.1.clone());
        match stale {
            Some(stale) => Ok(stale),
            None => self.inner.contracts(chain).await,
        }
    }

    forward_store!(inner: contract contract_logs);
}

#[async_trait]
impl LogStore for Odd {
    async fn commit_logs(&self, commit: &LogsCommit) -> Result<(), StoreError> {
        match self.takes("commit_logs")? {
            true => self.inner.commit_logs(commit).await,
            false => Ok(()),
        }
    }

    forward_store!(inner: register_contract);
}

fn n(number: u64) -> BlockNumber {
    BlockNumber::new(number)
}

fn now(seconds: u64) -> SystemTime {
    NOW + Duration::from_secs(seconds)
}

fn contract(name: &str, address: Address, start: u64) -> ContractSpec {
    let id = ContractId::new(CHAIN, name).unwrap();
    ContractSpec { id, address, events: Events::all(), start_block: n(start) }
}

async fn world() -> World {
    World::new(Fixture::new(Arc::new(MemoryStore::new()), ())).await
}

/// A world over a store that does not keep its contract.
async fn odd_world() -> (World, Arc<Odd>) {
    let odd = Odd::new();
    let mut world = World::new(Fixture::new(odd.inner.clone(), ())).await;
    world.indexer = indexer(Arc::new(world.chain.clone()), odd.clone(), Some(odd.clone()));
    (world, odd)
}

fn indexer(
    source: Arc<dyn ChainSource>,
    store: Arc<dyn BalanceStore>,
    logs: Option<Arc<dyn LogStore>>,
) -> Indexer {
    let indexer = Indexer::new(CHAIN, source, store, Arc::new(MemoryPending::default()), CONFIG);
    match logs {
        Some(logs) => indexer.keeping_logs(logs),
        None => indexer,
    }
}

async fn follow(world: &World, spec: &ContractSpec) {
    world.fixture.logs.register_contract(spec).await.unwrap();
}

async fn state(world: &World, spec: &ContractSpec) -> ContractState {
    world.fixture.logs.contract(&spec.id).await.unwrap().unwrap()
}

async fn kept(world: &World, spec: &ContractSpec) -> Vec<ConfirmedLog> {
    let (contract, order, after) = (spec.id.clone(), LogOrder::OldestFirst, None);
    let query = ContractLogsQuery { contract, order, after, limit: usize::MAX };
    world.fixture.logs.contract_logs(&query).await.unwrap().value
}

/// The logs that the chain has of a contract, up to the confirmed block.
fn on_chain(world: &World, spec: &ContractSpec) -> Vec<ConfirmedLog> {
    let confirmed = world.chain.head().number.down(CONFIRMATIONS);
    let of_it = world.chain.transfers().into_iter().filter(|(block, transfer)| {
        transfer.token == spec.address && (spec.start_block..=confirmed).contains(&block.number)
    });
    of_it
        .map(|(block, transfer)| ConfirmedLog {
            log: erc20::encode(&transfer, block.hash),
            time: block.time,
        })
        .collect()
}

/// Mines one transfer of the token and one of the pool in each block, a minute apart.
fn mine_to(world: &World, height: u64) {
    while world.chain.head().number.get() < height {
        let next = world.chain.head().number.get() + 1;
        let (to, amount) = (account(next % 5 + 1).address(), tokens(next));
        let of = |token| ScriptedTransfer { token, from: Address::ZERO, to, amount };
        world.chain.mine(at(next * 60), &[of(token().address), of(POOL)]);
    }
}

async fn index_until_rest(indexer: &mut Indexer) -> Result<usize, String> {
    for polls in 0..2_000 {
        match indexer.poll(NOW).await {
            Poll::Idle => return Ok(polls),
            Poll::Stopped(status) => return Err(status.to_string()),
            Poll::Advanced(_) | Poll::Rewound(_) | Poll::Retry(_) => {}
        }
    }
    Err("no rest".to_owned())
}

async fn assert_as_the_chain(world: &World, specs: &[&ContractSpec]) {
    for spec in specs {
        let (ours, theirs) = (kept(world, spec).await, on_chain(world, spec));
        assert!(ours == theirs, "{}: {} kept of {}", spec.id, ours.len(), theirs.len());
    }
    world.settle().await.unwrap();
    assert!(world.digest().await == world.oracle(), "the ledger is not the oracle's");
}

/// The result of a future over ports in memory, which never wait.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Ready::Ready(value) => value,
        Ready::Pending => panic!("a port in memory waited"),
    }
}

/// The token is halted at block 10, the contract goes on.
async fn halted_at_10() -> (World, ContractSpec) {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 10);
    world.mine(660, &[(Some(1), Some(2), tokens(1_000_000))]);
    mine_to(&world, 40);
    world.index().await;
    assert_eq!(world.cursor().await, world.chain.block(10));
    (world, pool)
}
