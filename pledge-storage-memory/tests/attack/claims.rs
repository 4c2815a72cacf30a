//! Heads that lie, and clocks that jump.

use super::*;

#[tokio::test]
async fn a_head_that_lies_confirms_no_log_of_a_contract() {
    for (number, hash) in [(u64::MAX, 9_u8), (1_000, 9), (41, 9), (35, 9), (10, 9), (0, 9)] {
        let mut world = world().await;
        let pool = contract("pool", POOL, 33);
        let early = contract("early", POOL, 1);
        follow(&world, &early).await;
        mine_to(&world, 30);
        world.index().await;
        follow(&world, &pool).await;
        let source = Bent::new(&world.chain);
        world.read_through(source.clone());
        mine_to(&world, 40);
        let head = BlockRef {
            number: n(number),
            hash: B256::repeat_byte(hash),
            parent_hash: B256::repeat_byte(8),
            time: at(60 * 40),
        };
        *source.head.lock().unwrap() = Some(head);
        for seconds in 0..5 {
            let _ = world.indexer.poll(now(seconds)).await;
        }
        let confirmed = Some(n(34));
        for spec in [&pool, &early] {
            let cursor = state(&world, spec).await.cursor.map(|cursor| cursor.number);
            assert!(cursor <= confirmed, "head {number}: {cursor:?}");
        }
        source.honest();
        world.index().await;
        assert_as_the_chain(&world, &[&pool, &early]).await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_takes_nothing_and_loses_nothing() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    let config = IndexerConfig { clock_slack: Some(Duration::from_secs(900)), ..CONFIG };
    let fixture = world.fixture.clone();
    world.indexer = Indexer::new(
        CHAIN,
        Arc::new(world.chain.clone()),
        fixture.balances,
        Arc::new(MemoryPending::default()),
        config,
    )
    .keeping_logs(fixture.logs);
    mine_to(&world, 200);
    let true_now = SystemTime::UNIX_EPOCH + Duration::from_secs(at(200 * 60).get());
    for round in 0..80 {
        let clock = match round % 4 {
            0 => SystemTime::UNIX_EPOCH,
            1 => true_now + Duration::from_secs(1 << 40),
            _ => true_now,
        };
        let poll = world.indexer.poll(clock).await;
        assert!(!matches!(poll, Poll::Stopped(_)), "{poll:?}");
    }
    assert_as_the_chain(&world, &[&pool]).await;
}
