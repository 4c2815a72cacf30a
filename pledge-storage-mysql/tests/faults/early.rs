//! Readers that leave before they have their answer.

use std::time::{Duration, Instant};

use futures::future::join_all;
use pledge_core::ports::{LedgerReads, Registry};
use pledge_testing::world::{CHAIN, token};

use crate::stage::Stage;

/// A call that is dropped at some moment of its way, from the first byte to the last.
async fn leave(stage: &Stage, moment: u64) {
    let patience = Duration::from_micros(moment);
    let _ = tokio::time::timeout(patience, stage.store.holders(token(), None, 10)).await;
    let _ = tokio::time::timeout(patience, stage.store.register_chain(CHAIN, "test")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_dropped_leave_their_connections_to_others() {
    const ROUNDS: u64 = 400;
    const AT_ONCE: u64 = 4;
    let stage = Stage::new().await;
    let (before, began) = (stage.proxy.counts().connections, Instant::now());
    for round in 0..ROUNDS {
        join_all((0..AT_ONCE).map(|call| leave(&stage, (round * 3 + call * 41) % 1_000))).await;
    }
    let made = stage.proxy.counts().connections - before;
    println!("{} calls, {made} connections, {:?}", 2 * ROUNDS * AT_ONCE, began.elapsed());
    assert!(made <= 16, "{made} connections, and there are 16 at a time");
    assert_eq!(stage.store.chains().await.unwrap()[0].name, "test");
    assert_eq!(stage.store.holders(token(), None, 10).await.unwrap().value.len(), 4);
}

/// A connection that is being made when its call is dropped goes to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_while_it_connects_leaves_the_connection_to_the_next() {
    let stage = Stage::new().await;
    stage.proxy.cut();
    stage.proxy.set_both(pledge_testing::fault_proxy::Flow::Delay(Duration::from_millis(5)));
    let before = stage.proxy.counts().connections;
    for _ in 0..100 {
        let patience = Duration::from_millis(4);
        let _ = tokio::time::timeout(patience, stage.store.chains()).await;
    }
    stage.proxy.calm();
    stage.store.chains().await.unwrap();
    let made = stage.proxy.counts().connections - before;
    assert!(made <= 9, "{made} connections, and readers have 8");
}
