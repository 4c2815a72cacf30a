//! The engine over a store, when nodes disagree, refuse, or change while they are read.

use std::sync::Arc;

use alloy_primitives::Address;
use async_trait::async_trait;
use pledge_core::error::{ChainError, StoreErrorKind};
use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, IndexerError, Poll};
use pledge_core::points::Programme;
use pledge_core::ports::{
    BalanceStore, ChainReport, ChainSource, HeaderDetail, LogsAnswer, LogsRequest,
};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{
    Amount, BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId, TokenId,
};

use crate::Fixture;
use crate::world::{
    CHAIN, NOW, OnePending, World, account, at, operator, resume_chain, spec, token, tokens,
};

laws! {
    __engine_nodes of engine_nodes(Fixture):
    a_fork_met_by_a_token_that_catches_up_is_resolved
    a_fork_under_a_halted_token_holds_up_no_other
    only_blocks_on_the_branch_of_the_head_are_confirmed
    a_finalized_block_of_another_branch_confirms_nothing
    the_first_blocks_of_a_token_are_on_the_branch_of_the_head
    a_stray_answer_far_from_the_head_is_no_fork
    a_token_that_cannot_be_read_holds_up_no_other
    a_pause_in_the_middle_of_a_slice_lasts
    a_chain_that_halts_again_is_halted_again
    a_token_that_joins_sees_its_pending_blocks
    a_second_indexer_is_a_conflict_and_no_failure
    a_longer_branch_replaces_the_pending_blocks
    a_fork_of_many_pages_of_headers_is_resolved
    a_fork_just_below_the_held_headers_is_resolved
    a_fork_below_a_cursor_that_is_not_held_halts_the_chain
    a_chain_is_syncing_while_a_token_catches_up
    a_time_that_goes_back_between_slices_is_asked_for_again
}

const HOUR: u64 = 3_600;

/// Several nodes behind one source, each with scripted faults.
#[derive(Debug, Clone)]
struct Nodes {
    /// The node that returns the head.
    heads: ScriptedChain,
    /// The node that returns the finalized block.
    finalized: ScriptedChain,
    /// The node that returns ranges.
    ranges: ScriptedChain,
    /// The node for all other calls.
    rest: ScriptedChain,
    /// A contract of which no range can be read.
    refused: Option<Address>,
    /// The store in which the chain is paused while a range is read.
    paused: Option<Arc<dyn BalanceStore>>,
}

impl Nodes {
    fn of(chain: &ScriptedChain) -> Self {
        Self {
            heads: chain.clone(),
            finalized: chain.clone(),
            ranges: chain.clone(),
            rest: chain.clone(),
            refused: None,
            paused: None,
        }
    }

    fn indexer(self, world: &World, config: IndexerConfig) -> Indexer {
        let store = world.fixture.balances.clone();
        let pending = Arc::new(OnePending::default());
        Indexer::new(CHAIN, Arc::new(self), store, pending, config)
    }
}

#[async_trait]
impl ChainSource for Nodes {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.rest.chain_id().await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        ChainSource::head(&self.heads).await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.finalized.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.rest.headers(blocks).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        if let Some(store) = &self.paused {
            store.pause_chain(CHAIN, &operator()).await.expect("an operator pauses");
        }
        let is_refused = |token: &Address| Some(*token) == self.refused;
        if request.detail == HeaderDetail::Sparse
            && request.filters.iter().flat_map(|filter| filter.addresses).any(is_refused)
        {
            return Err(ChainError::persistent("read a range", "history pruned"));
        }
        self.ranges.logs(request).await
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        ChainSource::calls(&self.rest, calls, at).await
    }
}

fn report(status: ChainStatus) -> ChainReport {
    ChainReport { chain: CHAIN, status, head: None, head_time: None, processed: None }
}

fn config(retained_headers: u64) -> IndexerConfig {
    IndexerConfig {
        finality: Finality::Depth(6),
        retained_headers,
        slice_blocks_max: 100,
        clock_slack: None,
    }
}

async fn open(fixture: Fixture, retained_headers: u64) -> World {
    let rate = "0.05".parse().expect("a rate");
    let programme = Programme::main(token(), rate);
    World::with_config(fixture, programme, config(retained_headers)).await
}

fn other() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) }
}

async fn follow_other(world: &World) {
    let registered = world.fixture.balances.register_token(&spec(other())).await;
    registered.expect("register");
}

