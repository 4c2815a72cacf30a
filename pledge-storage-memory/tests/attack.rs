//! Attacks on the indexer from outside: a source that lies in one field, a store that does not keep
//! its contract, instances with different views.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

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
    BalanceStore, ChainReport, ChainSource, ContractLogsQuery, LedgerCommit, LogOrder, LogReads,
    LogStore, LogsAnswer, LogsCommit, LogsRequest, Rewind,
};
use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, Call, CallOutcome, ChainId, ContractId, Log, LogIndex, TokenId,
    Topics,
};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::Fixture;
use pledge_testing::world::{CHAIN, CONFIRMATIONS, NOW, World, account, at, token, tokens};

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
    hook: Mutex<Option<Hook>>,
}

impl fmt::Debug for Bent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bent").finish_non_exhaustive()
    }
}

impl Bent {
    fn new(chain: &ScriptedChain) -> Arc<Self> {
        let (logs, headers, head) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { chain: chain.clone(), logs, headers, head, hook: Mutex::default() })
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
        self.chain.finalized().await
    }

    async fn headers(&self, from: BlockNumber, to: BlockNumber) -> Answer<Vec<BlockRef>> {
        self.ask();
        let answer = self.chain.headers(from, to).await;
        match &mut *self.headers.lock().unwrap() {
            Some(bend) => bend(from, answer),
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
impl BalanceStore for Odd {
    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError> {
        let stale = self.stale.lock().unwrap().as_ref().map(|stale| stale.0.clone());
        match stale {
            Some(stale) => Ok(stale),
            None => self.inner.tokens(chain).await,
        }
    }

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

    async fn resume_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError> {
        match self.takes("resume_token")? {
            true => self.inner.resume_token(token, base).await,
            false => Ok(()),
        }
    }

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

    forward_store!(inner: register_chain chains resume_chain register_token token);
    forward_store!(inner: headers states record_supply history last_change_block changes);
    forward_store!(inner: unreadable_logs change_time histories holders record_edges edges);
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

// ---- Lies in one field ----

/// Polls once with one lie about the first log of the pool in the answer; returns what was kept.
async fn with_one_lie(
    lie: impl Fn(&mut Vec<Log>, usize, &[BlockRef]) + Send + 'static,
) -> (World, Arc<Bent>, ContractSpec, Poll) {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 200);
    let source = Bent::new(&world.chain);
    source.bend(move |_, answer| {
        let mut answer = answer?;
        if let Some(at) = answer.logs.iter().position(|log| log.address == POOL) {
            lie(&mut answer.logs, at, &answer.headers);
        }
        Ok(answer)
    });
    world.read_through(source.clone());
    let poll = world.indexer.poll(NOW).await;
    (world, source, pool, poll)
}

async fn refused(lie: impl Fn(&mut Vec<Log>, usize, &[BlockRef]) + Send + 'static) {
    let (mut world, source, pool, poll) = with_one_lie(lie).await;
    let Poll::Retry(IndexerError::Chain(error)) = &poll else { panic!("{poll:?}") };
    assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
    assert_eq!(state(&world, &pool).await.cursor, None, "the tokens go on, the contract does not");
    source.honest();
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
}

#[tokio::test]
async fn an_address_that_no_filter_has_is_refused() {
    refused(|logs, at, _| logs[at].address = Address::repeat_byte(0x99)).await;
}

#[tokio::test]
async fn a_block_hash_of_another_block_is_refused() {
    refused(|logs, at, _| logs[at].block_hash = B256::repeat_byte(9)).await;
}

#[tokio::test]
async fn a_block_number_of_another_block_is_refused() {
    refused(|logs, at, _| logs[at].block = logs[at].block.next()).await;
}

#[tokio::test]
async fn a_block_number_and_hash_of_a_block_above_the_answer_are_refused() {
    refused(|logs, at, headers| {
        logs[at].block = headers.last().unwrap().number.next();
        logs[at].block_hash = B256::repeat_byte(9);
    })
    .await;
}

#[tokio::test]
async fn one_log_given_twice_with_other_data_is_refused() {
    refused(|logs, at, _| {
        let again = Log { data: Bytes::new(), ..logs[at].clone() };
        logs.insert(at, again);
    })
    .await;
}

#[tokio::test]
async fn an_anonymous_log_of_a_token_that_a_transfer_filter_did_not_ask_for_is_refused() {
    refused(|logs, at, _| {
        logs[at].address = token().address;
        logs[at].topics = Topics::default();
    })
    .await;
}

#[tokio::test]
async fn an_anonymous_log_of_a_contract_that_keeps_all_is_kept_and_moves_no_token() {
    let (world, _, pool, _) = with_one_lie(|logs, at, _| logs[at].topics = Topics::default()).await;
    assert!(kept(&world, &pool).await.iter().any(|kept| kept.log.topics == Topics::default()));
    let token = world.fixture.balances.token(token()).await.unwrap().unwrap();
    assert_eq!(token.unreadable_logs, 0);
}

/// Near the head each block is read twice, and a transfer that only one answer has is noticed.
async fn lie_once_near_the_head(about: Address, lie: impl Fn(&mut Log) + Send + 'static) -> World {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    world.index().await;
    let source = Bent::new(&world.chain);
    world.read_through(source.clone());
    mine_to(&world, 31);
    // Of the two answers that have block 25, the second is the one that is committed.
    let mut answers = 0;
    source.bend(move |request, answer| {
        let mut answer = answer?;
        let has_it = (request.from..=request.to).contains(&n(25));
        answers += usize::from(has_it);
        if has_it && answers == 2 {
            let at = answer.logs.iter().position(|log| log.address == about && log.block == n(25));
            lie(&mut answer.logs[at.unwrap()]);
        }
        Ok(answer)
    });
    world.index().await;
    world
}

#[tokio::test]
async fn a_transfer_that_one_of_two_answers_has_otherwise_is_not_committed() {
    let world = lie_once_near_the_head(token().address, |log| log.tx_hash = B256::ZERO).await;
    assert_as_the_chain(&world, &[&contract("pool", POOL, 1)]).await;
}

#[tokio::test]
async fn a_log_of_a_contract_that_one_of_two_answers_has_otherwise_is_not_committed() {
    let world = lie_once_near_the_head(POOL, |log| log.data = Bytes::new()).await;
    assert_as_the_chain(&world, &[&contract("pool", POOL, 1)]).await;
}

#[tokio::test]
async fn a_second_source_that_omits_logs_of_contracts_holds_up_the_commit() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    let second = Bent::new(&world.chain);
    second.bend(|_, answer| {
        let mut answer = answer?;
        answer.logs.retain(|log| log.address != POOL);
        Ok(answer)
    });
    let fixture = world.fixture.clone();
    let first = Arc::new(world.chain.clone());
    world.indexer = indexer(first, fixture.balances, Some(fixture.logs)).cross_checked_by(second);
    let poll = world.indexer.poll(NOW).await;
    assert!(matches!(poll, Poll::Retry(IndexerError::Chain(_))), "{poll:?}");
    assert_eq!(state(&world, &pool).await.cursor, None, "the tokens go on, the contract does not");
}

#[tokio::test]
async fn a_log_of_a_contract_with_another_index_and_hash_is_found_by_a_second_source() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    for (field, lie) in [
        ("index", (|log: &mut Log| log.log_index = LogIndex::new(77)) as fn(&mut Log)),
        ("hash", |log| log.tx_hash = B256::ZERO),
        ("data", |log| log.data = Bytes::new()),
        ("topics", |log| log.topics = Topics::default()),
    ] {
        let first = Bent::new(&world.chain);
        first.bend(move |_, answer| {
            let mut answer = answer?;
            answer.logs.iter_mut().filter(|log| log.address == POOL).take(1).for_each(lie);
            Ok(answer)
        });
        let fixture = world.fixture.clone();
        let second = Arc::new(world.chain.clone());
        world.indexer =
            indexer(first, fixture.balances, Some(fixture.logs)).cross_checked_by(second);
        let poll = world.indexer.poll(NOW).await;
        assert!(matches!(poll, Poll::Retry(IndexerError::Chain(_))), "{field}: {poll:?}");
        assert_eq!(state(&world, &pool).await.cursor, None, "{field}");
    }
}

