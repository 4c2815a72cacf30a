//! The engine over a store, when the blocks that its ledger builds on are orphaned.

use std::sync::Arc;

use alloy_primitives::Address;
use pledge_core::event::Event;
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::TokenSpec;
use pledge_core::ports::{PendingCache, PendingSnapshot};
use pledge_core::types::{BlockNumber, TokenId};

use super::ledger::Ledger;
use crate::Fixture;
use crate::digest::{Digest, digest};
use crate::oracle::oracle;
use crate::world::{CHAIN, NOW, OnePending, World, spec, token, tokens};

laws! {
    __engine_forks of engine_forks(Fixture):
    a_fork_above_a_gap_in_the_held_headers_is_resolved
    tokens_on_two_lost_branches_go_back_to_an_ancestor_of_both
    an_ancestor_of_another_tokens_branch_is_none_of_this_one
    an_ancestor_below_the_start_of_a_token_is_found_without_it
    a_fork_is_not_searched_for_where_no_header_is_held
    a_ledger_whose_tip_was_orphaned_while_away_is_rewound_first
    a_restored_backup_continues_from_its_cursor
    a_restored_backup_of_a_lost_branch_is_rewound_first
}

const HOUR: u64 = 3_600;
const CONFIG: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(6),
    retained_headers: 64,
    slice_blocks_max: 100,
    clock_slack: None,
};

fn other() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) }
}

fn mine_to(ledger: &Ledger, height: u64) {
    while ledger.chain.head().number.get() < height {
        let next = ledger.chain.head().number.get() + 1;
        ledger.mine(next, &[(0, 1 + next % 3, next)]);
    }
}

/// Commits blocks of one token, of which only the headers from `held_from` on are held.
async fn commit(ledger: &Ledger, token: TokenId, height: u64, held_from: u64) {
    let mut message = ledger.message(&[token], height).await;
    message.blocks.headers.retain(|header| header.number.get() >= held_from);
    ledger.store().commit(&message).await.expect("commit");
}

fn indexer(ledger: &Ledger) -> Indexer {
    let (source, pending) = (Arc::new(ledger.chain.clone()), Arc::new(OnePending::default()));
    Indexer::new(CHAIN, source, ledger.fixture.balances.clone(), pending, CONFIG)
}

async fn index_to_rest(mut indexer: Indexer) {
    for _ in 0..100 {
        match indexer.poll(NOW).await {
            Poll::Idle => return,
            Poll::Stopped(status) => panic!("the chain stopped: {status}"),
            _ => {}
        }
    }
    panic!("the indexer does not come to rest");
}

/// Asserts that the first poll rewinds `tokens` tokens to a height, and that the next polls index
/// to the head.
async fn goes_back(ledger: &Ledger, height: u64, tokens: usize) {
    let mut indexer = indexer(ledger);
    let poll = indexer.poll(NOW).await;
    let Poll::Rewound(record) = poll else { panic!("{poll:?}") };
    assert_eq!((Some(record.to), record.tokens.len()), (ledger.chain.block(height), tokens));
    index_to_rest(indexer).await;
}

/// Two branches that part above block 3: one token is at block 17 of the lost one, with headers
/// held from 15 on, the other at block 8 of the node's.
async fn stand_on_two_branches(ledger: &Ledger, lost: TokenId, kept: TokenId, held_from: u64) {
    mine_to(ledger, 17);
    commit(ledger, lost, 17, 15).await;
    ledger.chain.fork_at(3);
    ledger.mine(4, &[]);
    mine_to(ledger, 8);
    commit(ledger, kept, 8, held_from).await;
    ledger.chain.fork_at(8);
    mine_to(ledger, 30);
}

/// The state that a clean pass over the canonical chain gives.
fn clean_pass(ledger: &Ledger, token: TokenId) -> Digest {
    let target = ledger.chain.head().number.down(6).get();
    let (start, cursor) = ledger.chain.block(1).zip(ledger.chain.block(target)).expect("mined");
    oracle(token, &start, &cursor, &ledger.chain.transfers(), &[])
}

/// Held headers end above the fork and begin again far below it: the parent of the upper ones is
/// the ancestor, though it is not held.
async fn a_fork_above_a_gap_in_the_held_headers_is_resolved(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    mine_to(&ledger, 17);
    commit(&ledger, token(), 6, 0).await;
    commit(&ledger, token(), 17, 12).await;
    ledger.chain.fork_at(11);
    mine_to(&ledger, 30);
    goes_back(&ledger, 11, 1).await;
    assert_eq!(ledger.digest().await, clean_pass(&ledger, token()));
}