fn mint_other(chain: &ScriptedChain, seconds: u64, to: u64) {
    let transfer = ScriptedTransfer {
        token: other().address,
        from: Address::ZERO,
        to: account(to).address(),
        amount: Amount::from(5),
    };
    chain.mine(at(seconds), &[transfer]);
}

/// Two handles on chains with the same blocks up to `shared` and the same height.
fn two_branches(world: &World, height: u64, shared: u64) -> ScriptedChain {
    let genesis = world.chain.block(0).expect("genesis").time;
    let branch = ScriptedChain::new(CHAIN, genesis);
    for number in 1..=height {
        world.mine(number, &[]);
    }
    for number in 1..=shared {
        branch.mine(at(number), &[]);
    }
    assert_eq!(branch.head(), world.chain.block(shared).expect("mined"));
    branch.fork_at(shared);
    for number in shared + 1..=height {
        branch.mine(at(number), &[]);
    }
    branch
}

/// The slices of a token that catches up reach the other branch before the front does.
async fn a_fork_met_by_a_token_that_catches_up_is_resolved(fixture: Fixture) {
    let mut world = open(fixture, 64).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.confirm(HOUR);
    world.run().await;
    follow_other(&world).await;
    world.fork(10);
    world.run().await;
    assert_eq!(world.reorgs().await.expect("read"), 1);
    assert_eq!(world.digest().await, world.oracle());
}

/// Headers held by a halted token are those of its branch.
async fn a_fork_under_a_halted_token_holds_up_no_other(fixture: Fixture) {
    let mut world = open(fixture, 64).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.confirm(HOUR);
    world.run().await;
    let cursor = world.cursor().await.map(|cursor| cursor.id());
    let store = world.fixture.balances.clone();
    let halted = store.halt_token(token(), cursor, "why").await;
    halted.expect("halt");
    follow_other(&world).await;
    world.fork(10);
    world.index().await;
    let state = store.token(other()).await.expect("read");
    let target = world.chain.head().number.down(6).get();
    assert_eq!(state.expect("registered").cursor, world.chain.block(target));
}

/// Ranges are of another branch than the head, where the slices begin to hold every header.
async fn only_blocks_on_the_branch_of_the_head_are_confirmed(fixture: Fixture) {
    let mut world = open(fixture, 10).await;
    let branch = two_branches(&world, 40, 31);
    let Poll::Advanced(first) = world.indexer.poll(NOW).await else {
        panic!("the blocks before the retained headers are confirmed");
    };
    assert_eq!(first.to, BlockNumber::new(29));
    let nodes = Nodes { ranges: branch, ..Nodes::of(&world.chain) };
    let mut indexer = nodes.indexer(&world, config(10));
    for _ in 0..3 {
        assert!(matches!(indexer.poll(NOW).await, Poll::Retry(_)));
    }
    assert_eq!(world.cursor().await, world.chain.block(29));
}

/// The first slice of a token has no cursor to link to, but the head descends from it.
async fn the_first_blocks_of_a_token_are_on_the_branch_of_the_head(fixture: Fixture) {
    let world = open(fixture, 64).await;
    let branch = two_branches(&world, 20, 3);
    let nodes = Nodes { ranges: branch, ..Nodes::of(&world.chain) };
    let mut indexer = nodes.indexer(&world, config(64));
    for _ in 0..3 {
        assert!(matches!(indexer.poll(NOW).await, Poll::Retry(_)));
    }
    assert_eq!(world.cursor().await, None);
}

/// Far from the head there are no held headers to compare, but the node still has the cursor's
/// block.
async fn a_stray_answer_far_from_the_head_is_no_fork(fixture: Fixture) {
    let mut world = open(fixture, 10).await;
    let branch = two_branches(&world, 200, 99);
    let Poll::Advanced(first) = world.indexer.poll(NOW).await else {
        panic!("the first blocks are confirmed");
    };
    assert_eq!(first.to, BlockNumber::new(100));
    let nodes = Nodes { ranges: branch, ..Nodes::of(&world.chain) };
    let mut stray = nodes.indexer(&world, config(10));
    assert!(matches!(stray.poll(NOW).await, Poll::Retry(_)));
    assert!(!world.status().await.needs_operator());
    world.index().await;
    assert_eq!(world.cursor().await, world.chain.block(194));
}