// ---- A rewind ----

#[tokio::test]
async fn a_rewind_to_a_block_that_was_not_asked_for_is_refused() {
    for lie in [5_u64, 11] {
        let mut world = world().await;
        let pool = contract("pool", POOL, 1);
        follow(&world, &pool).await;
        mine_to(&world, 30);
        world.index().await;
        let source = Bent::new(&world.chain);
        world.read_through(source.clone());
        let other = world.chain.block(lie).unwrap();
        *source.headers.lock().unwrap() = Some(Box::new(move |from, answer| match from {
            from if from == n(8) => Ok(vec![other]),
            _ => answer,
        }));
        let rewound = world.indexer.rewind_to(n(8), None).await;
        assert!(rewound.is_err(), "asked for block 8, went back to {}", rewound.unwrap().to);
    }
}

#[tokio::test]
async fn a_rewind_below_the_start_of_a_contract_leaves_it_to_begin_again() {
    let mut world = world().await;
    let (early, late) = (contract("early", POOL, 1), contract("late", POOL, 15));
    follow(&world, &early).await;
    follow(&world, &late).await;
    mine_to(&world, 30);
    world.index().await;
    let record = world.indexer.rewind_to(n(8), None).await.unwrap();
    assert_eq!(record.contracts.len(), 2);
    assert_eq!(state(&world, &late).await.cursor, None);
    world.index().await;
    assert_as_the_chain(&world, &[&early, &late]).await;
}