/// Two tokens are on two branches, both lost: each one's held headers lead to the node's chain at a
/// different block, and the lower one is an ancestor of both.
async fn tokens_on_two_lost_branches_go_back_to_an_ancestor_of_both(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.store().register_token(&spec(other())).await.expect("register");
    mine_to(&ledger, 7);
    commit(&ledger, other(), 7, 0).await;
    ledger.chain.fork_at(5);
    ledger.mine(6, &[]);
    mine_to(&ledger, 17);
    commit(&ledger, token(), 17, 12).await;
    ledger.chain.fork_at(11);
    mine_to(&ledger, 30);
    goes_back(&ledger, 5, 2).await;
    for id in [token(), other()] {
        let (balances, points) = (&ledger.fixture.balances, &ledger.fixture.points);
        let holds = digest(balances, points, id).await.expect("read");
        assert_eq!(holds, clean_pass(&ledger, id));
    }
}

/// A held header of another branch than the token's proves nothing about the token's ledger.
async fn an_ancestor_of_another_tokens_branch_is_none_of_this_one(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.store().register_token(&spec(other())).await.expect("register");
    stand_on_two_branches(&ledger, token(), other(), 6).await;
    let before = ledger.digest().await;
    let poll = indexer(&ledger).poll(NOW).await;
    assert!(matches!(poll, Poll::Stopped(_)), "{poll:?}");
    assert_eq!(ledger.digest().await, before);
}

/// A token that begins above a block has nothing there that could be of another branch, so it does
/// not keep the others from going back further.
async fn an_ancestor_below_the_start_of_a_token_is_found_without_it(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let late = TokenSpec { start_block: BlockNumber::new(6), ..spec(other()) };
    ledger.store().register_token(&late).await.expect("register");
    stand_on_two_branches(&ledger, other(), token(), 0).await;
    goes_back(&ledger, 5, 2).await;
    assert_eq!(ledger.digest().await, clean_pass(&ledger, token()));
}

/// Without held headers there is nothing to compare, however far apart the tokens are: a few questions for
/// the token behind, and a few for the one in front, which decides.
async fn a_fork_is_not_searched_for_where_no_header_is_held(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.store().register_token(&spec(other())).await.expect("register");
    mine_to(&ledger, 1_000);
    commit(&ledger, token(), 1_000, u64::MAX).await;
    commit(&ledger, other(), 10, u64::MAX).await;
    ledger.chain.fork_at(3);
    mine_to(&ledger, 1_100);
    let before = ledger.chain.calls();
    let poll = indexer(&ledger).poll(NOW).await;
    assert!(matches!(poll, Poll::Stopped(_)), "{poll:?}");
    let asked = ledger.chain.calls() - before;
    assert!(asked <= 9, "the node was asked {asked} times");
}

/// No block is added on top of one that was orphaned while the indexer was stopped.
async fn a_ledger_whose_tip_was_orphaned_while_away_is_rewound_first(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.confirm(HOUR);
    world.run().await;
    let tip = world.cursor().await.expect("indexed").id();
    let known = world.fixture.all_events().await.expect("read").len();
    world.fork(10);
    world.confirm_later(HOUR);
    let mut world = world.moved(world.fixture.clone());
    world.run().await;
    let events = world.fixture.all_events().await.expect("read");
    let Some(Event::Reorged(record)) = events[known].event.engine() else {
        panic!("{:?}", events[known])
    };
    assert_eq!(record.tokens[0].from, tip);
    assert_eq!(world.digest().await, world.oracle());
}

/// An old backup under a current cache: the cache is ignored, and the ledger continues from its own
/// cursor, though the head is further away than headers are held.
async fn a_restored_backup_continues_from_its_cursor(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.run().await;
    let yesterday = world.cursor().await.expect("indexed");
    for number in 0..200 {
        world.mine(HOUR + number, &[(None, Some(1), tokens(1))]);
    }
    let today = world.chain.block(190).expect("mined").id();
    let pending = Arc::new(OnePending::default());
    let ahead = PendingSnapshot { base: today, tokens: vec![token().address], blocks: Vec::new() };
    pending.store(CHAIN, &ahead).await.expect("in memory");
    let (source, store) = (Arc::new(world.chain.clone()), world.fixture.balances.clone());
    let mut indexer = Indexer::new(CHAIN, source, store, pending, CONFIG);
    let Poll::Advanced(first) = indexer.poll(NOW).await else { panic!("it does not go on") };
    assert_eq!(first.from, yesterday.number.next());
    index_to_rest(indexer).await;
    world.run().await;
    assert_eq!(world.reorgs().await.expect("read"), 0);
    assert_eq!(world.digest().await, world.oracle());
}

/// An old backup of a branch that is gone is rewound before anything is added.
async fn a_restored_backup_of_a_lost_branch_is_rewound_first(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    mine_to(&ledger, 17);
    commit(&ledger, token(), 17, 0).await;
    ledger.chain.fork_at(14);
    mine_to(&ledger, 300);
    goes_back(&ledger, 14, 1).await;
    assert_eq!(ledger.digest().await, clean_pass(&ledger, token()));
}
