//! The engine over a store, read through a node that lies about heads, times and finality.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, Poll};
use pledge_core::points::Programme;
use pledge_core::ports::{ChainSource, PendingBlock, PendingCache, PendingSnapshot};
use pledge_core::query::Queries;
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{Amount, BlockNumber, BlockRef, Timestamp};

use crate::Fixture;
use crate::liar::{Liar, Lies, invented};
use crate::world::{CHAIN, CONFIRMATIONS, NOW, OnePending, World, account, at, token, tokens};

laws! {
    __engine_claims of engine_claims(Fixture):
    a_head_far_above_the_chain_confirms_nothing_early
    a_head_with_a_false_time_is_not_shown
    a_head_far_above_the_chain_hastens_no_backfill
    a_chain_that_became_shorter_confirms_nothing_under_an_old_head
    a_head_that_only_one_of_two_sources_shows_confirms_nothing_early
    a_head_a_little_above_the_chain_confirms_nothing_early
    a_head_below_the_ledger_takes_nothing_back
    a_finalized_block_that_is_not_there_confirms_nothing
    a_time_ahead_of_the_clock_is_not_committed
    the_slack_of_the_clock_is_exact
    a_time_that_goes_back_for_a_while_leaves_no_trace
    a_false_time_that_was_committed_is_taken_back
    a_pending_snapshot_from_elsewhere_confirms_nothing
    a_pending_balance_that_is_not_known_is_none
}

const RETAINED: u64 = 20;

const CONFIG: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(CONFIRMATIONS),
    retained_headers: RETAINED,
    slice_blocks_max: 50,
    clock_slack: None,
};

/// A world and a node that returns five blocks of a range at a time, over a chain of 120 blocks
/// with a transfer in every third.
async fn open(fixture: Fixture, config: IndexerConfig) -> (World, Arc<Liar>, Indexer) {
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let world = World::with_config(fixture, programme, config).await;
    mine_to(&world, 120);
    world.chain.answer_at_most(5);
    let liar = Arc::new(Liar::new(&world.chain));
    let indexer = indexer(&world, liar.clone(), config);
    (world, liar, indexer)
}

fn indexer(world: &World, source: Arc<Liar>, config: IndexerConfig) -> Indexer {
    let store = world.fixture.balances.clone();
    Indexer::new(CHAIN, source, store, Arc::new(OnePending::default()), config)
}

/// Mines up to a height, ten minutes a block.
fn mine_to(world: &World, height: u64) {
    let first = world.chain.head().number.get() + 1;
    for number in first..=height {
        let to = Some(number % 7 + 1);
        let mint = [(None, to, tokens(number))];
        world.mine(number * 600, if number % 3 == 0 { &mint } else { &[] });
    }
}

async fn polls(indexer: &mut Indexer, times: usize) {
    for _ in 0..times {
        indexer.poll(NOW).await;
    }
}

async fn comes_to_rest(indexer: &mut Indexer) {
    for _ in 0..200 {
        if matches!(indexer.poll(NOW).await, Poll::Idle) {
            return;
        }
    }
    panic!("it does not come to rest");
}

/// The state is that of one clean pass over the chain as it is now.
async fn is_right(world: &World, indexer: &mut Indexer) {
    comes_to_rest(indexer).await;
    assert_eq!(world.status().await, ChainStatus::Live);
    world.settle().await.expect("it settles");
    assert_eq!(world.digest().await, world.oracle());
}

fn cursor_is(height: u64) -> Option<u64> {
    Some(height - CONFIRMATIONS)
}

async fn cursor(world: &World) -> Option<u64> {
    world.cursor().await.map(|cursor| cursor.number.get())
}

async fn held(world: &World) -> usize {
    let every = BlockNumber::new(u64::MAX);
    world.fixture.balances.headers(CHAIN, every, usize::MAX).await.expect("read").len()
}

/// Heads far above the chain: as a number alone, and as a block that the node also returns by
/// height.
fn far_heads() -> [Lies; 2] {
    let head = Some(invented(10_000_000, at(1_000_000)));
    [false, true].map(|shows_head| Lies { head, shows_head, ..Lies::default() })
}

