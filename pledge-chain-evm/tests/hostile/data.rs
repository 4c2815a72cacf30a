//! The engine over blocks that hold what blocks may hold.

use alloy::primitives::{B256, Bytes, Log, LogData, U256};
use pledge_core::indexer::Poll;
use pledge_core::ledger::TokenStatus;
use pledge_core::ports::{ChainSource, ChainSourceExt};
use pledge_testing::hostile_node::transfer;
use pledge_testing::world::{account, token};

use crate::follower::{Follower, address, log};
use crate::stage::TOKEN;

/// The amounts and parties at the edge, over the wire and through the ledger.
#[tokio::test]
async fn every_strange_transfer_is_counted_exactly() {
    let mut follower = Follower::new(0).await;
    let [zero, a, b] = [0, 1, 2].map(address);
    let pay = |from, to, amount| transfer(TOKEN, from, to, amount);
    let seconds = || follower.chain.head().header.timestamp + 1_200;
    follower.chain.mine(seconds(), &[pay(zero, a, U256::MAX)]);
    follower.chain.mine(
        seconds(),
        &[
            pay(a, a, U256::MAX),
            pay(a, b, U256::ZERO),
            pay(b, a, U256::ZERO),
            pay(a, TOKEN, U256::from(5)),
            pay(TOKEN, TOKEN, U256::from(5)),
            pay(TOKEN, a, U256::from(2)),
            pay(zero, zero, U256::from(77)),
            pay(a, b, U256::MAX - U256::from(3)),
            pay(b, zero, U256::MAX - U256::from(3)),
            pay(zero, b, U256::MAX - U256::from(3)),
        ],
    );
    follower.mine_empty(5);
    follower.expect_truth().await;
    assert!(
        follower.digest().await.balances[&account(2)].balance.get() == U256::MAX - U256::from(3)
    );
}

/// Contracts that index one address or none, in one block with others: what they move counts.
#[tokio::test]
async fn a_transfer_whose_addresses_are_not_indexed_counts() {
    let mut follower = Follower::alive(0).await;
    let [topic, from, to] = *log(1, 2, 40).data.topics() else { unreachable!("a transfer") };
    let amount = |amount: u64| B256::from(U256::from(amount));
    let made = |topics: Vec<B256>, words: &[B256]| Log {
        address: TOKEN,
        data: LogData::new_unchecked(topics, Bytes::from(words.concat())),
    };
    let logs = [
        made(vec![topic], &[from, to, amount(4)]),
        made(vec![topic, from], &[to, amount(3)]),
        log(1, 2, 2),
    ];
    follower.chain.mine(follower.chain.head().header.timestamp + 400, &logs);
    let before = follower.held();
    follower.mine_empty(3);
    follower.expect_truth().await;
    let digest = follower.digest().await;
    assert_eq!(digest.balances[&account(2)].balance.get(), before[&address(2)]);
    assert_eq!(digest.unreadable, []);
}

/// An ERC-721 transfer, one with more data, one with a dirty address.
#[tokio::test]
async fn transfers_that_cannot_be_read_are_counted_and_hold_up_nothing() {
    let mut follower = Follower::alive(0).await;
    let good = log(1, 2, 1);
    let [topic, from, to] = good.data.topics() else { unreachable!("a transfer") };
    let made = |topics: Vec<B256>, data: usize| Log {
        address: TOKEN,
        data: LogData::new_unchecked(topics, Bytes::from(vec![0; data])),
    };
    let logs = [
        made(vec![*topic, *from, *to, *to], 0),
        made(vec![*topic, *from, *to], 64),
        made(vec![*topic, *from, B256::repeat_byte(0xff)], 32),
        good.clone(),
    ];
    follower.chain.mine(follower.chain.head().header.timestamp + 400, &logs);
    let Poll::Advanced(progress) = follower.poll().await else { panic!("there is a block") };
    assert_eq!((progress.transfers, progress.unreadable), (1, 3));
    follower.expect_truth().await;
    let state = follower.fixture.balances.token(token()).await.unwrap().unwrap();
    assert_eq!((state.unreadable_logs, state.is_active()), (3, true));
}

