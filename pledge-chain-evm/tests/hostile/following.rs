//! The engine over a node that shows less of its chain than there is, or another one.

use pledge_core::indexer::Poll;
use pledge_testing::HostileChain;
use pledge_testing::hostile_node::{Outlook, Refusal, Switch};
use pledge_testing::world::{CHAIN, THREE_PM};

use crate::follower::{Follower, WINDOW, log};

/// For every number of calls that the other branch is shown to, in every kind of call.
#[tokio::test]
async fn a_branch_that_is_shown_for_some_calls_leaves_no_trace() {
    for names in [&["eth_getLogs"][..], &["eth_getBlockByNumber"], &["latest"], &[]] {
        for calls in 1..=9 {
            let mut follower = Follower::alive(1).await;
            let first = follower.chain.branch();
            follower.drop_blocks(5);
            for _ in 0..5 {
                follower.mine(400, &[(2, 1, 7)]);
            }
            let second = follower.chain.branch();
            follower.chain.return_to(&first);
            follower.mine(400, &[(1, 3, 1)]);
            follower.node.on(Switch::of(Outlook::Fork(second)).only(names).times(calls));
            for _ in 0..10 {
                follower.poll().await;
            }
            follower.node.calm();
            follower.expect_truth().await;
            follower.mine_empty(2);
            follower.expect_truth().await;
        }
    }
}

/// Blocks that are behind, on the node that shows the head or on all.
#[tokio::test]
async fn a_lower_head_of_one_node_is_no_fork() {
    for names in [&["latest"][..], &[]] {
        let mut follower = Follower::alive(1).await;
        let (before, events) =
            (follower.digest().await, follower.fixture.all_events().await.unwrap().len());
        for lag in [1, 3, 8, 0] {
            let behind = follower.node.on(Switch::of(Outlook::Behind(lag)).only(names));
            follower.rest().await;
            assert_eq!(follower.digest().await, before);
            follower.node.off(behind);
        }
        assert_eq!(follower.fixture.all_events().await.unwrap().len(), events);
    }
}

#[tokio::test]
async fn a_chain_that_started_over_halts_and_keeps_the_ledger() {
    let mut follower = Follower::alive(0).await;
    follower.mine_empty(2 * WINDOW);
    follower.rest().await;
    let before = follower.digest().await;
    let fresh = HostileChain::new(CHAIN.get(), THREE_PM + 1);
    for height in 1..=60 {
        fresh.mine(THREE_PM + 400 * height, &[log(0, 1, 1)]);
    }
    follower.node.on(Outlook::Fork(fresh.branch()));
    let reason = follower.halt().await;
    assert!(reason.contains("another chain"), "{reason}");
    assert_eq!(follower.digest().await, before);
}

/// Stuck, moved back, gone, above the head: confirmed stays confirmed, and nothing else is.
#[tokio::test]
async fn a_finalized_block_that_misbehaves_confirms_nothing_wrong() {
    let mut follower = Follower::of_finalized().await;
    follower.mine(12, &[(0, 1, 1_000)]);
    for _ in 0..20 {
        follower.mine(400, &[(1, 2, 3)]);
    }
    let mut highest = 0;
    for finalized in [Some(5), Some(5), Some(3), None, Some(12), Some(1), Some(21)] {
        follower.chain.finalize(finalized);
        follower.rest().await;
        highest = highest.max(finalized.unwrap_or_default());
        assert_eq!(follower.digest().await, follower.truth_up_to(highest));
    }
    // The node that shows the head is behind the one that shows the finalized block.
    for _ in 0..9 {
        follower.mine(400, &[(1, 2, 3)]);
    }
    follower.chain.finalize(Some(30));
    let behind = follower.node.on(Switch::of(Outlook::Behind(4)).only(&["latest"]));
    for _ in 0..3 {
        let poll = follower.poll().await;
        assert!(
            matches!(poll, Poll::Retry(_)),
            "nothing is confirmed by two that differ: {poll:?}"
        );
    }
    assert_eq!(follower.digest().await, follower.truth_up_to(21));
    follower.node.off(behind);
    follower.rest().await;
    assert_eq!(follower.digest().await, follower.truth_up_to(30));
}

#[tokio::test]
async fn a_node_whose_finality_fails_for_a_while_delays_and_confirms_nothing_else() {
    let mut follower = Follower::of_finalized().await;
    follower.mine(12, &[(0, 1, 1_000)]);
    follower.mine_empty(20);
    follower.chain.finalize(Some(10));
    let failing = Refusal::error(-32_603, "internal error");
    let failing = follower.node.on(Switch::of(failing).only(&["finalized"]));
    assert!(matches!(follower.poll().await, Poll::Retry(_)));
    assert_eq!(follower.digest().await.cursor, None);
    follower.node.off(failing);
    follower.rest().await;
    assert_eq!(follower.digest().await, follower.truth_up_to(10));
}
