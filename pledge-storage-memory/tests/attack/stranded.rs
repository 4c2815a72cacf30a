//! What is read far behind from another chain than what is ahead of it.

use std::sync::atomic::{AtomicBool, Ordering};

use pledge_core::ledger::TokenSpec;
use pledge_core::primitives::U256;
use pledge_testing::world::spec;

use super::*;

/// A node that has the blocks below a height of another chain, as where one of its machines keeps
/// the old blocks and follows another network.
#[derive(Debug)]
struct Patched {
    chain: ScriptedChain,
    elsewhere: ScriptedChain,
    below: BlockNumber,
    /// Also the headers, not the logs alone.
    headers_too: bool,
    is_honest: AtomicBool,
}

impl Patched {
    /// The chain of a world, with other blocks above the fork and below the height.
    fn of(world: &World, fork: u64, below: u64, headers_too: bool) -> Arc<Self> {
        let elsewhere = world.chain.copy();
        elsewhere.fork_at(fork);
        for next in fork + 1..below {
            let (token, from, to) = (POOL, Address::ZERO, account(9).address());
            elsewhere
                .mine(at(next * 60), &[ScriptedTransfer { token, from, to, amount: tokens(1) }]);
        }
        let (chain, below) = (world.chain.clone(), n(below));
        Arc::new(Self { chain, elsewhere, below, headers_too, is_honest: AtomicBool::new(false) })
    }

    fn heal(&self) {
        self.is_honest.store(true, Ordering::Relaxed);
    }

    fn relapse(&self) {
        self.is_honest.store(false, Ordering::Relaxed);
    }

    fn at(&self, last: BlockNumber) -> &ScriptedChain {
        let is_old = last < self.below && !self.is_honest.load(Ordering::Relaxed);
        if is_old { &self.elsewhere } else { &self.chain }
    }
}

#[async_trait]
impl ChainSource for Patched {
    async fn chain_id(&self) -> Answer<ChainId> {
        self.chain.chain_id().await
    }

    async fn head(&self) -> Answer<BlockRef> {
        ChainSource::head(&self.chain).await
    }