// ---- Where a contract starts ----

#[tokio::test]
async fn a_contract_that_starts_above_the_head_waits_and_holds_up_nothing() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    mine_to(&world, 40);
    world.index().await;
    assert_eq!(world.cursor().await, world.chain.block(34));
    assert_eq!(world.status().await, ChainStatus::Live);
    world.chain.fork_at(30);
    mine_to(&world, 62);
    world.index().await;
    assert_eq!(state(&world, &pool).await.cursor, None);
    world.chain.fork_at(57);
    mine_to(&world, 90);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
    assert_eq!(state(&world, &pool).await.cursor, world.cursor().await);
}

#[tokio::test]
async fn a_contract_that_starts_above_the_finalized_block_waits_for_it() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 25);
    follow(&world, &pool).await;
    mine_to(&world, 40);
    world.chain.set_finalized(Some(20));
    let config = IndexerConfig { finality: Finality::Finalized, ..CONFIG };
    let source = Arc::new(world.chain.clone());
    let fixture = world.fixture.clone();
    world.indexer =
        Indexer::new(CHAIN, source, fixture.balances, Arc::new(MemoryPending::default()), config)
            .keeping_logs(fixture.logs);
    world.index().await;
    assert_eq!(
        (state(&world, &pool).await.cursor, world.cursor().await),
        (None, world.chain.block(20))
    );
    assert_eq!(world.status().await, ChainStatus::Live);
    world.chain.set_finalized(Some(34));
    world.index().await;
    assert_eq!(state(&world, &pool).await.cursor, world.chain.block(34));
    assert_as_the_chain(&world, &[&pool]).await;
}

#[tokio::test]
async fn a_contract_far_below_all_held_headers_catches_up_through_forks() {
    let mut world = world().await;
    mine_to(&world, 300);
    world.index().await;
    let (pool, again) = (contract("pool", POOL, 3), contract("again", token().address, 120));
    follow(&world, &pool).await;
    for round in 0..60 {
        if round == 7 {
            follow(&world, &again).await;
        }
        let _ = world.indexer.poll(NOW).await;
        if round % 5 == 4 {
            let head = world.chain.head().number.get();
            world.chain.fork_at(head - 10 - round % 7);
            mine_to(&world, head + 3);
        }
    }
    world.index().await;
    assert_as_the_chain(&world, &[&pool, &again]).await;
    assert!(!matches!(world.status().await, ChainStatus::Halted(_)));
}

/// Newest block whose facts were fetched.
#[tokio::test]
async fn the_processed_block_does_not_go_back_while_a_contract_catches_up() {
    let (mut world, odd) = odd_world().await;
    mine_to(&world, 300);
    index_until_rest(&mut world.indexer).await.unwrap();
    let before = odd.inner.chains().await.unwrap()[0].clone();
    follow(&world, &contract("pool", POOL, 3)).await;
    let _ = world.indexer.poll(NOW).await;
    let after = odd.inner.chains().await.unwrap()[0].clone();
    assert!(after.processed >= before.processed, "{:?} < {:?}", after.processed, before.processed);
}

