//! The engine over a store, while something catches up behind the others: what confirms its blocks is
//! the cursor ahead of it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use alloy_primitives::Address;
use async_trait::async_trait;
use pledge_core::error::{ChainError, StoreErrorKind};
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, IndexerError, Poll};
use pledge_core::ledger::TokenSpec;
use pledge_core::logs::{ContractSpec, Events};
use pledge_core::points::Programme;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, ContractId, TokenId,
};

use crate::Fixture;
use crate::world::{CHAIN, NOW, OnePending, World, account, at, spec, token, tokens};

laws! {
    __engine_behind of engine_behind(Fixture):
    near_the_head_blocks_of_another_branch_than_the_cursor_ahead_are_not_confirmed
    far_behind_blocks_of_another_branch_than_the_cursor_ahead_are_not_confirmed
    blocks_whose_confirming_cursor_another_instance_takes_back_meanwhile_are_refused
    a_contracts_logs_are_counted_and_shown_as_no_transfers
}

const CONFIG: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(6),
    retained_headers: 10,
    slice_blocks_max: 100,
    clock_slack: None,
};

fn other() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) }
}

/// The other token's contract, whose transfers are logs too.
fn vault() -> ContractSpec {
    let id = ContractId::new(CHAIN, "vault").expect("a valid name");
    let (address, start_block) = (other().address, BlockNumber::new(1));
    ContractSpec { id, address, events: Events::all(), start_block }
}

/// The token at the newest confirmed block of a chain of empty blocks.
async fn open(fixture: Fixture, height: u64) -> World {
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let mut world = World::with_config(fixture, programme, CONFIG).await;
    mine_to(&world.chain, height);
    world.index().await;
    assert_eq!(world.cursor().await, world.chain.block(height - 6));
    world
}

fn mine_to(chain: &ScriptedChain, height: u64) {
    while chain.head().number.get() < height {
        chain.mine(at(chain.head().number.get() + 1), &[]);
    }
}

/// A branch of the chain as long as it is.
fn branch(chain: &ScriptedChain, shared: u64) -> ScriptedChain {
    let branch = chain.copy();
    branch.fork_at(shared);
    mine_to(&branch, chain.head().number.get());
    branch
}

/// Another token and a contract, both behind.
async fn follow_others(world: &World, start: u64) {
    let Fixture { balances, logs, .. } = &world.fixture;
    let start_block = BlockNumber::new(start);
    let other = TokenSpec { start_block, ..spec(other()) };
    balances.register_token(&other).await.expect("register a token");
    let vault = ContractSpec { start_block, ..vault() };
    logs.register_contract(&vault).await.expect("register a contract");
}

/// The cursors of the other token and of the contract.
async fn others(world: &World) -> [Option<BlockRef>; 2] {
    let Fixture { balances, logs, .. } = &world.fixture;
    let other = balances.token(other()).await.expect("read").expect("registered");
    let vault = logs.contract(&vault().id).await.expect("read").expect("registered");
    [other.cursor, vault.cursor]
}

fn indexer(world: &World, source: Arc<dyn ChainSource>) -> Indexer {
    let Fixture { balances, logs, .. } = world.fixture.clone();
    let pending = Arc::new(OnePending::default());
    Indexer::new(CHAIN, source, balances, pending, CONFIG).keeping_logs(logs)
}

/// What happens once, after the first range was read.
#[async_trait]
trait Meanwhile: Debug + Send + Sync {
    async fn act(&mut self);
}

/// A node whose ranges may be of another branch than the rest of its answers.
#[derive(Debug)]
struct Turning {
    chain: ScriptedChain,
    ranges: ScriptedChain,
    meanwhile: Mutex<Option<Box<dyn Meanwhile>>>,
}

impl Turning {
    fn new(chain: &ScriptedChain, ranges: &ScriptedChain) -> Self {
        let (chain, ranges) = (chain.clone(), ranges.clone());
        Self { chain, ranges, meanwhile: Mutex::default() }
    }
}

#[async_trait]
impl ChainSource for Turning {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.chain.chain_id().await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        ChainSource::head(&self.chain).await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.chain.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.chain.headers(blocks).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        let answer = self.ranges.logs(request).await;
        let meanwhile = self.meanwhile.lock().expect("no holder panics").take();
        if let Some(mut meanwhile) = meanwhile {
            meanwhile.act().await;
        }
        answer
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        ChainSource::calls(&self.chain, calls, at).await
    }
}