/// A failure to read one token's history does not stop the other tokens at the head.
async fn a_token_that_cannot_be_read_holds_up_no_other(fixture: Fixture) {
    let world = open(fixture, 10).await;
    for number in 1..=40 {
        world.mine(number, &[]);
    }
    let mut honest = Nodes::of(&world.chain).indexer(&world, config(10));
    while !matches!(honest.poll(NOW).await, Poll::Idle) {}
    follow_other(&world).await;
    world.confirm(50);
    let nodes = Nodes { refused: Some(other().address), ..Nodes::of(&world.chain) };
    let mut indexer = nodes.indexer(&world, config(10));
    for _ in 0..3 {
        let Poll::Retry(IndexerError::Chain(error)) = indexer.poll(NOW).await else {
            panic!("the refusal is not reported");
        };
        assert!(error.to_string().contains("pruned"));
    }
    assert!(matches!(world.status().await, ChainStatus::Degraded(_)));
    let target = world.chain.head().number.down(6).get();
    assert_eq!(world.cursor().await, world.chain.block(target));
}

/// A pause that arrives while a slice is fetched is not overwritten by the report of that slice.
async fn a_pause_in_the_middle_of_a_slice_lasts(fixture: Fixture) {
    let world = open(fixture, 10).await;
    for number in 1..=40 {
        world.mine(number, &[]);
    }
    let nodes = Nodes { paused: Some(world.fixture.balances.clone()), ..Nodes::of(&world.chain) };
    let mut indexer = nodes.indexer(&world, config(10));
    indexer.poll(NOW).await;
    assert_eq!(world.status().await, ChainStatus::Paused(None));
    assert!(matches!(indexer.poll(NOW).await, Poll::Stopped(ChainStatus::Paused(None))));
}

/// What the indexer reported before an operator resumed the chain is reported again.
async fn a_chain_that_halts_again_is_halted_again(fixture: Fixture) {
    let mut world = open(fixture, 10).await;
    for number in 1..=40 {
        world.mine(number, &[]);
    }
    world.index().await;
    world.fork(25);
    for _ in 0..2 {
        assert!(matches!(world.indexer.poll(NOW).await, Poll::Stopped(ChainStatus::Halted(_))));
        assert!(matches!(world.status().await, ChainStatus::Halted(_)));
        let resumed = report(ChainStatus::Syncing);
        let resumed = world.fixture.balances.report_chain(&resumed).await;
        resumed.expect("resume");
    }
}

/// Pending blocks that were fetched before a token joined are fetched again for it.
async fn a_token_that_joins_sees_its_pending_blocks(fixture: Fixture) {
    let mut world = open(fixture, 64).await;
    mint_other(&world.chain, 0, 1);
    world.confirm(10);
    mint_other(&world.chain, 20, 1);
    world.index().await;
    follow_other(&world).await;
    world.index().await;
    let view = world.queries.account(other(), account(1), None, None).await;
    let view = view.expect("seen");
    assert_eq!((view.balance, view.pending_balance), (Amount::from(5), Some(Amount::from(10))));
}

/// `Conflict` is the kind by which callers of a settler or an indexer recognise another writer.
async fn a_second_indexer_is_a_conflict_and_no_failure(fixture: Fixture) {
    let mut world = open(fixture, 64).await;
    for number in 1..=20 {
        world.mine(number, &[]);
    }
    let mut second = Nodes::of(&world.chain).indexer(&world, config(64));
    let (one, two) = tokio::join!(world.indexer.poll(NOW), second.poll(NOW));
    for poll in [one, two] {
        if let Poll::Retry(IndexerError::Store(error)) = poll {
            assert_eq!(error.kind(), StoreErrorKind::Conflict);
        }
    }
    assert_eq!(world.status().await.name(), "live");
    assert_eq!(world.digest().await, world.oracle());
}

/// A branch inside the confirmations that is longer than the blocks held.
async fn a_longer_branch_replaces_the_pending_blocks(fixture: Fixture) {
    let mut world = open(fixture, 64).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    let height = world.mine(20, &[(Some(1), Some(2), tokens(40))]).number;
    world.index().await;
    world.chain.fork_at(height.get() - 1);
    world.mine(20, &[(Some(1), Some(1), tokens(7))]);
    world.mine(20, &[(Some(1), None, tokens(10)), (None, Some(1), tokens(3))]);
    world.index().await;
    assert_eq!(world.reorgs().await.expect("read"), 0);
    let view = world.queries.account(token(), account(1), None, None).await;
    let view = view.expect("seen");
    assert_eq!((view.balance, view.pending_balance), (tokens(100), Some(tokens(93))));
}