#[tokio::test]
async fn slices_that_were_read_ahead_are_used_where_a_contract_has_a_tokens_address() {
    let mut calls = Vec::new();
    for address in [POOL, token().address] {
        let mut world = world().await;
        mine_to(&world, 400);
        follow(&world, &contract("pool", address, 100)).await;
        let before = world.chain.calls();
        while state(&world, &contract("pool", address, 100)).await.next_block() < n(200) {
            let _ = world.indexer.poll(NOW).await;
        }
        calls.push(world.chain.calls() - before);
    }
    assert_eq!(calls[0], calls[1], "an address in common costs requests");
}

// ---- Forks between cursors ----

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

#[tokio::test]
async fn a_fork_below_a_contract_and_above_every_token_takes_the_contract_back() {
    let (mut world, pool) = halted_at_10().await;
    world.chain.fork_at(20);
    mine_to(&world, 45);
    world.index().await;
    assert_eq!(kept(&world, &pool).await, on_chain(&world, &pool));
    assert_eq!(world.cursor().await, world.chain.block(10));
}

#[tokio::test]
async fn a_fork_below_both_takes_both_back_and_the_token_goes_on() {
    let (mut world, pool) = halted_at_10().await;
    world.chain.fork_at(7);
    mine_to(&world, 45);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
    assert_eq!(world.cursor().await, world.chain.block(39));
}

/// The contract begins late and catches up, block by block, while the fork is below the token.
#[tokio::test]
async fn a_fork_above_a_contract_that_catches_up_leaves_it_where_it_is() {
    for fork in [35, 36, 38, 40, 44, 50] {
        let mut world = world().await;
        mine_to(&world, 60);
        world.index().await;
        let pool = contract("pool", POOL, 30);
        follow(&world, &pool).await;
        let _ = world.indexer.poll(NOW).await;
        assert_eq!(state(&world, &pool).await.cursor, world.chain.block(36));
        world.chain.fork_at(fork);
        mine_to(&world, 70);
        world.index().await;
        assert_as_the_chain(&world, &[&pool]).await;
    }
}

// ---- Two instances ----

#[tokio::test]
async fn an_instance_without_contracts_reports_a_fork_that_it_cannot_take_back() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    world.index().await;
    let fixture = world.fixture.clone();
    let mut without = indexer(Arc::new(world.chain.clone()), fixture.balances.clone(), None);
    world.chain.fork_at(20);
    mine_to(&world, 40);
    for seconds in [0, 30, 61] {
        let poll = without.poll(now(seconds)).await;
        assert!(matches!(poll, Poll::Retry(IndexerError::Store(_))), "{poll:?}");
    }
    let ChainStatus::Degraded(reason) = world.status().await else { panic!("not reported") };
    assert!(reason.contains("contract"), "{reason}");
    world.index().await;
    index_until_rest(&mut without).await.unwrap();
    assert_as_the_chain(&world, &[&pool]).await;
}

#[tokio::test]
async fn two_instances_in_turn_one_without_contracts_end_as_the_chain() {
    for seed in 0..40_u64 {
        let mut world = world().await;
        let (pool, late) = (contract("pool", POOL, 1), contract("late", token().address, 12));
        let fixture = world.fixture.clone();
        let source = || Arc::new(world.chain.clone());
        let mut without = indexer(source(), fixture.balances.clone(), None);
        let mut with = indexer(source(), fixture.balances.clone(), Some(fixture.logs.clone()));
        mine_to(&world, 20);
        let mut draw = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |bound: u64| {
            draw ^= draw << 13;
            draw ^= draw >> 7;
            draw ^= draw << 17;
            draw % bound
        };
        for step in 0..60 {
            match step {
                9 => follow(&world, &pool).await,
                25 => follow(&world, &late).await,
                _ => {}
            }
            match next(5) {
                0 => drop(without.poll(NOW).await),
                1 => drop(with.poll(NOW).await),
                2 => drop(world.indexer.poll(NOW).await),
                3 => mine_to(&world, world.chain.head().number.get() + 1 + next(9)),
                _ => {
                    let head = world.chain.head().number.get();
                    world.chain.fork_at(head - next(head.min(20)));
                    mine_to(&world, head + 1);
                }
            }
        }
        for _ in 0..3 {
            index_until_rest(&mut with).await.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            index_until_rest(&mut without).await.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        }
        assert_as_the_chain(&world, &[&pool, &late]).await;
    }
}