/// Polls by a node that turns to another branch for its ranges, and later also for its headers: nothing
/// is added, and what is ahead stays.
async fn takes_nothing(world: &World, branch: &ScriptedChain) {
    let ahead = world.cursor().await;
    let mut indexer = indexer(world, Arc::new(Turning::new(&world.chain, branch)));
    for _ in 0..3 {
        let poll = indexer.poll(NOW).await;
        let Poll::Retry(IndexerError::Chain(error)) = poll else { panic!("{poll:?}") };
        assert!(error.is_block_gone(), "{error}");
        assert_eq!((others(world).await, world.cursor().await), ([None, None], ahead));
    }
}

/// The head was further up while the cursor ahead came there, so not every header near the lower one is
/// held that could contradict another branch.
async fn near_the_head_blocks_of_another_branch_than_the_cursor_ahead_are_not_confirmed(
    fixture: Fixture,
) {
    let mut world = open(fixture, 100).await;
    let branch = branch(&world.chain, 85);
    branch.answer_at_most(3);
    world.chain.show_head(Some(95));
    follow_others(&world, 86).await;
    takes_nothing(&world, &branch).await;
    world.chain.show_head(None);
    world.index().await;
    assert_eq!(others(&world).await, [world.chain.block(94); 2]);
}

async fn far_behind_blocks_of_another_branch_than_the_cursor_ahead_are_not_confirmed(
    fixture: Fixture,
) {
    let mut world = open(fixture, 200).await;
    let branch = branch(&world.chain, 50);
    branch.answer_at_most(30);
    follow_others(&world, 60).await;
    takes_nothing(&world, &branch).await;
    world.index().await;
    assert_eq!(others(&world).await, [world.chain.block(194); 2]);
}

/// Another instance, whose node shows a fork above what this one reads, and then the first branch again.
#[derive(Debug)]
struct Rewinds {
    chain: ScriptedChain,
    other: Indexer,
}

#[async_trait]
impl Meanwhile for Rewinds {
    async fn act(&mut self) {
        let (ours, head) = (self.chain.branch(), self.chain.head().number.get());
        self.chain.fork_at(head - 12);
        mine_to(&self.chain, head);
        let poll = self.other.poll(NOW).await;
        let poll = if matches!(poll, Poll::Rewound(_)) { poll } else { self.other.poll(NOW).await };
        assert!(matches!(poll, Poll::Rewound(_)), "{poll:?}");
        self.chain.return_to(&ours);
    }
}

async fn blocks_whose_confirming_cursor_another_instance_takes_back_meanwhile_are_refused(
    fixture: Fixture,
) {
    let mut world = open(fixture, 200).await;
    let mut other = indexer(&world, Arc::new(world.chain.clone()));
    assert!(matches!(other.poll(NOW).await, Poll::Idle));
    follow_others(&world, 60).await;
    let source = Turning::new(&world.chain, &world.chain);
    let rewinds = Rewinds { chain: world.chain.clone(), other };
    *source.meanwhile.lock().expect("no holder panics") = Some(Box::new(rewinds));
    let poll = indexer(&world, Arc::new(source)).poll(NOW).await;
    let Poll::Retry(IndexerError::Store(error)) = poll else { panic!("{poll:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(others(&world).await, [None, None]);
    world.index().await;
    assert_eq!(others(&world).await, [world.chain.block(194); 2]);
    assert_eq!(world.digest().await, world.oracle());
}

/// The contract is a token's that begins later.
async fn a_contracts_logs_are_counted_and_shown_as_no_transfers(fixture: Fixture) {
    let mut world = open(fixture, 20).await;
    let vault = vault();
    world.fixture.logs.register_contract(&vault).await.expect("register");
    let later = TokenSpec { start_block: BlockNumber::new(1_000), ..spec(other()) };
    world.fixture.balances.register_token(&later).await.expect("register");
    world.index().await;
    let transfer = |token| ScriptedTransfer {
        token,
        from: Address::ZERO,
        to: account(1).address(),
        amount: tokens(1),
    };
    let both = [transfer(token().address), transfer(vault.address)];
    let mined = world.chain.mine(at(21), &both);
    world.chain.mine_unreadable(at(22), &[], &[vault.address]);
    assert!(matches!(world.indexer.poll(NOW).await, Poll::Advanced(_)));
    let touched = world.queries.was_seen(other(), account(1)).await.expect("read");
    assert!(!touched, "no pending block has a transfer of a token that is not followed");
    mine_to(&world.chain, 40);
    let (mut transfers, mut unreadable, mut logs) = (0, 0, 0);
    while let Poll::Advanced(progress) = world.indexer.poll(NOW).await {
        transfers += progress.transfers;
        unreadable += progress.unreadable;
        logs += progress.logs;
    }
    assert_eq!((transfers, unreadable, logs), (1, 0, 2), "above block {mined}");
}
