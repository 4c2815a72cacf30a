//! The engine over a chain that forks in every way: the ledger is that of one clean pass.

use pledge_core::indexer::Poll;
use pledge_testing::digest::Digest;
use pledge_testing::hostile_node::{Outlook, Switch};
use pledge_testing::world::account;

use crate::follower::{Follower, WINDOW, log};

/// With the newest block in the ledger at once, one block later, and six.
const CONFIRMATIONS: [u64; 3] = [0, 1, 6];

#[tokio::test]
async fn a_tip_replaced_at_its_own_height_is_followed() {
    for confirmations in CONFIRMATIONS {
        let mut follower = Follower::alive(confirmations).await;
        follower.drop_blocks(1);
        follower.mine(400, &[(2, 1, 7)]);
        follower.expect_truth().await;
        follower.mine(400, &[]);
        follower.expect_truth().await;
    }
}

#[tokio::test]
async fn a_tip_that_was_replaced_before_anybody_looked_makes_no_difference() {
    for confirmations in CONFIRMATIONS {
        let mut follower = Follower::alive(confirmations).await;
        follower.mine(400, &[(1, 4, 9)]);
        follower.drop_blocks(1);
        follower.mine(400, &[(2, 1, 7)]);
        follower.mine(400, &[]);
        follower.expect_truth().await;
    }
}

/// The new tip is never seen alone, only with a block on top.
#[tokio::test]
async fn a_tip_that_was_replaced_and_built_upon_between_two_looks_is_followed() {
    for confirmations in CONFIRMATIONS {
        let mut follower = Follower::alive(confirmations).await;
        follower.drop_blocks(1);
        follower.mine(400, &[(2, 1, 7)]);
        follower.mine(400, &[(1, 3, 1)]);
        follower.expect_truth().await;
    }
}

#[tokio::test]
async fn forks_of_every_depth_up_to_the_held_headers_are_undone_and_a_deeper_one_halts() {
    for depth in [1, 2, WINDOW - 1, WINDOW, WINDOW + 1] {
        let mut follower = Follower::alive(0).await;
        for _ in 0..2 * WINDOW {
            follower.mine(60, &[(1, 2, 1)]);
        }
        follower.rest().await;
        follower.drop_blocks(depth);
        for _ in 0..depth {
            follower.mine(61, &[(2, 1, 1)]);
        }
        follower.expect_truth().await;
    }
    let mut follower = Follower::alive(0).await;
    for _ in 0..2 * WINDOW {
        follower.mine(60, &[(1, 2, 1)]);
        follower.rest().await;
    }
    let before = follower.digest().await;
    follower.drop_blocks(WINDOW + 2);
    for _ in 0..WINDOW + 3 {
        follower.mine(61, &[(2, 1, 1)]);
    }
    let reason = follower.halt().await;
    assert!(reason.contains("retained_headers"), "{reason}");
    assert_eq!(follower.digest().await, before);
}

#[tokio::test]
async fn a_head_that_goes_down_and_stays_down_takes_nothing_back_until_another_branch_is_there() {
    for confirmations in CONFIRMATIONS {
        let mut follower = Follower::alive(confirmations).await;
        let before = follower.digest().await;
        follower.drop_blocks(4);
        for _ in 0..3 {
            follower.rest().await;
            assert_eq!(follower.digest().await, before);
        }
        follower.mine(400, &[(1, 3, 2)]);
        follower.mine_empty(confirmations + 4);
        follower.expect_truth().await;
    }
}

#[tokio::test]
async fn a_chain_that_returns_to_its_first_branch_is_followed_there_and_back() {
    for confirmations in CONFIRMATIONS {
        let mut follower = Follower::alive(confirmations).await;
        let first = follower.chain.branch();
        follower.drop_blocks(3);
        for _ in 0..4 {
            follower.mine(400, &[(2, 1, 7)]);
        }
        let second = follower.chain.branch();
        follower.expect_truth().await;
        follower.chain.return_to(&first);
        follower.mine_empty(2);
        follower.expect_truth().await;
        follower.chain.return_to(&second);
        follower.mine_empty(3);
        follower.expect_truth().await;
    }
}