/// A head far above the chain confirms nothing early and drops no held header: the next reorg is
/// undone as any other.
async fn a_head_far_above_the_chain_confirms_nothing_early(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    comes_to_rest(&mut indexer).await;
    let headers = held(&world).await;
    for lies in far_heads() {
        liar.tell(lies);
        polls(&mut indexer, 20).await;
        assert_eq!(cursor(&world).await, cursor_is(120));
        assert_eq!(held(&world).await, headers);
    }
    liar.stop();
    let below_the_cursor = 120 - CONFIRMATIONS - 3;
    world.chain.fork_at(below_the_cursor);
    mine_to(&world, 121);
    is_right(&world, &mut indexer).await;
}

/// The same during catch-up: the ledger reaches the same height and no further.
async fn a_head_far_above_the_chain_hastens_no_backfill(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    for (lies, height) in far_heads().into_iter().zip([40, 118]) {
        liar.tell(lies);
        polls(&mut indexer, 60).await;
        let reached = cursor(&world).await.unwrap_or_default();
        assert!(reached <= height.min(120 - CONFIRMATIONS), "{reached}");
        assert!(reached <= 120 - RETAINED, "near the head every header has to be held: {reached}");
        liar.stop();
        polls(&mut indexer, 2).await;
    }
    is_right(&world, &mut indexer).await;
    let mut cursor = world.cursor().await.expect("it has one");
    for number in (120 - RETAINED..120 - CONFIRMATIONS).rev() {
        let number = BlockNumber::new(number);
        let below = world.fixture.balances.headers(CHAIN, number, 1).await.expect("read")[0];
        assert!(below.is_parent_of(&cursor), "the header of block {number} is held and linked");
        cursor = below;
    }
}

/// A chain that became shorter continues under a false head: headers shown above its blocks before
/// no longer count.
async fn a_chain_that_became_shorter_confirms_nothing_under_an_old_head(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    liar.tell(far_heads()[1].clone());
    polls(&mut indexer, 2).await;
    let reached = cursor(&world).await.unwrap_or_default();
    assert!(reached > 0 && reached < 20, "it is far from the head: {reached}");
    // The next five blocks were prefetched while the chain grew above them.
    world.chain.fork_at(reached + 10);
    polls(&mut indexer, 10).await;
    assert_eq!(cursor(&world).await, Some(reached + 5));
    liar.stop();
    mine_to(&world, 60);
    is_right(&world, &mut indexer).await;
}

/// The same with a second source that has to agree and lies too.
async fn a_head_that_only_one_of_two_sources_shows_confirms_nothing_early(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    let honest: Arc<dyn ChainSource> = Arc::new(world.chain.clone());
    indexer = indexer.cross_checked_by(honest);
    comes_to_rest(&mut indexer).await;
    for lies in far_heads() {
        liar.tell(lies);
        polls(&mut indexer, 20).await;
        assert_eq!(cursor(&world).await, cursor_is(120));
    }
    liar.stop();
    mine_to(&world, 130);
    is_right(&world, &mut indexer).await;
}

/// A head a little above the chain is near, so every block up to it has to exist.
async fn a_head_a_little_above_the_chain_confirms_nothing_early(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    comes_to_rest(&mut indexer).await;
    for shows_head in [false, true] {
        for above in [1, 5, 15] {
            let head = Some(invented(120 + above, at(1_000_000)));
            liar.tell(Lies { head, shows_head, ..Lies::default() });
            polls(&mut indexer, 5).await;
            assert_eq!(cursor(&world).await, cursor_is(120));
        }
    }
    liar.stop();
    mine_to(&world, 125);
    is_right(&world, &mut indexer).await;
}

/// A head below the cursor rewinds nothing, on whichever branch it is, and the next true head
/// repairs the chain.
async fn a_head_below_the_ledger_takes_nothing_back(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    comes_to_rest(&mut indexer).await;
    let reached = cursor(&world).await;
    for height in [0, 3, 50, 100, 113, 116] {
        for head in [world.chain.block(height), Some(invented(height, at(5)))] {
            liar.tell(Lies { head, ..Lies::default() });
            polls(&mut indexer, 4).await;
            assert_eq!(cursor(&world).await, reached, "a head at {height}");
            assert!(!world.status().await.needs_operator(), "a head at {height}");
        }
    }
    liar.stop();
    mine_to(&world, 125);
    is_right(&world, &mut indexer).await;
}

