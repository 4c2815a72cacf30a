//! The finder of edges over a store and a chain.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::edges::{EdgeFinder, Finding};
use pledge_core::error::ChainErrorKind;
use pledge_core::ledger::BlockEdge;
use pledge_core::points::Programme;
use pledge_core::types::{BlockNumber, Timestamp, WindowLength};

use crate::Fixture;
use crate::liar::{Liar, Lies};
use crate::world::{CHAIN, CONFIRMATIONS, NOW, World, at, operator, spec, token, tokens};

laws! {
    __engine_edges of engine_edges(Fixture):
    every_edge_of_a_closed_window_is_found
    held_headers_show_an_edge_without_the_node
    edges_follow_the_chain_through_a_reorg
    a_node_on_another_branch_shows_no_edge
    a_time_that_only_one_source_gives_makes_no_edge
    a_failed_question_is_asked_again_after_a_minute
    blocks_that_are_not_given_cost_only_the_edges_next_to_them
    an_edge_that_cannot_be_found_is_searched_for_again
    a_block_that_the_second_source_does_not_give_costs_only_its_edges
    a_source_that_is_away_withholds_no_block
    an_answer_from_before_a_rewind_makes_no_edge
    an_edge_waits_for_a_confirmed_block_after_it
}

fn finder(world: &World) -> EdgeFinder {
    let Fixture { balances, points, .. } = &world.fixture;
    EdgeFinder::new(CHAIN, Arc::new(world.chain.clone()), balances.clone(), points.clone())
}

/// Steps until there is nothing to find.
async fn find(finder: &mut EdgeFinder) {
    for _ in 0..1_000 {
        if finder.step(NOW).await.expect("a calm node answers") == Finding::Idle {
            return;
        }
    }
    panic!("the finder does not come to rest");
}

/// What is kept at every edge of the programme's windows, from the first to the last that closed.
async fn kept(world: &World) -> Vec<Option<BlockEdge>> {
    let store = &world.fixture.balances;
    store.edges(CHAIN, &instants(world).await).await.expect("read")
}

async fn instants(world: &World) -> Vec<Timestamp> {
    let window = world.programme().window;
    let (first, cursor) = world.chain.block(1).zip(world.cursor().await).expect("a ledger");
    let last = window.floor(cursor.time);
    let edges =
        (0..).map_while(|number| window.floor(first.time).checked_add(number * window.get()));
    edges.take_while(|edge| *edge <= last).collect()
}

/// The same by looking at every block.
async fn scanned(world: &World) -> Vec<Option<BlockEdge>> {
    let blocks: Vec<_> = (0..).map_while(|number| world.chain.block(number)).collect();
    let scan = |instant| {
        let last = blocks.iter().rev().find(|block| block.time < instant);
        Some(BlockEdge { instant, last: last.map(|block| block.number) })
    };
    instants(world).await.into_iter().map(scan).collect()
}

/// A world of windows of a minute, with blocks at one pace, in the same second, and after long pauses.
async fn world(fixture: Fixture) -> World {
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let window = WindowLength::new(60).expect("in range");
    let mut world = World::with_programme(fixture, Programme { window, ..programme }).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    for number in 1..600_u64 {
        let pause = 4_000 * (number / 150);
        world.mine(number / 3 * 7 + pause, &[]);
    }
    world.confirm_later(30);
    world.index().await;
    world
}

/// Whatever the times: as a look at every block would have it.
async fn every_edge_of_a_closed_window_is_found(fixture: Fixture) {
    let world = world(fixture).await;
    let mut finder = finder(&world);
    find(&mut finder).await;
    assert_eq!(kept(&world).await, scanned(&world).await);
    let calls = world.chain.calls();
    find(&mut finder).await;
    assert_eq!(world.chain.calls(), calls, "what is kept is not asked for again");
    // Another process finds them kept too.
    find(&mut self::finder(&world)).await;
    assert_eq!(world.chain.calls(), calls);
}

/// A window that closes near the head is found without a question.
async fn held_headers_show_an_edge_without_the_node(fixture: Fixture) {
    let mut world = world(fixture).await;
    let mut finder = finder(&world);
    find(&mut finder).await;
    let head = world.chain.head().time.get() - at(0).get();
    for step in 1..=10 {
        world.mine(head + step * 20, &[]);
    }
    world.confirm_later(1);
    world.index().await;
    let calls = world.chain.calls();
    find(&mut finder).await;
    assert_eq!(kept(&world).await, scanned(&world).await);
    assert_eq!(world.chain.calls(), calls);
}

/// An edge that another branch replaces is found again.
async fn edges_follow_the_chain_through_a_reorg(fixture: Fixture) {
    let mut world = world(fixture).await;
    let mut finder = finder(&world);
    find(&mut finder).await;
    let fork = world.cursor().await.expect("a ledger").number.get() - 20;
    world.chain.fork_at(fork);
    for number in 0..40_u64 {
        let above = world.chain.head().time.get() - at(0).get();
        world.mine(above + number % 3, &[]);
    }
    world.confirm_later(200);
    world.index().await;
    assert_eq!(world.reorgs().await.expect("read"), 1);
    find(&mut finder).await;
    assert_eq!(kept(&world).await, scanned(&world).await);
}