#[tokio::test]
async fn a_transaction_that_moves_to_another_block_counts_there_and_only_there() {
    for confirmations in CONFIRMATIONS {
        let mut follower = Follower::alive(confirmations).await;
        let chain = follower.chain.clone();
        let paid = chain.transaction(vec![log(1, 2, 10), log(1, 3, 20)]);
        let other = chain.transaction(vec![log(2, 1, 1)]);
        let later = || chain.head().header.timestamp + 400;
        chain.include(later(), vec![paid.clone()]);
        chain.include(later(), vec![other.clone()]);
        follower.expect_truth().await;
        // One block later, at another index.
        follower.drop_blocks(2);
        follower.mine(400, &[]);
        chain.include(later(), vec![other.clone(), paid]);
        follower.expect_truth().await;
        // And dropped for good.
        follower.drop_blocks(1);
        chain.include(later(), vec![other]);
        follower.expect_truth().await;
    }
}

#[tokio::test]
async fn a_block_that_changes_only_its_time_changes_the_points_and_no_balance() {
    let mut follower = Follower::alive(0).await;
    follower.mine_empty(6);
    follower.rest().await;
    let before = follower.digest().await;
    let times: Vec<_> = follower.chain.branch().iter().map(|b| b.header.timestamp).collect();
    let moved = follower.chain.block(8).transactions.clone();
    let kept: Vec<_> = (9..times.len() as u64).map(|h| follower.chain.block(h)).collect();
    follower.chain.roll_back_to(7);
    follower.chain.include(times[8] + 5, moved);
    for block in kept {
        follower.chain.include(block.header.timestamp, block.transactions.clone());
    }
    follower.expect_truth().await;
    let after = follower.digest().await;
    let balances = |digest: &Digest| -> Vec<_> {
        digest.balances.iter().map(|(account, state)| (*account, state.balance)).collect()
    };
    assert_eq!(balances(&after), balances(&before));
    assert_ne!(after.programmes["main"].totals, before.programmes["main"].totals);
}

/// One while it is offline, two while it is offline, and one where the slices begin to be near the head.
#[tokio::test]
async fn forks_between_two_looks_are_found_by_the_next() {
    for confirmations in CONFIRMATIONS {
        for forks in [1, 2] {
            let mut follower = Follower::alive(confirmations).await;
            for _ in 0..forks {
                follower.drop_blocks(3);
                for _ in 0..4 {
                    follower.mine(400, &[(2, 1, 2)]);
                }
            }
            follower.expect_truth().await;
        }
        let mut follower = Follower::new(confirmations).await;
        follower.mine(12, &[(0, 1, 1_000)]);
        for _ in 0..3 * WINDOW {
            follower.mine(60, &[(1, 2, 1)]);
        }
        for _ in 0..5 {
            follower.poll().await;
            follower.drop_blocks(WINDOW / 2);
            for _ in 0..=WINDOW / 2 {
                follower.mine(61, &[(1, 3, 1)]);
            }
        }
        follower.expect_truth().await;
    }
}

/// The way back is looked for on one branch, and while it is, another takes its place.
#[tokio::test]
async fn a_fork_during_a_rewind_is_the_next_one() {
    let mut rewound = 0;
    for calls in 1..=12 {
        let mut follower = Follower::alive(0).await;
        let first = follower.chain.branch();
        follower.drop_blocks(6);
        for _ in 0..7 {
            follower.mine(400, &[(2, 1, 2)]);
        }
        let second = follower.chain.branch();
        follower.chain.return_to(&first);
        follower.drop_blocks(3);
        for _ in 0..5 {
            follower.mine(400, &[(1, 3, 1)]);
        }
        follower.node.on(Switch::of(Outlook::Fork(second)).times(calls));
        for _ in 0..6 {
            rewound += u64::from(matches!(follower.poll().await, Poll::Rewound(_)));
        }
        follower.expect_truth().await;
    }
    assert!(rewound >= 12, "{rewound}");
}

#[tokio::test]
async fn an_account_whose_only_transfer_is_undone_was_never_there() {
    let mut follower = Follower::alive(0).await;
    follower.mine(400, &[(1, 9, 5)]);
    follower.mine_empty(10);
    follower.rest().await;
    assert!(follower.digest().await.balances.contains_key(&account(9)));
    follower.drop_blocks(11);
    follower.mine_empty(12);
    follower.expect_truth().await;
    let digest = follower.digest().await;
    assert!(!digest.balances.contains_key(&account(9)));
    assert!(digest.changes.iter().all(|change| change.account != account(9)));
    assert!(!digest.programmes["main"].totals.contains_key(&account(9)));
}
