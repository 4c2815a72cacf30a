//! The engine over a store: the ledger's supply compared with the contract's.

use std::sync::Arc;

use alloy_primitives::Address;
use pledge_core::indexer::{ChainStatus, Poll};
use pledge_core::ledger::{SupplyCheck, TokenSpec, TokenState};
use pledge_core::types::{Amount, BlockNumber, TokenId};

use super::engine::{mint_other, other};
use crate::Fixture;
use crate::liar::{Liar, Lies};
use crate::world::{CHAIN, NOW, World, at, spec, token, tokens};

laws! {
    __engine_supply of engine_supply(Fixture):
    a_supply_is_compared_when_a_token_first_is_live
    a_token_followed_too_late_is_marked_with_both_numbers
    a_supply_is_compared_again_after_each_utc_day
    a_difference_marks_a_token_until_it_is_gone
    a_node_without_state_leaves_the_supply_unknown
    a_supply_of_a_lost_branch_is_compared_again
    a_single_false_supply_marks_nothing
    a_node_without_the_block_leaves_the_supply_unknown
    many_supplies_are_compared_in_several_polls
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// From 15:00 to the end of its UTC day.
const EVENING: u64 = 9 * HOUR;

async fn state(world: &World, token: TokenId) -> TokenState {
    world.fixture.balances.token(token).await.expect("read").expect("registered")
}

async fn check(world: &World) -> Option<SupplyCheck> {
    state(world, token()).await.supply_check
}

/// Confirms a mint of 100 at 15:00, and runs.
async fn begun(fixture: Fixture) -> World {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.run().await;
    world
}

/// It is compared at the confirmed block, once the token's cursor is there.
async fn a_supply_is_compared_when_a_token_first_is_live(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    (0..9).for_each(|_| world.confirm(10));
    while check(&world).await.is_none() {
        assert!(matches!(world.indexer.poll(NOW).await, Poll::Advanced(_)));
    }
    let cursor = world.cursor().await.expect("it has blocks");
    assert_eq!(cursor.number, world.chain.head().number.down(6));
    let (ledger, on_chain) = (tokens(100), tokens(100));
    let expected = SupplyCheck { block: cursor.number, time: cursor.time, ledger, on_chain };
    assert_eq!(check(&world).await, Some(expected));
    assert_eq!(state(&world, token()).await.non_conserving(), None);
}

/// With a start block after the first mint the ledger adds up, but differs from the contract.
async fn a_token_followed_too_late_is_marked_with_both_numbers(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let late = TokenSpec { start_block: BlockNumber::new(3), ..spec(other()) };
    world.fixture.balances.register_token(&late).await.expect("register");
    mint_other(&world, 0, None, 100);
    world.mine(10, &[(None, Some(1), tokens(7))]);
    mint_other(&world, 20, None, 50);
    world.confirm(HOUR);
    world.index().await;
    let state = state(&world, other()).await;
    let check = state.non_conserving().expect("it is marked");
    assert_eq!((check.ledger, check.on_chain), (Amount::from(5), Amount::from(10)));
    assert!(state.is_active(), "a mark, and no halt");
    assert_eq!(self::check(&world).await.map(|check| check.conserves()), Some(true));
    let chains = world.fixture.balances.chains().await.expect("read");
    assert_eq!(chains[0].status, ChainStatus::Live);
}

/// Once a UTC day of block time, however many blocks it has.
async fn a_supply_is_compared_again_after_each_utc_day(fixture: Fixture) {
    let mut world = begun(fixture).await;
    let mut compared = Vec::new();
    for seconds in [HOUR, EVENING - 1, EVENING, EVENING + 5 * HOUR, EVENING + 3 * DAY + 1] {
        world.confirm(seconds);
        world.run().await;
        let time = check(&world).await.map(|check| check.time);
        if compared.last() != Some(&time) {
            compared.push(time);
        }
    }
    let expected = [10, EVENING, EVENING + 3 * DAY + 1].map(|seconds| Some(at(seconds)));
    assert_eq!(compared, expected);
}

/// The mark stays until both are equal again.
async fn a_difference_marks_a_token_until_it_is_gone(fixture: Fixture) {
    let mut world = begun(fixture).await;
    let claims = [(Some(Amount::from(5)), true), (Some(Amount::MAX), true), (None, false)];
    for (day, (claim, marked)) in (0..).zip(claims) {
        world.chain.claim_supply(token().address, claim);
        world.mine(EVENING + day * DAY, &[(None, Some(2), tokens(1))]);
        world.confirm(EVENING + day * DAY);
        world.run().await;
        let state = state(&world, token()).await;
        let numbers = state.non_conserving().map(|check| (check.ledger, check.on_chain));
        let expected = claim.map(|claim| (tokens(101 + day), claim)).filter(|_| marked);
        assert_eq!(numbers, expected, "day {day}");
        assert!(state.is_active());
    }
    assert_eq!(world.digest().await, world.oracle());
}

/// The mark stays unknown, everything else goes on, and the node is asked again later.
async fn a_node_without_state_leaves_the_supply_unknown(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.chain.prune_state(true);
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.run().await;
    let unknown = state(&world, token()).await;
    let reason = unknown.supply_unanswered.as_deref().expect("it has a reason");
    assert!(reason.contains("pruned"), "{reason}");
    assert_eq!((unknown.supply_check, unknown.is_active()), (None, true));
    let chains = world.fixture.balances.chains().await.expect("read");
    assert_eq!(chains[0].status, ChainStatus::Live);
    assert_eq!(world.digest().await, world.oracle());

    world.chain.prune_state(false);
    for (seconds, is_known) in [(300, false), (609, false), (610, true)] {
        world.confirm(seconds);
        world.run().await;
        assert_eq!(check(&world).await.is_some(), is_known, "after {seconds} s");
    }
    assert_eq!(state(&world, token()).await.supply_unanswered, None);
}

/// A difference counts only when two answers show it.
async fn a_single_false_supply_marks_nothing(fixture: Fixture) {
    let (mut world, liar) = read_by_a_liar(fixture).await;
    liar.tell(Lies { supplies: vec![Some(Amount::from(5))], ..Lies::default() });
    world.confirm(EVENING);
    world.run().await;
    let state = state(&world, token()).await;
    assert_eq!(state.non_conserving(), None);
    let reason = state.supply_unanswered.as_deref().expect("it has a reason");
    assert!(reason.contains("answered as 5 and then as 100000"), "{reason}");
}

/// The supply is marked as unknown, also where the node lacks the block.
async fn a_node_without_the_block_leaves_the_supply_unknown(fixture: Fixture) {
    let (mut world, liar) = read_by_a_liar(fixture).await;
    liar.tell(Lies { supplies: vec![None], ..Lies::default() });
    world.confirm(EVENING);
    world.run().await;
    let reason = state(&world, token()).await.supply_unanswered.expect("it has a reason");
    assert!(reason.contains("is gone"), "{reason}");
}

/// A few tokens are compared in each poll, so that the head is followed meanwhile.
async fn many_supplies_are_compared_in_several_polls(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    for number in 0x80..0x80 + 20 {
        let id = TokenId { address: Address::repeat_byte(number), ..token() };
        world.fixture.balances.register_token(&spec(id)).await.expect("register");
        world.chain.claim_supply(id.address, Some(Amount::ZERO));
    }
    world.confirm(10);
    let mut compared = Vec::new();
    for _ in 0..3 {
        world.indexer.poll(NOW).await;
        let tokens = world.fixture.balances.tokens(CHAIN).await.expect("read");
        compared.push(tokens.iter().filter(|token| token.supply_check.is_some()).count());
    }
    assert_eq!(compared, [16, 21, 21]);
}

/// A world at its confirmed block, read through a liar from now on.
async fn read_by_a_liar(fixture: Fixture) -> (World, Arc<Liar>) {
    let mut world = begun(fixture).await;
    let liar = Arc::new(Liar::new(&world.chain));
    world.read_through(liar.clone());
    (world, liar)
}

/// After a reorg below the block of the comparison, it is compared again.
async fn a_supply_of_a_lost_branch_is_compared_again(fixture: Fixture) {
    let mut world = begun(fixture).await;
    world.chain.claim_supply(token().address, Some(Amount::from(5)));
    world.confirm(EVENING);
    world.run().await;
    assert!(state(&world, token()).await.non_conserving().is_some());
    world.chain.claim_supply(token().address, None);
    world.chain.fork_at(2);
    world.confirm(EVENING + HOUR);
    world.confirm(EVENING + HOUR);
    world.run().await;
    let time = check(&world).await.map(|check| check.time);
    assert_eq!(time, Some(at(EVENING + HOUR)));
    assert_eq!(state(&world, token()).await.non_conserving(), None);
}