#[tokio::test]
async fn several_transfers_of_one_account_in_one_transaction_each_count() {
    let mut follower = Follower::alive(0).await;
    let chain = follower.chain.clone();
    let logs = vec![log(1, 2, 5), log(1, 2, 5), log(2, 1, 3), log(1, 1, 4), log(1, 2, 5)];
    let at = chain.head().header.timestamp + 400;
    chain.include(at, vec![chain.transaction(logs.clone()), chain.transaction(logs)]);
    follower.expect_truth().await;
}

/// Several blocks in one second, and then days without one.
#[tokio::test]
async fn blocks_of_one_second_and_blocks_days_apart_earn_exactly() {
    let mut follower = Follower::alive(0).await;
    for later in [0, 0, 0, 1, 0, 3 * 86_400, 0, 0, 40 * 86_400] {
        follower.mine(later, &[(1, 2, 3), (2, 4, 1)]);
        follower.expect_truth().await;
    }
    let mut late = Follower::alive(0).await;
    for later in [0, 0, 0, 1, 0, 3 * 86_400, 0, 0, 40 * 86_400] {
        late.mine(later, &[(1, 2, 3), (2, 4, 1)]);
    }
    late.expect_truth().await;
}

#[tokio::test]
async fn a_contract_that_takes_more_than_was_held_stops_its_token_and_reports_it() {
    let mut follower = Follower::alive(0).await;
    let good = follower.digest().await;
    follower.mine(400, &[(8, 1, 1)]);
    follower.mine_empty(3);
    follower.rest().await;
    let state = follower.fixture.balances.token(token()).await.unwrap().unwrap();
    let TokenStatus::Halted(reason) = state.status else { panic!("it goes on") };
    assert!(reason.contains("below zero"), "{reason}");
    assert_eq!(follower.digest().await.balances, good.balances);
}

/// From genesis, from the newest block there is, and from one that is still to come.
#[tokio::test]
async fn a_token_is_followed_from_its_first_block_wherever_that_is() {
    for start in [0, 12, 15] {
        let mut follower = Follower::from_block(start).await;
        for _ in 0..12 {
            follower.mine(400, &[(0, 1, 2)]);
        }
        follower.rest().await;
        assert_eq!(follower.digest().await.cursor.is_some(), start <= 12, "from {start}");
        for _ in 0..8 {
            follower.mine(400, &[(0, 1, 3), (0, 2, 1)]);
        }
        follower.expect_truth().await;
    }
}

/// An upgrade of a proxy: amounts are base units, whatever decimals a contract returns from now on.
#[tokio::test]
async fn a_contract_that_changes_its_decimals_changes_no_amount() {
    let mut follower = Follower::alive(0).await;
    follower.chain.deploy(TOKEN, "NEW", 6);
    let changed = follower.evm.token_metadata(TOKEN).await.unwrap();
    assert_eq!(changed.symbol, "NEW");
    follower.mine(400, &[(1, 2, 3)]);
    follower.expect_truth().await;
    let known = follower.fixture.balances.token(token()).await.unwrap().unwrap();
    assert_eq!(known.spec.metadata.symbol, "USDX");
    assert_ne!(known.spec.metadata.decimals, changed.decimals);
    let head = follower.evm.head().await.unwrap();
    let supply = follower.evm.total_supply(TOKEN, head.id()).await.unwrap();
    assert_eq!(supply, known.totals.supply);
}

/// The host's clock decides nothing: a chain of the first day there was, one of the far future.
#[tokio::test]
async fn a_chain_whose_time_is_far_from_the_hosts_earns_by_its_own() {
    for genesis in [0, 7_258_118_400] {
        let mut follower = Follower::since(genesis).await;
        follower.mine(12, &[(0, 1, 1_000)]);
        for _ in 0..10 {
            follower.mine(1_000, &[(1, 2, 3)]);
        }
        follower.expect_truth().await;
        assert!(!follower.digest().await.programmes["main"].totals.is_empty());
    }
}

/// Yesterday's backup with pending blocks of today, with or without a fork in between.
#[tokio::test]
async fn a_ledger_from_an_older_copy_goes_on_from_there() {
    for forked in [false, true] {
        let mut follower = Follower::alive(1).await;
        let copy = follower.export().await;
        for _ in 0..6 {
            follower.mine(400, &[(1, 2, 3)]);
        }
        follower.rest().await;
        if forked {
            follower.drop_blocks(9);
            for _ in 0..10 {
                follower.mine(400, &[(2, 1, 5)]);
            }
        }
        let mut restored = follower.restored(copy).await;
        restored.expect_truth().await;
    }
}
