//! The engine over a store, where the chain's finality does not move.

use std::time::{Duration, SystemTime};

use pledge_core::indexer::{ChainStatus, Finality, IndexerConfig, Poll};
use pledge_core::points::Programme;

use crate::Fixture;
use crate::world::{NOW, World, token, tokens};

laws! {
    __engine_finality of engine_finality(Fixture):
    a_chain_without_finality_reports_it_after_a_minute
    finality_that_does_not_move_is_reported
}

async fn open(fixture: Fixture) -> World {
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let config = IndexerConfig {
        finality: Finality::Finalized,
        retained_headers: 40,
        slice_blocks_max: 10,
        clock_slack: None,
    };
    World::with_config(fixture, programme, config).await
}

fn after(seconds: u64) -> SystemTime {
    NOW + Duration::from_secs(seconds)
}

/// Mines a block, indexes until idle, and returns the chain's status.
async fn rest(world: &mut World, seconds: u64) -> ChainStatus {
    world.mine(seconds, &[]);
    loop {
        match world.indexer.poll(after(seconds)).await {
            Poll::Idle => return world.status().await,
            Poll::Advanced(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn reason(status: ChainStatus) -> String {
    let ChainStatus::Degraded(reason) = status else { panic!("nothing is reported: {status}") };
    reason
}

/// A node without finalized blocks confirms nothing, which is reported after a minute until it has
/// one.
async fn a_chain_without_finality_reports_it_after_a_minute(fixture: Fixture) {
    let mut world = open(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    assert_eq!(rest(&mut world, 1).await, ChainStatus::Live);
    assert_eq!(rest(&mut world, 60).await, ChainStatus::Live);
    assert!(reason(rest(&mut world, 61).await).contains("no finalized block"));
    world.chain.set_finalized(Some(2));
    assert_eq!(rest(&mut world, 62).await, ChainStatus::Live);
    let ledger = world.fixture.balances.token(token()).await.expect("read").expect("registered");
    assert_eq!(ledger.cursor.map(|cursor| cursor.number.get()), Some(2));
}

/// Finality that does not move while the chain goes on is reported after two hours; what is
/// confirmed stays.
async fn finality_that_does_not_move_is_reported(fixture: Fixture) {
    let mut world = open(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.chain.set_finalized(Some(1));
    for seconds in [1, 600, 7_200] {
        assert_eq!(rest(&mut world, seconds).await, ChainStatus::Live);
    }
    assert!(reason(rest(&mut world, 7_201).await).contains("120 minutes"));
    world.chain.set_finalized(Some(3));
    assert_eq!(rest(&mut world, 7_202).await, ChainStatus::Live);
}
