//! Laws of edges: the last blocks before instants.

use pledge_core::error::StoreErrorKind;
use pledge_core::ledger::BlockEdge;
use pledge_core::types::{BlockNumber, ChainId, Epoch, Timestamp, TokenId};

use super::ledger::Ledger;
use crate::Fixture;
use crate::world::{CHAIN, at, spec, token};

laws! {
    __block_edges of block_edges(Fixture):
    an_edge_is_kept_by_chain_and_instant
    any_number_of_edges_is_kept
    an_edge_that_is_kept_stays
    edges_of_another_epoch_are_refused
    edges_above_the_cursor_or_out_of_order_are_invalid
    a_rewind_takes_the_edges_whose_next_block_is_above
    a_refused_rewind_takes_no_edge
}

fn edge(seconds: u64, last: u64) -> BlockEdge {
    BlockEdge { instant: at(seconds), last: Some(BlockNumber::new(last)) }
}

/// The edges of [`Ledger::with_blocks`] at each block's time and right after it, and one that no block is
/// before.
fn all() -> Vec<BlockEdge> {
    let none =
        BlockEdge { instant: Timestamp::new(at(0).get() - 60).expect("in range"), last: None };
    let known = [(0, 0), (1, 1), (600, 1), (601, 3), (4_000, 3), (4_001, 4), (8_000, 4)];
    std::iter::once(none).chain(known.map(|(seconds, last)| edge(seconds, last))).collect()
}

async fn record(ledger: &Ledger, edges: &[BlockEdge]) -> Result<(), StoreErrorKind> {
    let epoch = ledger.store().token(token()).await.expect("read").expect("registered").epoch;
    let recorded = ledger.store().record_edges(token(), epoch, edges).await;
    recorded.map_err(|error| error.kind())
}

/// Those that are kept.
async fn kept(ledger: &Ledger) -> Vec<BlockEdge> {
    let instants: Vec<_> = all().iter().map(|edge| edge.instant).collect();
    let edges = ledger.store().edges(CHAIN, &instants).await.expect("read");
    edges.into_iter().flatten().collect()
}

/// What was recorded is read back, in any order, by its chain alone.
async fn an_edge_is_kept_by_chain_and_instant(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    assert_eq!(kept(&ledger).await, []);
    record(&ledger, &all()).await.expect("below the cursor");
    assert_eq!(kept(&ledger).await, all());
    let asked = [at(601), at(602), at(0), at(601)];
    let edges = ledger.store().edges(CHAIN, &asked).await.expect("read");
    assert_eq!(edges, [Some(edge(601, 3)), None, Some(edge(0, 0)), Some(edge(601, 3))]);
    let other = ChainId::new(1);
    ledger.store().register_chain(other, "other").await.expect("register");
    assert_eq!(ledger.store().edges(other, &asked).await.expect("read"), [None; 4]);
    let unknown = ledger.store().edges(ChainId::new(9), &asked).await.expect_err("not registered");
    assert_eq!(unknown.kind(), StoreErrorKind::Invalid);
    assert_eq!(ledger.store().edges(CHAIN, &[]).await.expect("read"), []);
}

/// More instants than a store may take in one statement.
async fn any_number_of_edges_is_kept(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let many: Vec<_> = (601..=4_000).map(|seconds| edge(seconds, 3)).collect();
    record(&ledger, &many).await.expect("below the cursor");
    let instants: Vec<_> = many.iter().map(|edge| edge.instant).collect();
    let edges = ledger.store().edges(CHAIN, &instants).await.expect("read");
    assert!(edges.into_iter().eq(many.into_iter().map(Some)));
}

/// Two that find the same are no trouble; one that finds otherwise is wrong, or the other was.
async fn an_edge_that_is_kept_stays(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    record(&ledger, &[edge(600, 1)]).await.expect("below the cursor");
    record(&ledger, &[edge(600, 1), edge(4_000, 3)]).await.expect("the same, and one more");
    let refused = record(&ledger, &[edge(0, 0), edge(600, 2)]).await;
    assert_eq!(refused, Err(StoreErrorKind::Conflict));
    assert_eq!(kept(&ledger).await, [edge(600, 1), edge(4_000, 3)]);
}

/// What was found before a rewind may be of the other branch.
async fn edges_of_another_epoch_are_refused(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let found = [edge(600, 1)];
    let early = ledger.store().record_edges(token(), Epoch::new(1), &found).await;
    assert_eq!(early.expect_err("of no epoch yet").kind(), StoreErrorKind::Conflict);
    let to = ledger.chain.block(4).expect("mined");
    ledger.rewind_to(to).await.expect("rewind");
    let late = ledger.store().record_edges(token(), Epoch::new(0), &found).await;
    assert_eq!(late.expect_err("of the epoch before").kind(), StoreErrorKind::Conflict);
    assert_eq!(kept(&ledger).await, []);
}

/// Whether a later block is before the instant too is not known yet.
async fn edges_above_the_cursor_or_out_of_order_are_invalid(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let wrong: [&[BlockEdge]; 5] = [
        &[edge(8_001, 5)],
        &[edge(8_001, 4)],
        &[edge(8_000, 5)],
        &[edge(4_000, 3), edge(600, 1)],
        &[edge(600, 3), edge(4_000, 1)],
    ];
    for edges in wrong {
        assert_eq!(record(&ledger, edges).await, Err(StoreErrorKind::Invalid), "{edges:?}");
    }
    let fresh = TokenId { address: alloy_primitives::Address::repeat_byte(0x71), ..token() };
    ledger.store().register_token(&spec(fresh)).await.expect("register");
    let refused = ledger.store().record_edges(fresh, Epoch::new(0), &[edge(0, 0)]).await;
    assert_eq!(refused.expect_err("no block yet").kind(), StoreErrorKind::Invalid);
    assert_eq!(kept(&ledger).await, []);
    record(&ledger, &[]).await.expect("nothing to keep");
}

/// An edge depends on the block after it too: a rewind to an edge's own block removes it.
async fn a_rewind_takes_the_edges_whose_next_block_is_above(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    record(&ledger, &all()).await.expect("below the cursor");
    let instants = |edges: &[BlockEdge]| edges.iter().map(|e| e.instant).collect::<Vec<_>>();
    for (height, left) in [(5, 8), (4, 6), (3, 4), (2, 4), (1, 2)] {
        let to = ledger.chain.block(height).expect("mined");
        ledger.rewind_to(to).await.expect("rewind");
        let kept = kept(&ledger).await;
        assert_eq!(instants(&kept), instants(&all()[..left]), "at block {height}");
    }
    ledger.rewind_to(ledger.chain.block(0).expect("genesis")).await.expect("rewind");
    assert_eq!(kept(&ledger).await, all()[..1]);
}

/// A refused rewind takes none, and one of another chain neither.
async fn a_refused_rewind_takes_no_edge(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    record(&ledger, &all()).await.expect("below the cursor");
    let mut to = ledger.chain.block(2).expect("mined");
    to.time = at(599);
    ledger.rewind_to(to).await.expect_err("another time than the held header's");
    assert_eq!(kept(&ledger).await, all());
}