/// Whichever page of held headers the ancestor is in, it is the newest that both branches share.
async fn a_fork_of_many_pages_of_headers_is_resolved(fixture: Fixture) {
    let mut world = open(fixture, 300).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    for number in 1..=220 {
        world.mine(number, &[]);
    }
    for depth in [63, 64, 65, 150] {
        world.index().await;
        let cursor = world.cursor().await.expect("indexed").number.get();
        let ancestor = world.chain.block(cursor - depth);
        world.fork(depth + 6);
        let Poll::Rewound(record) = world.indexer.poll(NOW).await else {
            panic!("the fork reaches the ledger");
        };
        assert_eq!(Some(record.to), ancestor, "{depth} below the cursor");
    }
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

/// Every held header is orphaned, but both branches descend from the block below them.
async fn a_fork_just_below_the_held_headers_is_resolved(fixture: Fixture) {
    let mut world = open(fixture, 64).await;
    for number in 0..20 {
        world.mine(number, &[(None, Some(1), tokens(1))]);
    }
    world.index().await;
    world.fork(20);
    world.run().await;
    assert_eq!(world.reorgs().await.expect("read"), 1);
    assert_eq!(world.digest().await, world.oracle());
}

/// While a token catches up, its chain is not `live`.
async fn a_chain_is_syncing_while_a_token_catches_up(fixture: Fixture) {
    let mut world = open(fixture, 10).await;
    for number in 1..=300 {
        world.mine(number, &[]);
    }
    world.index().await;
    assert_eq!(world.status().await, ChainStatus::Live);
    follow_other(&world).await;
    world.confirm(301);
    world.indexer.poll(NOW).await;
    assert_eq!(world.status().await, ChainStatus::Syncing);
    world.index().await;
    assert_eq!(world.status().await, ChainStatus::Live);
}

/// A time that goes back is found also where two slices meet.
async fn a_time_that_goes_back_between_slices_is_asked_for_again(fixture: Fixture) {
    let config = IndexerConfig { slice_blocks_max: 1, ..config(10) };
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let mut world = World::with_config(fixture, programme, config).await;
    world.mine(100, &[]);
    world.mine(99, &[]);
    world.confirm(200);
    for _ in 0..5 {
        world.indexer.poll(NOW).await;
    }
    assert!(matches!(world.status().await, ChainStatus::Degraded(_)));
    assert_eq!(world.cursor().await, world.chain.block(1));
    world.chain.fork_at(1);
    world.confirm(200);
    world.index().await;
    assert_eq!(world.status().await, ChainStatus::Live);
}

/// A finalized block of a branch that the chain has left confirms nothing on the new one.
async fn a_finalized_block_of_another_branch_confirms_nothing(fixture: Fixture) {
    let mut world = open(fixture, 10).await;
    let branch = two_branches(&world, 40, 31);
    world.indexer.poll(NOW).await;
    branch.set_finalized(Some(38));
    let nodes = Nodes { finalized: branch, ..Nodes::of(&world.chain) };
    let finalized = IndexerConfig { finality: Finality::Finalized, ..config(10) };
    let mut indexer = nodes.indexer(&world, finalized);
    for _ in 0..3 {
        assert!(matches!(indexer.poll(NOW).await, Poll::Retry(_)));
    }
    assert_eq!(world.cursor().await, world.chain.block(29));
}

/// A cursor whose header was never held may be on another branch than the headers held since: no
/// ancestor of theirs is known to be its own, so the chain halts and the ledger stays as it is.
async fn a_fork_below_a_cursor_that_is_not_held_halts_the_chain(fixture: Fixture) {
    let mut world = open(fixture, 10).await;
    for number in 1..=40 {
        world.mine(number, &[(None, Some(1), tokens(1))]);
    }
    world.indexer.poll(NOW).await;
    let (cursor, before) = (world.cursor().await, world.digest().await);
    follow_other(&world).await;
    world.chain.fork_at(3);
    for number in 4..=32 {
        world.mine(number, &[]);
    }
    for _ in 0..6 {
        resume_chain(&*world.fixture.balances, CHAIN).await.expect("resume");
        world.indexer.poll(NOW).await;
    }
    assert!(matches!(world.status().await, ChainStatus::Halted(_)));
    assert_eq!((world.cursor().await, world.digest().await), (cursor, before));
}