    async fn finalized(&self) -> Answer<Option<BlockRef>> {
        self.chain.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Answer<Vec<BlockRef>> {
        let chain = if self.headers_too { self.at(blocks.last) } else { &self.chain };
        chain.headers(blocks).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Answer<LogsAnswer> {
        self.at(request.to).logs(request).await
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Answer<Vec<CallOutcome>> {
        ChainSource::calls(&self.chain, calls, at).await
    }
}

/// A token at 294 of 300 blocks; what is followed from block 60 on is read from another chain that
/// forked at block 50, up to block 100.
async fn patched(headers_too: bool) -> (World, Arc<Patched>) {
    let mut world = world().await;
    mine_to(&world, 300);
    world.index().await;
    let source = Patched::of(&world, 50, 100, headers_too);
    world.read_through(source.clone());
    (world, source)
}

async fn poll(world: &mut World, times: usize) {
    for _ in 0..times {
        let _ = world.indexer.poll(NOW).await;
    }
}

/// The chain goes on, and everything that is not set aside is at its newest confirmed block.
async fn grow(world: &mut World, height: u64) {
    mine_to(world, height);
    for seconds in 0..120 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    let confirmed = world.chain.block(height - CONFIRMATIONS);
    assert_eq!(world.cursor().await, confirmed, "{}", world.status().await);
}

/// The status names what is set aside, and how it is read again.
async fn assert_named(world: &World, names: &[&str]) {
    let ChainStatus::Degraded(reason) = world.status().await else {
        panic!("{}", world.status().await)
    };
    let missing = names.iter().find(|name| !reason.contains(*name));
    assert_eq!(missing, None, "{reason}");
    assert!(reason.contains("(`pledge rewind`)"), "{reason}");
}

/// The node shows that the end of what it answered is not its own block.
#[tokio::test]
async fn a_range_of_another_chain_than_the_cursor_ahead_is_read_again() {
    let (mut world, source) = patched(false).await;
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    poll(&mut world, 4).await;
    assert_eq!(state(&world, &pool).await.cursor, None);
    grow(&mut world, 320).await;
    source.heal();
    grow(&mut world, 330).await;
    assert_eq!(world.status().await, ChainStatus::Live);
    assert_as_the_chain(&world, &[&pool]).await;
}

/// One that cannot go on is halted alone, visibly, and blocks nobody.
#[tokio::test]
async fn a_contract_that_was_read_from_another_chain_halts_no_token() {
    let (mut world, source) = patched(true).await;
    let (pool, late) = (contract("pool", POOL, 60), contract("late", POOL, 70));
    follow(&world, &pool).await;
    poll(&mut world, 4).await;
    assert_eq!(state(&world, &pool).await.next_block(), n(88));
    source.heal();
    grow(&mut world, 320).await;
    assert_named(&world, &["pool", "a block below 60 "]).await;
    let set_aside = state(&world, &pool).await.cursor;
    assert!(set_aside.is_some_and(|cursor| cursor.number < n(100)), "{set_aside:?}");
    follow(&world, &late).await;
    grow(&mut world, 330).await;
    assert_as_the_chain(&world, &[&late]).await;
    assert_eq!(state(&world, &pool).await.cursor, set_aside, "nothing of it was touched");
    assert_named(&world, &["pool"]).await;
}

#[tokio::test]
async fn what_was_read_from_another_chain_is_read_again_after_an_operators_rewind() {
    let (mut world, source) = patched(true).await;
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    poll(&mut world, 4).await;
    source.heal();
    grow(&mut world, 320).await;
    let error = world.indexer.rewind_to(n(80), &operator()).await.unwrap_err();
    assert!(matches!(&error, IndexerError::Store(e) if e.detail().contains("contract")), "{error}");
    world.indexer.rewind_to(n(59), &operator()).await.unwrap();
    grow(&mut world, 330).await;
    assert_eq!(world.status().await, ChainStatus::Live);
    assert_as_the_chain(&world, &[&pool]).await;
}

#[tokio::test]
async fn a_token_that_was_read_from_another_chain_halts_no_other() {
    let (mut world, source) = patched(true).await;
    let id = TokenId { chain: CHAIN, address: POOL };
    let balances = world.fixture.balances.clone();
    balances.register_token(&TokenSpec { start_block: n(60), ..spec(id) }).await.unwrap();
    poll(&mut world, 4).await;
    source.heal();
    grow(&mut world, 320).await;
    assert_named(&world, &[&id.to_string()]).await;
    let token = balances.token(id).await.unwrap().unwrap();
    assert!(token.is_active(), "{:?}", token.status);
    assert!(token.cursor.is_some_and(|cursor| cursor.number < n(100)));
    world.indexer.rewind_to(n(59), &operator()).await.unwrap();
    grow(&mut world, 330).await;
    let minted = (60..=324).map(|next| tokens(next).get()).sum::<U256>();
    let token = balances.token(id).await.unwrap().unwrap();
    assert_eq!((token.totals.supply.get(), token.cursor), (minted, world.cursor().await));
    assert_eq!(world.status().await, ChainStatus::Live);
}

#[tokio::test]
async fn two_that_were_read_from_another_chain_are_both_named_and_halt_no_other() {
    let (mut world, source) = patched(true).await;
    let (lower, upper) = (contract("lower", POOL, 55), contract("upper", POOL, 90));
    for one in [&lower, &upper] {
        follow(&world, one).await;
    }
    poll(&mut world, 2).await;
    let cursors = [state(&world, &lower).await.cursor, state(&world, &upper).await.cursor];
    let heights = cursors.map(|cursor| cursor.unwrap().number);
    assert!(heights[0] < n(90) && heights[1] >= n(90), "{heights:?}");
    source.heal();
    grow(&mut world, 320).await;
    assert_named(&world, &["lower", "upper", "a block below 55 ", "a block below 90 "]).await;
}

/// Nothing of it is stored, so another process finds the same.
#[tokio::test]
async fn what_is_set_aside_is_set_aside_after_a_restart() {
    let (mut world, source) = patched(true).await;
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    poll(&mut world, 4).await;
    source.heal();
    for height in [320, 330, 340] {
        world.read_through(source.clone());
        grow(&mut world, height).await;
        assert_named(&world, &["pool"]).await;
    }
}

/// A person has stopped what is ahead, so that nothing active shows which chain it is.
#[tokio::test]
async fn what_is_set_aside_halts_no_chain_whose_front_is_paused() {
    let (mut world, source) = patched(true).await;
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    poll(&mut world, 4).await;
    source.heal();
    world.fixture.balances.pause_token(token(), &operator()).await.unwrap();
    world.read_through(source);
    mine_to(&world, 320);
    poll(&mut world, 20).await;
    assert_named(&world, &["pool"]).await;
    resume_token(&*world.fixture.balances, token()).await.unwrap();
    grow(&mut world, 330).await;
    assert_named(&world, &["pool"]).await;
}

/// Here the contract is right and the node is not.
#[tokio::test]
async fn what_is_set_aside_goes_on_once_the_node_has_its_block() {
    let (mut world, source) = patched(true).await;
    let pool = contract("pool", POOL, 60);
    source.heal();
    follow(&world, &pool).await;
    poll(&mut world, 4).await;
    source.relapse();
    // What was read ahead belongs to the process before.
    world.read_through(source.clone());
    grow(&mut world, 320).await;
    assert_named(&world, &["pool"]).await;
    source.heal();
    grow(&mut world, 330).await;
    assert_eq!(world.status().await, ChainStatus::Live);
    assert_as_the_chain(&world, &[&pool]).await;
}

/// Where the headers of what is ahead are held, no other is taken next to them.
#[tokio::test]
async fn a_contract_within_the_retained_headers_takes_nothing_of_another_chain() {
    let mut world = world().await;
    mine_to(&world, 300);
    world.index().await;
    let source = Patched::of(&world, 240, 290, true);
    world.read_through(source.clone());
    let pool = contract("pool", POOL, 250);
    follow(&world, &pool).await;
    poll(&mut world, 9).await;
    assert_eq!(state(&world, &pool).await.cursor, None);
    grow(&mut world, 302).await;
    source.heal();
    grow(&mut world, 310).await;
    assert_eq!(world.status().await, ChainStatus::Live);
    assert_as_the_chain(&world, &[&pool]).await;
}

/// A fork that everything else survives takes nothing of what is set aside with it.
#[tokio::test]
async fn a_fork_above_what_is_set_aside_is_resolved_without_it() {
    let (mut world, source) = patched(true).await;
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    poll(&mut world, 4).await;
    source.heal();
    grow(&mut world, 320).await;
    let set_aside = state(&world, &pool).await.cursor;
    world.chain.fork_at(290);
    grow(&mut world, 340).await;
    assert_named(&world, &["pool"]).await;
    assert_eq!(state(&world, &pool).await.cursor, set_aside);
    assert_as_the_chain(&world, &[]).await;
}

/// A driver does not take the rest for the end: it gets the reason until its patience ends.
#[tokio::test]
async fn a_poll_that_has_nothing_else_to_do_returns_what_is_set_aside() {
    let (mut world, source) = patched(true).await;
    follow(&world, &contract("pool", POOL, 60)).await;
    poll(&mut world, 4).await;
    source.heal();
    grow(&mut world, 320).await;
    for _ in 0..3 {
        let poll = world.indexer.poll(now(120)).await;
        let Poll::Retry(IndexerError::Stranded(reason)) = poll else { panic!("{poll:?}") };
        assert!(reason.contains("pool"), "{reason}");
    }
    let before = world.chain.calls();
    let _ = world.indexer.poll(now(120)).await;
    assert_eq!(world.chain.calls() - before, 2, "the head, and the block of what is set aside");
}