/// The contract is registered, and brought above the ancestor, after the rewinding instance read.
#[tokio::test]
async fn a_contract_registered_while_another_instance_rewinds_is_not_left_above() {
    let mut world = world().await;
    mine_to(&world, 30);
    world.index().await;
    let pool = contract("pool", POOL, 22);
    let fixture = world.fixture.clone();
    let source = Bent::new(&world.chain);
    let mut rewinding =
        indexer(source.clone(), fixture.balances.clone(), Some(fixture.logs.clone()));
    assert!(matches!(rewinding.poll(NOW).await, Poll::Idle));
    world.chain.fork_at(18);
    mine_to(&world, 40);
    follow(&world, &pool).await;
    let poll = rewinding.poll(NOW).await;
    assert!(matches!(poll, Poll::Rewound(_)), "{poll:?}");
    index_until_rest(&mut rewinding).await.unwrap();
    assert_as_the_chain(&world, &[&pool]).await;
}

// ---- Stores ----

async fn with_ignored(method: &'static str) -> Result<usize, String> {
    let (mut world, odd) = odd_world().await;
    follow(&world, &contract("pool", POOL, 1)).await;
    mine_to(&world, 30);
    index_until_rest(&mut world.indexer).await.unwrap();
    odd.ignore(method);
    world.chain.fork_at(26 - 6);
    mine_to(&world, 40);
    index_until_rest(&mut world.indexer).await
}

#[tokio::test]
async fn a_commit_that_wrote_nothing_halts_the_chain() {
    for method in ["commit", "commit_logs", "rewind"] {
        let end = with_ignored(method).await;
        assert!(end.clone().is_err_and(|end| end.contains("halted")), "{method}: {end:?}");
    }
}

/// L7: no progress for a minute while there is something to do is always reported.
#[tokio::test]
async fn a_halt_that_wrote_nothing_is_reported() {
    let (mut world, odd) = odd_world().await;
    mine_to(&world, 10);
    world.mine(660, &[(Some(1), Some(2), tokens(1_000_000))]);
    mine_to(&world, 40);
    odd.ignore("halt_token");
    for seconds in 0..300 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    let token = odd.inner.token(token()).await.unwrap().unwrap();
    assert!(token.is_active() && token.cursor == world.chain.block(10));
    let status = world.status().await;
    assert!(matches!(status, ChainStatus::Degraded(_) | ChainStatus::Halted(_)), "{status}");
}

#[tokio::test]
async fn a_resume_that_wrote_nothing_leaves_the_token_visibly_halted() {
    let (mut world, odd) = odd_world().await;
    mine_to(&world, 10);
    world.mine(660, &[(Some(1), Some(2), tokens(1_000_000))]);
    mine_to(&world, 14);
    for seconds in 0..10 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    mine_to(&world, 20);
    index_until_rest(&mut world.indexer).await.unwrap();
    odd.ignore("resume_token");
    world.chain.fork_at(10);
    mine_to(&world, 40);
    for seconds in 10..300 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert!(!odd.inner.token(token()).await.unwrap().unwrap().is_active());
}

#[tokio::test]
async fn old_states_of_a_store_halt_the_chain_or_are_conflicts() {
    let (mut world, odd) = odd_world().await;
    follow(&world, &contract("pool", POOL, 1)).await;
    mine_to(&world, 100);
    for _ in 0..3 {
        let _ = world.indexer.poll(NOW).await;
    }
    let old = (odd.inner.tokens(CHAIN).await.unwrap(), odd.inner.contracts(CHAIN).await.unwrap());
    let _ = world.indexer.poll(NOW).await;
    *odd.stale.lock().unwrap() = Some(old);
    let poll = world.indexer.poll(NOW).await;
    assert!(matches!(poll, Poll::Stopped(ChainStatus::Halted(_))), "{poll:?}");
}

