//! The engine over a store: logs that look like transfers and cannot be read.

use alloy_primitives::Address;
use pledge_core::ledger::TokenState;
use pledge_core::types::{BlockRef, TokenId};

use super::engine::other;
use crate::Fixture;
use crate::world::{World, at, resume_token, spec, token, tokens};

laws! {
    __engine_unreadable of engine_unreadable(Fixture):
    an_unreadable_log_is_counted_with_its_block
    a_reorg_takes_unreadable_logs_back
    unreadable_logs_are_their_tokens_own
    an_unreadable_log_halts_a_token_that_asks_for_it
}

const HOUR: u64 = 3_600;

async fn state(world: &World, token: TokenId) -> TokenState {
    world.fixture.balances.token(token).await.expect("read").expect("registered")
}

/// A mint, then a block whose second log cannot be read; both confirmed.
async fn with_one(world: &World) -> BlockRef {
    world.mine(0, &[(None, Some(1), tokens(100))]);
    let block = garble(world, 600, &[token().address]);
    world.confirm(HOUR);
    block
}

fn garble(world: &World, seconds: u64, contracts: &[Address]) -> BlockRef {
    world.chain.mine_unreadable(at(seconds), &[], contracts)
}

/// The token is marked and goes on, and the ledger of the readable logs is right.
async fn an_unreadable_log_is_counted_with_its_block(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    with_one(&world).await;
    world.run().await;
    let state = state(&world, token()).await;
    assert!(state.is_active());
    assert_eq!(state.unreadable_logs, 1);
    assert_eq!(world.digest().await, world.oracle());
}

/// A reorg that drops the block takes its logs back, and the other branch's are counted.
async fn a_reorg_takes_unreadable_logs_back(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    with_one(&world).await;
    world.run().await;
    world.chain.fork_at(1);
    world.mine(700, &[(None, Some(2), tokens(1))]);
    garble(&world, 800, &[token().address, token().address]);
    world.confirm(2 * HOUR);
    world.run().await;
    assert_eq!(state(&world, token()).await.unreadable_logs, 2);
    assert_eq!(world.digest().await, world.oracle());
    world.chain.fork_at(1);
    world.confirm(3 * HOUR);
    world.run().await;
    assert_eq!(state(&world, token()).await.unreadable_logs, 0);
    assert_eq!(world.digest().await, world.oracle());
}

/// Each token has its own, also where several are committed together.
async fn unreadable_logs_are_their_tokens_own(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    garble(&world, 0, &[other().address, token().address, other().address]);
    garble(&world, 600, &[Address::repeat_byte(0x55)]);
    world.confirm(HOUR);
    world.index().await;
    let counts = (state(&world, token()).await, state(&world, other()).await);
    assert_eq!((counts.0.unreadable_logs, counts.1.unreadable_logs), (1, 2));
}

/// With `halting_on_unreadable` the token halts at the block before, with a reason that names the
/// log; others go on. Once it is followed without, the log is counted.
async fn an_unreadable_log_halts_a_token_that_asks_for_it(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    world.indexer = world.indexer.halting_on_unreadable([token().address]);
    let bad = with_one(&world).await;
    world.index().await;
    let halted = state(&world, token()).await;
    assert_eq!(halted.cursor, world.chain.block(1), "at the block before");
    let reason = halted.status.reason().expect("it is halted");
    let logs = world.chain.unreadable_logs();
    let (tx, block) = (logs[0].tx_hash.to_string(), format!("block {}", bad.number));
    for part in ["log 0", &*block, &*tx, "on_unreadable"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(halted.unreadable_logs, 0);
    let there = state(&world, other()).await.cursor.map(|cursor| cursor.number);
    assert_eq!(there, Some(world.chain.head().number.down(6)));

    world.indexer = world.indexer.halting_on_unreadable([]);
    resume_token(&*world.fixture.balances, token()).await.expect("resume");
    world.run().await;
    assert_eq!(state(&world, token()).await.unreadable_logs, 1);
    assert_eq!(world.digest().await, world.oracle());
}