/// Headers of the node's branch do not count for the ledger's.
async fn a_node_on_another_branch_shows_no_edge(fixture: Fixture) {
    let world = world(fixture).await;
    let branch = world.chain.branch();
    world.chain.fork_at(100);
    for number in 0..700_u64 {
        world.mine(20_000 + number * 5, &[]);
    }
    let mut finder = finder(&world);
    let mut failures = 0;
    for minute in 0..50_u64 {
        let step = finder.step(NOW + Duration::from_secs(minute * 60)).await;
        failures += u32::from(step.is_err());
    }
    assert!(failures > 20, "{failures}");
    world.chain.return_to(&branch);
    find(&mut self::finder(&world)).await;
    assert_eq!(kept(&world).await, scanned(&world).await);
}

/// A time across an edge that fits between its neighbours: the second source has another one.
async fn a_time_that_only_one_source_gives_makes_no_edge(fixture: Fixture) {
    let world = world(fixture).await;
    let last = scanned(&world).await[10].and_then(|edge| edge.last).expect("a block before it");
    let late = world.chain.block(last.get() + 1).expect("mined").time;
    let liar = Arc::new(Liar::new(&world.chain));
    liar.tell(Lies { times: [(last, late)].into(), ..Lies::default() });
    let Fixture { balances, points, .. } = &world.fixture;
    let mut finder = EdgeFinder::new(CHAIN, liar.clone(), balances.clone(), points.clone())
        .cross_checked_by(Arc::new(world.chain.clone()));
    let mut failures = 0;
    for minute in 0..40 {
        let step = finder.step(NOW + Duration::from_secs(minute * 60)).await;
        failures += u32::from(step.is_err());
    }
    assert!(failures > 0, "the second source is not asked");
    let recorded = kept(&world).await.into_iter().zip(scanned(&world).await);
    assert!(recorded.filter(|(kept, _)| kept.is_some()).all(|(kept, scanned)| kept == scanned));
    liar.stop();
    let later = NOW + Duration::from_secs(3_600);
    while finder.step(later).await.expect("both agree") == Finding::Advanced {}
    assert_eq!(kept(&world).await, scanned(&world).await);
}

/// A failure is tried again after a minute, and costs no question before.
async fn a_failed_question_is_asked_again_after_a_minute(fixture: Fixture) {
    let world = world(fixture).await;
    let mut finder = finder(&world);
    world.chain.fail_next(1, ChainErrorKind::Transient);
    while finder.step(NOW).await.is_ok() {}
    let calls = world.chain.calls();
    let later = |seconds| NOW + Duration::from_secs(seconds);
    assert_eq!(finder.step(later(59)).await.expect("rests"), Finding::Idle);
    assert_eq!(world.chain.calls(), calls);
    while finder.step(later(60)).await.expect("answers") == Finding::Advanced {}
    assert_eq!(kept(&world).await, scanned(&world).await);
}

/// A source without some blocks, and those blocks: the first that a token is followed from, the last before
/// an edge, the first after another, and one in the middle of a window.
async fn withholding(world: &World) -> (Arc<Liar>, Vec<BlockNumber>) {
    let scanned = scanned(world).await;
    let last = |edge: usize| scanned[edge].and_then(|edge| edge.last).expect("a block before it");
    let withheld = [spec(token()).start_block, last(2), last(4).next(), last(3).up(4)];
    let liar = Arc::new(Liar::new(&world.chain));
    liar.tell(Lies { withheld: withheld.into(), ..Lies::default() });
    (liar, withheld.into())
}

/// What must be kept while some blocks are not given.
async fn kept_without(world: &World, withheld: &[BlockNumber]) -> Vec<Option<BlockEdge>> {
    let lacks = |edge: &BlockEdge| {
        withheld.iter().any(|block| edge.last == Some(*block) || edge.first_after() == *block)
    };
    scanned(world).await.into_iter().map(|edge| edge.filter(|edge| !lacks(edge))).collect()
}

/// The search goes around them, and names an edge that it cannot find.
async fn blocks_that_are_not_given_cost_only_the_edges_next_to_them(fixture: Fixture) {
    let world = world(fixture).await;
    let (liar, withheld) = withholding(&world).await;
    let Fixture { balances, points, .. } = &world.fixture;
    let mut finder = EdgeFinder::new(CHAIN, liar, balances.clone(), points.clone());
    find(&mut finder).await;
    let expected = kept_without(&world, &withheld).await;
    assert!(expected.iter().filter(|edge| edge.is_none()).count() >= 2, "nothing is withheld");
    assert_eq!(kept(&world).await, expected);
    let named = finder.withheld().expect("an edge is not found");
    assert!(withheld.contains(&named.block), "{named:?}");
    let newest = expected.iter().rposition(Option::is_none).expect("counted above");
    assert_eq!(named.instant, instants(&world).await[newest]);
}

