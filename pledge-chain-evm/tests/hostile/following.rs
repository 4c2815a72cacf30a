//! The engine over a node whose chain does what chains do: the ledger is that of one clean pass.

use alloy::primitives::{B256, Bytes, Log, LogData, U256};
use pledge_core::indexer::Poll;
use pledge_core::ledger::TokenStatus;
use pledge_core::testing::digest::Digest;
use pledge_core::testing::world::{CHAIN, THREE_PM, account, token};
use pledge_test_support::HostileChain;
use pledge_test_support::hostile_node::{Outlook, Refusal, Switch, transfer};

use crate::follower::{Follower, WINDOW, address, log};
use crate::stage::TOKEN;

/// With the newest block in the ledger at once, one block later, and six.
const CONFIRMATIONS: [u64; 3] = [0, 1, 6];

/// A chain with some life, all of it in the ledger or pending.
async fn alive(confirmations: u64) -> Follower {
    let mut follower = Follower::new(confirmations).await;
    follower.mine(12, &[(0, 1, 1_000), (0, 2, 500)]);
    for _ in 0..10 {
        follower.mine(400, &[(1, 2, 3), (2, 3, 1)]);
    }
    follower.rest().await;
    follower
}

#[tokio::test]
async fn a_tip_replaced_at_its_own_height_is_followed() {
    for confirmations in CONFIRMATIONS {
        let mut follower = alive(confirmations).await;
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
        let mut follower = alive(confirmations).await;
        follower.mine(400, &[(1, 4, 9)]);
        follower.drop_blocks(1);
        follower.mine(400, &[(2, 1, 7)]);
        follower.mine(400, &[]);
        follower.expect_truth().await;
    }
}

/// Seen as a fork at the tip that nobody saw the first version of, and was built upon.
#[tokio::test]
async fn a_tip_that_was_replaced_and_built_upon_between_two_looks_is_followed() {
    for confirmations in CONFIRMATIONS {
        let mut follower = alive(confirmations).await;
        follower.drop_blocks(1);
        follower.mine(400, &[(2, 1, 7)]);
        follower.mine(400, &[(1, 3, 1)]);
        follower.expect_truth().await;
    }
}