/// A finalized block above the head, or one that no chain has, confirms nothing.
async fn a_finalized_block_that_is_not_there_confirms_nothing(fixture: Fixture) {
    let config = IndexerConfig { finality: Finality::Finalized, ..CONFIG };
    let (world, liar, mut indexer) = open(fixture, config).await;
    world.chain.set_finalized(Some(110));
    comes_to_rest(&mut indexer).await;
    assert_eq!(cursor(&world).await, Some(110));
    for height in [112, 119, 121, 10_000_000] {
        let finalized = Some(invented(height, at(1_000_000)));
        liar.tell(Lies { finalized, ..Lies::default() });
        polls(&mut indexer, 5).await;
        assert_eq!(cursor(&world).await, Some(110), "final at {height}");
        assert!(!world.status().await.needs_operator());
    }
    liar.stop();
    world.chain.set_finalized(Some(114));
    is_right(&world, &mut indexer).await;
}

fn clock(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at(seconds).get())
}

/// A block whose time is ahead of the clock by more than the slack is not committed; the chain is
/// degraded with a reason that names the key, and recovers by itself.
async fn a_time_ahead_of_the_clock_is_not_committed(fixture: Fixture) {
    let slack = Duration::from_secs(900);
    let config = IndexerConfig { clock_slack: Some(slack), ..CONFIG };
    let (world, liar, mut indexer) = open(fixture, config).await;
    let now = clock(120 * 600);
    let in_2100 = Timestamp::new(4_102_444_800).expect("in range");
    for height in [30, 120 - CONFIRMATIONS, 118, 120] {
        let times = [(BlockNumber::new(height), in_2100)].into();
        liar.tell(Lies { times, ..Lies::default() });
        for _ in 0..60 {
            indexer.poll(now).await;
        }
        assert!(cursor(&world).await < Some(height));
        let ChainStatus::Degraded(reason) = world.status().await else {
            panic!("nothing is reported")
        };
        assert!(reason.contains("clock_slack"), "{reason}");
    }
    liar.stop();
    for _ in 0..60 {
        indexer.poll(now).await;
    }
    is_right(&world, &mut indexer_of(&world, &liar)).await;
}

fn indexer_of(world: &World, liar: &Arc<Liar>) -> Indexer {
    indexer(world, liar.clone(), CONFIG)
}

/// A time exactly at the slack is accepted, one second later is not.
async fn the_slack_of_the_clock_is_exact(fixture: Fixture) {
    let slack = Duration::from_secs(900);
    let config = IndexerConfig { clock_slack: Some(slack), ..CONFIG };
    let (world, _, mut indexer) = open(fixture, config).await;
    let at_the_slack = clock(120 * 600) - slack;
    assert!(matches!(indexer.poll(at_the_slack).await, Poll::Advanced(_)));
    for _ in 0..60 {
        indexer.poll(at_the_slack - Duration::from_secs(1)).await;
    }
    assert!(matches!(world.status().await, ChainStatus::Degraded(_)));
    for _ in 0..60 {
        indexer.poll(at_the_slack).await;
    }
    assert_eq!(world.status().await, ChainStatus::Live);
}

/// Times that go back for a while, in any answer, halt nothing and leave no trace.
async fn a_time_that_goes_back_for_a_while_leaves_no_trace(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    for height in [10, 55, 110, 119, 120] {
        let times = [(BlockNumber::new(height), at(1))].into();
        liar.tell(Lies { times, ..Lies::default() });
        polls(&mut indexer, 25).await;
        assert!(!world.status().await.needs_operator(), "a lie about block {height}");
        liar.stop();
    }
    is_right(&world, &mut indexer).await;
}

/// A block that was committed with a later time than its own is rewound as soon as the next block
/// proves it, points included.
async fn a_false_time_that_was_committed_is_taken_back(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    comes_to_rest(&mut indexer).await;
    let tip = 120 - CONFIRMATIONS + 3;
    let times = [(BlockNumber::new(tip), at(tip * 600 + 6 * 3_600))].into();
    liar.tell(Lies { times, ..Lies::default() });
    // Only the block itself is read with the false time: those above it would contradict it.
    mine_to(&world, tip + CONFIRMATIONS);
    let above = (tip + 1..=tip + CONFIRMATIONS)
        .map(|number| (BlockNumber::new(number), at(number * 600 + 7 * 3_600)));
    let mut lies = Lies::default();
    lies.times.insert(BlockNumber::new(tip), at(tip * 600 + 6 * 3_600));
    lies.times.extend(above);
    liar.tell(lies);
    polls(&mut indexer, 30).await;
    assert_eq!(cursor(&world).await, Some(tip));
    world.settle().await.expect("it settles");
    liar.stop();
    mine_to(&world, tip + CONFIRMATIONS + 1);
    is_right(&world, &mut indexer).await;
    assert_eq!(world.reorgs().await.expect("read"), 1);
}