#[tokio::test]
async fn a_store_that_refuses_logs_holds_up_no_token_and_the_head_is_still_reported() {
    let (mut world, odd) = odd_world().await;
    follow(&world, &contract("pool", POOL, 1)).await;
    mine_to(&world, 20);
    index_until_rest(&mut world.indexer).await.unwrap();
    odd.fail("commit_logs");
    mine_to(&world, 60);
    for seconds in 0..200 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert_eq!(world.cursor().await, world.chain.block(54));
    let chain = odd.inner.chains().await.unwrap()[0].clone();
    assert!(matches!(chain.status, ChainStatus::Degraded(_)), "{chain:?}");
    assert_eq!(chain.head, Some(n(60)), "the head is shown though a contract fails");
}

// ---- A contract whose logs no node gives ----

/// One that cannot go on is halted alone, visibly, and blocks nobody.
#[tokio::test]
async fn a_contract_whose_logs_the_node_refuses_holds_up_no_token() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 20);
    world.index().await;
    let source = Bent::new(&world.chain);
    world.read_through(source.clone());
    source.bend(|request, answer| {
        let asks_for_it = request.filters.iter().any(|filter| filter.addresses.contains(&POOL));
        if asks_for_it {
            return Err(ChainError::persistent("read a range", "too many logs in one block"));
        }
        answer
    });
    mine_to(&world, 40);
    for seconds in 0..200 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert!(matches!(world.status().await, ChainStatus::Degraded(_)));
    assert_eq!(world.cursor().await, world.chain.block(34), "the token goes on");
}

// ---- Heads and clocks ----

#[tokio::test]
async fn a_head_that_lies_confirms_no_log_of_a_contract() {
    for (number, hash) in [(u64::MAX, 9_u8), (1_000, 9), (41, 9), (35, 9), (10, 9), (0, 9)] {
        let mut world = world().await;
        let pool = contract("pool", POOL, 33);
        let early = contract("early", POOL, 1);
        follow(&world, &early).await;
        mine_to(&world, 30);
        world.index().await;
        follow(&world, &pool).await;
        let source = Bent::new(&world.chain);
        world.read_through(source.clone());
        mine_to(&world, 40);
        let head = BlockRef {
            number: n(number),
            hash: B256::repeat_byte(hash),
            parent_hash: B256::repeat_byte(8),
            time: at(60 * 40),
        };
        *source.head.lock().unwrap() = Some(head);
        for seconds in 0..5 {
            let _ = world.indexer.poll(now(seconds)).await;
        }
        let confirmed = Some(n(34));
        for spec in [&pool, &early] {
            let cursor = state(&world, spec).await.cursor.map(|cursor| cursor.number);
            assert!(cursor <= confirmed, "head {number}: {cursor:?}");
        }
        source.honest();
        world.index().await;
        assert_as_the_chain(&world, &[&pool, &early]).await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_takes_nothing_and_loses_nothing() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    let config = IndexerConfig { clock_slack: Some(Duration::from_secs(900)), ..CONFIG };
    let fixture = world.fixture.clone();
    world.indexer = Indexer::new(
        CHAIN,
        Arc::new(world.chain.clone()),
        fixture.balances,
        Arc::new(MemoryPending::default()),
        config,
    )
    .keeping_logs(fixture.logs);
    mine_to(&world, 200);
    let true_now = SystemTime::UNIX_EPOCH + Duration::from_secs(at(200 * 60).get());
    for round in 0..80 {
        let clock = match round % 4 {
            0 => SystemTime::UNIX_EPOCH,
            1 => true_now + Duration::from_secs(1 << 40),
            _ => true_now,
        };
        let poll = world.indexer.poll(clock).await;
        assert!(!matches!(poll, Poll::Stopped(_)), "{poll:?}");
    }
    assert_as_the_chain(&world, &[&pool]).await;
}

// ---- Between a read and a write of the same poll ----

/// The result of a future over ports in memory, which never wait.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Ready::Ready(value) => value,
        Ready::Pending => panic!("a port in memory waited"),
    }
}

#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    OtherMoves,
    OtherForks,
    OtherForksAndMoves,
    OperatorRewinds,
    Pauses,
    Registers,
}

