//! Stores that do not keep their contract.

use super::*;

async fn with_ignored(method: &'static str) -> Result<usize, String> {
    let (mut world, odd) = odd_world().await;
    follow(&world, &contract("pool", POOL, 1)).await;
    mine_to(&world, 30);
    index_until_rest(&mut world.indexer).await.unwrap();
    odd.ignore(method);
    world.chain.fork_at(26 - 6);
    mine_to(&world, 40);
    index_until_rest(&mut world.indexer).await
}

#[tokio::test]
async fn a_commit_that_wrote_nothing_halts_the_chain() {
    for method in ["commit", "commit_logs", "rewind"] {
        let end = with_ignored(method).await;
        assert!(end.clone().is_err_and(|end| end.contains("halted")), "{method}: {end:?}");
    }
}

/// L7: no progress for a minute while there is something to do is always reported.
#[tokio::test]
async fn a_halt_that_wrote_nothing_is_reported() {
    let (mut world, odd) = odd_world().await;
    mine_to(&world, 10);
    world.mine(660, &[(Some(1), Some(2), tokens(1_000_000))]);
    mine_to(&world, 40);
    odd.ignore("halt_token");
    for seconds in 0..300 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    let token = odd.inner.token(token()).await.unwrap().unwrap();
    assert!(token.is_active() && token.cursor == world.chain.block(10));
    let status = world.status().await;
    assert!(matches!(status, ChainStatus::Degraded(_) | ChainStatus::Halted(_)), "{status}");
}

#[tokio::test]
async fn a_resume_that_wrote_nothing_leaves_the_token_visibly_halted() {
    let (mut world, odd) = odd_world().await;
    mine_to(&world, 10);
    world.mine(660, &[(Some(1), Some(2), tokens(1_000_000))]);
    mine_to(&world, 14);
    for seconds in 0..10 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    mine_to(&world, 20);
    index_until_rest(&mut world.indexer).await.unwrap();
    odd.ignore("heal_token");
    world.chain.fork_at(10);
    mine_to(&world, 40);
    for seconds in 10..300 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert!(!odd.inner.token(token()).await.unwrap().unwrap().is_active());
}

#[tokio::test]
async fn old_states_of_a_store_halt_the_chain_or_are_conflicts() {
    let (mut world, odd) = odd_world().await;
    follow(&world, &contract("pool", POOL, 1)).await;
    mine_to(&world, 100);
    for _ in 0..3 {
        let _ = world.indexer.poll(NOW).await;
    }
    let old = (odd.inner.tokens(CHAIN).await.unwrap(), odd.inner.contracts(CHAIN).await.unwrap());
    let _ = world.indexer.poll(NOW).await;
    *odd.stale.lock().unwrap() = Some(old);
    let poll = world.indexer.poll(NOW).await;
    assert!(matches!(poll, Poll::Stopped(ChainStatus::Halted(_))), "{poll:?}");
}

#[tokio::test]
async fn a_store_that_refuses_logs_holds_up_no_token_and_the_head_is_still_reported() {
    let (mut world, odd) = odd_world().await;
    follow(&world, &contract("pool", POOL, 1)).await;
    mine_to(&world, 20);
    index_until_rest(&mut world.indexer).await.unwrap();
    odd.fail("commit_logs");
    mine_to(&world, 60);
    for seconds in 0..200 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert_eq!(world.cursor().await, world.chain.block(54));
    let chain = odd.inner.chains().await.unwrap()[0].clone();
    assert!(matches!(chain.status, ChainStatus::Degraded(_)), "{chain:?}");
    assert_eq!(chain.head, Some(n(60)), "the head is shown though a contract fails");
}