/// A cached snapshot decides nothing: here it claims that the head is on a branch that was left, of
/// which the node still returns ranges.
async fn a_pending_snapshot_from_elsewhere_confirms_nothing(fixture: Fixture) {
    let (world, liar, mut indexer) = open(fixture, CONFIG).await;
    comes_to_rest(&mut indexer).await;
    let cursor = world.cursor().await.expect("it has one");
    let left = ScriptedChain::new(CHAIN, at(0));
    left.return_to(&world.chain.branch());
    world.chain.fork_at(cursor.number.get());
    mine_to(&world, 124);
    let head = world.chain.head();
    liar.tell(Lies { ranges: Some(left.clone()), ..Lies::default() });

    let of_left = (cursor.number.get() + 1..=120).map(|height| left.block(height).expect("mined"));
    let mut headers: Vec<BlockRef> = of_left.collect();
    for height in 121..=124 {
        let parent_hash = headers.last().expect("above the cursor").hash;
        let claimed = if height == 124 { head } else { invented(height, head.time) };
        headers.push(BlockRef { parent_hash, ..claimed });
    }
    let block = |header| PendingBlock { header, transfers: Vec::new() };
    let (tokens, blocks) = (vec![token().address], headers.into_iter().map(block).collect());
    let snapshot = PendingSnapshot { base: cursor.id(), tokens, blocks };
    assert!(snapshot.is_linked(), "nothing in it gives it away");
    let poisoned = Arc::new(OnePending::default());
    poisoned.store(CHAIN, &snapshot).await.expect("store");
    let store = world.fixture.balances.clone();
    let mut indexer = Indexer::new(CHAIN, liar.clone(), store, poisoned.clone(), CONFIG);
    polls(&mut indexer, 5).await;
    assert_eq!(world.cursor().await, Some(cursor));

    liar.stop();
    is_right(&world, &mut indexer).await;
    let shown = poisoned.load(CHAIN).await.expect("load").expect("stored");
    let shown: Vec<_> = shown.blocks.iter().map(|block| block.header.id()).collect();
    let chain = (shown[0].number.get()..=124).map(|n| world.chain.block(n).expect("mined").id());
    assert_eq!(shown, chain.collect::<Vec<_>>());
}

/// Where finality is further behind than headers are held, the newest balance is unknown, and the
/// confirmed one is not returned in its place.
async fn a_pending_balance_that_is_not_known_is_none(fixture: Fixture) {
    let config = IndexerConfig { finality: Finality::Finalized, ..CONFIG };
    let (mut world, liar, _) = open(fixture, config).await;
    let pending = Arc::new(OnePending::default());
    let Fixture { balances, points, logs, .. } = &world.fixture;
    let (balances, points, logs) = (balances.clone(), points.clone(), logs.clone());
    let mut indexer = Indexer::new(CHAIN, liar, balances.clone(), pending.clone(), config);
    world.queries = Queries::new(balances, points, logs, pending);
    world.chain.set_finalized(Some(105));
    comes_to_rest(&mut indexer).await;
    let account = account(4);
    let view = world.queries.account(token(), account, None, None).await.expect("it was seen");
    assert!(view.pending_balance > Some(view.balance), "108 was minted to it");
    mine_to(&world, 105 + RETAINED + 2);
    comes_to_rest(&mut indexer).await;
    let view = world.queries.account(token(), account, None, None).await.expect("it was seen");
    assert_eq!(view.pending_balance, None);
    assert!(view.balance > Amount::ZERO);
}

/// Users see the time of a head as its age, so it has to be that of its block.
async fn a_head_with_a_false_time_is_not_shown(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.run().await;
    let liar = Arc::new(Liar::new(&world.chain));
    world.read_through(liar.clone());
    let head = world.mine(20, &[]);
    liar.tell(Lies { head: Some(BlockRef { time: at(9_000), ..head }), ..Lies::default() });
    world.indexer.poll(NOW).await;
    let shown = || async { world.fixture.balances.chains().await.expect("read")[0].head_time };
    assert_ne!(shown().await, Some(at(9_000)));
    liar.stop();
    world.indexer.poll(NOW).await;
    assert_eq!(shown().await, Some(at(20)));
}