/// At each question of one poll another instance does something; afterwards all is as on the chain.
#[tokio::test]
async fn what_another_instance_does_within_a_poll_is_never_mixed_into_it() {
    use Meanwhile::*;
    let all = [OtherMoves, OtherForks, OtherForksAndMoves, OperatorRewinds, Pauses, Registers];
    for meanwhile in all {
        for question in 0..14 {
            let mut world = world().await;
            let (pool, late) = (contract("pool", POOL, 1), contract("late", POOL, 9));
            follow(&world, &pool).await;
            mine_to(&world, 30);
            world.index().await;
            mine_to(&world, 45);
            let source = Bent::new(&world.chain);
            let fixture = world.fixture.clone();
            let other_source = Arc::new(world.chain.clone());
            let mut other =
                indexer(other_source, fixture.balances.clone(), Some(fixture.logs.clone()));
            let chain = world.chain.clone();
            let spec = late.clone();
            let balances = fixture.balances.clone();
            let logs = fixture.logs.clone();
            let act = move || match meanwhile {
                OtherMoves => drop(ready(other.poll(NOW))),
                OtherForks | OtherForksAndMoves => {
                    chain.fork_at(20);
                    for next in 21..50 {
                        chain.mine(at(next * 60), &[]);
                    }
                    drop(ready(other.poll(NOW)));
                    if matches!(meanwhile, OtherForksAndMoves) {
                        for _ in 0..5 {
                            drop(ready(other.poll(NOW)));
                        }
                    }
                }
                OperatorRewinds => {
                    ready(other.rewind_to(n(12), None)).unwrap();
                }
                Pauses => {
                    let status = ChainStatus::Paused(None);
                    let report = ChainReport {
                        chain: CHAIN,
                        status,
                        head: None,
                        head_time: None,
                        processed: None,
                    };
                    ready(balances.report_chain(&report)).unwrap();
                }
                Registers => {
                    ready(logs.register_contract(&spec)).unwrap();
                }
            };
            *source.hook.lock().unwrap() = Some((question, Box::new(act)));
            world.indexer = indexer(source.clone(), fixture.balances.clone(), Some(fixture.logs));
            let mut stopped = false;
            for _ in 0..60 {
                stopped |= matches!(world.indexer.poll(NOW).await, Poll::Stopped(_));
                if stopped {
                    break;
                }
            }
            let context = format!("{meanwhile:?} at question {question}");
            assert!(source.hook.lock().unwrap().is_none(), "{context} was not reached");
            assert_eq!(stopped, matches!(meanwhile, Pauses), "{context}");
            if stopped {
                assert_eq!(world.status().await, ChainStatus::Paused(None), "{context}");
                fixture.balances.resume_chain(CHAIN).await.unwrap();
            }
            world.index().await;
            let mut all = vec![&pool];
            if matches!(meanwhile, Registers) {
                all.push(&late);
            }
            assert_as_the_chain(&world, &all).await;
        }
    }
}

// ---- A contract on another branch ----

/// One that cannot go on is halted alone, visibly, and blocks nobody.
#[tokio::test]
#[ignore = "a contract whose branch has no known ancestor halts the whole chain"]
async fn a_contract_that_was_read_from_another_chain_halts_no_token() {
    let mut world = world().await;
    mine_to(&world, 300);
    world.index().await;
    let elsewhere = world.chain.copy();
    elsewhere.fork_at(50);
    for next in 51..300 {
        elsewhere.mine(at(next * 60), &[]);
    }
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    let source = Bent::new(&world.chain);
    source.bend(
        move |request, answer| {
            if request.to < n(100) { ready(elsewhere.logs(*request)) } else { answer }
        },
    );
    world.read_through(source.clone());
    for _ in 0..4 {
        let _ = world.indexer.poll(NOW).await;
    }
    assert_eq!(state(&world, &pool).await.next_block(), n(88));
    source.honest();
    mine_to(&world, 320);
    for seconds in 0..200 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert_eq!(world.cursor().await, world.chain.block(314), "{}", world.status().await);
}

/// What is shown above a cursor is of the token's own cursor, or nothing.
#[tokio::test]
async fn a_token_behind_a_contract_shows_no_pending_balance() {
    let (world, _) = halted_at_10().await;
    let view = world.queries.account(token(), account(1), None, None).await.unwrap();
    assert_eq!(view.pending_balance, None);
}

/// A contract from the first block on.
#[tokio::test]
async fn a_contract_from_block_zero_is_followed_and_rewound() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 0);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
    world.indexer.rewind_to(n(0), None).await.unwrap();
    assert_eq!(state(&world, &pool).await.cursor, world.chain.block(0));
    world.chain.fork_at(0);
    mine_to(&world, 30);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
}
