//! Where contracts start, and what they read ahead.

use super::*;

#[tokio::test]
async fn a_contract_that_starts_above_the_head_waits_and_holds_up_nothing() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    mine_to(&world, 40);
    world.index().await;
    assert_eq!(world.cursor().await, world.chain.block(34));
    assert_eq!(world.status().await, ChainStatus::Live);
    world.chain.fork_at(30);
    mine_to(&world, 62);
    world.index().await;
    assert_eq!(state(&world, &pool).await.cursor, None);
    world.chain.fork_at(57);
    mine_to(&world, 90);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
    assert_eq!(state(&world, &pool).await.cursor, world.cursor().await);
}

#[tokio::test]
async fn a_contract_that_starts_above_the_finalized_block_waits_for_it() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 25);
    follow(&world, &pool).await;
    mine_to(&world, 40);
    world.chain.set_finalized(Some(20));
    let config = IndexerConfig { finality: Finality::Finalized, ..CONFIG };
    let source = Arc::new(world.chain.clone());
    let fixture = world.fixture.clone();
    world.indexer =
        Indexer::new(CHAIN, source, fixture.balances, Arc::new(MemoryPending::default()), config)
            .keeping_logs(fixture.logs);
    world.index().await;
    assert_eq!(
        (state(&world, &pool).await.cursor, world.cursor().await),
        (None, world.chain.block(20))
    );
    assert_eq!(world.status().await, ChainStatus::Live);
    world.chain.set_finalized(Some(34));
    world.index().await;
    assert_eq!(state(&world, &pool).await.cursor, world.chain.block(34));
    assert_as_the_chain(&world, &[&pool]).await;
}

#[tokio::test]
async fn a_contract_far_below_all_held_headers_catches_up_through_forks() {
    let mut world = world().await;
    mine_to(&world, 300);
    world.index().await;
    let (pool, again) = (contract("pool", POOL, 3), contract("again", token().address, 120));
    follow(&world, &pool).await;
    for round in 0..60 {
        if round == 7 {
            follow(&world, &again).await;
        }
        let _ = world.indexer.poll(NOW).await;
        if round % 5 == 4 {
            let head = world.chain.head().number.get();
            world.chain.fork_at(head - 10 - round % 7);
            mine_to(&world, head + 3);
        }
    }
    world.index().await;
    assert_as_the_chain(&world, &[&pool, &again]).await;
    assert!(!matches!(world.status().await, ChainStatus::Halted(_)));
}

/// Newest block whose facts were fetched.
#[tokio::test]
async fn the_processed_block_does_not_go_back_while_a_contract_catches_up() {
    let (mut world, odd) = odd_world().await;
    mine_to(&world, 300);
    index_until_rest(&mut world.indexer).await.unwrap();
    let before = odd.inner.chains().await.unwrap()[0].clone();
    follow(&world, &contract("pool", POOL, 3)).await;
    let _ = world.indexer.poll(NOW).await;
    let after = odd.inner.chains().await.unwrap()[0].clone();
    assert!(after.processed >= before.processed, "{:?} < {:?}", after.processed, before.processed);
}

#[tokio::test]
async fn slices_that_were_read_ahead_are_used_where_a_contract_has_a_tokens_address() {
    let mut calls = Vec::new();
    for address in [POOL, token().address] {
        let mut world = world().await;
        mine_to(&world, 400);
        follow(&world, &contract("pool", address, 100)).await;
        let before = world.chain.calls();
        while state(&world, &contract("pool", address, 100)).await.next_block() < n(200) {
            let _ = world.indexer.poll(NOW).await;
        }
        calls.push(world.chain.calls() - before);
    }
    assert_eq!(calls[0], calls[1], "an address in common costs requests");
}