/// Not before a while, and with success once the source gives every block.
async fn an_edge_that_cannot_be_found_is_searched_for_again(fixture: Fixture) {
    let world = world(fixture).await;
    let (liar, _) = withholding(&world).await;
    let Fixture { balances, points, .. } = &world.fixture;
    let mut finder = EdgeFinder::new(CHAIN, liar.clone(), balances.clone(), points.clone());
    find(&mut finder).await;
    liar.stop();
    let calls = world.chain.calls();
    find(&mut finder).await;
    assert_eq!(world.chain.calls(), calls);
    let later = NOW + Duration::from_secs(60);
    while finder.step(later).await.expect("answers") == Finding::Advanced {}
    assert_eq!(kept(&world).await, scanned(&world).await);
    assert_eq!(finder.withheld(), None);
}

/// What cannot be read again is not recorded; the rest is.
async fn a_block_that_the_second_source_does_not_give_costs_only_its_edges(fixture: Fixture) {
    let world = world(fixture).await;
    let (liar, withheld) = withholding(&world).await;
    let Fixture { balances, points, .. } = &world.fixture;
    let source = Arc::new(world.chain.clone());
    let mut finder = EdgeFinder::new(CHAIN, source, balances.clone(), points.clone())
        .cross_checked_by(liar.clone());
    find(&mut finder).await;
    assert_eq!(kept(&world).await, kept_without(&world, &withheld).await);
    assert!(finder.withheld().is_some_and(|named| withheld.contains(&named.block)));
}

/// Only a block that is refused while another is given is named.
async fn a_source_that_is_away_withholds_no_block(fixture: Fixture) {
    let world = world(fixture).await;
    let mut finder = finder(&world);
    let mut minutes = (0..).map(|minute| NOW + Duration::from_secs(minute * 60));
    for kind in [ChainErrorKind::Transient, ChainErrorKind::BlockGone] {
        let calls = world.chain.calls();
        world.chain.fail_next(40, kind);
        while world.chain.calls() < calls + 40 {
            let _refused = finder.step(minutes.next().expect("endless")).await;
            assert_eq!(finder.withheld(), None);
        }
    }
    // What the last failures were taken for is corrected by the next search.
    for minute in minutes.take(3) {
        while finder.step(minute).await.expect("answers") == Finding::Advanced {}
    }
    assert_eq!(kept(&world).await, scanned(&world).await);
}

/// A rewind between the parts of one question, which the source divides by a block that it does not give.
async fn an_answer_from_before_a_rewind_makes_no_edge(fixture: Fixture) {
    let mut world = world(fixture).await;
    let liar = Arc::new(Liar::new(&world.chain));
    let Fixture { balances, points, .. } = world.fixture.clone();
    for steps in [4, 6, 8, 10, 12, 14] {
        let withheld = scanned(&world).await[3].and_then(|edge| edge.last).expect("a block");
        liar.tell(Lies { withheld: [withheld].into(), ..Lies::default() });
        let source = Arc::new(world.chain.clone());
        let mut finder = EdgeFinder::new(CHAIN, source, balances.clone(), points.clone())
            .cross_checked_by(liar.clone());
        for _ in 0..steps {
            finder.step(NOW).await.expect("answers");
        }
        world.chain.fork_at(30);
        for number in 31..300_u64 {
            world.mine(number / 3 * 7 + steps, &[]);
        }
        world.indexer.rewind_to(BlockNumber::new(30), &operator()).await.expect("a common block");
        world.index().await;
        find(&mut finder).await;
        assert_eq!(kept(&world).await, kept_without(&world, &[withheld]).await, "{steps} steps");
    }
}

/// Blocks that are not confirmed are no part of an edge.
async fn an_edge_waits_for_a_confirmed_block_after_it(fixture: Fixture) {
    let mut world = world(fixture).await;
    let mut finder = finder(&world);
    let head = world.chain.head().time.get() - at(0).get();
    world.mine(head + 120, &[]);
    world.index().await;
    find(&mut finder).await;
    let store = world.fixture.balances.clone();
    let edge = world.programme().window.floor(at(head + 120));
    assert_eq!(store.edges(CHAIN, &[edge]).await.expect("read"), [None]);
    for _ in 0..CONFIRMATIONS {
        world.mine(head + 120, &[]);
    }
    world.index().await;
    find(&mut finder).await;
    let last = world.chain.head().number.down(CONFIRMATIONS + 1);
    let expected = Some(BlockEdge { instant: edge, last: Some(BlockNumber::new(last.get())) });
    assert_eq!(store.edges(CHAIN, &[edge]).await.expect("read"), [expected]);
}