#[tokio::test]
async fn forks_of_every_depth_up_to_the_held_headers_are_undone_and_a_deeper_one_halts() {
    for depth in [1, 2, WINDOW - 1, WINDOW] {
        let mut follower = alive(0).await;
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
    let mut follower = alive(0).await;
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
        let mut follower = alive(confirmations).await;
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
        let mut follower = alive(confirmations).await;
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

/// For every number of calls that the other branch is shown to, in every kind of call.
#[tokio::test]
async fn a_branch_that_is_shown_for_some_calls_leaves_no_trace() {
    for names in [&["eth_getLogs"][..], &["eth_getBlockByNumber"], &["latest"], &[]] {
        for calls in 1..=9 {
            let mut follower = alive(1).await;
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

#[tokio::test]
async fn a_transaction_that_moves_to_another_block_counts_there_and_only_there() {
    for confirmations in CONFIRMATIONS {
        let mut follower = alive(confirmations).await;
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
    let mut follower = alive(0).await;
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
async fn forks_while_nobody_looks_are_found_when_somebody_does() {
    for confirmations in CONFIRMATIONS {
        for forks in [1, 2] {
            let mut follower = alive(confirmations).await;
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
        let mut follower = alive(0).await;
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
    let mut follower = alive(0).await;
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

/// Blocks that are behind, on the node that shows the head or on all.
#[tokio::test]
async fn a_lower_head_of_one_node_is_no_fork() {
    for names in [&["latest"][..], &[]] {
        let mut follower = alive(1).await;
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
async fn a_chain_that_began_anew_halts_and_keeps_the_ledger() {
    let mut follower = alive(0).await;
    follower.mine_empty(2 * WINDOW);
    follower.rest().await;
    let before = follower.digest().await;
    let anew = HostileChain::new(CHAIN.get(), THREE_PM + 1);
    for height in 1..=60 {
        anew.mine(THREE_PM + 400 * height, &[log(0, 1, 1)]);
    }
    follower.node.on(Outlook::Fork(anew.branch()));
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
    follower.rest().await;
    assert_eq!(follower.digest().await, follower.truth_up_to(26));
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

/// The amounts and parties at the edge, over the wire and through the ledger.
#[tokio::test]
async fn every_strange_transfer_is_counted_exactly() {
    let mut follower = Follower::new(0).await;
    let [nobody, a, b] = [0, 1, 2].map(address);
    let pay = |from, to, amount| transfer(TOKEN, from, to, amount);
    let seconds = || follower.chain.head().header.timestamp + 1_200;
    follower.chain.mine(seconds(), &[pay(nobody, a, U256::MAX)]);
    follower.chain.mine(
        seconds(),
        &[
            pay(a, a, U256::MAX),
            pay(a, b, U256::ZERO),
            pay(b, a, U256::ZERO),
            pay(a, TOKEN, U256::from(5)),
            pay(TOKEN, TOKEN, U256::from(5)),
            pay(TOKEN, a, U256::from(2)),
            pay(nobody, nobody, U256::from(77)),
            pay(a, b, U256::MAX - U256::from(3)),
            pay(b, nobody, U256::MAX - U256::from(3)),
            pay(nobody, b, U256::MAX - U256::from(3)),
        ],
    );
    follower.mine_empty(5);
    follower.expect_truth().await;
    assert!(
        follower.digest().await.balances[&account(2)].balance.get() == U256::MAX - U256::from(3)
    );
}

/// An ERC-721 transfer, one without indexed parties, one with more data, one with a dirty address.
#[tokio::test]
async fn transfers_of_other_standards_are_set_aside_and_hold_up_nothing() {
    let mut follower = alive(0).await;
    let good = log(1, 2, 1);
    let [topic, from, to] = good.data.topics() else { unreachable!("a transfer") };
    let made = |topics: Vec<B256>, data: usize| Log {
        address: TOKEN,
        data: LogData::new_unchecked(topics, Bytes::from(vec![0; data])),
    };
    let logs = [
        made(vec![*topic, *from, *to, *to], 0),
        made(vec![*topic], 96),
        made(vec![*topic, *from, *to], 64),
        made(vec![*topic, *from, B256::repeat_byte(0xff)], 32),
        good.clone(),
    ];
    follower.chain.mine(follower.chain.head().header.timestamp + 400, &logs);
    let Poll::Advanced(progress) = follower.poll().await else { panic!("there is a block") };
    assert_eq!((progress.transfers, progress.set_aside), (1, 4));
    follower.expect_truth().await;
}

#[tokio::test]
async fn several_transfers_of_one_account_in_one_transaction_each_count() {
    let mut follower = alive(0).await;
    let chain = follower.chain.clone();
    let logs = vec![log(1, 2, 5), log(1, 2, 5), log(2, 1, 3), log(1, 1, 4), log(1, 2, 5)];
    let at = chain.head().header.timestamp + 400;
    chain.include(at, vec![chain.transaction(logs.clone()), chain.transaction(logs)]);
    follower.expect_truth().await;
}

/// Several blocks in one second, and then days without one.
#[tokio::test]
async fn blocks_of_one_second_and_blocks_days_apart_earn_exactly() {
    let mut follower = alive(0).await;
    for later in [0, 0, 0, 1, 0, 3 * 86_400, 0, 0, 40 * 86_400] {
        follower.mine(later, &[(1, 2, 3), (2, 4, 1)]);
        follower.expect_truth().await;
    }
    let mut late = alive(0).await;
    for later in [0, 0, 0, 1, 0, 3 * 86_400, 0, 0, 40 * 86_400] {
        late.mine(later, &[(1, 2, 3), (2, 4, 1)]);
    }
    late.expect_truth().await;
}

#[tokio::test]
async fn a_contract_that_takes_more_than_was_held_stops_its_token_and_says_so() {
    let mut follower = alive(0).await;
    let good = follower.digest().await;
    follower.mine(400, &[(8, 1, 1)]);
    follower.mine_empty(3);
    follower.rest().await;
    let state = follower.fixture.balances.token(token()).await.unwrap().unwrap();
    let TokenStatus::Halted(reason) = state.status else { panic!("it goes on") };
    assert!(reason.contains("below zero"), "{reason}");
    assert_eq!(follower.digest().await.balances, good.balances);
}
